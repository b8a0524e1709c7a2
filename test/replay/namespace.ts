import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ReplayReport } from './player.ts';
import type { Role } from './replay.ts';

const run = promisify(execFile);

/** A namespace of one's own: root makes one as it is, others need a user namespace around it. */
const UNSHARE = process.getuid?.() === 0 ? ['-n'] : ['-rn'];

const PROGRAM = fileURLToPath(new URL('in-namespace.test-support.ts', import.meta.url));
const TIMEOUT_MS = 60_000;

/** Whether this process can make a network namespace with addresses in it. */
export async function canMakeNamespace(): Promise<boolean> {
  try {
    await run('unshare', [...UNSHARE, 'ip', 'link', 'set', 'lo', 'up'], { timeout: 5_000 });
    return true;
  } catch {
    return false;
  }
}

/** Plays a role among nodes that have the captured addresses. */
export async function replayInNamespace(role: Role, addresses: readonly string[]): Promise<ReplayReport> {
  const setUp = addresses.map((address) => `ip addr add ${address}/${address.includes(':') ? 128 : 32} dev lo`);
  const script = ['ip link set lo up', ...setUp, `exec "$@"`].join(' && ');
  const program = [process.execPath, '--import', 'tsx', PROGRAM, JSON.stringify(role)];
  const { stdout } = await run('unshare', [...UNSHARE, 'sh', '-c', script, 'sh', ...program], { timeout: TIMEOUT_MS });
  return JSON.parse(stdout) as ReplayReport;
}
