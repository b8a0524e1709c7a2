import test from 'ava';
import { EBUSY, EINVAL, EPROTO, ESRCH } from '../../../lnet/errno.ts';
import { bench, nidAt, rest, type Served, sidOf } from '../testing/node-bench.test-support.ts';
import { parseNid } from '../../../lnet/wire/nid.ts';
import { SRPC_BATCH_OPC_QUERY, SRPC_BATCH_OPC_RUN } from '../wire/batch-message.ts';
import { NULL_SESSION_ID } from '../wire/session-id.ts';
import { LST_LOOP_ENDLESS } from '../wire/test-message.ts';

const ZERO = { nid: 0n, stamp: 0n };
const S = 1_000_000;

test('MAKE_SESSION table 6.2 and REMOVE_SESSION table 6.3, row by row, with the stated sid in the reply.', async (t) => {
  const { peer } = await bench();
  const ours = sidOf(1);
  const theirs = sidOf(2);

  t.like(peer.makeSession(ours, { features: 2 }), { status: EPROTO, sid: ZERO });
  t.like(peer.makeSession(NULL_SESSION_ID), { status: EINVAL, sid: NULL_SESSION_ID });
  t.like(peer.removeSession(NULL_SESSION_ID), { status: EINVAL, sid: NULL_SESSION_ID });
  t.like(peer.removeSession(ours), { status: ESRCH, sid: NULL_SESSION_ID });

  t.like(peer.makeSession(ours, { name: 'ours' }), { status: 0, sid: ours, timeout: 100 });
  t.like(peer.makeSession(NULL_SESSION_ID), { status: EINVAL, sid: ours });
  t.like(peer.makeSession(ours), { status: 0, sid: ours, timeout: 100 });
  t.like(peer.makeSession(theirs), { status: EBUSY, sid: ours, timeout: 100, name: 'ours' });
  t.like(peer.removeSession(theirs), { status: EBUSY, sid: ours });
  t.like(peer.removeSession(ours), { status: 0, sid: ours });
  t.like(peer.makeSession(theirs, { force: 1 }), { status: 0, sid: theirs, timeout: 100 });
  t.like(peer.removeSession(theirs), { status: 0, sid: NULL_SESSION_ID });
  t.like(peer.removeSession(theirs), { status: ESRCH, sid: NULL_SESSION_ID });
});

test('Two MAKE_SESSION with one sid need two REMOVE_SESSION.', async (t) => {
  const { peer } = await bench();
  const sid = sidOf(1);
  peer.makeSession(sid);
  peer.makeSession(sid);
  t.like(peer.removeSession(sid), { status: 0, sid });
  t.like(peer.debug(sid), { status: 0, sid });
  t.like(peer.removeSession(sid), { status: 0, sid: NULL_SESSION_ID });
});

test('force replaces a foreign session; running RPCs of the old one are aborted.', async (t) => {
  const { peer, nodes, net } = await bench({ nodes: 2 });
  const client = nodes[0];
  const old = sidOf(1);
  peer.makeSession(old);
  peer.addTest({ sid: old, loop: LST_LOOP_ENDLESS, concur: 4, destinations: [parseNid(nidAt(1))] });
  net.isolate(nidAt(1));
  peer.batch(old, 1n, SRPC_BATCH_OPC_RUN);
  t.is(client?.node.budget.units, 4);
  t.like(peer.makeSession(sidOf(2), { force: 1 }), { status: 0, sid: sidOf(2) });
  net.advance({ us: 100 * S });
  t.is(client?.node.budget.units, 0);
  t.is(client?.node.sessions.zombieCount, 0);
  t.is(client?.context.counters.rpcsExpired, 0);
});

test('Session ends 100 s (to 108 s) after the last framework request; BRW/PING traffic does not prolong it.', async (t) => {
  const { peer, nodes, net } = await bench({ nodes: 2 });
  const sid = sidOf(1);
  peer.makeSession(sid);
  peer.addTest({ sid, loop: LST_LOOP_ENDLESS, destinations: [parseNid(nidAt(1))] });
  // Each round trip takes 100 ms: the pings go on all the time without filling the run with events.
  net.shape({ between: [nidAt(0), nidAt(1)] }, { latencyUs: 50_000 });
  peer.batch(sid, 1n, SRPC_BATCH_OPC_RUN);
  net.advance({ us: 90 * S });
  t.like(peer.debug(sidOf(77)), { status: 0, sid }, 'a request of anybody prolongs it');
  const sent = nodes[0]?.context.counters.rpcsSent ?? 0;
  net.advance({ us: 99 * S });
  t.truthy(nodes[0]?.node.sessions.current);
  t.true((nodes[0]?.context.counters.rpcsSent ?? 0) > sent + 900);
  net.advance({ us: 9 * S });
  t.is(nodes[0]?.node.sessions.current, null);
  t.like(peer.debug(sid), { status: ESRCH });
});

