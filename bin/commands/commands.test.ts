import test from 'ava';
import { DEFAULT_NALS } from '../../index.ts';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { blockOf, outputOf } from '../print/spec-example.test-support.ts';
import { nextAddress, runCommand, startBench, testFolder } from './daemon.test-support.ts';

const NOWHERE = '/nowhere/a.sock';
const offline = (...words: string[]): ReturnType<typeof runCommand> => runCommand(NOWHERE, words);

test('`lnetctl nosuch` exits 255 with the text of 2.3; `lnetctl net` exits 234 and prints its help entries; `lnetctl net add --help` exits 1.', async (t) => {
  t.deepEqual(await offline('nosuch'), {
    exitCode: 255,
    stdout: '',
    stderr: "lnet: 'nosuch' is not a valid command. See 'lnet --list-commands'.\n",
  });
  t.is((await offline('net', 'nosuch')).exitCode, 255);
  t.is((await offline('ne', 'show')).exitCode, 255);
  const net = await offline('net');
  t.is(net.exitCode, 234);
  t.deepEqual(
    [...net.stdout.matchAll(/^Usage: lnet net (\w+)/gm)].map((match) => match[1]),
    ['add', 'del', 'show'],
  );
  const help = await offline('net', 'add', '--help');
  t.is(help.exitCode, 1);
  t.regex(help.stdout, /--peer-credits <n>/);
});

test('help, version and the list of commands exist at every level', async (t) => {
  for (const words of [['help'], ['--help'], ['net', 'help'], ['net', '--help']])
    t.is((await offline(...words)).exitCode, 1);
  for (const command of ['ping', 'discover', 'import', 'export'])
    t.is((await offline(command, '--help')).exitCode, 0, command);
  t.regex((await offline('version')).stdout, /^lnet [0-9]+\.[0-9]+\.[0-9]+\n$/);
  t.is((await offline('--version')).stdout, (await offline('version')).stdout);
  const { stdout, exitCode } = await offline('--list-commands');
  t.is(exitCode, 0);
  t.true(stdout.split('\n').every((line) => line.length <= 80));
  t.true(stdout.includes('discover'));
  t.regex((await offline('net', 'list-commands')).stdout, /^add +del +show/);
});

test('an unknown option prints the help of the subcommand and is named on stderr', async (t) => {
  const { exitCode, stdout, stderr } = await offline('net', 'show', '--wrong', 'x');
  t.is(stderr, "show: unrecognized option '--wrong'\n");
  t.regex(stdout, /^Usage: lnet net show/);
  t.is(exitCode, 1);
  t.is((await offline('net', 'show', '--net')).stderr, "show: option '--net' requires an argument\n");
  t.is((await offline('debug', 'nidlist', 'a', 'b', 'c')).exitCode, 234);
});

test('`net show -v 3`, `net show --verbose 3` give level 3; `--verbose=3` level 1.', async (t) => {
  const { run } = await startBench(t);
  const three = (await run('net', 'show', '-v', '3')).stdout;
  t.true(three.includes('health stats:'));
  t.is((await run('net', 'show', '--verbose', '3')).stdout, three);
  t.is((await run('net', 'show', '--verb', '3')).stdout, three);
  const one = (await run('net', 'show', '-v')).stdout;
  t.true(one.includes('tunables:') && !one.includes('health stats:'));
  for (const words of [['--verbose=3'], ['-v', 'x'], ['--verbose']])
    t.is((await run('net', 'show', ...words)).stdout, one);
  t.is(
    (await run('net', 'show', '-v', '--net', 'tcp')).stdout,
    one.slice(one.indexOf('-     net type: tcp') - 0).replace(/^/, 'net:\n'),
  );
});

