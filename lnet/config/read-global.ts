import { LnetError } from '../error-code.ts';
import { Settings, SETTINGS_DEFAULT, type SettingName, type SettingValues } from '../settings.ts';
import type { NodePlan } from './plan.ts';
import type { ConfigReader, IntegerRange } from './reader.ts';
import type { ConfigEntry, Place } from './tree.ts';

/** What `global:` and its keys at the top level ask for. Absent: not said. */
export interface GlobalPlan {
  readonly settings: Partial<SettingValues>;
  readonly accept?: NodePlan['accept'];
  readonly acceptPort?: number;
}

const UINT_MAX = 0xffffffff;
const COUNT: IntegerRange = { min: 0, max: UINT_MAX };
const POSITIVE: IntegerRange = { min: 1, max: UINT_MAX };
const FLAG: IntegerRange = { min: 0, max: 1 };

/** What `set NAME VALUE` and a `global:` key may be: lnetctl §5.6. How they constrain each other is the settings' own matter. */
export const SETTING_RANGES: Readonly<Record<SettingName, IntegerRange>> = {
  numa_range: COUNT,
  max_interfaces: COUNT,
  discovery: COUNT,
  drop_asym_route: COUNT,
  retry_count: COUNT,
  transaction_timeout: POSITIVE,
  health_sensitivity: { min: 0, max: 1000 },
  recovery_interval: POSITIVE,
  router_sensitivity: { min: 0, max: 100 },
  response_tracking: { min: 0, max: 3 },
  recovery_limit: COUNT,
  max_recovery_ping_interval: POSITIVE,
  avoid_asym_router_failure: FLAG,
  alive_router_check_interval: COUNT,
  router_ping_timeout: POSITIVE,
  check_routers_before_use: FLAG,
  auto_down: FLAG,
  lock_prim_nid: FLAG,
  local_nid_dist_zero: FLAG,
};

/** Settings of which every value but 0 means 1. */
const FLAGS: ReadonlySet<SettingName> = new Set(['discovery', 'drop_asym_route']);

/** Older names: lnetctl §6.7. */
const OLD_NAMES: Readonly<Record<string, SettingName>> = { max_intf: 'max_interfaces' };

const ACCEPT = ['secure', 'all', 'none'] as const;
const PORT: IntegerRange = { min: 1, max: 65535 };

/** Keys that `global:` takes, also at the top level. */
export const GLOBAL_KEYS: readonly string[] = [
  ...Object.keys(SETTINGS_DEFAULT),
  ...Object.keys(OLD_NAMES),
  'lnd_timeout',
  'accept',
  'accept_port',
];

/** The name a setting goes by, or undefined. */
export function settingOf(key: string): SettingName | undefined {
  if (Object.hasOwn(SETTINGS_DEFAULT, key)) return key as SettingName;
  return Object.hasOwn(OLD_NAMES, key) ? OLD_NAMES[key] : undefined;
}

/** A flag setting as 0 or 1, any other as it is. */
export function normalSetting(name: SettingName, value: number): number {
  return FLAGS.has(name) ? Math.min(value, 1) : value;
}

/** Reads the entries of `global:` as one change: lnetctl §6.7. Constraints among them are checked by {@link checkSettings}. */
export function readGlobal(reader: ConfigReader, entries: readonly ConfigEntry[]): GlobalPlan {
  const settings: Partial<Record<SettingName, number>> = {};
  let accept: NodePlan['accept'] | undefined;
  let acceptPort: number | undefined;
  for (const entry of entries) {
    const name = settingOf(entry.key);
    if (name) settings[name] = normalSetting(name, reader.integer(entry, SETTING_RANGES[name]));
    else if (entry.key === 'accept') accept = readAccept(reader, entry);
    else if (entry.key === 'accept_port') acceptPort = reader.integer(entry, PORT);
    else if (entry.key !== 'lnd_timeout') reader.unknownKey(entry, GLOBAL_KEYS);
  }
  return {
    settings,
    ...(accept === undefined ? {} : { accept }),
    ...(acceptPort === undefined ? {} : { acceptPort }),
  };
}

function readAccept(reader: ConfigReader, entry: ConfigEntry): NodePlan['accept'] {
  const text = reader.text(entry);
  return (
    ACCEPT.find((each) => each === text) ??
    reader.fail(entry.value, `invalid value '${text}' for key 'accept'`, `one of ${ACCEPT.join(', ')} belongs here`)
  );
}

/** The settings that a node then has. Refuses those that contradict each other. */
export function checkSettings(reader: ConfigReader, settings: Partial<SettingValues>, place: Place): SettingValues {
  try {
    return new Settings(settings).values;
  } catch (error) {
    if (!(error instanceof LnetError)) throw error;
    return reader.fail(place, 'invalid configuration', error.message, error.errno);
  }
}