test('a node whose session timeout is 0 keeps its session for ever', async (t) => {
  const { peer, net } = await bench({ node: { sessionTimeoutS: 0 } });
  peer.makeSession(sidOf(1));
  net.advance({ us: 100_000 * S });
  t.like(peer.debug(sidOf(1)), { status: 0, timeout: 0 });
});

test('DEBUG without session: ESRCH, null sid.', async (t) => {
  const { peer } = await bench();
  t.like(peer.debug(sidOf(1)), { status: ESRCH, sid: NULL_SESSION_ID, features: 1 });
});

test('DEBUG tells anybody about the session', async (t) => {
  const { peer } = await bench();
  peer.makeSession(sidOf(1), { name: 'demo' });
  t.like(peer.debug(sidOf(9)), { status: 0, sid: sidOf(1), timeout: 100, name: 'demo', nbatch: 0 });
});

test("Unknown features: EPROTO with features 1; mismatch with session: EPROTO with session's sid.", async (t) => {
  const { peer } = await bench();
  const sid = sidOf(1);
  t.like(peer.makeSession(sid, { features: 3 }), { status: EPROTO, features: 1, sid: ZERO });
  t.like(peer.debug(sid, { features: 2 }), { status: EPROTO, features: 1, sid: ZERO });
  t.like(
    peer.removeSession(sid, { features: 2 }),
    { status: ESRCH, features: 1 },
    'without session nothing to compare',
  );
  t.like(peer.makeSession(sid, { features: 0 }), { status: 0, features: 0, sid });
  t.like(peer.stat(sid, { features: 1 }), { status: EPROTO, features: 1, sid });
  t.like(peer.batch(sid, 1n, SRPC_BATCH_OPC_QUERY, {}, { features: 1 }), { status: EPROTO, features: 1, sid });
  t.like(peer.addTest({ sid, isClient: 0 }, { features: 1 }), { status: EPROTO, features: 1, sid });
  t.like(peer.removeSession(sid, { features: 1 }), { status: EPROTO, features: 1, sid });
  t.like(peer.stat(sid, { features: 0 }), { status: 0, features: 0, sid });
  t.like(peer.debug(sid, { features: 1 }), { status: 0, features: 0, sid }, 'DEBUG minds unknown bits only');
});

test("running_ms starts near 0 at session creation and increases with the node's clock.", async (t) => {
  const { peer, net } = await bench();
  net.advance({ us: 5 * S });
  peer.makeSession(sidOf(1));
  t.true((peer.stat(sidOf(1))?.runningMs ?? 99) <= 1);
  net.advance({ us: 3 * S });
  const running = peer.stat(sidOf(1))?.runningMs ?? 0;
  t.true(running >= 3000 && running <= 3002, String(running));
});

test('QUERY_STAT: EINVAL for the any-NID, ESRCH for another session, no counters then', async (t) => {
  const { peer } = await bench();
  t.like(peer.stat(sidOf(1)), { status: ESRCH, sid: NULL_SESSION_ID });
  peer.makeSession(sidOf(1));
  t.like(peer.stat(NULL_SESSION_ID), { status: EINVAL, sid: sidOf(1), rpcsRcvd: 0 });
  t.like(peer.stat(sidOf(2)), { status: ESRCH, sid: sidOf(1), rpcsRcvd: 0 });
});

test('a stat counts the request that asks for it, and its reply not yet', async (t) => {
  const { peer, nodes } = await bench();
  peer.makeSession(sidOf(1));
  const { recv_count, recv_length, send_count, send_length } = (nodes[0] as Served).core.counters;
  t.like(peer.stat(sidOf(1)), {
    rpcsRcvd: 2,
    lnetRecvCount: recv_count + 1,
    lnetRecvLength: BigInt(recv_length + 160),
    lnetSendCount: send_count,
    lnetSendLength: BigInt(send_length),
  });
});

test('counters of a session begin anew with it, those of the node go on', async (t) => {
  const b = await bench({ nodes: 2, node: { rpcTimeoutS: 1 } });
  const { peer, net } = b;
  peer.makeSession(sidOf(1));
  peer.addTest({ sid: sidOf(1), destinations: [parseNid(nidAt(1))] });
  net.isolate(nidAt(1));
  peer.batch(sidOf(1), 1n, SRPC_BATCH_OPC_RUN);
  rest(b);
  t.like(peer.stat(sidOf(1)), { pingErrors: 1, rpcsExpired: 1 });
  peer.makeSession(sidOf(2), { force: 1 });
  t.like(peer.stat(sidOf(2)), { pingErrors: 0, rpcsExpired: 1 });
});
