import test from 'ava';
import { hexOf } from '../../test/hex.ts';
import { specDumps } from '../../test/spec-example.ts';
import { NID_ANY, parseNid } from '../../lnet/wire/nid.ts';
import { putTx } from '../compliance/message.ts';
import { HANDSHAKES_MAX, HANDSHAKES_PER_SOURCE_MAX } from './acceptor.ts';
import {
  greeting,
  helloIn,
  helloOf,
  messageOf,
  NONE,
  type RawPeer,
  type TestNode,
  World,
} from './node.test-support.ts';
import { encodeConnreq } from './wire/connreq.ts';
import { encodeHello } from './wire/hello.ts';

const A = '192.168.1.10@tcp';
const B = '192.168.1.20@tcp';
const A_IP = '192.168.1.10';
const B_IP = '192.168.1.20';
const A6 = '2001:db8::10@tcp';
const B6 = '2001:db8::20@tcp';

const VERSION_ANSWER = '0071ceac010000000000000000000000';

const swapped = (hex: string): string => hexOf(Buffer.from(hex, 'hex').swap32());

/** Hex without the incarnation, which is a clock's and differs from the examples'. */
function undated(bytes: Uint8Array, at: number): string {
  const copy = Buffer.from(bytes);
  copy.fill(0, at, at + 8);
  return copy.toString('hex');
}

/** What a peer that sends this is answered, and the counter that the node bumps. */
function answerTo(
  world: World,
  node: TestNode,
  bytes: Uint8Array | string,
  port = 1000,
): { peer: RawPeer; hex: string } {
  const peer = world.connect(A_IP, port, B_IP);
  peer.send(bytes);
  world.settle();
  return { peer, hex: hexOf(peer.take()) };
}

test('S2: Acceptor reproduces every row of 13.11 and of 1.4.', async (t) => {
  const world = new World();
  const node = await world.node(B);
  const request = hexOf(encodeConnreq(parseNid(B)));
  const hello = (type: number): string => hexOf(encodeHello(helloOf(A, B, type)));
  const rows: readonly (readonly [sent: string, answer: string, counter: string])[] = [
    ['0071ceac03000000', VERSION_ANSWER, 'refused_request_version'],
    ['63697245', VERSION_ANSWER, 'refused_version_probe'],
    ['45726963', VERSION_ANSWER, 'refused_version_probe'],
    ['12345678', '', 'refused_request_magic'],
    [swapped('0071ceac03000000'), VERSION_ANSWER, 'refused_request_version'],
    [hexOf(encodeConnreq(parseNid('192.168.1.21@tcp'))), '', 'refused_unknown_nid'],
    [hexOf(encodeConnreq(parseNid('192.168.1.20@tcp1'))), '', 'refused_unknown_nid'],
    [hexOf(encodeConnreq(parseNid('0@lo'))), '', 'refused_unknown_nid'],
    [`${request}ffffffff`, '', 'refused_hello_magic'],
    [request + hello(4), '', 'refused_hello_type'],
    [request + hello(NONE), '', 'refused_hello_type'],
  ];
  for (const [sent, answer, counter] of rows) {
    const { peer, hex } = answerTo(world, node, sent);
    t.is(hex, answer, sent);
    t.is(peer.end, 0, `closed after ${sent}`);
    t.is(node.ni.counters[counter as 'refused_race'], 1, counter);
    node.ni.counters[counter as 'refused_race'] = 0;
  }
});

test('S3: Acceptor drops a silent connector after 5 s and meanwhile serves others.', async (t) => {
  const world = new World();
  const node = await world.node(B);
  const silent = world.connect(A_IP, 1000, B_IP);
  const slow = world.connect(A_IP, 1001, B_IP);
  world.seconds(2);
  slow.send('0071ceac');
  const other = world.greet(A, 1002, node, 1);
  t.true(other.isOpen);
  world.seconds(2.9);
  t.true(silent.isOpen);
  world.seconds(0.2);
  t.is(silent.end, 0);
  t.true(slow.isOpen, 'each part of the handshake has a timeout of its own');
  world.seconds(2);
  t.is(slow.end, 0);
  t.is(node.ni.counters.refused_timeout, 2);
  world.seconds(10);
  t.true(other.isOpen);
});

