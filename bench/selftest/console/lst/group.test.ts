import test from 'ava';
import { lstBench, machine } from '../../testing/lst-bench.test-support.ts';
import { nidAt } from '../../testing/node-bench.test-support.ts';

const S = 1_000_000;

test('an id list that is wrong is named and ignored; without any good one the group is deleted', async (t) => {
  const { ok, lst } = await lstBench();
  await ok('new_session x');
  t.deepEqual(await lst('add_group g 10.77.0.[12-]@tcp 10.77.0.12@tcp 1.2.3@tcp'), {
    status: 0,
    out: '10.77.0.12@tcp are added to session\n',
    err:
      'Syntax error in "10.77.0.[12-]@tcp"\nIgnore invalid id list 10.77.0.[12-]@tcp\n' +
      'Invalid nid: 1.2.3@tcp\nIgnore invalid id list 1.2.3@tcp\n',
  });
  t.like(await lst('add_group h nonsense@'), { status: 255, out: '' });
  t.is(await ok('list_group'), '1) g\nTotal 1 groups\n');
  t.like(await lst('add_group g 10.77.0.13@tcp'), { status: 255, err: 'group g already exists\n' });
});

test('nodes that cannot be invited stay in the group with their state', async (t) => {
  const b = await lstBench();
  await b.ok('new_session x');
  b.net.node(nidAt(1)).crash();
  t.deepEqual(await b.lst('add_group g 10.77.0.[12-13]@tcp'), {
    status: 254,
    out: '',
    err: 'make session RPC failed on 12345-10.77.0.13@tcp: Connection timed out\n',
  });
  t.is(await b.ok('list_group g'), '\tACTIVE\tBUSY\tDOWN\tUNKNOWN\tTOTAL\n\t1\t0\t1\t0\t2\tg\n');
  t.is(await b.ok('list_group --down g'), 'Group [ g ]\n\t12345-10.77.0.13@tcp: Down\nTotal 1 nodes [ g ]\n');
  t.is(await b.ok('list_group -u g'), 'No nodes found [ g ]\n');
  t.is(
    await b.ok('list_group -ad g'),
    'Group [ g ]\n\t12345-10.77.0.12@tcp: Active\n\t12345-10.77.0.13@tcp: Down\nTotal 2 nodes [ g ]\n',
  );
});

test('a node is in a group once, and in several groups it has one state', async (t) => {
  const b = await lstBench();
  await b.ok('new_session x');
  await b.ok('add_group g 10.77.0.12@tcp 10.77.0.[12-13]@tcp');
  await b.ok('add_group h 10.77.0.13@tcp');
  t.is(await b.ok('list_group g h'), '\tACTIVE\tBUSY\tDOWN\tUNKNOWN\tTOTAL\n\t2\t0\t0\t0\t2\tg\n\t1\t0\t0\t0\t1\th\n');
  t.is((await b.ok('show_session')).trim().split(' ').at(-1), '2');
  t.is(b.nodes[1]?.selftest.node.sessions.current?.references, 1, 'invited once');
});

test('a deleted group lets the nodes go that nothing else holds', async (t) => {
  const b = await lstBench();
  await b.ok('new_session x');
  await b.ok('add_group g 10.77.0.[12-13]@tcp');
  await b.ok('add_group h 10.77.0.13@tcp');
  t.is(await b.ok('del_group g'), 'Group is deleted\n');
  t.is(b.nodes[0]?.selftest.node.sessions.current, null);
  t.truthy(b.nodes[1]?.selftest.node.sessions.current);
  t.like(await b.lst('del_group g'), { status: 255, err: "Can't find group g in current session\n" });
  b.net.node(nidAt(1)).crash();
  t.deepEqual(await b.lst('del_group h'), {
    status: 254,
    out: 'Group is deleted with some errors\n',
    err: 'end session RPC failed on 12345-10.77.0.13@tcp: Connection timed out\n',
  });
});

test('update_group refreshes, cleans and removes, and says nothing about it', async (t) => {
  const b = await lstBench({ nids: [nidAt(0), nidAt(1), nidAt(2)], node: { sessionTimeoutS: 0 } });
  await b.ok('new_session x');
  await b.ok('add_group g 10.77.0.[12-14]@tcp');
  b.nodes[0]?.selftest.node.sessions.close(() => undefined);
  await b.ok('ping --session');
  t.is(await b.ok('list_group g'), '\tACTIVE\tBUSY\tDOWN\tUNKNOWN\tTOTAL\n\t2\t0\t0\t1\t3\tg\n');
  t.is(await b.ok('update_group --refresh g'), '');
  t.is(await b.ok('list_group g'), '\tACTIVE\tBUSY\tDOWN\tUNKNOWN\tTOTAL\n\t3\t0\t0\t0\t3\tg\n');

  t.is(await b.ok('update_group g --remove 10.77.0.[12-13]@tcp'), '');
  t.is(b.nodes[0]?.selftest.node.sessions.current, null);
  t.is(await b.ok('list_group -l g'), 'Group [ g ]\n\t12345-10.77.0.14@tcp: Active\nTotal 1 nodes [ g ]\n');
  t.is((await b.lst('update_group g --remove 10.77.0.99@tcp')).status, 255);

  t.is(await b.ok('update_group g --clean invalid'), '');
  t.is(await b.ok('update_group g --clean active'), '');
  t.is(await b.ok('list_group'), 'Total 0 groups\n', 'a group that becomes empty is deleted');
  t.is(b.nodes[2]?.selftest.node.sessions.current, null);
});

