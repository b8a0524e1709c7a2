import test from 'ava';
import { EBADMSG, EINVAL, EPROTO } from '../../../lnet/errno.ts';
import { parseNid } from '../../../lnet/wire/nid.ts';
import { type AskOptions } from '../testing/raw-peer.test-support.ts';
import {
  bench,
  brwParams,
  type HandConsole,
  nidAt,
  rest,
  serve,
  sidOf,
  tapped,
} from '../testing/node-bench.test-support.ts';
import { SRPC_BATCH_OPC_RUN } from '../wire/batch-message.ts';
import {
  BRW_REPLY,
  BRW_REQUEST,
  LST_BRW_CHECK_FULL,
  LST_BRW_CHECK_NONE,
  LST_BRW_CHECK_SIMPLE,
  LST_BRW_READ,
  LST_BRW_WRITE,
} from '../wire/brw-message.ts';
import { SERVICES } from '../wire/service.ts';
import { BrwPattern } from './pattern.ts';

const sid = sidOf(1);
const target = [parseNid(nidAt(1))];
const pattern = new BrwPattern();

/** Sends one BRW request by hand; gives status and features of the reply. */
function brw(
  peer: HandConsole,
  body: { readonly rw: number; readonly length: number; readonly flags: number },
  memory: Uint8Array,
  options: AskOptions = {},
) {
  const direction = body.rw === LST_BRW_READ ? 'fromServer' : 'toServer';
  return peer.body(peer.ask(SERVICES.brw, [BRW_REQUEST, BRW_REPLY], body, { bulk: { memory, direction }, ...options }));
}

/** What a kernel with 4,096-byte pages and offset 0 puts into a simple transfer; the rest is arbitrary. */
function kernelSimple(length: number): Buffer {
  const data = Buffer.alloc(length, 0x5a);
  for (let start = 0; start < length; start += 4096) {
    const end = Math.min(start + 4096, length);
    pattern.source(8).forEach((byte, index) => {
      data[start + index] = byte;
      if (end - start > 8) data[end - 8 + index] = byte;
    });
  }
  return data;
}

/** What a kernel with 4,096-byte pages checks in a simple transfer. */
function kernelAccepts(data: Uint8Array): boolean {
  return pattern.faultAt(data, { flags: LST_BRW_CHECK_SIMPLE, littleEndian: true, usesPages: true }) < 0;
}

test("Read: server PUTs into client's bulkid, then replies. Write: server GETs, checks, then replies.", async (t) => {
  const { peer, nodes } = await bench();
  const sent = tapped(...nodes.map(({ core }) => core));
  const sink = new Uint8Array(8192);
  t.like(brw(peer, { rw: LST_BRW_READ, length: 8192, flags: LST_BRW_CHECK_FULL }, sink), { status: 0, features: 1 });
  t.deepEqual(
    sent.map(({ kind, portal, length }) => [kind, portal, length]),
    [
      ['PUT', 52, 8192],
      ['PUT', 52, 160],
    ],
  );
  t.is((sent[0]?.matchBits ?? 0n) - (sent[1]?.matchBits ?? 0n), 1n, 'bulkid is the id after rpyid');
  t.is(pattern.faultAt(sink, { flags: LST_BRW_CHECK_FULL, littleEndian: true, usesPages: false }), -1);

  sent.length = 0;
  const source = pattern.source(8192);
  t.like(brw(peer, { rw: LST_BRW_WRITE, length: 8192, flags: LST_BRW_CHECK_FULL }, source), { status: 0 });
  t.deepEqual(
    sent.map(({ kind, portal, length }) => [kind, portal, length]),
    [
      ['GET', 52, 8192],
      ['PUT', 52, 160],
    ],
  );
});

test('a server answers what no kernel server survives, with a status and without bulk', async (t) => {
  const { peer, nodes } = await bench();
  const sent = tapped(...nodes.map(({ core }) => core));
  const memory = new Uint8Array(4096);
  const good = { rw: LST_BRW_READ, length: 4096, flags: LST_BRW_CHECK_NONE };
  for (const wrong of [{ rw: 0 }, { rw: 3 }, { flags: 0 }, { flags: 4 }, { length: 0 }, { length: 1_048_577 }])
    t.like(brw(peer, { ...good, ...wrong }, memory), { status: EINVAL, features: 1 }, JSON.stringify(wrong));
  t.like(brw(peer, good, memory, { features: 2 }), { status: EPROTO, features: 1 });
  t.like(brw(peer, { ...good, rw: 9 }, memory, { features: 2 }), { status: EINVAL }, 'opcode and check come first');
  t.like(brw(peer, { ...good, length: 4088 }, memory, { features: 0 }), { status: EINVAL, features: 0 });
  t.like(brw(peer, good, memory, { features: 0 }), { status: 0, features: 0 });
  t.is(sent.filter((message) => message.length !== 160).length, 1);
});