test('S5: `secure` mode refuses source ports > 1023.', async (t) => {
  const world = new World();
  const node = await world.node(B);
  const refused = world.connect(A_IP, 1024, B_IP);
  t.is(refused.end, -104);
  t.is(node.ni.counters.refused_insecure_port, 1);
  t.true(world.connect(A_IP, 1023, B_IP).isOpen);
  const open = await world.node('192.168.1.30@tcp', { accept: 'all' });
  t.true(world.connect(A_IP, 40_000, '192.168.1.30').isOpen);
  t.is(open.ni.counters.refused_insecure_port, 0);
});

test('a node with accept: none listens nowhere', async (t) => {
  const world = new World();
  await world.node(B, { accept: 'none' });
  t.is(world.connect(A_IP, 1000, B_IP).end, -111);
});

test('S6: HELLO v3/v4 bytes equal 13.2 / 13.9, including reply mirroring (1->1, 2->3, 3->2, 0->0).', async (t) => {
  const world = new World();
  const node = await world.node(B);
  const node6 = await world.node(B6);
  const [, reply3] = specDumps('socklnd', '13.2');
  const [, , reply6] = specDumps('socklnd', '13.9');
  for (const [sent, mirrored] of [
    [1, 1],
    [2, 3],
    [3, 2],
    [0, 0],
  ] as const) {
    const peer = world.connect(A_IP, 1000 - sent, B_IP);
    peer.send(greeting(A, B, sent));
    world.settle();
    const expected = Buffer.from(reply3 as Uint8Array);
    expected.writeUInt32LE(mirrored, 48);
    t.is(undated(peer.bytes, 32), undated(expected, 32));

    const peer6 = world.connect('2001:db8::10', 1000 - sent, '2001:db8::20');
    peer6.send(greeting(A6, B6, sent, { version: 4 }));
    world.settle();
    const expected6 = Buffer.from(reply6 as Uint8Array);
    expected6.writeUInt32LE(mirrored, 72);
    t.is(undated(peer6.bytes, 56), undated(expected6, 56));
  }
  t.is(node.ni.pairs[0]?.conns.length, 4);
  t.is(node6.ni.pairs[0]?.conns.length, 4);
});

test('S7: `nips` 1..16 accepted and skipped on v2/v3; 17 or a zero address closes; v4 never reads a list.', async (t) => {
  const world = new World();
  const node = await world.node(B);
  const list = (count: number, version: 2 | 3 | 4, address = 0x0a00_0001): Uint8Array => {
    const hello = Buffer.from(encodeHello(helloOf(A, B, 1, { version })));
    hello.writeUInt32LE(count, hello.length - 4);
    const addresses = Buffer.alloc(version === 4 ? 0 : count * 4);
    for (let at = 0; at < addresses.length; at += 4) addresses.writeUInt32LE(address, at);
    return Buffer.concat([encodeConnreq(parseNid(B)), hello, addresses]);
  };
  let port = 900;
  for (const version of [2, 3] as const) {
    for (const count of [1, 2, 16]) {
      const peer = world.connect(A_IP, port--, B_IP);
      // A message right behind the list shows that the list was skipped exactly.
      peer.send(Buffer.concat([list(count, version), messageOf({ from: A, to: B, payload: new Uint8Array(5) })]));
      world.settle();
      t.is(node.core.placedArrivals.length, 1, `version ${version}, ${count} addresses`);
      node.core.arrivals.length = 0;
      peer.close();
      world.settle();
    }
    t.false(answerTo(world, node, list(17, version), port--).peer.isOpen);
    t.false(answerTo(world, node, list(2, version, 0), port--).peer.isOpen);
  }
  t.is(node.ni.counters.refused_hello_list, 4);
  const peer = world.connect(A_IP, port, B_IP);
  const message = messageOf({ from: A, to: B, version: 4, payload: new Uint8Array(5) });
  peer.send(Buffer.concat([list(3, 4), message]));
  world.settle();
  t.is(node.core.placedArrivals.length, 1);
});

