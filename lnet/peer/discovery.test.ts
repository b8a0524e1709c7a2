import test from 'ava';
import { stubInfo, TestNode, TestWire } from '../network-fixture.test-support.ts';
import { EHOSTUNREACH, EPROTO, ESHUTDOWN, ETIMEDOUT } from '../errno.ts';
import { HEALTH_REMOTE_ERROR } from '../health-status.ts';
import { LNET_MSG_GET, LNET_MSG_PUT, LNET_MSG_REPLY } from '../wire/lnet-hdr.ts';
import { parseNid } from '../wire/nid.ts';
import {
  LNET_PEER_DISCOVERED,
  LNET_PEER_DISCOVERING,
  LNET_PEER_MULTI_RAIL,
  LNET_PEER_NIDS_UPTODATE,
  LNET_PEER_NO_DISCOVERY,
  LNET_PEER_REDISCOVER,
} from './peer.ts';

const A = '10.0.0.1@tcp';
const A2 = '10.1.0.1@tcp1';
const B = '10.0.0.2@tcp';
const B2 = '10.1.0.2@tcp1';
const C = '10.0.0.3@tcp';

/** MULTI_RAIL, DISCOVERED, NIDS_UPTODATE: what `peer show -v 3` prints as 273. */
const KNOWN_WELL = LNET_PEER_MULTI_RAIL | LNET_PEER_DISCOVERED | LNET_PEER_NIDS_UPTODATE;

test('T56: First PUT/GET to an unknown peer is preceded by a ping, and for MR peers followed by a push with ACK request.', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  const b = new TestNode(wire, [B], { seed: 2 });
  b.serve();
  a.put(B);
  wire.run();
  t.deepEqual(wire.story, [
    '10.0.0.1→10.0.0.2 GET 0',
    '10.0.0.2→10.0.0.1 REPLY',
    '10.0.0.1→10.0.0.2 PUT 0',
    '10.0.0.2→10.0.0.1 ACK',
    // B answers the push with its own, without a ping: lnet-wire §8.4 item 5.
    '10.0.0.2→10.0.0.1 PUT 0',
    '10.0.0.1→10.0.0.2 ACK',
    '10.0.0.1→10.0.0.2 PUT 4',
  ]);
  t.is(wire.sent(LNET_MSG_GET)[0]?.hdr.sinkLength, 272);
  t.false(wire.sent(LNET_MSG_PUT)[0]?.hdr.hasNoHandle);
  t.deepEqual(a.events, ['SEND last']);
  t.deepEqual([a.peer(B).flags, b.peer(A).flags], [KNOWN_WELL, KNOWN_WELL]);

  wire.log.length = 0;
  a.put(B);
  wire.run();
  t.deepEqual(wire.story, ['10.0.0.1→10.0.0.2 PUT 4'], 'a peer that is known is not asked again');
});

test('T57: Concurrent messages to that peer wait for discovery and are then sent in order; all fail with the discovery error if it fails.', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  wire.stub([B]);
  for (const offset of [1, 2, 3]) a.put(B, { offset });
  wire.run();
  t.deepEqual(
    wire.sent(LNET_MSG_PUT, 4).map(({ hdr }) => hdr.offset),
    [1, 2, 3],
  );

  const failing = new TestWire();
  failing.fate = () => ({ errno: -EHOSTUNREACH, health: HEALTH_REMOTE_ERROR });
  const lonely = new TestNode(failing, [A]);
  for (let i = 0; i < 3; i++) lonely.put(B);
  failing.run();
  t.deepEqual(lonely.events, Array(3).fill(`SEND -${EHOSTUNREACH} last`));
  t.is(failing.log.length, 1, 'one ping spoke for all, and none was sent again');
  t.true(lonely.peer(B).has(LNET_PEER_REDISCOVER));
  t.deepEqual([lonely.portals.mdCount, lonely.trackers.live], [2, 0], 'the ping has let go of its memory');

  failing.fate = () => 'deliver';
  failing.stub([B]);
  lonely.put(B);
  failing.run();
  t.is(lonely.events.at(-1), 'SEND last', 'the next message begins anew');
  t.is(lonely.peer(B).flags, KNOWN_WELL);
});

test('ACK, REPLY and portal 0 never wait for discovery, and being pinged starts none', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  a.serve();
  const nobody = parseNid(B);
  wire.attach(nobody, { arrive: () => {} });
  const fields = { portal: 4, matchBitsLow: 1, objectCookieLow: 1, sinkLength: 8 };
  wire.send(nobody, a.nid, { ...fields, type: LNET_MSG_PUT });
  wire.send(nobody, a.nid, { ...fields, type: LNET_MSG_GET });
  wire.run();
  t.deepEqual(wire.story.slice(2), ['10.0.0.1→10.0.0.2 ACK', '10.0.0.1→10.0.0.2 REPLY']);
  t.false(a.peer(B).has(LNET_PEER_DISCOVERING));
});

