import test from 'ava';
import { execFile } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('main.ts', import.meta.url));
const RESULTS = fileURLToPath(new URL('results/', import.meta.url));

function bench(
  ...args: string[]
): Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, ['--import', 'tsx', PROGRAM, ...args], (_error, stdout, stderr) => {
      resolve({ exitCode: child.exitCode ?? -1, stdout, stderr });
    });
  });
}

test('--json writes one object a line and nothing else; the results are kept', async (t) => {
  const before = new Set(readdirOrNone());
  const { exitCode, stdout } = await bench('micro', '--quick', '--json', '--rounds', '1', '--case', 'an IPv4 NID');
  t.is(exitCode, 0);
  const lines = stdout.trim().split('\n');
  t.is(lines.length, 1);
  const result = JSON.parse(lines[0] as string) as { ours: number; conditions: Record<string, unknown> };
  t.like(result, { bench: 'micro', case: 'parse an IPv4 NID', peer: null, unit: 'ns' });
  t.true(result.ours > 0);
  for (const condition of ['commit', 'node', 'cpu', 'cores', 'kernel', 'warmUpMs', 'durationMs', 'rounds', 'seed'])
    t.true(condition in result.conditions, condition);
  const kept = readdirOrNone().filter((name) => !before.has(name) && name.endsWith('-micro.jsonl'));
  t.is(kept.length, 1);
  for (const name of kept) rmSync(RESULTS + name);
});

test('a benchmark that does not exist is refused with the list of those that do', async (t) => {
  const { exitCode, stdout, stderr } = await bench('micor');
  t.is(exitCode, 2);
  t.is(stdout, '');
  t.regex(stderr, /no such benchmark: micor[\s\S]*tcp[\s\S]*micro[\s\S]*memory/);
});

function readdirOrNone(): string[] {
  try {
    return readdirSync(RESULTS);
  } catch {
    return [];
  }
}
