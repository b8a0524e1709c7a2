import test from 'ava';
import { EBADMSG, EHOSTUNREACH, EINTR, EIO, ETIMEDOUT } from '../../../lnet/errno.ts';
import { parseNid } from '../../../lnet/wire/nid.ts';
import { SimNet } from '../../../nals/sim/sim-net.ts';
import { HandServer, type SeenRequest } from '../testing/hand-server.test-support.ts';
import { nidAt } from '../testing/node-bench.test-support.ts';
import { introduce, NOTHING_HELD, SimCore } from '../testing/sim-core.test-support.ts';
import { BRW_REQUEST } from '../wire/brw-message.ts';
import { SERVICES } from '../wire/service.ts';
import { encodeSrpc, SRPC_HDR } from '../wire/srpc-message.ts';
import { CLIENT_RPC_MOVES, ClientRpc, type RpcPlan } from './client-rpc.ts';
import { nextState } from './moves.ts';
import { RpcContext } from './rpc-context.ts';
import { SERVER_RPC_MOVES } from './server-rpc.ts';

const S = 1_000_000;

async function setUp() {
  const net = new SimNet({ seed: 1 });
  const core = await SimCore.open(net, nidAt(0));
  const context = new RpcContext(core);
  const other = await SimCore.open(net, nidAt(1));
  await introduce(net, [core, other]);
  const server = new HandServer(other, SERVICES.brw);
  const ended: number[] = [];
  const rpc = new ClientRpc(context, { rpcEnded: ({ status }) => ended.push(status) });
  const target = { nid: parseNid(nidAt(1)), pid: 12345 };
  const plan = (bulk: RpcPlan['bulk'] = null, more: Partial<RpcPlan> = {}): RpcPlan => ({
    service: SERVICES.brw,
    target,
    timeoutUs: 64 * S,
    bulk,
    ...more,
  });
  encodeSrpc(rpc.request, BRW_REQUEST, 1, { rpyid: 0n, bulkid: 0n, rw: 1, length: 8, flags: 1 });
  const start = (bulk?: RpcPlan['bulk'], more?: Partial<RpcPlan>): SeenRequest => {
    rpc.start(plan(bulk, more));
    net.advance({ us: 1000 });
    return server.seen.at(-1) as SeenRequest;
  };
  const settle = (): void => net.advance({ us: 1000 });
  return { net, core, context, server, ended, rpc, start, settle, plan };
}

test('Reply and bulk buffers are posted before the request leaves.', async (t) => {
  const { core, rpc, plan } = await setUp();
  let postedAtSend = -1;
  core.tap = () => {
    postedAtSend = core.held.mds;
  };
  rpc.start(plan({ memory: new Uint8Array(8), direction: 'fromServer' }));
  t.is(postedAtSend, 3, 'those of reply and bulk, and the one of the request itself');
});

test('the reply id is taken before the bulk id, and both are new with each request', async (t) => {
  const { server, rpc, start, settle } = await setUp();
  const first = start({ memory: new Uint8Array(8), direction: 'toServer' });
  server.reply(first, { status: 5 });
  settle();
  const second = start();
  t.is(first.bulkid, first.rpyid + 1n);
  t.is(second.rpyid, first.bulkid + 1n);
  t.is(rpc.state, 'awaitingReply');
});

test('completions are taken in any order: bulk before reply, and reply before bulk', async (t) => {
  const { core, server, ended, rpc, start, settle } = await setUp();
  const memory = new Uint8Array(8);
  const bulk = { memory, direction: 'fromServer' } as const;
  const early = start(bulk);
  server.put(early.from, early.bulkid, new Uint8Array(8).fill(1));
  settle();
  t.deepEqual(ended, []);
  server.reply(early, { status: 0 });
  settle();
  t.deepEqual(ended, [0]);

  const late = start(bulk);
  server.reply(late, { status: 0 });
  settle();
  t.deepEqual(ended, [0]);
  t.is(rpc.state, 'awaitingBulk');
  server.put(late.from, late.bulkid, new Uint8Array(8).fill(2));
  settle();
  t.deepEqual(ended, [0, 0]);
  t.is(memory[0], 2);
  t.deepEqual(core.held, NOTHING_HELD);
});

test('a reply with a status ends an RPC without waiting for its bulk', async (t) => {
  const { core, server, ended, rpc, start, settle } = await setUp();
  const request = start({ memory: new Uint8Array(8), direction: 'fromServer' });
  server.reply(request, { status: EIO });
  settle();
  t.deepEqual(ended, [0]);
  t.is(rpc.replyStatus, EIO);
  t.deepEqual(core.held, NOTHING_HELD);
  server.put(request.from, request.bulkid, new Uint8Array(8));
  settle();
  t.is(core.drops.no_match, 1, 'a late bulk finds nobody');
});

