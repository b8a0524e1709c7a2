import test from 'ava';
import { EPROTO, ESHUTDOWN } from '../errno.ts';
import { type NalRx, RX_PLACE } from '../nal.ts';
import {
  LNET_MSG_ACK,
  LNET_MSG_GET,
  LNET_MSG_HELLO,
  LNET_MSG_PUT,
  LNET_MSG_REPLY,
  LNET_MTU,
} from '../wire/lnet-hdr.ts';
import { NID_ANY, NID_LOOPBACK, nidOfIpv6, parseNid } from '../wire/nid.ts';
import { NID_A, NID_B, NOTHING_LEFT, Recorder, TestCore } from './core-fixture.test-support.ts';
import { pair, TestNet } from './link-fixture.test-support.ts';

const OTHER_OWN = parseNid('10.1.0.2@tcp1');
const FOREIGN = parseNid('10.9.0.9@tcp9');
const WANTED = { type: LNET_MSG_PUT, portal: 4, matchBitsLow: 1, interfaceCookieLow: 1 };

/** B with a second NID on another net; each case arrives over a fresh link from A. */
async function target(): Promise<{ readonly net: TestNet; readonly b: TestCore }> {
  const { net, b } = await pair();
  net.join(b, OTHER_OWN);
  return { net, b };
}

test('T34: HELLO or unknown type, ACK/GET with payload, payload > 1 MiB ⇒ connection closed, no drop counted.', async (t) => {
  const { net, b } = await target();
  const cases = [
    [{ type: LNET_MSG_HELLO }, 0, 'refused_bad_type'],
    [{ type: 5 }, 0, 'refused_bad_type'],
    [{ type: 0xffffffff }, 0, 'refused_bad_type'],
    [{ type: LNET_MSG_ACK }, 1, 'refused_unexpected_payload'],
    [{ type: LNET_MSG_GET }, 1, 'refused_unexpected_payload'],
    [{ type: LNET_MSG_PUT }, LNET_MTU + 1, 'refused_too_long'],
    [{ type: LNET_MSG_REPLY }, LNET_MTU + 1, 'refused_too_long'],
    [{ type: LNET_MSG_REPLY }, 0xffffffff, 'refused_too_long'],
  ] as const;
  cases.forEach(([fields, payloadLength, reason], index) => {
    const from = parseNid(`10.0.0.${index + 10}@tcp`);
    const before = b.drops[reason];
    t.is(net.inject(from, NID_B, { ...fields, payloadLength }), -EPROTO, `case ${index}`);
    t.is(b.drops[reason], before + 1, `case ${index}`);
    t.true(net.link(from, NID_B).isClosed);
  });
  t.like(b.counters, { drop_count: 0, drop_length: 0, recv_count: 0 });
  t.deepEqual(b.health.heard, [], 'a broken peer is not heard from');
  t.deepEqual(b.leftovers, NOTHING_LEFT);
});

test('a PUT of exactly 1 MiB is taken', async (t) => {
  const { net, b } = await target();
  b.serve({}, { memory: new Uint8Array(LNET_MTU) });
  t.is(net.inject(NID_A, NID_B, WANTED, new Uint8Array(LNET_MTU)), RX_PLACE);
  t.is(b.counters.recv_length, LNET_MTU);
});

test('T35: Message for another NID on the arrival net, or for another own NID ⇒ connection closed.', async (t) => {
  const { net, b } = await target();
  const [c, d] = [parseNid('10.0.0.3@tcp'), parseNid('10.0.0.4@tcp')];
  t.is(net.inject(c, NID_B, { ...WANTED, destNid: NID_A }), -EPROTO);
  t.is(net.inject(d, NID_B, { ...WANTED, destNid: OTHER_OWN }), -EPROTO);
  t.like(b.drops, { refused_not_sent_directly: 1, refused_wrong_own_nid: 1 });
  t.is(b.counters.drop_count, 0);
});

test('T36: Message for a foreign net on a non-router ⇒ dropped and counted, connection kept.', async (t) => {
  const { net, b } = await target();
  const seen = new Recorder();
  b.serve({}, { handler: seen.handler });
  t.is(net.inject(NID_A, NID_B, { ...WANTED, destNid: FOREIGN }, new Uint8Array(9)), RX_PLACE);
  t.is(b.drops.not_routing, 1);
  t.like(b.counters, { drop_count: 1, drop_length: 9 });
  t.is(net.inject(NID_A, NID_B, WANTED, new Uint8Array(9)), RX_PLACE);
  t.deepEqual(seen.story, ['PUT']);
});

