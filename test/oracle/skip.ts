import test, { type ExecutionContext } from 'ava';
import { spawnSync } from 'node:child_process';

type Body = (t: ExecutionContext) => Promise<void> | void;

/** `test.serial`, or a skipped test whose title says what is missing. */
export function testUnless(missing: string | undefined): (title: string, body: Body) => void {
  return missing === undefined
    ? (title, body) => test.serial(title, body)
    : (title, body) => test.skip(`${title} (skipped: ${missing})`, body);
}

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
