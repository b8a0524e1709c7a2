import test from 'ava';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('start.ts', import.meta.url));

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('Ctrl-C leaves no process and no file behind', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'lnet-start-test-'));
  const child = spawn(process.execPath, ['--import', 'tsx', PROGRAM], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  let pids: number[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (pids.length > 0 || !said.includes('processes, source')) return;
    pids = [...said.matchAll(/pid (\d+)/g)].map((match) => Number(match[1]));
    child.kill('SIGINT');
  });
  const exitCode = await new Promise((resolve) => child.on('close', resolve));
  t.is(exitCode, 130, said);
  t.is(pids.length, 2);
  // A killed process is gone as soon as the kernel has taken it down; its parent is gone already.
  const deadline = performance.now() + 2_000;
  while (pids.some(isAlive) && performance.now() < deadline) await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(pids.filter(isAlive), []);
  t.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('lnet-start-')),
    [],
  );
  rmSync(folder, { recursive: true });
});