test('All commands of section 5 exist with the listed long and short options; unique abbreviations work. (nets, routes, peers)', async (t) => {
  const { run } = await startBench(t);
  const address = nextAddress();
  t.is(
    (await run('net', 'add', '--net', 'tcp1', '--if', `${address}[0,1]`, '--peer-c=16', '-r', '0x40', '--tos', '8'))
      .exitCode,
    0,
  );
  const shown = parse((await run('net', 'show', '-n', 'tcp1', '-v')).stdout);
  t.like(shown.net[0]['local NI(s)'][0], { nid: `${address}@tcp1`, tunables: { peer_credits: 16, credits: 64 } });
  t.is(shown.net[0]['local NI(s)'][0]['lnd tunables'].tos, 8);
  t.is(
    (await run('route', 'add', '--net', 'o2ib', '--gateway', '172.16.0.[1-2]@tcp1', '--pri', '3', '--hop', '-1'))
      .exitCode,
    0,
  );
  t.is((await run('route', 'add', '-n', 'o2ib1', '-g', '172.16.0.1@tcp1', '-c', 'x')).exitCode, 0);
  const routes = parse((await run('route', 'show', '-v', '--net', 'o2ib')).stdout);
  t.deepEqual(routes.route.map((route: { gateway: string }) => route.gateway).toSorted(), [
    '172.16.0.1@tcp1',
    '172.16.0.2@tcp1',
  ]);
  t.is(routes.route[0].hop, -1);
  t.is(routes.route[0].priority, 3);
  t.is((await run('route', 'del', '-n', 'o2ib', '-g', '172.16.0.1@tcp1')).exitCode, 0);
  t.is((await run('route', 'show')).stdout.match(/gateway/g)?.length, 2);
  t.is((await run('peer', 'add', '--prim_nid', '172.16.0.9@tcp', '--nid', '172.16.0.[9-10]@tcp1')).exitCode, 0);
  t.is(parse((await run('peer', 'show', '--nid', '172.16.0.10@tcp1')).stdout).peer[0]['peer ni'].length, 3);
  t.is((await run('peer', 'del', '-k', '172.16.0.9@tcp', '-n', '172.16.0.10@tcp1')).exitCode, 0);
  t.is(parse((await run('peer', 'show', '--nid', '172.16.0.9@tcp')).stdout).peer[0]['peer ni'].length, 2);
  t.is((await run('peer', 'del', '--prim', '172.16.0.9@tcp')).exitCode, 0);
  t.deepEqual(await run('peer', 'show', '--nid', '172.16.0.9@tcp'), { exitCode: 0, stdout: '', stderr: '' });
  t.is((await run('net', 'del', '--nid', `${address}@tcp1`)).exitCode, 0);
  t.is(
    (await run('net', 'del', '--net', 'tcp1')).stderr,
    '---\ndel:\n-     net:\n      errno: -2\n      descr: ! "LNet net doesn\'t exist"\n...\n',
  );
  t.is((await run('net', 'add', '--ip2net', `tcp2(${address}) 1.2.3.4`)).exitCode, 234);
});

/** Exit status and text of a command that needs no daemon. */
const spoken = async (...words: string[]): Promise<string> => {
  const { stdout, exitCode } = await offline(...words);
  return `${exitCode} ${stdout.trimEnd()}`;
};

test('`--net` with `--nid` refused; interface lists with CPT sets parsed.', async (t) => {
  t.is(await spoken('net', 'add', '--net', 'tcp', '--nid', '10.0.0.1@tcp'), '234 --net is invalid with --nid option');
  t.is(await spoken('net', 'add', '--if', 'eth0'), "234 missing mandatory parameters in NI config: 'network'");
  t.is(await spoken('net', 'del'), "234 missing mandatory parameters in NI config: 'network'");
  t.is(await spoken('net', 'add', '--net', 'tcp'), '234 creating a local NI needs at least one interface');
  t.is(await spoken('route', 'add'), "234 missing mandatory parameters:'net , gateway'");
  t.is(await spoken('route', 'del', '--net', 'tcp'), "234 missing mandatory parameters:'gateway'");
  t.is(await spoken('discover'), '255 Missing nid argument');
});

test('A rejected `route add` prints exactly the block of 7.6 on stderr and exits 234.', async (t) => {
  const { run } = await startBench(t);
  const example = blockOf('$ lnetctl route add --net o2ib --gateway').split('\n').slice(1, -2);
  t.deepEqual(await run('route', 'add', '--net', 'o2ib', '--gateway', '172.16.0.1@tcp5'), {
    exitCode: 234,
    stdout: '',
    stderr: `${example.join('\n')}\n`,
  });
});