test('C26: No ping answer depends on discovery having taken place (ping works as the first message on a fresh connection).', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  const nobody = parseNid(B);
  wire.attach(nobody, { arrive: () => {} });
  wire.send(nobody, a.nid, { type: LNET_MSG_GET, portal: 0, matchBitsHigh: 0x8000_0000, sinkLength: 272 });
  wire.run();
  t.deepEqual(
    wire.sent(LNET_MSG_REPLY).map(({ payload }) => payload.length),
    [48],
  );
});

test('C23: Truncated info triggers a second ping with the announced size.', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  const nids = [B, ...Array.from({ length: 29 }, (_, i) => `10.9.0.${i + 1}@tcp9`)];
  wire.stub(nids);
  a.put(B);
  wire.run();
  t.deepEqual(
    wire.sent(LNET_MSG_GET).map(({ hdr }) => hdr.sinkLength),
    [272, 16 + 31 * 16],
  );
  t.is(a.nidsOf(B).length, 30);
});

test('T65: A ping reply larger than 272 bytes is obtained by a second, larger ping.', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  const b = new TestNode(wire, [B, ...Array.from({ length: 19 }, (_, i) => `10.9.${i}.2@tcp${i + 1}`)], { seed: 2 });
  a.put(B);
  wire.run();
  t.deepEqual(
    wire.sent(LNET_MSG_GET).map(({ hdr, from }) => [String(from), hdr.sinkLength]),
    [
      [A, 272],
      [A, 16 + 21 * 16],
    ],
  );
  t.is(a.nidsOf(B).length, 20);
  t.is(b.network.incoming.counts.short_push, 0);
});

test('T64: A reply in the opposite byte order is accepted.', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  const info = stubInfo([B, B2]);
  const swapped = new Uint8Array(info.length);
  const [from, to] = [new DataView(info.buffer), new DataView(swapped.buffer)];
  for (let at = 0; at < 16; at += 4) to.setUint32(at, from.getUint32(at, true), false);
  for (let at = 16; at < info.length; at += 16) {
    to.setBigUint64(at, from.getBigUint64(at, true), false);
    to.setUint32(at + 8, from.getUint32(at + 8, true), false);
  }
  wire.stub([B], swapped);
  a.put(B);
  wire.run();
  t.deepEqual(a.nidsOf(B), [B, B2]);
  t.is(a.events.at(-1), 'SEND last');
});

test('C25: With features 0x06 published, a kernel peer completes discovery without pushing; with 0x1e it pushes and completes after the ACK.', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  const plain = wire.stub([B], stubInfo([B], { features: 0x06 }));
  const full = wire.stub([C], stubInfo([C], { features: 0x1e }));
  full.acksPushes = false;
  a.put(B);
  a.put(C);
  wire.run();
  t.is(plain.pushes.length, 0);
  t.is(full.pushes.length, 1);
  t.deepEqual(
    wire.sent(LNET_MSG_PUT, 4).map(({ to }) => String(to)),
    [B],
    'the message to C waits for its ACK',
  );
  t.is(a.peer(B).flags & (LNET_PEER_MULTI_RAIL | LNET_PEER_DISCOVERED), LNET_PEER_DISCOVERED);
});

test('T60: A peer without MULTI_RAIL never receives a push and is always addressed by the NID given, from a constant local NID.', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A, '10.0.0.11@tcp', A2]);
  const stub = wire.stub([B, B2], stubInfo([B, B2], { features: 0x06 }));
  for (let i = 0; i < 6; i++) {
    a.put(B);
    wire.run();
  }
  const puts = wire.sent(LNET_MSG_PUT, 4);
  t.is(puts.length, 6);
  t.deepEqual(new Set(puts.map(({ to }) => String(to))), new Set([B]));
  t.is(new Set(puts.map(({ from }) => from)).size, 1);
  t.is(stub.pushes.length, 0);
});

test("T61: With DD off, peers' NID lists stay unmerged; own info lacks the DISCOVERY bit.", (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A, A2], { settings: { discovery: 0 } });
  const stub = wire.stub([B, B2]);
  a.put(B);
  a.put(B2);
  wire.run();
  t.deepEqual([a.nidsOf(B), a.nidsOf(B2)], [[B], [B2]]);
  t.is(stub.pushes.length, 0);
  t.is(new DataView(a.pingInfo.bytes.buffer).getUint32(4, true), 0x0e);
  t.deepEqual(a.events, ['SEND last', 'SEND last']);
});

