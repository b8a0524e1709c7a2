import test from 'ava';
import { viewOf } from '../../../lnet/wire/layout.ts';
import { parseNid } from '../../../lnet/wire/nid.ts';
import { seededRandom } from '../../../lnet/random.ts';
import { lstBench } from '../testing/lst-bench.test-support.ts';
import { nidAt, type Sent, tapped } from '../testing/node-bench.test-support.ts';
import { decodeDestinations } from '../wire/destination-list.ts';
import { SERVICES } from '../wire/service.ts';
import { NULL_SESSION_ID } from '../wire/session-id.ts';
import { SRPC_BODY_AT, SRPC_HDR } from '../wire/srpc-message.ts';
import { TEST_REQUEST } from '../wire/test-message.ts';
import { ConsoleNode, NODE_ACTIVE, NODE_BUSY, NODE_DOWN, NODE_STATE_NAMES, NODE_UNKNOWN } from './console-node.ts';
import { destinationsOf, serverLoop } from './distribution.ts';

const S = 1_000_000;

/** Types of the framework requests among these messages, with their targets. */
function requests(sent: readonly Sent[]): string[] {
  return sent
    .filter(({ portal }) => portal === 51)
    .map(({ payload, to }) => {
      const { type } = SRPC_HDR.decode(viewOf(payload));
      const service = Object.values(SERVICES).find(({ request }) => request.type === type);
      return `${service?.name} ${to}`;
    });
}

test('Distribution examples of 8.5 are reproduced.', (t) => {
  const servers = ['d0', 'd1', 'd2', 'd3'];
  const of = (dist: number, span: number): string[] =>
    [0, 1, 2, 3].map((index) => destinationsOf(index, servers, { dist, span }).join(' '));
  t.deepEqual(of(1, 1), ['d0', 'd1', 'd2', 'd3']);
  t.deepEqual(of(2, 1), ['d0', 'd0', 'd1', 'd1']);
  t.deepEqual(of(1, 2), ['d0 d1', 'd2 d3', 'd0 d1', 'd2 d3']);
  t.deepEqual(of(1, 3), ['d0 d1 d2', 'd3 d0 d1', 'd2 d3 d0', 'd1 d2 d3']);
  t.deepEqual(of(4, 4), new Array(4).fill('d0 d1 d2 d3'));
});

test('a server is told of as many buffers as any server can need', (t) => {
  t.is(serverLoop({ dist: 1, span: 1 }, { clients: 1, servers: 1, concurrency: 2 }), 2, 'as recorded');
  t.is(serverLoop({ dist: 1, span: 1 }, { clients: 4, servers: 4, concurrency: 8 }), 8);
  t.is(serverLoop({ dist: 2, span: 1 }, { clients: 5, servers: 2, concurrency: 3 }), 12);
  t.is(serverLoop({ dist: 4, span: 4 }, { clients: 4, servers: 4, concurrency: 2 }), 8);
});

test('Server-side TEST precedes client-side TEST, with loop = nmax·dist·concur.', async (t) => {
  const b = await lstBench({ nids: [0, 1, 2, 3].map(nidAt) });
  await b.ok('new_session x');
  await b.ok('add_group c 10.77.0.[12-13]@tcp');
  await b.ok('add_group s 10.77.0.[14-15]@tcp');
  const sent = tapped(b.console.core);
  await b.ok('add_test --concurrency 3 --distribute 2:2 --loop 9 --from c --to s brw write size=8K');
  t.deepEqual(requests(sent), [
    'test 10.77.0.14@tcp',
    'test 10.77.0.15@tcp',
    'test 10.77.0.12@tcp',
    'test 10.77.0.13@tcp',
  ]);
  const bodies = sent
    .filter(({ portal }) => portal === 51)
    .map(({ payload }) => TEST_REQUEST.body.decode(viewOf(payload), SRPC_BODY_AT));
  for (const body of bodies.slice(0, 2))
    t.like(body, { isClient: 0, ndest: 0, bulkid: 0n, loop: 6, concur: 3, stopOnError: 1 });
  for (const body of bodies.slice(2)) t.like(body, { isClient: 1, ndest: 2, loop: 9, concur: 3, stopOnError: 1 });
  const lists = sent.filter(({ kind }) => kind === 'REPLY').map(({ payload }) => decodeDestinations(payload, 2, true));
  t.deepEqual(
    lists.map((list) => list?.map(({ nid, pid }) => `${pid}-${nid}`)),
    [1, 2].map(() => ['12345-10.77.0.14@tcp', '12345-10.77.0.15@tcp']),
  );
});

