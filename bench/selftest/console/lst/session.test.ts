import test from 'ava';
import { lstBench, machine } from '../../testing/lst-bench.test-support.ts';
import { nidAt } from '../../testing/node-bench.test-support.ts';
import { LST_COMMANDS, runLst } from './lst.ts';

test('Output lines match 9.3–9.10 literally (spaces, tabs, widths).', async (t) => {
  const nids = ['20', '21', '30', '31', '32', '33'].map((host) => `192.168.1.${host}@tcp`);
  const b = await lstBench({ console: '192.168.1.10@tcp', nids });
  b.net.advance({ us: 123_456_789_000 - b.net.clock.now() });
  t.is(await b.ok('new_session --timeout 600 demo'), 'SESSION: demo FEATURES: 1 TIMEOUT: 600 FORCE: No\n');
  t.is(await b.ok('show_session'), 'demo ID: 123456789@192.168.1.10@tcp, KEY: 4711 FEATURES: 1 NODES: 0\n');

  await b.ok('add_group servers 192.168.1.[20-21]@tcp');
  t.is(await b.ok('add_group clients 192.168.1.[30-32]@tcp'), '192.168.1.[30-32]@tcp are added to session\n');
  t.is(await b.ok('list_group'), '1) servers\n2) clients\nTotal 2 groups\n');
  t.is(
    await b.ok('list_group servers clients'),
    '\tACTIVE\tBUSY\tDOWN\tUNKNOWN\tTOTAL\n\t2\t0\t0\t0\t2\tservers\n\t3\t0\t0\t0\t3\tclients\n',
  );
  t.is(
    await b.ok('list_group --all servers'),
    'Group [ servers ]\n\t12345-192.168.1.20@tcp: Active\n\t12345-192.168.1.21@tcp: Active\nTotal 2 nodes [ servers ]\n',
  );
  t.is(
    await b.ok('ping --group servers'),
    '\t12345-192.168.1.20@tcp: Active [session: demo id: 192.168.1.10@tcp]\n' +
      '\t12345-192.168.1.21@tcp: Active [session: demo id: 192.168.1.10@tcp]\n',
  );

  t.is(await b.ok('add_batch bulk'), '');
  t.is(await b.ok('list_batch'), '1) batch\n2) bulk\nTotal 2 batches\n');
  t.is(
    await b.ok('add_test --batch bulk --from clients --to servers --concurrency 8 brw read'),
    'Test was added successfully\n',
  );
  t.is(await b.ok('run bulk'), 'bulk is running now\n');
  const sides = '\tACTIVE\tBUSY\tDOWN\tUNKNOWN\tTOTAL\nclient\t3\t0\t0\t0\t3\nserver\t2\t0\t0\t0\t2\n';
  t.is(
    await b.ok('list_batch bulk'),
    `Batch: bulk Tests: 1 State: 177\n${sides}\tTest 1(brw) (loop: -1, concurrency: 8)\n${sides}`,
  );
  t.is(await b.ok('query bulk'), 'bulk [0] is running\n');
  t.is(
    await b.ok('query --all bulk'),
    [30, 31, 32].map((host) => `12345-192.168.1.${host}@tcp [Active]: Running\n`).join(''),
  );
  t.is(await b.ok('stop bulk'), '3 batch in stopping\nBatch is stopped\n');
  t.is(await b.ok('query bulk'), 'bulk [0] is stopped\n');
  t.is(await b.ok('show_error servers'), 'servers:\nTotal 0 error nodes in servers\n');
  t.is(await b.ok('end_session'), 'session is ended\n');
});

test('a session has the user and host as its name, and any key but 0', async (t) => {
  const { ok, lst } = await lstBench();
  t.is(await ok('new_session'), 'SESSION: tester@bench FEATURES: 1 TIMEOUT: 300 FORCE: No\n');
  t.like(await lst('list_group', { sessionKey: '4712' }), {
    status: 255,
    err: 'Unmatched session key or not root\n',
    out: '',
  });
  for (const sessionKey of [undefined, '', '0', 'abc', '1.5'])
    t.like(await lst('list_group', { sessionKey }), {
      status: 255,
      err: "Can't find env LST_SESSION or value is not valid\n",
    });
  t.is((await lst('show_session', { sessionKey: undefined })).status, 0, 'show_session needs no key');
});