test('a peer that announces no discovery stays a peer with one NID, without pushes (lnet-semantics §10.8)', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  const stub = wire.stub([B, B2], stubInfo([B, B2], { features: 0x0e }));
  a.put(B);
  wire.run();
  t.deepEqual(a.nidsOf(B), [B]);
  t.is(stub.pushes.length, 0);
  t.is(a.peer(B).flags & (LNET_PEER_MULTI_RAIL | LNET_PEER_NO_DISCOVERY), LNET_PEER_NO_DISCOVERY);
});

test('a known peer that switches discovery off is forgotten and made anew', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  const stub = wire.stub([B, B2]);
  a.put(B);
  wire.run();
  t.deepEqual(a.nidsOf(B), [B, B2]);
  stub.info = stubInfo([B, B2], { features: 0x0e, sequence: 2 });
  stub.push(a.nid, stub.info);
  wire.run();
  t.is([...a.peers.peers()].length, 0);
  a.put(B);
  wire.run();
  t.deepEqual(a.nidsOf(B), [B]);
  t.is(a.events.at(-1), 'SEND last');
});

test('switching discovery off tells Multi-Rail peers first; switching it on pushes nothing', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  const stub = wire.stub([B]);
  a.put(B);
  wire.run();
  const featuresPushed = (): number[] => stub.pushes.map((bytes) => bytes[4] as number);
  a.network.changeSettings({ discovery: 0 });
  wire.run();
  t.deepEqual(featuresPushed(), [0x1e, 0x0e]);
  a.network.changeSettings({ discovery: 1 });
  wire.run();
  t.deepEqual(featuresPushed(), [0x1e, 0x0e]);
  t.is(a.pingInfo.bytes[4], 0x1e);
});

test("T58: Received push updates the sender's NID list and is acknowledged.", (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  const stub = wire.stub([B, B2]);
  a.put(B);
  wire.run();
  wire.log.length = 0;
  stub.push(a.nid, stubInfo([B, '10.7.0.2@tcp7'], { sequence: 2 }));
  wire.run();
  t.deepEqual(a.nidsOf(B), [B, '10.7.0.2@tcp7']);
  t.deepEqual(wire.story, ['10.0.0.2→10.0.0.1 PUT 0', '10.0.0.1→10.0.0.2 ACK']);
});

test('C24: An incoming push is ACKed with `mlength` = 48 for a 48-byte push and its content is applied.', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  const stub = wire.stub([B]);
  stub.push(a.nid, stubInfo([B]));
  wire.run();
  const [ack] = wire.log.filter(({ hdr, from }) => hdr.type === 0 && from === a.nid);
  t.is(ack?.hdr.mlength, 48);
  t.is(a.peer(B).flags, KNOWN_WELL);
  t.is(stub.pushes.length, 1, 'it is answered with a push of our own');
  stub.push(a.nid, stubInfo([B], { sequence: 2 }));
  wire.run();
  t.is(stub.pushes.length, 1, 'unless the sender has our info already');
});

test('many pushes at once are all taken: the target is posted anew after each', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  const stubs = Array.from({ length: 50 }, (_, i) => wire.stub([`10.0.1.${i + 1}@tcp`]));
  for (const stub of stubs) stub.push(a.nid, stub.info as Uint8Array);
  wire.run();
  t.is(wire.log.filter(({ hdr, from }) => hdr.type === 0 && from === a.nid).length, 50);
  t.is([...a.peers.peers()].filter((peer) => peer.flags === KNOWN_WELL).length, 50);
  t.is(a.portals.mdCount, 2);
});

test('a push that does not fit makes the target larger and its sender pinged', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  const nids = [B, ...Array.from({ length: 39 }, (_, i) => `10.9.0.${i + 1}@tcp9`)];
  const stub = wire.stub(nids);
  stub.push(a.nid, stub.info as Uint8Array);
  wire.run();
  t.is(a.nidsOf(B).length, 40);
  t.is(a.network.incoming.counts.short_push, 1);
  stub.push(a.nid, stubInfo(nids.slice(0, 35), { sequence: 2 }));
  wire.run();
  t.is(a.nidsOf(B).length, 35);
  t.is(a.network.incoming.counts.short_push, 1);
});