test('a reply that is none fails with EBADMSG', async (t) => {
  const { server, ended, start, settle } = await setUp();
  for (const [at, value] of [
    [SRPC_HDR.at.magic, 1],
    [SRPC_HDR.at.type, SERVICES.ping.reply.type],
  ] as const) {
    server.reply(start(), { status: 0 }, (bytes) => {
      new DataView(bytes.buffer).setUint32(at, value, true);
      return bytes;
    });
    settle();
  }
  server.reply(start(), { status: 0 }, (bytes) => bytes.subarray(0, 159));
  settle();
  t.deepEqual(ended, [-EBADMSG, -EBADMSG, -EBADMSG]);
});

test('the version of a reply is not looked at, and its byte order is found out', async (t) => {
  const { server, ended, rpc, start, settle } = await setUp();
  server.reply(start(), { status: 0 }, (bytes) => {
    new DataView(bytes.buffer).setUint32(SRPC_HDR.at.version, 7, true);
    return bytes;
  });
  settle();
  server.reply(start(), { status: EIO }, undefined, false);
  settle();
  t.deepEqual(ended, [0, 0]);
  t.is(rpc.replyStatus, EIO);
  t.false(rpc.isReplyLittleEndian);
});

test('a bulk shorter than asked for fails, longer than asked for is dropped by LNet', async (t) => {
  const { core, server, ended, start, settle } = await setUp();
  const bulk = { memory: new Uint8Array(8), direction: 'fromServer' } as const;
  const short = start(bulk);
  server.put(short.from, short.bulkid, new Uint8Array(7));
  settle();
  t.deepEqual(ended, [-EBADMSG]);
  const long = start(bulk);
  server.put(long.from, long.bulkid, new Uint8Array(9));
  settle();
  t.is(core.drops.too_long, 1);
  t.deepEqual(ended, [-EBADMSG]);
});

test('a reply from another node than the one asked is not taken', async (t) => {
  const { net, core, server, ended, start, settle } = await setUp();
  const request = start();
  const stranger = new HandServer(await SimCore.open(net, nidAt(2)), SERVICES.brw);
  stranger.reply(request, { status: 0 });
  settle();
  t.deepEqual(ended, []);
  t.is(core.drops.no_match, 1);
  server.reply(request, { status: 0 });
  settle();
  t.deepEqual(ended, [0]);
});

test('the timer ends an RPC with ETIMEDOUT, counts it, and all memory comes back', async (t) => {
  const { net, core, context, ended, start } = await setUp();
  start({ memory: new Uint8Array(8), direction: 'toServer' });
  net.advance({ us: 63 * S });
  t.deepEqual(ended, []);
  net.advance({ us: 2 * S });
  t.deepEqual(ended, [-ETIMEDOUT]);
  t.is(context.counters.rpcsExpired, 1);
  t.deepEqual(core.held, NOTHING_HELD);
});

test('a timeout of 0 never comes', async (t) => {
  const { net, ended, start } = await setUp();
  start(null, { timeoutUs: 0 });
  net.advance({ us: 100_000 * S });
  t.deepEqual(ended, []);
});

test('an abort ends an RPC with its status; a second one changes nothing', async (t) => {
  const { core, context, ended, rpc, start, settle } = await setUp();
  start();
  rpc.abort(-EINTR);
  rpc.abort(-EIO);
  settle();
  t.deepEqual(ended, [-EINTR]);
  t.is(context.counters.rpcsExpired, 0);
  t.deepEqual(core.held, NOTHING_HELD);
  rpc.abort(-EIO);
  t.deepEqual(ended, [-EINTR]);
});

test('an abort while the request is still leaving waits until LNet lets go of the memory', async (t) => {
  const { net, core, ended, rpc, plan } = await setUp();
  net.isolate(nidAt(1));
  rpc.start(plan());
  net.advance({ us: S });
  rpc.abort(-EINTR);
  net.advance({ us: S });
  t.deepEqual(ended, []);
  t.is(rpc.state, 'releasing');
  net.advance({ us: 60 * S });
  t.deepEqual(ended, [-EINTR]);
  t.deepEqual(core.held, NOTHING_HELD);
});

test('a request that cannot be sent ends with the status of LNet, after the call that started it', async (t) => {
  const { net, core, ended, rpc, plan } = await setUp();
  const unreachable = { target: { nid: parseNid('10.99.0.1@tcp9'), pid: 12345 } };
  rpc.start(plan({ memory: new Uint8Array(8), direction: 'toServer' }, unreachable));
  t.deepEqual(ended, []);
  net.advance({ us: 0 });
  t.deepEqual(ended, [-EHOSTUNREACH]);
  core.failNids.set(parseNid(nidAt(1)), 1);
  rpc.start(plan());
  net.advance({ us: 0 });
  t.deepEqual(ended, [-EHOSTUNREACH, -EIO]);
  t.deepEqual(core.held, NOTHING_HELD);
});

test('a move that the table of a request does not hold is refused', (t) => {
  for (const moves of [CLIENT_RPC_MOVES, SERVER_RPC_MOVES]) {
    const events = new Set(Object.values(moves).flatMap((cell) => Object.keys(cell)));
    for (const [state, cell] of Object.entries(moves))
      for (const event of events) {
        if (event in cell) t.true(nextState(moves, state as never, event as never, 'x') in moves);
        else t.throws(() => nextState(moves, state as never, event as never, 'x'), { message: /no move/ });
      }
  }
});
