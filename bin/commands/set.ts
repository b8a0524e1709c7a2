import type { Command } from 'commander';
import { parseCInteger } from '../../lnet/config/c-integer.ts';
import { EINVAL, ERANGE } from '../../lnet/errno.ts';
import { LnetError } from '../../lnet/error-code.ts';
import { SETTINGS_DEFAULT } from '../../lnet/settings.ts';
import { printClassicReport, type Report, withErrnoText } from '../print/report.ts';
import { common } from './options.ts';
import { type CommonOptions, EXIT_FAILED, EXIT_REJECTED, type Shell, statusOf } from './shell.ts';

/** Errno with which the reference reports every setting that LNet refuses, whatever the reason: lnetctl §3.2. */
const WRITING_FAILED = -61;
/** Errno of a setting that this node does not have. */
const NO_SUCH_SETTING = -42;

/** What the reference calls a setting when LNet refuses its value, and when the value cannot be read. */
const WORDS: Readonly<Record<string, { readonly refused: string; readonly unreadable?: string }>> = {
  max_interfaces: { refused: 'max interfaces' },
  discovery: { refused: 'discovery' },
  drop_asym_route: { refused: 'drop asym route' },
  retry_count: { refused: 'retry count' },
  transaction_timeout: { refused: 'transaction timeout', unreadable: 'transaction timeout' },
  health_sensitivity: { refused: 'health sensitivity', unreadable: 'health sensitivity' },
  recovery_interval: { refused: 'recovery interval', unreadable: 'recovery interval' },
  router_sensitivity: { refused: 'router health sensitivity', unreadable: 'router sensitivity' },
  response_tracking: { refused: 'response tracking' },
  recovery_limit: { refused: 'recovery limit' },
  max_recovery_ping_interval: { refused: 'maximum recovery ping interval', unreadable: 'maximum recovery interval' },
};

/** Checks that the reference makes before it asks LNet. */
const LOCAL_CHECKS: Readonly<
  Record<string, { readonly isWrong: (value: number) => boolean; readonly item: string; readonly text: string }>
> = {
  response_tracking: {
    isWrong: (value) => value < 0 || value > 3,
    item: 'response_tracking',
    text: 'Valid values are: 0, 1, 2, or 3',
  },
  recovery_limit: { isWrong: (value) => value < 0, item: 'recovery_limit', text: 'Must be greater than or equal to 0' },
  max_recovery_ping_interval: {
    isWrong: (value) => value <= 0,
    item: 'maximum recovery ping interval',
    text: 'must be strictly positive',
  },
};

const BUFFERS = ['tiny_buffers', 'small_buffers', 'large_buffers'];

/** `set NAME VALUE`: lnetctl §5.6. */
export function addSet(program: Command, shell: Shell): void {
  const group = program.command('set').description('change a setting of the node');
  for (const name of Object.keys(SETTINGS_DEFAULT)) {
    addOne(group, shell, name, (options, value) => setSetting(shell, options, name, value));
  }
  for (const name of BUFFERS) addOne(group, shell, name, (_options, value) => refuseBuffers(shell, value));
  addOne(group, shell, 'routing', (_options, value) => setRouting(shell, value));
}

type Setter = (options: CommonOptions, value: number) => Promise<void> | void;

function addOne(group: Command, shell: Shell, name: string, set: Setter): void {
  const command = common(group.command(name).description(`change ${name}`)).argument('[value]', 'the new value');
  command.action(async (text: string | undefined, options: CommonOptions) => {
    if (text === undefined) {
      shell.print(command.helpInformation());
      shell.exitCode = EXIT_REJECTED;
      return;
    }
    const value = parseCInteger(text);
    if (value === undefined) {
      const words = WORDS[name]?.unreadable ?? name;
      report(
        shell,
        { action: 'parser', item: 'set', errno: -1, description: `cannot parse ${words} value` },
        EXIT_FAILED,
      );
    } else {
      await set(options, value);
    }
  });
}

function report(shell: Shell, told: Report, exitCode = statusOf(told.errno)): void {
  shell.world.stderr(printClassicReport(told));
  shell.exitCode = exitCode;
}

async function setSetting(shell: Shell, options: CommonOptions, name: string, value: number): Promise<void> {
  const check = LOCAL_CHECKS[name];
  if (check?.isWrong(value)) {
    report(shell, { action: 'add', item: check.item, errno: -EINVAL, description: check.text });
    return;
  }
  try {
    await shell.request(options, 'set', { name, value });
  } catch (error) {
    if (!(error instanceof LnetError)) throw error;
    if (error.code === 'ERR_LNET_DOWN') {
      const description = `cannot configure ${WORDS[name]?.refused ?? name}`;
      shell.fail(options, { format: 'C', action: 'add', item: name, description }, error);
      return;
    }
    const isNuma = name === 'numa_range';
    const text = isNuma
      ? `cannot configure numa_range to ${value}`
      : `cannot configure ${WORDS[name]?.refused ?? name}`;
    const errno = isNuma ? error.errno : WRITING_FAILED;
    report(shell, { action: 'add', item: name, errno, description: withErrnoText(text, error.errno) });
  }
}

/** A node that does not route has no router buffers to size. */
function refuseBuffers(shell: Shell, value: number): void {
  if (value < -1) {
    report(shell, { action: 'add', item: 'buf', errno: -ERANGE, description: 'tiny, small and large must be >= 0' });
    return;
  }
  const description = 'cannot configure buffers: this node does not route';
  report(shell, { action: 'add', item: 'buf', errno: NO_SUCH_SETTING, description });
}

function setRouting(shell: Shell, value: number): void {
  if (value !== 0 && value !== 1) {
    const description = 'cannot parse routing value.\nmust be 0 for disable or 1 for enable';
    report(shell, { action: 'parser', item: 'set', errno: -1, description }, EXIT_FAILED);
  } else if (value === 1) {
    const description = 'cannot enable routing: this node cannot route between networks yet';
    report(shell, { action: 'add', item: 'routing', errno: NO_SUCH_SETTING, description });
  }
}