test('a push from a NID that no peer has is acknowledged and ignored', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  const stub = wire.stub([B]);
  wire.send(
    stub.nids[0] as never,
    a.nid,
    { type: LNET_MSG_PUT, srcNid: parseNid(C), matchBitsHigh: 0x8000_0000 },
    stubInfo([C]),
  );
  wire.run();
  t.is(a.network.incoming.counts.unknown_push, 1);
  t.false(a.peer(C).has(LNET_PEER_MULTI_RAIL));
});

test('bad info in a push is not used: its sender is pinged instead', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  const stub = wire.stub([B, B2]);
  stub.push(a.nid, new Uint8Array(48));
  wire.run();
  t.is(a.network.incoming.counts.bad_push, 1);
  t.deepEqual(a.nidsOf(B), [B, B2]);
});

test('a peer whose replies stay useless fails its messages after a bounded number of pings', (t) => {
  for (const info of [new Uint8Array(48), stubInfo([B, B2]).subarray(0, 40)]) {
    const wire = new TestWire();
    const a = new TestNode(wire, [A]);
    wire.stub([B], info);
    a.put(B);
    wire.run();
    t.deepEqual(a.events, [`SEND -${EPROTO} last`]);
    t.is(wire.sent(LNET_MSG_GET).length, 16);
    t.is(a.portals.mdCount, 2);
  }
});

test('T59: Adding an NI increases the sequence number and pushes to MR peers.', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  const multi = wire.stub([B]);
  const plain = wire.stub([C], stubInfo([C], { features: 0x06 }));
  a.put(B);
  a.put(C);
  wire.run();
  t.is(a.pingInfo.sequence, 1);
  a.openNi(A2);
  wire.run();
  t.is(a.pingInfo.sequence, 2);
  const sequences = multi.pushes.map((bytes) => new DataView(bytes.buffer).getUint32(24, true));
  t.deepEqual(sequences, [1, 2]);
  t.is(plain.pushes.length, 0);
});

test('T62: A reply naming another primary NID merges both peers into one with that primary.', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A, A2]);
  const stub = wire.stub([B, B2], null);
  stub.info = stubInfo([B], { sequence: 1 });
  a.put(B);
  wire.run();
  t.deepEqual(a.nidsOf(B), [B]);
  stub.info = stubInfo([B, B2], { sequence: 2 });
  a.put(B2);
  wire.run();
  t.deepEqual(a.nidsOf(B2), [B, B2]);
  t.is([...a.peers.peers()].length, 1);
  t.is(a.peers.primaryOf(parseNid(B2)), parseNid(B));
  t.deepEqual([a.peer(B).pingFrom, a.peer(B).pingTo], [parseNid(B2), parseNid(A2)], 'it knows the pair that worked');
  t.deepEqual(a.events, ['SEND last', 'SEND last'], 'what waited on the other peer was sent');
});

test("a reply that names a primary NID nobody has makes it the peer's own", (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A, A2]);
  wire.stub([B, B2]);
  a.put(B2);
  wire.run();
  t.deepEqual(a.nidsOf(B2), [B, B2]);
});

test("T63: Removing a NID from a peer's push removes it locally; configured peers are not altered.", (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  const stub = wire.stub([B, B2]);
  a.put(B);
  wire.run();
  stub.push(a.nid, stubInfo([B], { sequence: 2 }));
  wire.run();
  t.deepEqual(a.nidsOf(B), [B]);

  const configured = wire.stub([C, '10.1.0.3@tcp1']);
  a.network.peerConfig.add({ primary: parseNid(C), isMultiRail: true });
  a.network.peerConfig.add({ primary: parseNid(C), nid: parseNid('10.5.0.3@tcp5'), isMultiRail: true });
  configured.push(a.nid, configured.info as Uint8Array);
  wire.run();
  t.deepEqual(a.nidsOf(C), [C, '10.5.0.3@tcp5']);
});

test('an unanswered ping fails what waits when the response tracker gives up', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  wire.stub([B], null);
  a.put(B);
  wire.run(149);
  t.deepEqual(a.events, []);
  wire.run(77);
  t.deepEqual(a.events, [`SEND -${ETIMEDOUT} last`]);
  t.is(a.portals.mdCount, 2);
  wire.run(400);
  t.is(wire.clock.pending, 0, 'nothing goes on for ever');
});

test('stopping fails what waits for discovery and leaves nothing behind', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  wire.stub([B], null);
  a.put(B);
  wire.run();
  a.stop();
  t.deepEqual(a.events, [`SEND -${ESHUTDOWN} last`]);
  t.is(a.wheel.size, 0);
  wire.run(600);
  t.deepEqual([a.portals.mdCount, a.pool.live, a.trackers.live, wire.clock.pending, a.wheel.size], [0, 0, 0, 0, 0]);
});