test('BRW and PING are served without any session', async (t) => {
  const { peer, nodes } = await bench();
  t.is(nodes[0]?.node.sessions.current, null);
  t.like(brw(peer, { rw: LST_BRW_READ, length: 8, flags: LST_BRW_CHECK_FULL }, new Uint8Array(8)), { status: 0 });
});

test('brw write with check full and one wrong word: reply status 74 and the client counts one brw error.', async (t) => {
  const { peer } = await bench();
  const data = Buffer.from(pattern.source(4096));
  data.writeUInt8(0, 1024);
  t.like(brw(peer, { rw: LST_BRW_WRITE, length: 4096, flags: LST_BRW_CHECK_FULL }, data), { status: EBADMSG });

  const b = await bench({ nodes: 1, node: { brwInjectErrors: 1 } });
  const server = await serveAt(b.net);
  b.peer.makeSession(sid);
  b.peer.addTest({
    sid,
    service: SERVICES.brw.id,
    loop: 20,
    params: brwParams({ opc: LST_BRW_WRITE }),
    stopOnError: 0,
    destinations: target,
  });
  b.peer.batch(sid, 1n, SRPC_BATCH_OPC_RUN);
  rest(b);
  t.like(b.peer.stat(sid), { brwErrors: 1, rpcsSent: 20, rpcErrors: 0 });
  t.is(server.context.counters.rpcsDropped, 0);
});

test('brw read with check full and one wrong word: client counts one brw error.', async (t) => {
  const b = await bench();
  await serveAt(b.net, { brwInjectErrors: 1 });
  b.peer.makeSession(sid);
  b.peer.addTest({
    sid,
    service: SERVICES.brw.id,
    loop: 20,
    params: brwParams({}),
    stopOnError: 0,
    destinations: target,
  });
  b.peer.batch(sid, 1n, SRPC_BATCH_OPC_RUN);
  rest(b);
  t.like(b.peer.stat(sid), { brwErrors: 1, rpcsSent: 20, rpcErrors: 0 });
});

test('TypeScript sender fills all words for simple; kernel server and client accept it at sizes 8, 4096, 4104, 1048576.', async (t) => {
  const { peer } = await bench();
  for (const length of [8, 4096, 4104, 1_048_576]) {
    const sink = new Uint8Array(length);
    t.like(brw(peer, { rw: LST_BRW_READ, length, flags: LST_BRW_CHECK_SIMPLE }, sink), { status: 0 });
    t.true(kernelAccepts(sink));
    t.is(pattern.faultAt(sink, { flags: LST_BRW_CHECK_FULL, littleEndian: true, usesPages: false }), -1);
  }
});

test('a server accepts what a kernel sender fills for simple, and finds a wrong word where the kernel looks', async (t) => {
  const { peer } = await bench();
  for (const length of [8, 16, 4096, 4104, 65_536]) {
    const data = kernelSimple(length);
    t.like(brw(peer, { rw: LST_BRW_WRITE, length, flags: LST_BRW_CHECK_SIMPLE }, data), { status: 0 }, String(length));
    for (const at of [0, length - 8]) {
      const spoiled = Buffer.from(data);
      spoiled.writeUInt8(0, at);
      t.like(brw(peer, { rw: LST_BRW_WRITE, length, flags: LST_BRW_CHECK_SIMPLE }, spoiled), { status: EBADMSG });
    }
  }
});

test('page ends are not looked at when a test of the session has an offset, or the switch is off', async (t) => {
  const atOffset = Buffer.alloc(8192, 0x5a);
  pattern.source(8).forEach((byte, index) => {
    atOffset[index] = byte;
    atOffset[8184 + index] = byte;
  });
  const write = { rw: LST_BRW_WRITE, length: 8192, flags: LST_BRW_CHECK_SIMPLE };
  const { peer } = await bench();
  t.like(brw(peer, write, atOffset), { status: EBADMSG });
  peer.makeSession(sid);
  peer.addTest({ sid, service: SERVICES.brw.id, isClient: 0, params: brwParams({ offset: 8, length: 8184 }) });
  t.like(brw(peer, write, atOffset), { status: 0 });
  peer.removeSession(sid);
  t.like(brw(peer, write, atOffset), { status: EBADMSG });

  const switched = await bench({ node: { simpleCheckUsesPages: false } });
  t.like(brw(switched.peer, write, atOffset), { status: 0 });
});