test('without a session every command but new_session is refused', async (t) => {
  const { lst } = await lstBench();
  for (const line of ['end_session', 'show_session', 'list_group', 'add_batch x', 'run', 'stop', 'query', 'stat x'])
    t.like(await lst(line), { status: 255, err: 'No session exists\n', out: '' }, line);
});

test('a second session is refused without --force and takes over with it', async (t) => {
  const { ok, lst, nodes } = await lstBench();
  await ok('new_session one');
  await ok('add_group all 10.77.0.[12-13]@tcp');
  t.like(await lst('new_session two'), { status: 255, err: 'Session already exists\n' });
  t.is(await ok('new_session --force two'), 'SESSION: two FEATURES: 1 TIMEOUT: 300 FORCE: Yes\n');
  t.true(nodes.every(({ selftest }) => selftest.node.sessions.current === null));
  t.is(await ok('list_group'), 'Total 0 groups\n');
});

test('--force is sent to nodes too: those of another console are taken over', async (t) => {
  const b = await lstBench();
  const rival = await machine(b.net, '10.77.0.10@tcp');
  const world = { stdout: () => undefined, stderr: () => undefined, userAtHost: 'rival@other', features: undefined };
  const steal = (line: string): Promise<number> =>
    b.net.settled(
      runLst(rival.selftest.console, line.split(' '), {
        ...world,
        sessionKey: '1',
        interrupt: new AbortController().signal,
      }),
    );
  await b.ok('new_session ours');
  await b.ok('add_group all 10.77.0.[12-13]@tcp');
  await steal('new_session theirs');
  t.is(await steal('add_group all 10.77.0.[12-13]@tcp'), 253);
  await steal('new_session --force theirs');
  t.is(await steal('add_group all 10.77.0.12@tcp'), 0);
  t.is(
    await b.ok('ping --session'),
    '\t12345-10.77.0.12@tcp: Busy [session: theirs id: 10.77.0.10@tcp]\n' +
      '\t12345-10.77.0.13@tcp: Active [session: ours id: 10.77.0.11@tcp]\n',
  );
  t.like(await b.lst('add_test --from all --to all ping'), {
    status: 255,
    err: 'Failed to add test: Network is down\n',
  });
});

test('end_session counts what failed on stderr and exits with 254 or 253', async (t) => {
  const b = await lstBench();
  await b.ok('new_session x');
  await b.ok('add_group all 10.77.0.[12-13]@tcp');
  b.net.node(nidAt(0)).crash();
  t.like(await b.lst('end_session'), {
    status: 254,
    out: '',
    err: '[RPC] Failed to send 1 session RPCs: Connection timed out\n',
  });
  t.is(b.console.selftest.console.session, null);

  await b.ok('new_session x');
  await b.ok('add_group one 10.77.0.13@tcp');
  const rival = await machine(b.net, '10.77.0.10@tcp');
  const spec = { name: 'r', key: 1, timeoutS: 300, forces: true, features: 1 };
  const session = await rival.selftest.console.newSession(spec);
  const { addNodes } = await import('../groups.ts');
  const [, node] = b.nodes;
  if (!node) throw new Error('no node');
  await b.net.settled(addNodes(session, session.addGroup('stolen'), [node.core.nid]));
  t.like(await b.lst('end_session'), {
    status: 253,
    out: '',
    err: '[FWK] Failed to end session on 1 nodes: Device or resource busy\n',
  });
});

test('names and values that cannot be are refused with 255', async (t) => {
  const { lst, ok } = await lstBench();
  t.is((await lst(`new_session ${'x'.repeat(32)}`)).status, 255);
  t.is((await lst('new_session --timeout 0 x')).status, 255);
  t.is((await lst('new_session -t -1 x')).status, 255);
  t.like(await lst('new_session x', { features: '3' }), { status: 255 });
  t.like(await lst('new_session x', { features: 'z' }), { status: 255 });
  t.is(await ok(`new_session ${'x'.repeat(31)}`), `SESSION: ${'x'.repeat(31)} FEATURES: 1 TIMEOUT: 300 FORCE: No\n`);
  t.is((await lst(`add_group ${'x'.repeat(32)} 10.77.0.12@tcp`)).status, 255);
  t.is((await lst(`add_batch ${'x'.repeat(32)}`)).status, 255);
  t.like(await lst('add_batch batch'), { status: 255, err: 'batch batch already exists\n' });
});

