import test from 'ava';
import { EBUSY, ESRCH } from '../../../lnet/errno.ts';
import { parseNid } from '../../../lnet/wire/nid.ts';
import { seededRandom } from '../../../lnet/random.ts';
import {
  type Bench,
  bench,
  brwParams,
  HandConsole,
  nidAt,
  rest,
  type Served,
  sidOf,
  tapped,
} from '../testing/node-bench.test-support.ts';
import { NOTHING_HELD, SimCore } from '../testing/sim-core.test-support.ts';
import { SRPC_BATCH_OPC_RUN, SRPC_BATCH_OPC_STOP } from '../wire/batch-message.ts';
import { BRW_REPLY, LST_BRW_READ, LST_BRW_WRITE } from '../wire/brw-message.ts';
import { SERVICES } from '../wire/service.ts';
import { LST_LOOP_ENDLESS } from '../wire/test-message.ts';

const sid = sidOf(1);
const S = 1_000_000;

/** What a node at rest holds: its request buffers, and nothing for anybody else. */
function holdings({ core, node }: Served): object {
  return { ...core.held, units: node.budget.units, bulk: node.serverMemory.inUse, zombies: node.sessions.zombieCount };
}

/** Starts an endless mix of pings, reads and writes from node 0 to node 1. */
function startMix({ peer }: Bench, concur = 4): void {
  const destinations = [parseNid(nidAt(1))];
  peer.makeSession(sid);
  peer.addTest({ sid, loop: LST_LOOP_ENDLESS, concur, destinations });
  for (const opc of [LST_BRW_READ, LST_BRW_WRITE]) {
    const params = brwParams({ opc, length: 65_536 });
    peer.addTest({ sid, service: SERVICES.brw.id, loop: LST_LOOP_ENDLESS, concur, params, destinations });
  }
  peer.batch(sid, 1n, SRPC_BATCH_OPC_RUN);
}

test('nothing is left of a session that ran, stopped and ended', async (t) => {
  const b = await bench({ nodes: 2 });
  const before = b.nodes.map(holdings);
  startMix(b);
  b.net.advance({ us: 200_000 });
  b.peer.batch(sid, 1n, SRPC_BATCH_OPC_STOP);
  rest(b);
  b.peer.removeSession(sid);
  b.net.runUntilIdle();
  t.deepEqual(b.nodes.map(holdings), before);
});

test('a node that closes in the middle of everything gives all its memory back', async (t) => {
  const b = await bench({ nodes: 2 });
  startMix(b);
  b.net.advance({ us: 200_000 });
  for (const { node, core } of b.nodes) {
    await b.net.settled(node.close());
    t.deepEqual(core.held, NOTHING_HELD);
  }
});

test('a server killed in mid-test: the units on the client end by their errors, and all memory comes back', async (t) => {
  const b = await bench({ nodes: 2 });
  const [client] = b.nodes;
  if (!client) throw new Error('no client');
  const before = holdings(client);
  startMix(b);
  b.net.advance({ us: 200_000 });
  b.net.node(nidAt(1)).crash();
  for (let waited = 0; waited < 3; waited++) {
    b.net.advance({ us: 60 * S });
    b.peer.debug(sid);
  }
  t.false(client.node.sessions.current?.batchOf(1n)?.isRunning);
  t.like(b.peer.stat(sid), { pingErrors: 4, brwErrors: 8, activeBatches: 0 });
  b.peer.removeSession(sid);
  t.deepEqual(holdings(client), before);
});

test('a client killed in mid-test leaves nothing on the server once LNet gives its data up', async (t) => {
  const b = await bench({ nodes: 2 });
  const server = b.nodes[1] as Served;
  const before = holdings(server);
  startMix(b);
  b.net.advance({ us: 200_000 });
  b.net.node(nidAt(0)).crash();
  b.net.advance({ us: 300 * S });
  t.deepEqual(holdings(server), before);
});

test('a console killed in mid-test: the session ends by its timer, running RPCs are aborted', async (t) => {
  const b = await bench({ nodes: 2 });
  const [client] = b.nodes;
  if (!client) throw new Error('no client');
  const before = holdings(client);
  b.net.shape({ between: [nidAt(0), nidAt(1)] }, { latencyUs: 20_000 });
  startMix(b, 1);
  b.net.node('10.77.0.11@tcp').crash();
  b.net.advance({ us: 99 * S });
  t.truthy(client.node.sessions.current);
  b.net.advance({ us: 10 * S });
  t.is(client.node.sessions.current, null);
  t.deepEqual(holdings(client), before);
  const { rpcsSent } = client.context.counters;
  b.net.advance({ us: 10 * S });
  t.is(client.context.counters.rpcsSent, rpcsSent);
});

