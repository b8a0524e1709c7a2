import test from 'ava';
import { EPROTO } from '../../../lnet/errno.ts';
import { parseNid } from '../../../lnet/wire/nid.ts';
import { viewOf } from '../../../lnet/wire/layout.ts';
import { SimNet } from '../../../nals/sim/sim-net.ts';
import {
  bench,
  brwParams,
  CONSOLE_NID,
  HandConsole,
  nidAt,
  rest,
  serveOn,
  sidOf,
  tapped,
} from '../testing/node-bench.test-support.ts';
import { SimCore } from '../testing/sim-core.test-support.ts';
import { SRPC_BATCH_OPC_QUERY, SRPC_BATCH_OPC_RUN } from '../wire/batch-message.ts';
import { BRW_REPLY, BRW_REQUEST, LST_BRW_CHECK_NONE, LST_BRW_READ, LST_BRW_WRITE } from '../wire/brw-message.ts';
import { encodeDestinations } from '../wire/destination-list.ts';
import { LST_PING_TEST_MAGIC, PING_REPLY, PING_REQUEST } from '../wire/ping-message.ts';
import { SERVICES, type ServiceKind, SRPC_MESSAGES } from '../wire/service.ts';
import { encodeSrpc, SRPC_BODY_AT, SRPC_HDR, SRPC_MSG_BYTES, SRPC_MSG_MAGIC } from '../wire/srpc-message.ts';

const sid = sidOf(1);
const PING = { magic: LST_PING_TEST_MAGIC, seq: 7, sec: 1n, nsec: 2n };

/** Bodies of good requests, to spoil. */
const REQUESTS: readonly (readonly [ServiceKind, object])[] = [
  [SERVICES.debug, { sid, flags: 0 }],
  [SERVICES.makeSession, { sid, force: 0, name: 'x' }],
  [SERVICES.removeSession, { sid }],
  [SERVICES.batch, { sid, bid: 1n, opc: 3, testidx: 0, arg: 0 }],
  [SERVICES.stat, { sid, type: 0 }],
  [SERVICES.ping, PING],
];

/** Sends a request of the service, changed by `spoil`; gives the reply's header and status. */
function send(peer: HandConsole, service: ServiceKind, body: object, spoil: (view: DataView) => Uint8Array | void) {
  const rpyid = peer.nextId();
  const bytes = new Uint8Array(SRPC_MSG_BYTES);
  encodeSrpc(viewOf(bytes), service.request, 1, { rpyid, ...body });
  const reply = peer.exchange(service, spoil(viewOf(bytes)) ?? bytes, rpyid, 10_000);
  return reply && { ...SRPC_HDR.decode(viewOf(reply)), status: reply.readUInt32LE(SRPC_BODY_AT), bytes: reply };
}

test('A request with wrong magic, type, or length gets no reply; wrong version gets EPROTO (framework, ping).', async (t) => {
  const { peer, nodes } = await bench();
  for (const [service, body] of REQUESTS) {
    const spoil = (change: (view: DataView) => Uint8Array | void) => send(peer, service, body, change);
    t.is(
      spoil((view) => view.setUint32(SRPC_HDR.at.magic, SRPC_MSG_MAGIC + 1, true)),
      undefined,
      service.name,
    );
    t.is(
      spoil((view) => view.setUint32(SRPC_HDR.at.type, service.reply.type, true)),
      undefined,
    );
    t.is(
      spoil((view) => new Uint8Array(view.buffer, 0, 159)),
      undefined,
    );
    t.is(
      spoil((view) => {
        const long = new Uint8Array(161);
        long.set(new Uint8Array(view.buffer));
        return long;
      }),
      undefined,
    );
    const refused = spoil((view) => view.setUint32(SRPC_HDR.at.version, 2, true));
    t.like(refused, { type: service.reply.type, version: 1, features: 1, status: EPROTO });
    t.true(refused?.bytes.subarray(SRPC_BODY_AT + 4).every((byte) => byte === 0));
  }
  // A longer message does not fit its buffer: LNet drops it, and the service never sees it.
  t.like(nodes[0]?.context.counters.drops, { bad_magic: 6, bad_type: 6, bad_length: 6 });
  t.is(nodes[0]?.core.drops.too_long, 6);
});