test('a tail of fewer than eight bytes is neither filled nor verified', async (t) => {
  const { peer } = await bench();
  const data = Buffer.concat([pattern.source(16), Buffer.from([1, 2, 3])]);
  for (const flags of [LST_BRW_CHECK_SIMPLE, LST_BRW_CHECK_FULL])
    t.like(brw(peer, { rw: LST_BRW_WRITE, length: 19, flags }, data), { status: 0 });
});

test('data of an earlier transfer cannot pass for new: checked memory is poisoned before each one', (t) => {
  for (const flags of [LST_BRW_CHECK_SIMPLE, LST_BRW_CHECK_FULL]) {
    for (const usesPages of [true, false]) {
      const check = { flags, littleEndian: true, usesPages };
      for (const length of [8, 16, 4096, 4104, 12_288]) {
        const memory = Buffer.from(pattern.source(length));
        pattern.poison(memory, check);
        t.is(pattern.faultAt(memory, check), 0);
        pattern.source(length).forEach((byte, index) => {
          if (index < length - 8) memory[index] = byte;
        });
        t.is(pattern.faultAt(memory, check), length - 8, `${length} ${flags} ${usesPages}`);
      }
    }
  }
});

test('data from a big-endian node is compared with the swapped pattern', async (t) => {
  const { peer } = await bench();
  const swapped = Buffer.from(pattern.source(4096)).swap64();
  const write = { rw: LST_BRW_WRITE, length: 4096, flags: LST_BRW_CHECK_FULL };
  t.like(brw(peer, write, swapped, { littleEndian: false }), { status: 0 });
  t.like(brw(peer, write, swapped), { status: EBADMSG });
  t.like(brw(peer, write, Buffer.from(pattern.source(4096)), { littleEndian: false }), { status: EBADMSG });
});

test('checked writes beyond the bound of server memory wait for their turn, none is lost', async (t) => {
  const b = await bench({ nodes: 1 });
  const server = await serveAt(b.net, { serverBulkBytesMax: 2 * 65_536 });
  b.peer.makeSession(sid);
  b.peer.addTest({
    sid,
    service: SERVICES.brw.id,
    loop: 5,
    concur: 40,
    params: brwParams({ opc: LST_BRW_WRITE, length: 65_536 }),
    destinations: target,
  });
  let highest = 0;
  server.core.tap = () => {
    highest = Math.max(highest, server.node.serverMemory.inUse);
  };
  b.peer.batch(sid, 1n, SRPC_BATCH_OPC_RUN);
  rest(b);
  t.like(b.peer.stat(sid), { brwErrors: 0, rpcsSent: 200 });
  t.is(highest, 2 * 65_536);
  t.is(server.node.serverMemory.inUse, 0);
});

test('each size, direction and check passes between two nodes, and the counters of both sides agree', async (t) => {
  const b = await bench();
  const server = await serveAt(b.net);
  b.peer.makeSession(sid);
  let bid = 0n;
  let pushed = 0;
  for (const length of [8, 4096, 4104, 65_536, 1_048_576]) {
    for (const opc of [LST_BRW_READ, LST_BRW_WRITE]) {
      for (const flags of [LST_BRW_CHECK_NONE, LST_BRW_CHECK_SIMPLE, LST_BRW_CHECK_FULL]) {
        bid++;
        const params = brwParams({ opc, flags, length });
        b.peer.addTest({ sid, bid, service: SERVICES.brw.id, loop: 2, concur: 2, params, destinations: target });
        b.peer.batch(sid, bid, SRPC_BATCH_OPC_RUN);
        rest(b, bid);
        if (opc === LST_BRW_READ) pushed += 4 * length;
      }
    }
  }
  t.like(b.peer.stat(sid), { brwErrors: 0, rpcErrors: 0, rpcsSent: 120, rpcsExpired: 0 });
  t.like(server.context.counters, { bulkPut: pushed, bulkGet: pushed, rpcsDropped: 0 });
});

async function serveAt(net: Parameters<typeof serve>[0], options?: Parameters<typeof serve>[2]) {
  return serve(net, nidAt(1), options);
}
