import { spawnSync } from 'node:child_process';

const runs = (command: string, args: readonly string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** Why nothing can be dissected here; undefined when it can. */
export const missingDissector = runs('tshark', ['-v']) ? undefined : 'tshark is not installed';

/** Why packets of the loopback device cannot be captured here. */
export const missingCapture =
  missingDissector ??
  (runs('dumpcap', ['-i', 'lo', '-L']) ? undefined : 'dumpcap may not listen on the loopback device here');

/** Why no network namespace can be made here. */
export const missingNamespace = runs('unshare', ['--net', 'ip', 'link', 'set', 'lo', 'up'])
  ? undefined
  : 'no network namespace can be made here: that takes root, unshare and ip';