test('a server that refuses its instance keeps the clients from hearing of the test; it is listed all the same', async (t) => {
  const b = await lstBench();
  await b.ok('new_session x');
  await b.ok('add_group c 10.77.0.12@tcp');
  await b.ok('add_group s 10.77.0.13@tcp');
  b.nodes[1]?.selftest.node.sessions.close(() => undefined);
  const sent = tapped(b.console.core);
  t.like(await b.lst('add_test --from c --to s ping'), {
    status: 253,
    out: '',
    err: 'operation add test failed on 12345-10.77.0.13@tcp: No such file or directory\n',
  });
  t.deepEqual(requests(sent), ['test 10.77.0.13@tcp']);
  t.regex(await b.ok('list_batch batch'), /Tests: 1 /);
});

test('Node states follow the sid of each reply; timeouts of ≥ 6 s make a node Down.', async (t) => {
  const b = await lstBench();
  await b.ok('new_session x');
  const session = b.console.selftest.console.look();
  const node = new ConsoleNode({ nid: parseNid('10.0.0.1@tcp'), pid: 12345 });
  const stateAfter = (act: () => void): string => {
    act();
    return NODE_STATE_NAMES[node.state];
  };
  t.is(node.state, NODE_UNKNOWN);
  t.is(
    stateAfter(() => session.heard(node, session.sid)),
    NODE_STATE_NAMES[NODE_ACTIVE],
  );
  t.is(
    stateAfter(() => session.heard(node, { nid: 1n, stamp: 1n })),
    NODE_STATE_NAMES[NODE_BUSY],
  );
  t.is(
    stateAfter(() => session.heard(node, NULL_SESSION_ID)),
    NODE_STATE_NAMES[NODE_UNKNOWN],
  );
  t.is(
    stateAfter(() => session.heard(node, { nid: 0n, stamp: 0n })),
    'Unknown',
    'a sid that is not set tells nothing',
  );
  const now = b.net.clock.now();
  t.is(
    stateAfter(() => session.silent(node, now - 1)),
    'Unknown',
    'something newer was received',
  );
  t.is(
    stateAfter(() => session.silent(node, now)),
    NODE_STATE_NAMES[NODE_DOWN],
  );

  await b.ok('add_group g 10.77.0.[12-13]@tcp');
  b.net.node(nidAt(1)).crash();
  await b.ok('ping --timeout 5 --group g');
  t.regex(await b.ok('list_group g'), /\t2\t0\t0\t0\t2\tg/);
  await b.ok('ping --timeout 6 --group g');
  t.regex(await b.ok('list_group g'), /\t1\t0\t1\t0\t2\tg/);
});

test('a request that cannot be sent leaves the state of its node as it was', async (t) => {
  const b = await lstBench();
  await b.ok('new_session x');
  await b.ok('add_group g 10.77.0.12@tcp');
  b.console.core.failNids.set(parseNid(nidAt(0)), 1);
  t.is(await b.ok('ping --timeout 6 --group g'), '\t12345-10.77.0.12@tcp: Active [session: Unknown id: <?>]\n');
});

/** The title is the checklist's; here the node is ours, and its rules are those that a kernel node was seen to follow. */
test("A kernel node stays in a TypeScript console's session for more than 10 minutes with no CLI activity other than keep-alive-enabled commands (keep-alive works), and leaves it after console idle timeout.", async (t) => {
  const b = await lstBench();
  await b.ok('new_session --timeout 900 x');
  await b.ok('add_group g 10.77.0.[12-13]@tcp');
  const sent = tapped(b.console.core);
  b.net.advance({ us: 660 * S });
  t.true(b.nodes.every(({ selftest }) => selftest.node.sessions.current !== null));
  const pings = requests(sent);
  t.deepEqual([...new Set(pings)], ['debug 10.77.0.12@tcp', 'debug 10.77.0.13@tcp']);
  // A node that answered at 50 s of silence is asked again 50 s later, at the next look of every 8 s.
  t.true(pings.length >= 20 && pings.length <= 26, String(pings.length));
  b.net.advance({ us: 250 * S });
  t.true(b.nodes.every(({ selftest }) => selftest.node.sessions.current === null));
  await b.net.settled(Promise.resolve());
  t.is(b.console.selftest.console.session, null);
  t.like(await b.lst('list_group'), { status: 255, err: 'No session exists\n' });
  t.is((await b.lst('new_session y')).status, 0);
});