test('two consoles at once: the second gets EBUSY and the name, and cannot touch the session of the first', async (t) => {
  const b = await bench({ nodes: 2 });
  const rival = new HandConsole(b.net, await SimCore.open(b.net, '10.77.0.10@tcp'), parseNid(nidAt(0)));
  const other = sidOf(2);
  startMix(b, 1);
  t.like(rival.makeSession(other), { status: EBUSY, sid, name: 'test' });
  t.like(rival.batch(other, 1n, SRPC_BATCH_OPC_STOP), { status: ESRCH, sid });
  t.like(rival.stat(other), { status: ESRCH, sid });
  t.like(rival.removeSession(other), { status: EBUSY, sid });
  t.true(b.nodes[0]?.node.sessions.current?.batchOf(1n)?.isRunning);
  t.like(rival.makeSession(other, { force: 1 }), { status: 0, sid: other });
  t.like(b.peer.batch(sid, 1n, SRPC_BATCH_OPC_STOP), { status: ESRCH, sid: other });
});

test('ending a session aborts what this node is serving, for anybody, without reply', async (t) => {
  const b = await bench({ nodes: 2 });
  const server = b.nodes[1] as Served;
  const console = b.console(1);
  console.makeSession(sid);
  b.peer.makeSession(sid);
  const params = brwParams({ opc: LST_BRW_WRITE, length: 65_536 });
  const destinations = [parseNid(nidAt(1))];
  b.peer.addTest({ sid, service: SERVICES.brw.id, loop: LST_LOOP_ENDLESS, params, destinations });
  b.peer.batch(sid, 1n, SRPC_BATCH_OPC_RUN);
  b.net.shape({ between: [nidAt(0), nidAt(1)] }, { latencyUs: 50_000 });
  b.net.advance({ us: 500_000 });
  const sent = tapped(server.core);
  const aborted = server.context.counters.drops.aborted;
  b.net.runUntil(() => server.node.serverMemory.inUse > 0, 'a checked write is being served');
  console.removeSession(sid);
  b.net.advance({ us: 200_000 });
  t.true(server.context.counters.drops.aborted > aborted);
  t.is(server.node.serverMemory.inUse, 0);
  const replies = sent.filter(({ length, payload }) => length === 160 && payload.readUInt32LE(8) === BRW_REPLY.type);
  t.deepEqual(replies, []);
});

for (let seed = 1; seed <= 4; seed++) {
  test(`whatever happens to the links, all memory comes back in the end: seed ${seed}`, async (t) => {
    const b = await bench({
      nodes: 3,
      net: { seed, conditions: { latencyUs: 2_000, jitterUs: 3_000 } },
      node: { rpcTimeoutS: 3, sessionTimeoutS: 10 },
    });
    const dice = seededRandom(seed);
    const before = b.nodes.map(holdings);
    const pending = b.nodes.map((_, index) => index);
    for (const index of pending) {
      const console = b.console(index);
      console.makeSession(sid);
      const destinations = pending.filter((other) => other !== index).map((other) => parseNid(nidAt(other)));
      for (const opc of [LST_BRW_READ, LST_BRW_WRITE]) {
        const params = brwParams({ opc, length: 8 * (1 + dice.below(20_000)), flags: 1 + dice.below(3) });
        const stopOnError = dice.below(2);
        console.addTest({
          sid,
          service: SERVICES.brw.id,
          loop: -1 >>> 0,
          concur: 2,
          params,
          destinations,
          stopOnError,
        });
      }
      console.addTest({ sid, loop: -1 >>> 0, concur: 2, destinations });
      console.batch(sid, 1n, SRPC_BATCH_OPC_RUN);
    }
    for (let round = 0; round < 8; round++) {
      const cut = b.net.isolate(nidAt(dice.below(3)));
      b.net.advance({ us: dice.below(4 * S) });
      cut.heal();
      b.net.advance({ us: dice.below(S) });
      if (dice.below(3) === 0) b.console(dice.below(3)).batch(sid, 1n, SRPC_BATCH_OPC_STOP, { arg: dice.below(2) });
      if (dice.below(4) === 0) b.console(dice.below(3)).batch(sid, 1n, SRPC_BATCH_OPC_RUN);
      if (dice.below(8) === 0) b.console(dice.below(3)).makeSession(sidOf(100 + round), { force: 1 });
    }
    b.net.advance({ us: 250 * S });
    t.deepEqual(b.nodes.map(holdings), before);
    b.net.runUntilIdle();
  });
}