test('LST_FEATURES asks for fewer features, and all requests carry them', async (t) => {
  const b = await lstBench();
  t.like(await b.lst('new_session x', { features: '0' }), {
    status: 0,
    out: 'SESSION: x FEATURES: 0 TIMEOUT: 300 FORCE: No\n',
  });
  await b.ok('add_group all 10.77.0.[12-13]@tcp');
  t.true(b.nodes.every(({ selftest }) => selftest.node.sessions.current?.features === 0));
  await b.ok('add_test --loop 5 --from all --to all brw write size=8K check=full');
  await b.ok('run');
  b.net.advance({ us: 1_000_000 });
  t.is(await b.ok('query'), 'batch [0] is stopped\n');
  t.is(await b.ok('show_error all'), 'all:\nTotal 0 error nodes in all\n');
});

test('Exit codes 0 / 255 / 254 / 253 / 4 as 9.1.4.', async (t) => {
  const b = await lstBench();
  const status = async (line: string): Promise<number> => (await b.lst(line)).status;
  t.is(await status('new_session x'), 0);
  t.is(await status('add_group all 10.77.0.[12-13]@tcp'), 0);
  t.is(await status('run nosuch'), 255);
  b.net.node(nidAt(0)).crash();
  t.is(await status('add_group more 10.77.0.99@tcp'), 254);
  t.like(await b.lst('add_test --from all --to all ping'), {
    status: 254,
    err: 'add test RPC failed on 12345-10.77.0.12@tcp: Connection timed out\n',
  });
  const [, second] = b.nodes;
  await b.net.settled(second?.selftest.node.close() ?? Promise.resolve());
  t.is(await status('nosuch'), 255);
  t.is(await status('add_group x'), 4);

  const c = await lstBench();
  await c.lst('new_session x');
  await c.lst('add_group one 10.77.0.12@tcp');
  await c.lst('add_group two 10.77.0.13@tcp');
  await c.lst('add_test --from one --to two ping');
  // The node has forgotten the session behind the console's back.
  c.nodes[0]?.selftest.node.sessions.close(() => undefined);
  t.like(await c.lst('run'), {
    status: 253,
    err: 'operation run batch failed on 12345-10.77.0.12@tcp: No such process\n',
  });
});

test('wrong usage prints the usage line on stdout and exits with 4', async (t) => {
  const { lst, ok } = await lstBench();
  await ok('new_session x');
  for (const line of [
    'add_group',
    'add_group g',
    'del_group',
    'update_group g',
    'update_group g --refresh --clean busy',
    'update_group g --clean tired',
    'ping',
    'ping --session --group g',
    'add_batch',
    'add_test --from g ping',
    'add_test --from g --to g',
    'stat',
    'show_error',
    'run a b',
    'list_batch --nosuch',
    'list_batch --test one',
    'query --a',
    'new_session --timeout',
  ]) {
    const [name = ''] = line.split(' ');
    t.deepEqual(await lst(line), { status: 4, out: `Usage: lst ${LST_COMMANDS[name]?.usage}\n`, err: '' }, line);
  }
});

test('an unknown command is named on stderr; --list-commands knows the others', async (t) => {
  const { lst } = await lstBench();
  t.deepEqual(await lst('nosuch'), {
    status: 255,
    out: '',
    err: "lst: 'nosuch' is not a valid command. See 'lst --list-commands'.\n",
  });
  t.is((await lst('del_batch x')).status, 255, 'the 2.17 tool has none either');
  t.is((await lst('--list-commands')).out, `${Object.keys(LST_COMMANDS).join('\n')}\n`);
  t.is((await lst('toString')).status, 255);
});