test('a node that was invited twice is let go twice', async (t) => {
  const b = await lstBench();
  await b.ok('new_session x');
  await b.ok('add_group g 10.77.0.[12-13]@tcp');
  const session = b.console.selftest.console.look();
  const node = session.nodes.get(parseNid(nidAt(0)));
  if (!node) throw new Error('no node');
  node.state = NODE_DOWN;
  await b.ok('update_group --refresh g');
  t.is(b.nodes[0]?.selftest.node.sessions.current?.references, 2);
  await b.ok('end_session');
  t.is(b.nodes[0]?.selftest.node.sessions.current, null);
});

test('nodes of other features are refused once the first node has settled them', async (t) => {
  const b = await lstBench();
  await b.ok('new_session x');
  const session = b.console.selftest.console.look();
  // The first node is in the session already, without BULK_LEN: it joined by itself.
  b.nodes[0]?.selftest.node.sessions.make(session.sid, { name: 'x', features: 0, forces: false });
  t.deepEqual(await b.lst('add_group g 10.77.0.[12-13]@tcp'), {
    status: 253,
    out: '',
    err:
      'operation make session failed on 12345-10.77.0.13@tcp: Protocol error\n' +
      'Session is running in compatible mode, features: 0 of 1\n',
  });
  t.is(session.features, 0);
});

test('two consoles at once drive their own nodes, and one node is in one session only', async (t) => {
  const b = await lstBench({ nids: [0, 1, 2, 3].map(nidAt) });
  const { machine } = await import('../testing/lst-bench.test-support.ts');
  const { addNodes } = await import('./groups.ts');
  const { statNodes } = await import('./queries.ts');
  const second = await machine(b.net, '10.77.0.10@tcp');
  await b.ok('new_session ours');
  await b.ok('add_group c 10.77.0.12@tcp');
  await b.ok('add_group s 10.77.0.13@tcp');
  const spec = { name: 'theirs', key: 1, timeoutS: 300, forces: false, features: 1 };
  const session = await second.selftest.console.newSession(spec);
  const group = session.addGroup('all');
  const outcomes = await b.net.settled(
    addNodes(
      session,
      group,
      [0, 2, 3].map((index) => parseNid(nidAt(index))),
    ),
  );
  t.deepEqual(
    outcomes.map((outcome) => (outcome.kind === 'framework' ? outcome.errno : outcome.kind)),
    [16, 'ok', 'ok'],
  );
  await b.ok('add_test --loop 30 --from c --to s ping');
  await b.ok('run');
  const stats = await b.net.settled(statNodes(session, group.nodes, 5));
  t.deepEqual(
    stats.map(({ kind }) => kind),
    ['framework', 'ok', 'ok'],
  );
  b.net.advance({ us: S });
  t.is(await b.ok('query'), 'batch [0] is stopped\n');
  await b.ok('end_session');
  t.is(b.nodes[2]?.selftest.node.sessions.current?.name, 'theirs');
});

for (let seed = 1; seed <= 2; seed++) {
  test(`nothing is left of sessions that were made and ended in whatever weather: seed ${seed}`, async (t) => {
    const b = await lstBench({ net: { seed, conditions: { latencyUs: 1000, jitterUs: 2000 } } });
    const dice = seededRandom(seed);
    const all = [b.console, ...b.nodes];
    const before = all.map(({ core }) => core.held);
    const lines = [
      'new_session --force x',
      'add_group c 10.77.0.12@tcp',
      'add_group s 10.77.0.13@tcp',
      'add_test --concurrency 4 --from c --to s brw write size=32K check=full',
      'add_test --from s --to c ping',
      'run',
      'query --all',
      'stat --count 1 --delay 1 c s',
      'stop --force',
      'update_group c --refresh',
    ];
    for (let round = 0; round < 4; round++) {
      for (const line of lines) {
        const cut = dice.below(4) === 0 ? b.net.isolate(nidAt(dice.below(2))) : undefined;
        await b.lst(line);
        cut?.heal();
      }
      b.net.advance({ us: dice.below(3 * S) });
    }
    await b.lst('stop --force');
    await b.lst('end_session');
    b.net.advance({ us: 300 * S });
    t.deepEqual(
      all.map(({ core }) => core.held),
      before,
    );
  });
}