const classic = (action: string, item: string, errno: number, text: string): string =>
  `${action}:\n    - ${item}:\n          errno: ${errno}\n          descr: "${text}"\n`;

test('`set retry_count abc` prints `parser:` / `- set:` with errno −1, exit 255.', async (t) => {
  const words: Readonly<Record<string, string>> = {
    retry_count: 'retry_count',
    recovery_interval: 'recovery interval',
    router_sensitivity: 'router sensitivity',
    health_sensitivity: 'health sensitivity',
    transaction_timeout: 'transaction timeout',
    max_recovery_ping_interval: 'maximum recovery interval',
    numa_range: 'numa_range',
  };
  for (const [name, text] of Object.entries(words)) {
    t.deepEqual(await offline('set', name, 'abc'), {
      exitCode: 255,
      stdout: '',
      stderr: classic('parser', 'set', -1, `cannot parse ${text} value`),
    });
  }
  t.is((await offline('set', 'retry_count')).exitCode, 234);
  t.is((await offline('set', 'colour', '1')).exitCode, 255);
});

test('`set response_tracking 9` prints errno −22 and "Valid values are: 0, 1, 2, or 3".', async (t) => {
  t.deepEqual(await offline('set', 'response_tracking', '9'), {
    exitCode: 234,
    stdout: '',
    stderr: classic('add', 'response_tracking', -22, 'Valid values are: 0, 1, 2, or 3'),
  });
  t.is(
    (await offline('set', 'recovery_limit', '-1')).stderr,
    classic('add', 'recovery_limit', -22, 'Must be greater than or equal to 0'),
  );
  t.is(
    (await offline('set', 'max_recovery_ping_interval', '0')).stderr,
    classic('add', 'maximum recovery ping interval', -22, 'must be strictly positive'),
  );
  t.is((await offline('set', 'tiny_buffers', '-2')).exitCode, 222);
  t.is((await offline('set', 'tiny_buffers', '64')).exitCode, 214);
  t.is(
    (await offline('set', 'routing', '2')).stderr,
    classic('parser', 'set', -1, 'cannot parse routing value.\nmust be 0 for disable or 1 for enable'),
  );
  t.is((await offline('set', 'routing', '2')).exitCode, 255);
  t.is((await offline('set', 'routing', '1')).exitCode, 214);
  t.is((await offline('set', 'routing', '0')).exitCode, 0);
});

test('a setting that LNet refuses is reported with -61 and exit 195; one that it takes is silent', async (t) => {
  const { run } = await startBench(t);
  t.deepEqual(await run('set', 'retry_count', '500'), {
    exitCode: 195,
    stdout: '',
    stderr: classic('add', 'retry_count', -61, 'cannot configure retry count: Invalid argument'),
  });
  t.deepEqual(await run('set', 'retry_count', '0x3'), { exitCode: 0, stdout: '', stderr: '' });
  const shown = await run('global', 'show');
  t.is(
    shown.stdout,
    outputOf('lnetctl global show')
      .replace('retry_count: 2', 'retry_count: 3')
      .replace('lnd_timeout: 49', 'lnd_timeout: 37'),
  );
});

