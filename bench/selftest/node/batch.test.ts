import test from 'ava';
import { ENOENT, ESRCH } from '../../../lnet/errno.ts';
import { parseNid } from '../../../lnet/wire/nid.ts';
import { type Bench, bench, brwParams, nidAt, rest, sidOf, tapped } from '../testing/node-bench.test-support.ts';
import { SimCore } from '../testing/sim-core.test-support.ts';
import type { NodeOptions } from './node-options.ts';
import { SRPC_BATCH_OPC_QUERY, SRPC_BATCH_OPC_RUN, SRPC_BATCH_OPC_STOP } from '../wire/batch-message.ts';
import { SERVICES } from '../wire/service.ts';
import { LST_LOOP_ENDLESS } from '../wire/test-message.ts';

const sid = sidOf(1);
const target = [parseNid(nidAt(1))];
/** A node of LNet that drops every request. */
const DEAF_NID = '10.77.0.99@tcp';
const S = 1_000_000;

/** Two nodes, of which the first has a session; the second one serves. */
async function pair(node?: Partial<NodeOptions>): Promise<Bench> {
  const b = await bench({ nodes: 2, ...(node ? { node } : {}) });
  b.peer.makeSession(sid);
  return b;
}

const pings = (messages: ReturnType<typeof tapped>): number =>
  messages.filter((message) => message.portal === 50 && message.matchBits === 12n).length;

test('Batch run twice: second is a no-op with status 0. Stop on idle: status 0.', async (t) => {
  const b = await pair({ rpcTimeoutS: 10 });
  const { peer } = b;
  await SimCore.open(b.net, DEAF_NID);
  t.like(peer.batch(sid, 1n, SRPC_BATCH_OPC_RUN), { status: ENOENT });
  peer.addTest({ sid, loop: 3, destinations: [parseNid(DEAF_NID)] });
  t.like(peer.batch(sid, 1n, SRPC_BATCH_OPC_STOP), { status: 0, sid });
  t.like(peer.batch(sid, 1n, SRPC_BATCH_OPC_RUN), { status: 0, sid });
  t.like(peer.batch(sid, 1n, SRPC_BATCH_OPC_RUN), { status: 0, sid });
  t.like(peer.batch(sid, 1n, SRPC_BATCH_OPC_QUERY), { active: 1 });
  b.net.advance({ us: 11 * S });
  t.like(peer.stat(sid), { rpcsExpired: 1, pingErrors: 1, activeBatches: 0 });
});

test('BATCH from another session is refused with ESRCH, an unknown opcode gets no reply', async (t) => {
  const { peer, nodes } = await pair();
  t.like(peer.batch(sidOf(2), 1n, SRPC_BATCH_OPC_RUN), { status: ESRCH, sid });
  peer.addTest({ sid, isClient: 0 });
  t.is(peer.batch(sid, 1n, 4), undefined);
  t.is(nodes[0]?.context.counters.drops.bad_batch_opcode, 1);
});

test('loop N makes exactly N RPCs per unit; loop 0xFFFFFFFF runs until stopped.', async (t) => {
  const b = await pair();
  const { peer, nodes, net } = b;
  const sent = tapped(...nodes.map(({ core }) => core));
  peer.addTest({ sid, loop: 7, concur: 3, destinations: target });
  peer.batch(sid, 1n, SRPC_BATCH_OPC_RUN);
  rest(b);
  t.is(pings(sent), 21);
  peer.batch(sid, 1n, SRPC_BATCH_OPC_RUN);
  rest(b);
  t.is(pings(sent), 42, 'a finished batch runs again with its loops');

  peer.addTest({ sid, bid: 2n, loop: LST_LOOP_ENDLESS, destinations: target });
  peer.batch(sid, 2n, SRPC_BATCH_OPC_RUN);
  net.advance({ us: S });
  const soFar = pings(sent);
  t.true(soFar > 5000);
  t.like(peer.batch(sid, 2n, SRPC_BATCH_OPC_QUERY), { active: 1 });
  peer.batch(sid, 2n, SRPC_BATCH_OPC_STOP);
  rest(b, 2n);
  const stopped = pings(sent);
  net.advance({ us: S });
  t.is(pings(sent), stopped);
});

test('ndest × concur RPCs are in flight in steady state.', async (t) => {
  const b = await bench({ nodes: 3 });
  const { peer, nodes, net } = b;
  peer.makeSession(sid);
  peer.addTest({
    sid,
    loop: LST_LOOP_ENDLESS,
    concur: 5,
    destinations: [parseNid(nidAt(1)), parseNid(nidAt(2))],
  });
  const sent = tapped(...nodes.map(({ core }) => core));
  net.shape({ from: nidAt(0) }, { latencyUs: 5_000, jitterUs: 4_000 });
  const received = (): number => nodes[0]?.core.counters.recv_count ?? 0;
  const runRequest = 1;
  const before = received() + runRequest;
  peer.batch(sid, 1n, SRPC_BATCH_OPC_RUN);
  for (let sample = 0; sample < 50; sample++) {
    net.advance({ us: 1_700 });
    t.is(pings(sent) - (received() - before), 10);
  }
});