test('a HELLO with a NID that no peer of this net has is refused: nobody, this node itself, a node of another net', async (t) => {
  const world = new World();
  const node = await world.node(B);
  const nids = [NID_ANY, parseNid('0@lo'), parseNid('192.168.1.10@tcp1'), parseNid('192.168.1.10@o2ib')];
  for (const [i, nid] of nids.entries()) {
    const hello = encodeHello(helloOf(nid, B, 1));
    const { peer, hex } = answerTo(world, node, Buffer.concat([encodeConnreq(parseNid(B)), hello]), 1000 + i);
    t.is(hex, '', String(nid));
    t.is(peer.end, 0, String(nid));
  }
  t.is(node.ni.counters.refused_hello_nid, nids.length);
  t.deepEqual(node.ni.pairs, []);
});

test('S13: Acceptor takes at least 127 connections of each type.', async (t) => {
  const world = new World();
  const node = await world.node(B);
  const peers: RawPeer[] = [];
  let port = 1023;
  for (const type of [1, 2, 3]) for (let i = 0; i < 127; i++) peers.push(world.greet(A, port--, node, type));
  t.true(peers.every((peer) => peer.isOpen));
  t.is(node.ni.pairs[0]?.conns.length, 381);
  const surplus = world.connect(A_IP, port, B_IP);
  surplus.send(greeting(A, B, 1));
  world.settle();
  t.is(helloIn(surplus.bytes).type, NONE);
  t.is(node.ni.counters.refused_duplicate, 1);
  t.true(
    peers.every((peer) => peer.isOpen),
    'the others stay',
  );
});

test('HELLO of an unknown version is answered with own version and type NONE, then closed', async (t) => {
  const world = new World();
  const node = await world.node(B);
  const hello = Buffer.from(encodeHello(helloOf(A, B, 1)));
  hello.writeUInt32LE(5, 4);
  const { peer, hex } = answerTo(world, node, Buffer.concat([encodeConnreq(parseNid(B)), hello]));
  const [expected] = specDumps('socklnd', '13.11');
  const incarnation = hexOf((expected as Uint8Array).subarray(32, 40));
  t.is(hex, hexOf(expected as Uint8Array).replace(incarnation, hex.slice(64, 80)));
  t.is(peer.end, 0);
  t.is(node.ni.counters.refused_hello_version, 1);

  await world.node(B6);
  const peer6 = world.connect('2001:db8::10', 1000, '2001:db8::20');
  const hello6 = Buffer.from(encodeHello(helloOf(A6, B6, 1, { version: 4 })));
  hello6.writeUInt32LE(9, 4);
  peer6.send(Buffer.concat([encodeConnreq(parseNid(B6)), hello6]));
  world.settle();
  t.like(helloIn(peer6.bytes), { version: 4, srcNid: parseNid(B6), dstNid: parseNid(B6), type: NONE });
});

test('a version before 4 cannot name a large NID: answered as an unknown version', async (t) => {
  const world = new World();
  await world.node(B6);
  const peer = world.connect('2001:db8::10', 1000, '2001:db8::20');
  peer.send(Buffer.concat([encodeConnreq(parseNid(B6)), encodeHello(helloOf(A, B, 1))]));
  world.settle();
  t.like(helloIn(peer.bytes), { version: 4, type: NONE });
});