test('Ping of a dead NID prints the `manage:` block on stdout, exit 255; mixed results print both blocks.', async (t) => {
  const { run, port } = await startBench(t);
  const peer = nextAddress();
  await startBench(t, { address: peer, port });
  const dead = nextAddress();
  const only = await run('ping', `${dead}@tcp`);
  t.is(only.exitCode, 255);
  t.regex(
    only.stdout,
    new RegExp(`^manage:\\n- ping:\\n  errno: -[0-9]+\\n  descr: ! 'failed to ping ${dead}@tcp: [^']+'\\n$`),
  );
  const mixed = await run('ping', `${dead}@tcp,${peer}@tcp`, '--timeout', '2');
  t.is(mixed.exitCode, 255);
  t.true(
    mixed.stdout.startsWith(
      `ping:\n- primary nid: ${peer}@tcp\n  Multi-Rail: false\n  peer_ni:\n  - nid: ${peer}@tcp\nmanage:\n- ping:\n`,
    ),
  );
  const good = await run('discover', '-f', `${peer}@tcp`);
  t.deepEqual([good.exitCode, good.stderr], [0, '']);
  t.is(good.stdout, `discover:\n- primary nid: ${peer}@tcp\n  Multi-Rail: true\n  peer_ni:\n  - nid: ${peer}@tcp\n`);
  const unreadable = await run('ping', '10.0.0.[1-@tcp');
  t.is(unreadable.exitCode, 234);
  t.is(
    unreadable.stderr,
    '---\nmanage:\n-     ping:\n      errno: -22\n      descr: ! "\\"Unable to parse nidlist: incomplete bracket set\\""\n...\n',
  );
});

test('`export --backup` | `import` on a fresh node restores the same state (nets, routes, peers, global).', async (t) => {
  const first = await startBench(t);
  const second = await startBench(t);
  const [a, b] = [nextAddress(), nextAddress()];
  await first.run('net', 'add', '--net', 'tcp1', '--if', `${a},${b}`, '--credits', '64', '-m', '4');
  await first.run('route', 'add', '--net', 'o2ib', '--gateway', '172.16.0.1@tcp1', '--hop', '2', '--priority', '1');
  await first.run('peer', 'add', '--prim_nid', '172.16.0.9@tcp1', '--nid', '172.16.0.10@tcp1');
  await first.run('set', 'retry_count', '4');
  await first.run('set', 'numa_range', '7');
  const file = join(first.folder, 'backup.yaml');
  t.deepEqual(await first.run('export', '--backup', file), { exitCode: 0, stdout: '', stderr: '' });
  const text = readFileSync(file, 'utf8');
  t.false(text.includes('net type: lo'));
  // Both nodes have a tcp net of their own, and two processes cannot open the same addresses at once.
  await first.run('net', 'del', '--net', 'tcp1');
  const block = text.slice(text.indexOf('-     net type: tcp1'), text.indexOf('global:'));
  writeFileSync(file, `net:\n${block}${text.slice(text.indexOf('global:'))}`);
  t.deepEqual(await second.run('import', file), { exitCode: 0, stdout: '', stderr: '' });
  const restored = (await second.run('export', '-b')).stdout;
  t.is(restored.slice(restored.indexOf('-     net type: tcp1')), text.slice(text.indexOf('-     net type: tcp1')));
  t.is((await second.run('import', '--del', file)).exitCode, 0);
  t.is((await second.run('route', 'show')).stdout, '');
});

const netTypes = (text: string): string[] => [...text.matchAll(/net type: (\w+)/g)].map((match) => match[1] as string);

test('lo is first in `net show` and absent in `export --backup`.', async (t) => {
  const { run } = await startBench(t);
  t.deepEqual(netTypes((await run('net', 'show')).stdout), ['lo', 'tcp']);
  t.deepEqual(netTypes((await run('export', '--backup')).stdout), ['tcp']);
  t.deepEqual(netTypes((await run('export')).stdout), ['lo', 'tcp']);
});

test('a full export shows lo, statistics and states, and can be imported again', async (t) => {
  const { run, folder } = await startBench(t);
  const { stdout } = await run('export');
  const exported = parse(stdout);
  t.deepEqual(Object.keys(exported), ['net', 'global']);
  t.is(exported.net[0]['net type'], 'lo');
  t.true('health stats' in exported.net[1]['local NI(s)'][0]);
  const file = join(folder, 'full.yaml');
  writeFileSync(file, stdout.slice(0, stdout.indexOf('-     net type: tcp')) + stdout.slice(stdout.indexOf('global:')));
  t.deepEqual(await run('import', file), { exitCode: 0, stdout: '', stderr: '' });
  t.is((await run('export', '/nowhere/x')).exitCode, 255);
  t.is(
    (await run('export', '/nowhere/x')).stderr,
    classic('yaml', 'builder', -1, "cannot open '/nowhere/x': No such file or directory"),
  );
});