test('Ping seq and magic are echoed; wrong magic is dropped.', async (t) => {
  const { peer, nodes } = await bench();
  const messages = [PING_REQUEST, PING_REPLY] as const;
  t.like(peer.body(peer.ask(SERVICES.ping, messages, PING)), {
    status: 0,
    magic: LST_PING_TEST_MAGIC,
    seq: 7,
    features: 1,
  });
  t.is(peer.ask(SERVICES.ping, messages, { ...PING, magic: 1 }), undefined);
  t.is(nodes[0]?.context.counters.drops.bad_ping_magic, 1);
  t.like(peer.body(peer.ask(SERVICES.ping, messages, PING, { features: 2 })), { status: EPROTO, features: 1 });
  t.like(peer.body(peer.ask(SERVICES.ping, messages, PING, { features: 0 })), { status: 0, features: 0 });
});

test('Byte-swapped requests are understood (header, sid, bid, union fields, destination list).', async (t) => {
  const b = await bench({ nodes: 2 });
  const { peer, nodes } = b;
  const swapped = { littleEndian: false };
  t.like(peer.makeSession(sid, swapped), { status: 0, sid, features: 1 });
  const list = new Uint8Array(12);
  encodeDestinations([{ nid: parseNid(nidAt(1)), pid: 12345 }], list);
  new Uint8Array(list.buffer, 0, 8).reverse();
  new Uint8Array(list.buffer, 8, 4).reverse();
  // The union as a big-endian console writes it: u16 opc and flags, u32 length and offset.
  const params = Uint8Array.from([0, LST_BRW_WRITE, 0, 3, 0, 0, 0x20, 0, 0, 0, 0, 8]);
  const brw = { service: SERVICES.brw.id, loop: 3, concur: 2, params, destinations: [parseNid(nidAt(1))] };
  const bulk = { memory: list, direction: 'toServer' } as const;
  t.like(peer.addTest({ sid, bid: 0x0102030405060708n, ...brw }, { ...swapped, bulk }), { status: 0, sid });
  const sent = tapped(...nodes.map(({ core }) => core));
  t.like(peer.batch(sid, 0x0102030405060708n, SRPC_BATCH_OPC_RUN, {}, swapped), { status: 0 });
  rest(b, 0x0102030405060708n);
  const requests = sent.filter((message) => message.portal === 50);
  t.is(requests.length, 6);
  t.true(requests.every((message) => message.to === nidAt(1)));
  t.like(BRW_REQUEST.body.decode(viewOf(requests[0]?.payload as Buffer), SRPC_BODY_AT), {
    rw: LST_BRW_WRITE,
    length: 0x2000,
    flags: 3,
  });
  t.like(peer.batch(sid, 0x0102030405060708n, SRPC_BATCH_OPC_QUERY, { testidx: 1 }, swapped), { status: 0, active: 0 });
  t.like(peer.stat(sid, swapped), { status: 0, rpcsSent: 6, brwErrors: 0 });
  t.like(peer.debug(sid, swapped), { status: 0, sid });
  t.like(peer.removeSession(sid, swapped), { status: 0 });
});

test('Every request and reply payload is 160 bytes, header as 2.4, unused bytes zero when sent.', async (t) => {
  const b = await bench({ nodes: 2 });
  const sent = tapped(...b.nodes.map(({ core }) => core));
  everyKind(b);
  const rpcs = sent.filter((message) => message.kind === 'PUT');
  const seen = new Set<number>();
  for (const { payload, length } of rpcs) {
    t.is(length, SRPC_MSG_BYTES);
    const { type, ...hdr } = SRPC_HDR.decode(viewOf(payload));
    t.deepEqual(hdr, { magic: SRPC_MSG_MAGIC, version: 1, reserved0: 0, reserved1: 0, features: 1 });
    const size = SRPC_MESSAGES.get(type)?.body.size ?? 0;
    t.true(
      payload.subarray(SRPC_BODY_AT + size).every((byte) => byte === 0),
      `type ${type}`,
    );
    seen.add(type);
  }
  t.deepEqual(
    [...seen].toSorted((x, y) => x - y),
    [1, 3, 5, 7, 9, 11, 12, 13, 14, 15],
  );
});

test('Framework requests go to portal 51, brw/ping to 50, replies and bulk to 52.', async (t) => {
  const b = await bench({ nodes: 2 });
  const sent = tapped(b.peer.core, ...b.nodes.map(({ core }) => core));
  everyKind(b);
  for (const { payload, kind, portal } of sent) {
    if (kind === 'REPLY') continue;
    const type = kind === 'GET' ? -1 : SRPC_HDR.decode(viewOf(payload)).type;
    const service = Object.values(SERVICES).find(({ request }) => request.type === type);
    t.is(portal, service ? (service.id > 10 ? 50 : 51) : 52, `${kind} ${type}`);
  }
});