test('any NID of the node is served by any of its listeners, as the NI that was asked for', async (t) => {
  const world = new World();
  const node = await world.node(B);
  const second = await node.nal.openNi({
    nid: parseNid('192.168.2.20@tcp1'),
    interfaceName: 'eth1',
    accept: 'secure',
    acceptPort: 7988,
    tunables: {},
  });
  const peer = world.connect(A_IP, 1000, B_IP);
  peer.send(greeting('192.168.2.10@tcp1', '192.168.2.20@tcp1', 1));
  world.settle();
  t.is(helloIn(peer.bytes).srcNid, second.nid);
  t.is(node.ni.pairs.length, 0);
  await second.close();
  t.is(peer.end, undefined);
  world.settle();
  t.is(peer.end, 0);
});

test('two NIs with one address share its listener, which goes with the last of them', async (t) => {
  const world = new World();
  const node = await world.node(B);
  const options = { interfaceName: 'eth0', accept: 'secure', acceptPort: 7988, tunables: {} } as const;
  const second = await node.nal.openNi({ nid: parseNid('192.168.1.20@tcp1'), ...options });
  await node.ni.close();
  t.true(world.connect(A_IP, 1000, B_IP).isOpen);
  await second.close();
  t.is(world.connect(A_IP, 1001, B_IP).end, -111);
});

test('of NIs with one address a closing one takes its own handshakes along and no others', async (t) => {
  const world = new World();
  const node = await world.node(B);
  const options = { interfaceName: 'eth0', accept: 'secure', acceptPort: 7988, tunables: {} } as const;
  const second = await node.nal.openNi({ nid: parseNid('192.168.1.20@tcp1'), ...options });
  const [ofFirst, ofSecond] = [B, '192.168.1.20@tcp1'].map((nid, i) => {
    const peer = world.connect(A_IP, 1000 + i, B_IP);
    peer.send(encodeConnreq(parseNid(nid)));
    return peer;
  });
  world.settle();
  await second.close();
  world.settle();
  t.deepEqual([ofFirst?.isOpen, ofSecond?.isOpen], [true, false]);
});

test('an address that cannot be listened on rejects with ERR_LNET_LISTEN and leaves nothing open', async (t) => {
  const world = new World();
  await world.node(B);
  const error = await t.throwsAsync(world.node(B));
  t.like(error, { code: 'ERR_LNET_LISTEN', errno: -98 });
});

test('a NID without an IP address is refused', async (t) => {
  const world = new World();
  await t.throwsAsync(world.node('42@kfi'), { code: 'ERR_LNET_BAD_NID' });
});

test('a peer from an unprivileged port is who its connection says: pid, NID and the source of its headers', async (t) => {
  const world = new World();
  const node = await world.node(B, { accept: 'all' });
  const peer = world.connect(A_IP, 40_000, B_IP);
  peer.send(greeting('10.9.9.9@tcp', B, 1));
  world.settle();
  const hello = helloIn(peer.take());
  t.is(hello.dstNid, parseNid(A));
  peer.send(messageOf({ from: '10.9.9.9@tcp', to: B, payload: new Uint8Array(3) }));
  peer.send(messageOf({ from: '10.5.5.5@tcp7', to: B, payload: new Uint8Array(3), srcPid: 99 }));
  world.settle();
  const [own, routed] = node.core.arrivals;
  t.is(own?.fromNid, parseNid(A));
  t.is(own?.fromPid, 0x80009c40);
  t.is(own?.hdr.srcNid, parseNid(A));
  t.is(own?.hdr.srcPid, 0x80009c40);
  // What another net's node sent was routed: its answer must be able to find back.
  t.is(routed?.hdr.srcNid, parseNid('10.5.5.5@tcp7'));
  t.is(routed?.hdr.srcPid, 99);

  const answer = putTx(parseNid(B), parseNid(A), 1, 10);
  answer.nextHopPid = 0x80009c40;
  t.is(node.core.send(answer), 0);
  world.settle();
  t.is(peer.bytes.length, 24 + 72 + 10);
});