test('import says what is wrong, and where; warnings go to stderr', async (t) => {
  const { run, folder } = await startBench(t);
  const file = join(folder, 'x.yaml');
  writeFileSync(file, 'global: {numa_range: 3}\nnetz: []\n');
  t.deepEqual(await run('import', file), {
    exitCode: 234,
    stdout: '',
    stderr: `---\nadd:\n-     import:\n      errno: -22\n      descr: ! "invalid key 'netz'"\n...\n# ${file}:2:1: invalid key 'netz'; known here: net, ip2nets, route, peer, global, numa, routing, networks, routes\n`,
  });
  writeFileSync(file, 'peer: [{primary nid: 172.16.9.9@tcp, colour: red}]\n');
  t.regex((await run('import', file)).stderr, /Ignoring unrecognized key 'colour' for 'peer'\n$/);
  const shown = await run('import', '--show', file);
  t.is(shown.stdout.split('\n').slice(0, 2).join('\n'), 'peer:\n-     primary nid: 172.16.9.9@tcp');
  t.is(
    (await run('import', '/nowhere/x')).stderr,
    classic('yaml', 'builder', -1, "cannot open '/nowhere/x': No such file or directory"),
  );
  t.is((await run('import', '/nowhere/x')).exitCode, 255);
});

test('import --exec runs ping blocks as the command does', async (t) => {
  const { run, folder, port } = await startBench(t);
  const peer = nextAddress();
  await startBench(t, { address: peer, port });
  const file = join(folder, 'x.yaml');
  writeFileSync(file, `ping:\n  timeout: 2000\n  nids:\n    0: ${peer}@tcp\ndiscover:\n  nids: [${peer}@tcp]\n`);
  const { stdout, exitCode } = await run('import', '--exec', file);
  t.is(exitCode, 0);
  t.deepEqual(Object.keys(parse(stdout)), ['ping', 'discover']);
});

test('net show that finds nothing, and every command without a daemon, say that the network is down', async (t) => {
  const { run } = await startBench(t);
  const down = '---\nshow:\n-     net:\n      errno: -100\n      descr: ! "Network is down"\n...\n';
  t.deepEqual(await run('net', 'show', '--net', 'o2ib'), { exitCode: 234, stdout: '', stderr: down });
  const away = await offline('net', 'show');
  t.is(away.exitCode, 234);
  t.is(
    away.stderr,
    `${down}# no lnet daemon answers at ${NOWHERE}; start one with 'lnet up FILE.yaml', or name another with --socket\n`,
  );
  const stats = await offline('stats', 'show');
  t.is(stats.exitCode, 156);
  t.true(stats.stderr.startsWith(classic('show', 'statistics', -100, 'cannot get statistics: Network is down')));
  for (const words of [['status'], ['down'], ['nal', 'show'], ['put', '/etc/hostname', '1.2.3.4@tcp']]) {
    const { stderr, exitCode } = await offline(...words);
    t.is(exitCode, 156, words.join(' '));
    t.true(stderr.startsWith(`lnet: no lnet daemon answers at ${NOWHERE}`), words.join(' '));
  }
});

test('stats show has 26 lines below its head, and reset is silent', async (t) => {
  const { run } = await startBench(t);
  const { stdout } = await run('stats', 'show');
  t.is(stdout.split('\n').length - 2, 26);
  t.deepEqual(await run('stats', 'reset'), { exitCode: 0, stdout: '', stderr: '' });
  t.regex((await run('stats', 'show', '--drops')).stdout, /^no_match +0 {2}no match entry accepts it$/m);
});