test('stop without force lets RPCs finish; with force aborts them and does not count errors.', async (t) => {
  const b = await bench({ nodes: 3 });
  const { peer, nodes, net } = b;
  peer.makeSession(sid);
  for (const [bid, index] of [
    [1n, 1],
    [2n, 2],
  ] as const)
    peer.addTest({ sid, bid, loop: LST_LOOP_ENDLESS, concur: 8, destinations: [parseNid(nidAt(index))] });
  net.shape({ from: nidAt(0) }, { latencyUs: 20_000 });
  net.shape({ to: nidAt(0) }, { latencyUs: 20_000 });
  peer.batch(sid, 1n, SRPC_BATCH_OPC_RUN);
  net.advance({ us: 30_000 });
  peer.batch(sid, 1n, SRPC_BATCH_OPC_STOP);
  const counters = nodes[0]?.context.counters;
  t.like(peer.batch(sid, 1n, SRPC_BATCH_OPC_QUERY), { status: 0, active: 0 });
  t.like(peer.stat(sid), { pingErrors: 0, rpcErrors: 0, rpcsExpired: 0 });

  net.isolate(nidAt(2));
  peer.batch(sid, 2n, SRPC_BATCH_OPC_RUN);
  net.advance({ us: 2 * S });
  peer.batch(sid, 2n, SRPC_BATCH_OPC_STOP);
  net.advance({ us: 2 * S });
  t.like(peer.batch(sid, 2n, SRPC_BATCH_OPC_QUERY), { active: 1 }, 'without force it waits for the RPCs');
  t.like(peer.batch(sid, 2n, SRPC_BATCH_OPC_STOP, { arg: 1 }), { status: 0 });
  net.advance({ us: 60 * S });
  t.like(peer.batch(sid, 2n, SRPC_BATCH_OPC_QUERY), { status: 0, active: 0 });
  t.like(peer.stat(sid), { pingErrors: 0, rpcsExpired: 0, activeBatches: 0 });
  t.is(counters?.rpcsExpired, 0);
});

test('query index 0 counts running client instances, index k counts units; server instances take an index.', async (t) => {
  const { peer, net } = await pair();
  peer.addTest({ sid, loop: LST_LOOP_ENDLESS, concur: 2, destinations: target });
  peer.addTest({ sid, isClient: 0 });
  peer.addTest({ sid, loop: LST_LOOP_ENDLESS, concur: 3, destinations: [...target, ...target] });
  const active = (testidx: number) => peer.batch(sid, 1n, SRPC_BATCH_OPC_QUERY, { testidx });
  t.deepEqual(
    [0, 1, 2, 3].map((index) => active(index)?.active),
    [0, 0, 0, 0],
  );
  net.isolate(nidAt(1));
  peer.batch(sid, 1n, SRPC_BATCH_OPC_RUN);
  t.deepEqual(
    [0, 1, 2, 3].map((index) => active(index)?.active),
    [2, 2, 0, 6],
  );
  t.like(active(4), { status: ENOENT, active: 0 });
});

test('stop_onerr: unit ends after its first failed RPC, others continue.', async (t) => {
  const b = await pair({ rpcTimeoutS: 1 });
  const { peer, net } = b;
  await SimCore.open(net, DEAF_NID);
  const both = [parseNid(nidAt(1)), parseNid(DEAF_NID)];
  net.shape({ between: [nidAt(0), nidAt(1)] }, { latencyUs: 10_000 });
  peer.addTest({ sid, loop: LST_LOOP_ENDLESS, concur: 2, destinations: both });
  peer.addTest({ sid, bid: 2n, loop: 3, stopOnError: 0, destinations: [parseNid(DEAF_NID)] });
  peer.batch(sid, 1n, SRPC_BATCH_OPC_RUN);
  net.advance({ us: 5 * S });
  t.like(peer.batch(sid, 1n, SRPC_BATCH_OPC_QUERY, { testidx: 1 }), { active: 2 });
  t.like(peer.stat(sid), { pingErrors: 2, rpcsExpired: 2 });

  peer.batch(sid, 2n, SRPC_BATCH_OPC_RUN);
  rest(b, 2n);
  t.like(peer.stat(sid), { pingErrors: 5, rpcsExpired: 5 }, 'without stop_onerr all three loops are made');
});

test('a test on the node itself goes over loopback and leaves the loop of events free', async (t) => {
  const b = await pair();
  const { peer, nodes, net } = b;
  const sent = tapped(...nodes.map(({ core }) => core));
  const own = [parseNid(nidAt(0))];
  peer.addTest({ sid, loop: 100, concur: 2, destinations: own });
  peer.addTest({ sid, loop: 50, service: SERVICES.brw.id, params: brwParams({}), destinations: own });
  peer.batch(sid, 1n, SRPC_BATCH_OPC_RUN);
  rest(b);
  t.like(peer.stat(sid), { rpcsSent: 250, brwErrors: 0, pingErrors: 0, bulkPut: 50n * 4096n });
  t.is(pings(sent), 0, 'nothing of it touches the network');
  net.runUntilIdle();
});