test('the source of large headers is substituted too', async (t) => {
  const world = new World();
  const node = await world.node(B6, { accept: 'all' });
  const peer = world.connect('2001:db8::10', 40_001, '2001:db8::20');
  peer.send(greeting('2001:db8::99@tcp', B6, 1, { version: 4 }));
  peer.send(messageOf({ from: '2001:db8::99@tcp', to: B6, version: 4 }));
  peer.send(messageOf({ from: '2001:db8::99@tcp3', to: B6, version: 4 }));
  world.settle();
  t.deepEqual(
    node.core.arrivals.map(({ hdr }) => [hdr.srcPid, String(hdr.srcNid)]),
    [
      [0x80009c41, A6],
      [12345, '2001:db8::99@tcp3'],
    ],
  );
});

test('each connection from an unprivileged port is a peer of its own, to which nobody connects back', async (t) => {
  const world = new World();
  const node = await world.node(B, { accept: 'all' });
  const peer = world.greet(A, 40_000, node, 1);
  world.greet(A, 40_001, node, 1);
  t.is(node.ni.pairs.length, 2);
  peer.close();
  world.settle();
  t.is(node.ni.pairs.length, 0, 'with one process of a NID the others go too');
  const tx = putTx(parseNid(B), parseNid(A), 1, 10);
  tx.nextHopPid = 0x80009c40;
  t.is(node.core.send(tx), -5);
  t.deepEqual(node.host.attempts, []);
});

test('half-open peers from one address cannot keep others out, and are all dropped', async (t) => {
  const world = new World();
  const node = await world.node(B);
  const flood = Array.from({ length: HANDSHAKES_PER_SOURCE_MAX + 50 }, (_, i) => {
    const peer = world.connect('192.168.1.66', 1023 - i, B_IP);
    return peer;
  });
  t.is(flood.filter((peer) => peer.isOpen).length, HANDSHAKES_PER_SOURCE_MAX);
  t.is(node.ni.counters.refused_source_limit, 50);
  t.true(world.greet(A, 1000, node, 1).isOpen);
  world.seconds(6);
  t.true(flood.every((peer) => !peer.isOpen));
});

test('half-open peers from many addresses are bounded in number: the oldest goes, a newcomer is served', async (t) => {
  const world = new World();
  const node = await world.node(B);
  const flood = Array.from({ length: HANDSHAKES_MAX }, (_, i) =>
    world.connect(`192.168.${2 + (i >> 6)}.${i & 63}`, 1000, B_IP),
  );
  t.true(world.greet(A, 1000, node, 1).isOpen);
  t.is(node.ni.counters.refused_handshake_limit, 1);
  t.deepEqual(
    flood.map((peer) => peer.isOpen),
    flood.map((_, i) => i > 0),
  );
});

test('a refused peer that does not read its answer is dropped after a second', async (t) => {
  const world = new World();
  const node = await world.node(B);
  const peer = world.connect(A_IP, 1000, B_IP);
  peer.stopReading();
  peer.send('63697245');
  world.settle();
  t.is(node.ni.counters.refused_version_probe, 1);
  peer.send(new Uint8Array(100_000));
  world.seconds(1.1);
  peer.send(new Uint8Array(10));
  world.settle();
  t.is(peer.end, -104, 'the connection is gone');
});

test('closing an NI ends the handshakes under way for it', async (t) => {
  const world = new World();
  const node = await world.node(B);
  const silent = world.connect(A_IP, 1000, B_IP);
  const asked = world.connect(A_IP, 1001, B_IP);
  asked.send(encodeConnreq(parseNid(B)));
  world.settle();
  await node.ni.close();
  world.settle();
  t.is(silent.end, 0);
  t.is(asked.end, 0);
  t.is(node.ni.counters.refused_stopping, 2);
});