test('--json gives data instead of text for every command that shows something', async (t) => {
  const { run, port } = await startBench(t);
  const peer = nextAddress();
  await startBench(t, { address: peer, port });
  const json = async (...words: string[]): Promise<Record<string, unknown>> =>
    JSON.parse((await run(...words, '--json')).stdout);
  await run('discover', `${peer}@tcp`);
  const keys: Readonly<Record<string, readonly string[]>> = {
    'net show': ['net'],
    'peer show': ['peer'],
    'peer list': ['peer list'],
    'route show': ['route'],
    'stats show': ['statistics'],
    'stats show --drops': ['drops'],
    'global show': ['global'],
    'nal show': ['nal'],
    export: ['net', 'peer', 'global'],
    [`ping ${peer}@tcp 127.0.0.250@tcp`]: ['ping', 'manage'],
    'debug nidlist 10.*.*.1@tcp': ['nidlist'],
  };
  for (const [words, expected] of Object.entries(keys))
    t.deepEqual(Object.keys(await json(...words.split(' '))), expected, words);
  t.like(await json('status'), { name: 'a', accept_port: port });
  t.is((await runCommand('/unused', ['--json', 'debug', 'nidlist', '*@tcp'])).stdout, '{\n  "nidlist": "*@tcp"\n}\n');
  const failed = await run('net', 'show', '--net', 'kfi', '--json');
  t.like(JSON.parse(failed.stderr), { error: { code: 'ERR_LNET_NOT_FOUND', errno: -100 } });
});

test('debug nidlist tells how a pattern is read and whether a NID matches', async (t) => {
  t.is(
    (await offline('debug', 'nidlist', '192.168.1.[2-10/2]@tcp0')).stdout,
    'nidlist parsed to: 192.168.1.[2-10/2]@tcp\n',
  );
  t.is(
    (await offline('debug', 'nidlist', '192.168.1.[2-10/2]@tcp', '192.168.1.4@tcp')).stdout,
    'nidlist parsed to: 192.168.1.[2-10/2]@tcp\n192.168.1.4@tcp matches nidlist 192.168.1.[2-10/2]@tcp\n',
  );
  t.regex(
    (await offline('debug', 'nidlist', '*@tcp', '1.2.3.4@tcp1')).stdout,
    /1\.2\.3\.4@tcp1 does not match nidlist \*@tcp\n/,
  );
  t.is((await offline('debug', 'nidlist', '10.0.0.1-3@tcp')).exitCode, 234);
});

test('nal show tells more with each level', async (t) => {
  const { run } = await startBench(t);
  const plain = parse((await run('nal', 'show')).stdout);
  t.deepEqual(
    plain.nal.map((nal: { name: string }) => nal.name),
    Object.keys(DEFAULT_NALS),
  );
  t.deepEqual(Object.keys(plain.nal[1].interfaces[0]), ['nid', 'interface']);
  const more = parse((await run('nal', 'show', '--name', 'tcp', '-v', '2')).stdout);
  t.is(more.nal.length, 1);
  t.true(more.nal[0].tunables.length > 3);
});

test('completion knows the commands and their options', async (t) => {
  const { stdout, exitCode } = await offline('completion', 'bash');
  t.is(exitCode, 0);
  t.regex(stdout, /'net'\) words='add del show' ;;/);
  t.regex(stdout, /'ping'\) words='--json --socket --timeout --source' ;;/);
});

test('files go to a node that shares a directory and come back', async (t) => {
  const folder = testFolder(t);
  const { run, port } = await startBench(t);
  const peer = nextAddress();
  await startBench(t, { address: peer, port, share: folder });
  const file = join(testFolder(t), 'data');
  writeFileSync(file, 'hello');
  const put = await run('put', file, `${peer}@tcp:named`);
  t.is(put.stderr, '');
  t.regex(put.stdout, new RegExp(`^${peer}@tcp:named: 0\\.0 MiB in .* SHA-256 2cf24dba`));
  t.is(readFileSync(join(folder, 'named'), 'utf8'), 'hello');
  const again = await run('put', file, `${peer}@tcp:named`);
  t.is(again.exitCode, 239);
  t.is(again.stderr, `lnet: ${peer}@tcp: 'named' is there already\n`);
  t.regex((await run('get', `${peer}@tcp:named`, join(folder, 'back'), '--json')).stdout, /"bytes": 5/);
  t.is((await run('get', `${peer}@tcp:none`, join(folder, 'x'))).exitCode, 254);
  t.regex((await run('get', `${peer}@tcp`)).stderr, /names no file; write NID:NAME/);
});