test('Requests carry match bits = service id, PUT, no ACK; reply match bits = rpyid.', async (t) => {
  const b = await bench({ nodes: 2 });
  const sent = tapped(...b.nodes.map(({ core }) => core));
  everyKind(b);
  const rpyids = new Set<bigint>();
  let replies = 0;
  for (const { payload, kind, portal, matchBits, wantsAck, from } of sent.filter((message) => message.kind === 'PUT')) {
    const { type } = SRPC_HDR.decode(viewOf(payload));
    t.is(kind, 'PUT');
    t.false(wantsAck);
    if (portal === 50) {
      t.is(matchBits, type === 12 ? 11n : 12n);
      rpyids.add(payload.readBigUInt64LE(SRPC_BODY_AT));
    } else if (from === nidAt(1) && (type === 13 || type === 15)) {
      t.true(rpyids.delete(matchBits));
      replies++;
    }
  }
  t.true(replies > 5);
  t.is(rpyids.size, 0);
});

test('Reply and bulk are sent from the NID the request was addressed to.', async (t) => {
  const net = new SimNet({ seed: 1 });
  const second = '10.78.0.12@tcp';
  const server = serveOn(await SimCore.open(net, nidAt(0), second));
  const peer = new HandConsole(net, await SimCore.open(net, CONSOLE_NID), parseNid(second));
  const asked = tapped(peer.core);
  const sent = tapped(server.core);
  const brw = { rw: LST_BRW_READ, length: 4096, flags: LST_BRW_CHECK_NONE };
  const bulk = { memory: new Uint8Array(4096), direction: 'fromServer' } as const;
  t.like(peer.body(peer.ask(SERVICES.brw, [BRW_REQUEST, BRW_REPLY], brw, { bulk })), { status: 0 });
  t.like(peer.makeSession(sid), { status: 0 });
  // A multi-rail client may choose any NID of the server: request by request the answer comes from that one.
  const requests = asked.filter((message) => message.length === SRPC_MSG_BYTES);
  t.deepEqual(
    sent.map((message) => message.from),
    [requests[0]?.to, requests[0]?.to, requests[1]?.to],
  );
  t.not(requests[0]?.to, requests[1]?.to);
});

test('A request arriving while no buffer is free is served later, never lost.', async (t) => {
  const b = await bench({ nodes: 1 });
  const server = serveOn(await SimCore.open(b.net, nidAt(1)), { serverRpcsMax: 1, serverWaitingMax: 512 });
  b.peer.makeSession(sid);
  const destinations = [parseNid(nidAt(1))];
  const params = brwParams({ opc: LST_BRW_READ, length: 4096 });
  b.peer.addTest({ sid, service: SERVICES.brw.id, loop: 1, concur: 1000, params, destinations });
  let delayed = 0;
  server.core.tap = () => {
    delayed = Math.max(delayed, server.core.portals.delayedCount);
  };
  b.peer.batch(sid, 1n, SRPC_BATCH_OPC_RUN);
  rest(b);
  t.true(delayed > 0, 'the portal held requests back');
  t.like(b.peer.stat(sid), { rpcsSent: 1000, brwErrors: 0, rpcsExpired: 0 });
  t.like(server.context.counters, { rpcsRcvd: 1000, rpcsDropped: 0 });
});

/** Makes two nodes exchange one message of each type at least. */
function everyKind(b: Awaited<ReturnType<typeof bench>>): void {
  const { peer } = b;
  const destinations = [parseNid(nidAt(1))];
  peer.debug(sid);
  peer.makeSession(sid);
  peer.debug(sid);
  peer.addTest({ sid, isClient: 0 });
  peer.addTest({ sid, loop: 5, destinations });
  const params = brwParams({ opc: LST_BRW_WRITE });
  peer.addTest({ sid, service: SERVICES.brw.id, loop: 5, params, destinations });
  peer.batch(sid, 1n, SRPC_BATCH_OPC_RUN);
  rest(b);
  peer.batch(sid, 1n, SRPC_BATCH_OPC_QUERY);
  peer.stat(sid);
  peer.removeSession(sid);
}
