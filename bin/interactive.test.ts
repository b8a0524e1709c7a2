import test from 'ava';
import { PassThrough } from 'node:stream';
import type { ReadStream } from 'node:tty';
import { Shell } from './commands/shell.ts';
import { expandNames, runInteractive } from './interactive.ts';
import { splitWords } from './split-words.ts';
import { buildProgram } from './program.ts';

interface Told {
  stdout: string;
  stderr: string;
}

function shellOf(told: Told): Shell {
  return new Shell({
    stdout: (text) => void (told.stdout += text),
    stderr: (text) => void (told.stderr += text),
    isTerminal: false,
    environment: { runtimeDirectory: '/nowhere', temporaryDirectory: '/nowhere', uid: 0 },
    socketVariable: '/nowhere/a.sock',
    interrupt: new AbortController().signal,
  });
}

async function runScript(text: string): Promise<Told & { exitCode: number }> {
  const told = { stdout: '', stderr: '' };
  const shell = shellOf(told);
  const input = new PassThrough();
  input.end(text);
  await runInteractive(shell, input as unknown as ReadStream);
  return { ...told, exitCode: shell.exitCode };
}

test('names may be abbreviated and written in any case, as long as they are unambiguous', (t) => {
  const program = buildProgram(shellOf({ stdout: '', stderr: '' }));
  t.deepEqual(expandNames(program, ['DEB', 'nid', '*@tcp']), ['debug', 'nidlist', '*@tcp']);
  t.deepEqual(expandNames(program, ['net', 'sh', '-v']), ['net', 'show', '-v']);
  t.deepEqual(expandNames(program, ['ne', 'show']), ['net', 'show']);
  t.deepEqual(expandNames(program, ['s', 'show']), ['s', 'show']);
});

test('a script runs line by line and stops at the first line that fails', async (t) => {
  const result = await runScript('# a remark\n\ndebug nidlist *@tcp\nnosuch\ndebug nidlist *@tcp1\n');
  t.is(result.stdout, 'nidlist parsed to: *@tcp\n');
  t.regex(result.stderr, /'nosuch' is not a valid command/);
  t.is(result.exitCode, 255);
});

test('ignore_errors lets a script go on; quit ends it', async (t) => {
  const result = await runScript('ignore_errors\nnosuch\ndebug nidlist *@tcp1\nquit\ndebug nidlist *@tcp2\n');
  t.is(result.stdout, 'nidlist parsed to: *@tcp1\n');
  t.is(result.exitCode, 0);
});

test('quotes keep the blanks of a word together', (t) => {
  t.deepEqual(splitWords(`net add  --ip2net "tcp(eth0) 10.*.*.*" 'a b'c`), [
    'net',
    'add',
    '--ip2net',
    'tcp(eth0) 10.*.*.*',
    'a bc',
  ]);
  t.deepEqual(splitWords('  '), []);
});
