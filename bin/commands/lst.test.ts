import test from 'ava';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nextAddress, runCommand, startBench } from './daemon.test-support.ts';

const SELFTEST = 'selftest: true\n';

test('lst drives nodes from commands of their own, which share the session of their daemon', async (t) => {
  process.env['LST_SESSION'] = '4711';
  const [a, b] = [nextAddress(), nextAddress()];
  const console = await startBench(t, { address: a, more: SELFTEST });
  await startBench(t, { address: b, port: console.port, more: SELFTEST });
  const ok = async (line: string): Promise<string> => {
    const { exitCode, stdout, stderr } = await console.run('lst', ...line.split(' '));
    t.is(exitCode, 0, `${line}: ${stderr}`);
    return stdout;
  };
  t.is(await ok('new_session demo'), 'SESSION: demo FEATURES: 1 TIMEOUT: 300 FORCE: No\n');
  t.is(await ok(`add_group c ${a}@tcp`), `${a}@tcp are added to session\n`);
  t.is(await ok(`add_group s ${b}@tcp`), `${b}@tcp are added to session\n`);
  await ok('add_test --concurrency 2 --from c --to s brw read check=full size=64K');
  await ok('run');
  t.regex(await ok('stat --count 1 --delay 1 --bw s'), /^\[LNet Bandwidth of s\]\n\[R\] Avg: .*\n\[W\] Avg: [1-9]/);
  t.is(await ok('stop --force'), 'Batch is stopped\n');
  t.is(await ok('show_error c s'), 'c:\nTotal 0 error nodes in c\ns:\nTotal 0 error nodes in s\n');
  t.is(await ok('end_session'), 'session is ended\n');
  const refused = await console.run('lst', 'list_group');
  t.deepEqual(refused, { exitCode: 255, stdout: '', stderr: 'No session exists\n' });
});

test('what stands behind lst is its own: options, usage, unknown commands, help', async (t) => {
  process.env['LST_SESSION'] = '4711';
  const { run } = await startBench(t, { more: SELFTEST });
  t.deepEqual(await run('lst', 'nosuch'), {
    exitCode: 255,
    stdout: '',
    stderr: "lst: 'nosuch' is not a valid command. See 'lst --list-commands'.\n",
  });
  t.is((await run('lst', 'add_group')).exitCode, 4);
  t.regex((await run('lst', '--list-commands')).stdout, /^new_session\nend_session\n/);
  t.regex((await run('lst', '--help')).stdout, /lnet lst new_session \[--timeout TIME\]/);
  t.is((await runCommand('/nowhere/a.sock', ['lst', 'show_session'])).exitCode, 156, 'no daemon');
});

test('a node runs no selftest unless its configuration says so', async (t) => {
  const { run } = await startBench(t);
  const { exitCode, stderr } = await run('lst', 'show_session');
  t.not(exitCode, 0);
  t.regex(stderr, /this node runs no selftest; write 'selftest: true'/);
});

test('a survey leaves a table, a CSV file and what the commands said', async (t) => {
  const [a, b] = [nextAddress(), nextAddress()];
  const console = await startBench(t, { address: a, more: SELFTEST });
  await startBench(t, { address: b, port: console.port, more: SELFTEST });
  const folder = join(console.folder, 'survey');
  const words = ['-f', `${a}@tcp`, '-t', `${b}@tcp`, '-m', 'ping', '-D', '1', '-n', '1', '-c', '2', '-O', folder];
  const { exitCode, stdout, stderr } = await console.run('lst', 'survey', ...words);
  t.is(stderr, '');
  t.is(exitCode, 0);
  t.regex(stdout, /^ {10}ping/m);
  const files = readdirSync(folder).toSorted();
  t.deepEqual(
    files.map((name) => name.replace(/[0-9]+/, 'N')),
    ['lst.N.out', 'results.N.csv'],
  );
  t.regex(readFileSync(join(folder, files[1] as string), 'utf8'), /^Servers,Clients,Mode,.*\n127.*,ping,/);

  const dry = join(console.folder, 'dry');
  const { stdout: commands } = await console.run('lst', 'survey', ...words.slice(0, -1), dry, '-d');
  t.true(commands.includes('lst run ping\n'));
  t.false(existsSync(dry));
});
