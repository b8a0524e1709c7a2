import { EINVAL, errnoName } from './errno.ts';
import { LnetError } from './error-code.ts';

/** `global:` settings of a node with their defaults: lnetctl §5.6, lnet-semantics §11.1, §13.5. */
export const SETTINGS_DEFAULT = {
  numa_range: 0,
  max_interfaces: 200,
  discovery: 1,
  drop_asym_route: 0,
  retry_count: 2,
  transaction_timeout: 150,
  health_sensitivity: 100,
  recovery_interval: 1,
  router_sensitivity: 100,
  response_tracking: 3,
  recovery_limit: 0,
  max_recovery_ping_interval: 900,
  avoid_asym_router_failure: 1,
  alive_router_check_interval: 60,
  router_ping_timeout: 50,
  check_routers_before_use: 0,
  auto_down: 1,
  lock_prim_nid: 1,
  local_nid_dist_zero: 1,
} as const;

export type SettingName = keyof typeof SETTINGS_DEFAULT;
export type SettingValues = { [N in SettingName]: number };

/** Holds the settings of one node and their mutual constraints. */
export class Settings {
  #values: SettingValues;

  /** Throws {@link LnetError} (-EINVAL) when the values contradict each other. */
  constructor(values: Partial<SettingValues> = {}) {
    this.#values = { ...SETTINGS_DEFAULT };
    this.change(values);
  }

  get values(): Readonly<SettingValues> {
    return this.#values;
  }

  /** Driver timeout that LNet derives, seconds: lnet-semantics §11.1. */
  get lndTimeoutS(): number {
    const { transaction_timeout, retry_count } = this.#values;
    return Math.max(Math.floor((transaction_timeout - 1) / (retry_count + 1)), 1);
  }

  /**
   * Applies a set of changes as one: constraints hold on the final state, and nothing is changed when one is violated
   * (lnetctl §6.7). Sensitivity 0 takes the retry count to 0 with it unless the change names one.
   */
  change(changes: Partial<SettingValues>): void {
    const next: SettingValues = { ...this.#values, ...changes };
    if (changes.health_sensitivity === 0 && changes.retry_count === undefined) next.retry_count = 0;
    if (next.max_interfaces < 16) next.max_interfaces = SETTINGS_DEFAULT.max_interfaces;
    const fault = faultOf(next) ?? faultOfTimeout(changes, next);
    if (fault) {
      throw new LnetError('ERR_LNET_BAD_ARGUMENT', { errno: -EINVAL, message: `${errnoName(EINVAL)}: ${fault}` });
    }
    this.#values = next;
  }
}

/** Largest value of any setting, as of a signed 32-bit number: seconds of it are still exact in microseconds. */
const VALUE_MAX = 0x7fffffff;

function faultOf(values: SettingValues): string | undefined {
  for (const [name, value] of Object.entries(values))
    if (!Number.isInteger(value) || value < 0 || value > VALUE_MAX)
      return `${name} must be a whole number of 0..${VALUE_MAX}`;
  if (values.transaction_timeout === 0) return 'transaction_timeout must be above 0';
  if (values.retry_count > values.transaction_timeout) return 'retry_count must not exceed transaction_timeout';
  if (values.health_sensitivity > 1000) return 'health_sensitivity must be 0..1000';
  if (values.retry_count > 0 && values.health_sensitivity === 0)
    return 'retry_count must be 0 while health_sensitivity is 0';
  if (values.response_tracking > 3) return 'response_tracking must be 0..3';
  if (values.max_recovery_ping_interval === 0) return 'max_recovery_ping_interval must be above 0';
  if (values.recovery_interval === 0) return 'recovery_interval must be above 0';
  if (values.router_sensitivity > 100) return 'router_sensitivity must be 0..100';
  return undefined;
}

/** A timeout may be reached by the retry count, but not set to it: lnet-semantics §11.1. */
function faultOfTimeout(changes: Partial<SettingValues>, values: SettingValues): string | undefined {
  const isSet = changes.transaction_timeout !== undefined;
  return isSet && values.transaction_timeout <= values.retry_count
    ? 'transaction_timeout must exceed retry_count'
    : undefined;
}