test('C8: GET or ACK with payload, PUT/REPLY > 1 MiB, unknown type, wrong same-net `dest_nid`: connection closed.', async (t) => {
  const { net } = await target();
  const cases = [
    { type: LNET_MSG_GET, payloadLength: 1 },
    { type: LNET_MSG_ACK, payloadLength: 1 },
    { type: LNET_MSG_PUT, payloadLength: LNET_MTU + 1 },
    { type: LNET_MSG_REPLY, payloadLength: LNET_MTU + 1 },
    { type: 77 },
    { type: LNET_MSG_PUT, destNid: parseNid('10.0.0.99@tcp') },
  ];
  cases.forEach((fields, index) => {
    const from = parseNid(`10.0.0.${index + 10}@tcp`);
    net.inject(from, NID_B, fields);
    t.true(net.link(from, NID_B).isClosed, `case ${index}`);
  });
});

test('C9: Unroutable, unmatched, bad portal, unknown handle: payload consumed, no response, connection continues with the next message.', async (t) => {
  const { net, b } = await target();
  const seen = new Recorder();
  b.serve({}, { handler: seen.handler });
  const cases = [
    { ...WANTED, destNid: FOREIGN },
    { ...WANTED, matchBitsLow: 2 },
    { ...WANTED, portal: 64 },
    { ...WANTED, portal: 0xffffffff },
    { type: LNET_MSG_REPLY, interfaceCookieLow: b.cookieLow, interfaceCookieHigh: b.cookieHigh, objectCookieLow: 77 },
  ];
  for (const fields of cases) {
    t.is(net.inject(NID_A, NID_B, fields, new Uint8Array(7)), RX_PLACE);
    t.is(net.inject(NID_A, NID_B, WANTED), RX_PLACE);
  }
  t.like(b.drops, { not_routing: 1, no_match: 1, no_portal: 2, unknown_handle: 1 });
  t.like(b.counters, { drop_count: 5, drop_length: 35, recv_count: 5 });
  t.is(seen.events.length, 5);
});

test('C10: `dest_pid` ignored on receive.', async (t) => {
  const { net, b } = await target();
  const seen = new Recorder();
  b.serve({}, { handler: seen.handler });
  for (const destPid of [0, 1, 12345, 0xffffffff]) net.inject(NID_A, NID_B, { ...WANTED, destPid });
  t.is(seen.events.length, 4);
});

test('a header with a NID that cannot exist is refused', async (t) => {
  const { net, b } = await target();
  const link = net.link(NID_A, NID_B);
  net.inject(NID_A, NID_B, {});
  const bytes = new DataView(new ArrayBuffer(96));
  bytes.setUint8(20, 13);
  link.frames.push({ bytes, payload: new Uint8Array() });
  t.is(link.step(), -EPROTO);
  t.is(b.drops.refused_bad_header, 1);
  t.deepEqual(b.leftovers, NOTHING_LEFT);
});

test('a source to which an answer would come back to this node is refused', async (t) => {
  const { net, b } = await target();
  b.serve({}, {});
  const [c, d] = [parseNid('10.0.0.3@tcp'), parseNid('10.0.0.4@tcp')];
  t.is(net.inject(c, NID_B, { ...WANTED, srcNid: NID_ANY }), -EPROTO);
  t.is(net.inject(d, NID_B, { ...WANTED, srcNid: NID_LOOPBACK }), -EPROTO);
  t.is(b.drops.refused_bad_header, 2);
});

test('large NIDs are delivered and answered like any other', async (t) => {
  const { net, b } = await target();
  const large = nidOfIpv6(
    NID_B.net,
    Uint8Array.from({ length: 16 }, (_, index) => index + 1),
  );
  const seen = new Recorder();
  b.serve({ portal: 5, nid: large, pid: 12345 }, { handler: seen.handler });
  net.inject(large, NID_B, { ...WANTED, portal: 5 });
  t.is(seen.last.initiatorNid, large);
});

