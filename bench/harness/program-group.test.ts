import test from 'ava';
import { ProgramGroup } from './program-group.ts';

const echo = new URL('program-group.test-support.ts', import.meta.url);

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('a program answers calls, and tells what went wrong in one', async (t) => {
  const programs = new ProgramGroup();
  const notes: unknown[] = [];
  const program = programs.start(echo, { onNote: (note) => notes.push(note) });
  t.deepEqual(await program.call('double', 21), 42);
  await t.throwsAsync(program.call('fail'), { message: 'as asked' });
  await t.throwsAsync(program.call('absent'), { message: 'no such call: absent' });
  t.deepEqual(notes, ['doubled 21']);
  await programs.end();
});

test('the end of a group ends its programs, also those that do not listen', async (t) => {
  const programs = new ProgramGroup();
  const program = programs.start(echo);
  await program.call('ignoreSignals');
  const pid = program.pid as number;
  t.true(isAlive(pid));
  await programs.end();
  t.false(isAlive(pid));
});

test('a call fails when the program ends or is too slow', async (t) => {
  const programs = new ProgramGroup();
  const program = programs.start(echo);
  await t.throwsAsync(program.call('never', undefined, 100), { message: /no answer within 100 ms/ });
  await t.throwsAsync(program.call('exit', 3), { message: 'the program ended with exit code 3; it said: bye' });
  await t.throwsAsync(program.call('double', 1), { message: /is gone/ });
  await programs.end();
});

test('a server is ready when it says so; a command gives its output', async (t) => {
  const programs = new ProgramGroup();
  await programs.serve('sh', ['-c', 'echo starting; echo ready at last; exec sleep 20'], 'ready');
  const output = await programs.run('sh', ['-c', 'echo out; echo err >&2; exit 4']);
  t.deepEqual(output, { stdout: 'out\n', stderr: 'err\n', exitCode: 4 });
  await t.throwsAsync(programs.serve('sh', ['-c', 'echo no; exit 1'], 'ready'), {
    message: /exit code 1; it said: no/,
  });
  // With a path: where PATH names folders that this user may not read, a command that is nowhere is EACCES.
  await t.throwsAsync(programs.run('/nowhere/no-such-command-here', []), { code: 'ENOENT' });
  await programs.end();
});