test('a group that a test uses cannot be changed or deleted', async (t) => {
  const b = await lstBench();
  await b.ok('new_session x');
  await b.ok('add_group g 10.77.0.12@tcp');
  await b.ok('add_group h 10.77.0.13@tcp');
  await b.ok('add_test --from g --to h ping');
  for (const [line, doing] of [
    ['del_group g', 'delete group'],
    ['update_group h --remove 10.77.0.13@tcp', 'remove nodes'],
    ['update_group g --clean active', 'clean group'],
  ])
    t.like(await b.lst(line as string), { status: 255, err: `Failed to ${doing}: Device or resource busy\n` });
});

test('ping shows the session of active and busy nodes, and of others nothing', async (t) => {
  const b = await lstBench({ nids: [nidAt(0), nidAt(1), nidAt(2)] });
  await b.ok('new_session demo');
  await b.ok('add_group g 10.77.0.[12-14]@tcp');
  b.nodes[1]?.selftest.node.sessions.close(() => undefined);
  b.net.node(nidAt(2)).crash();
  t.is(
    await b.ok('ping --session --timeout 6'),
    '\t12345-10.77.0.12@tcp: Active [session: demo id: 10.77.0.11@tcp]\n' +
      '\t12345-10.77.0.13@tcp: Unknown [session: <NULL> id: <?>]\n' +
      '\t12345-10.77.0.14@tcp: Down [session: <NULL> id: <?>]\n',
  );
  t.is(
    await b.ok('ping --nodes 10.77.0.[12,14]@tcp'),
    '\t12345-10.77.0.12@tcp: Active [session: demo id: 10.77.0.11@tcp]\n' +
      '\t12345-10.77.0.14@tcp: Down [session: <NULL> id: <?>]\n',
  );
  t.is(await b.ok('ping --batch batch'), 'Target batch is empty\n');
  t.is(await b.ok('ping --batch batch --server'), 'Target batch is empty\n');
  t.is((await b.lst('ping --group nosuch')).status, 255);
});

test('a wait of less than 6 s leaves a silent node as it was, one of 6 s makes it Down', async (t) => {
  const b = await lstBench();
  await b.ok('new_session demo');
  await b.ok('add_group g 10.77.0.[12-13]@tcp');
  b.net.node(nidAt(1)).crash();
  t.is(
    await b.ok('ping --group g --timeout 5'),
    '\t12345-10.77.0.12@tcp: Active [session: demo id: 10.77.0.11@tcp]\n' +
      '\t12345-10.77.0.13@tcp: Active [session: Unknown id: <?>]\n',
  );
  const asked = b.net.clock.now();
  await b.ok('ping --group g --timeout 100');
  t.true(b.net.clock.now() - asked <= 31 * S, 'the wait is at most 30 s');
  t.is(await b.ok('list_group g'), '\tACTIVE\tBUSY\tDOWN\tUNKNOWN\tTOTAL\n\t1\t0\t1\t0\t2\tg\n');
});

test('the console may be a node of its own session', async (t) => {
  const b = await lstBench();
  await b.ok('new_session demo');
  await b.ok('add_group own 10.77.0.11@tcp');
  await b.ok('add_group other 10.77.0.12@tcp');
  await b.ok('add_test --from own --to other --loop 20 brw write size=64K check=full');
  await b.ok('add_test --from other --to own --loop 20 brw read size=64K check=full');
  await b.ok('run');
  b.net.advance({ us: 2 * S });
  t.is(await b.ok('query'), 'batch [0] is stopped\n');
  t.is(await b.ok('show_error own other'), 'own:\nTotal 0 error nodes in own\nother:\nTotal 0 error nodes in other\n');
  t.is(await b.ok('end_session'), 'session is ended\n');
  t.is(b.console.selftest.node.sessions.current, null);
});

test('a node may join a group by itself, and nobody waits when there is no session', async (t) => {
  const b = await lstBench();
  const { RawPeer } = await import('../../testing/raw-peer.test-support.ts');
  const { SERVICES } = await import('../../wire/service.ts');
  const { JOIN_REPLY, JOIN_REQUEST } = await import('../../wire/session-message.ts');
  const { NULL_SESSION_ID } = await import('../../wire/session-id.ts');
  const joiner = await machine(b.net, '10.77.0.20@tcp');
  const peer = new RawPeer(b.net, joiner.core, b.console.core.nid);
  const join = (sid = NULL_SESSION_ID, group = 'late') =>
    peer.ask(SERVICES.join, [JOIN_REQUEST, JOIN_REPLY], { sid, group })?.body;
  t.like(join(), { status: 3, sid: NULL_SESSION_ID });
  await b.ok('new_session demo');
  t.like(join({ nid: 1n, stamp: 1n }), { status: 16 });
  t.like(join(NULL_SESSION_ID, ''), { status: 22 });
  t.like(join(), { status: 0, session: 'demo', timeout: 300 });
  t.is(await b.ok('list_group -l late'), 'Group [ late ]\n\t12345-10.77.0.20@tcp: Active\nTotal 1 nodes [ late ]\n');
});