test('a stopping node refuses what arrives with -ESHUTDOWN', async (t) => {
  const { net, b } = await target();
  b.serve({}, {});
  b.isRunning = false;
  t.is(net.inject(NID_A, NID_B, WANTED), -ESHUTDOWN);
  t.is(b.drops.refused_stopping, 1);
  t.is(b.counters.drop_count, 0);
});

test('a sender that finds no place in the peer table is dropped', async (t) => {
  const { net, b } = await target();
  b.peers.peersMax = 1;
  t.is(net.inject(NID_A, NID_B, WANTED), RX_PLACE);
  t.is(net.inject(parseNid('10.0.0.3@tcp'), NID_B, WANTED), RX_PLACE);
  t.like(b.drops, { peer_limit: 1, no_match: 1 });
});

test('with drop_asym_route a routed message is taken only from a gateway with a route to its source', async (t) => {
  const net = new TestNet();
  const b = new TestCore({ settings: { drop_asym_route: 1 } });
  await b.openLoopback();
  net.join(b, NID_B);
  const seen = new Recorder();
  b.serve({}, { handler: seen.handler });
  net.inject(NID_A, NID_B, { ...WANTED, srcNid: FOREIGN });
  t.is(b.drops.asymmetric_route, 1);
  b.sendPath.gateways = [b.peers.ofTarget(NID_A)?.peerNet.peer as NonNullable<(typeof b.sendPath.gateways)[0]>];
  net.inject(NID_A, NID_B, { ...WANTED, srcNid: FOREIGN });
  net.inject(NID_A, NID_B, WANTED);
  t.deepEqual(
    seen.events.map(({ initiatorNid, senderNid }) => [initiatorNid, senderNid]),
    [
      [FOREIGN, NID_A],
      [NID_A, NID_A],
    ],
  );
});

test('a person is told once a minute for each reason, with what was left out; never of an ACK', async (t) => {
  const { net, b } = await target();
  for (let i = 0; i < 5; i++) net.inject(NID_A, NID_B, { ...WANTED, matchBitsHigh: 0xab });
  net.inject(NID_A, NID_B, { type: LNET_MSG_ACK });
  t.deepEqual(b.logged, [
    'PUT from 12345-10.0.0.1@tcp through 10.0.0.1@tcp for portal 4 match bits 0x000000ab00000001, 0 bytes: no match entry accepts it',
  ]);
  b.clock.at = 60_000_000;
  net.inject(NID_A, NID_B, WANTED);
  t.regex(b.logged[1] as string, /accepts it \(and 4 more for the same reason since the last such line\)$/);
  t.is(net.inject(NID_A, NID_B, { type: LNET_MSG_HELLO }), -EPROTO);
  t.is(
    b.logged[2],
    'HELLO from 12345-10.0.0.1@tcp through 10.0.0.1@tcp, 0 bytes: message type is none of ACK, PUT, GET, REPLY',
  );
  t.is(b.logged.length, 3);
});

test("on a router a message for a foreign net is the forwarder's, from its verdict to its end", async (t) => {
  const { net, b } = await target();
  const told: unknown[] = [];
  b.forwarder = {
    arrived: (msg) => {
      told.push(String(msg.hdr.destNid), msg.initiatorNid, msg.peerNi?.nid);
      const rx = msg.rx as NalRx;
      rx.iov = [new Uint8Array(9)];
      rx.iovOffset = 0;
      rx.wantedBytes = 9;
      return RX_PLACE;
    },
    placed: (msg, errno) => {
      told.push(errno);
      b.delivery.finalize(msg, errno, 0);
    },
  };
  net.inject(NID_A, NID_B, { ...WANTED, destNid: FOREIGN }, new Uint8Array(9));
  net.link(NID_A, NID_B).breaksNext = true;
  net.inject(NID_A, NID_B, { ...WANTED, destNid: FOREIGN }, new Uint8Array(9));
  const arrival = [String(FOREIGN), NID_A, NID_A];
  t.deepEqual(told, [...arrival, 0, ...arrival, -5]);
  t.is(net.inject(NID_A, NID_B, { ...WANTED, destNid: OTHER_OWN }), -EPROTO, 'the checks stay the same');
  t.deepEqual(b.leftovers, NOTHING_LEFT);
});
