import test from 'ava';
import { hexOf } from '../../test/hex.ts';
import { specDump, specDumps } from '../../test/spec-example.ts';
import type { NalNi, NalTap } from '../../lnet/nal.ts';
import { LNET_MSG_ACK, LNET_MSG_GET, LNET_MSG_PUT, LNET_MSG_REPLY } from '../../lnet/wire/lnet-hdr.ts';
import { type Nid, parseNid } from '../../lnet/wire/nid.ts';
import { GuardedMemory, patternBytes } from '../compliance/memory.ts';
import { putTx, TestTx } from '../compliance/message.ts';
import { messageOf, noopOf, type RawPeer, type TestNode, World } from './node.test-support.ts';
import { GATHER_MAX } from './transmitter.ts';
import { CHECKSUM_START, updateChecksum } from './wire/checksum.ts';

const A = '192.168.1.10@tcp';
const B = '192.168.1.20@tcp';
const A6 = '2001:db8::10@tcp';
const B6 = '2001:db8::20@tcp';

/** A node and a hand-driven peer on one CONTROL connection. */
async function link(nid = B, changes: object = {}): Promise<{ world: World; node: TestNode; peer: RawPeer }> {
  const world = new World();
  const node = await world.node(nid);
  return { world, node, peer: world.greet(nid === B ? A : A6, 1023, node, 1, changes) };
}

/** The writes of the node's end of its only connection: number of segments of each. */
function writesOf(world: World, node: TestNode): readonly number[] {
  const end = world.net.ends.find(({ local }) => local.address === node.ni.nid.addressText && local.port === 7988);
  return (end?.written ?? []).slice(1);
}

interface Example {
  readonly dump: Uint8Array;
  readonly from: Nid;
  readonly to: Nid;
  readonly type: number;
  readonly fields: object;
  readonly payloadAt?: number;
}

const HANDLE = { interfaceCookieLow: 0xc0ffee01, interfaceCookieHigh: 0x1886a1b2 };
const PING = { matchBitsHigh: 0x80000000 };

test('S18: Messages equal 13.3-13.6 and 13.9 byte for byte.', async (t) => {
  const [a, b, a6, b6] = [A, B, A6, B6].map(parseNid) as [Nid, Nid, Nid, Nid];
  const dumps6 = specDumps('socklnd', '13.9');
  const get = { ...HANDLE, ...PING, objectCookieLow: 0x45, sinkLength: 272 };
  const put = { ...HANDLE, ...PING, objectCookieLow: 0x49 };
  const examples: Example[] = [
    { dump: specDump('socklnd', '13.3'), from: a, to: b, type: LNET_MSG_GET, fields: get },
    {
      dump: specDump('socklnd', '13.4'),
      from: b,
      to: a,
      type: LNET_MSG_REPLY,
      fields: { ...HANDLE, objectCookieLow: 0x45 },
      payloadAt: 96,
    },
    { dump: specDump('socklnd', '13.5'), from: a, to: b, type: LNET_MSG_PUT, fields: put, payloadAt: 96 },
    { dump: specDump('socklnd', '13.6'), from: b, to: a, type: LNET_MSG_ACK, fields: { ...put, mlength: 48 } },
    { dump: dumps6[3] as Uint8Array, from: a6, to: b6, type: LNET_MSG_GET, fields: get },
    {
      dump: dumps6[4] as Uint8Array,
      from: b6,
      to: a6,
      type: LNET_MSG_REPLY,
      fields: { ...HANDLE, objectCookieLow: 0x45 },
      payloadAt: 120,
    },
  ];
  for (const { dump, from, to, type, fields, payloadAt = dump.length } of examples) {
    const world = new World();
    const node = await world.node(String(from));
    const peer = world.greet(String(to), 1023, node, 1, { version: from.isLarge ? 4 : 3 });
    const payload = dump.subarray(payloadAt);
    const tx = new TestTx(type, from, to).carrying([payload], 0, payload.length);
    Object.assign(tx.hdr, fields);
    t.is(node.core.send(tx), 0);
    world.settle();
    t.is(peer.hex, hexOf(dump));
  }
});

test('small messages of one turn leave in one write and one segment', async (t) => {
  const { world, node, peer } = await link();
  for (let number = 0; number < 50; number++) node.core.send(putTx(parseNid(B), parseNid(A), number, 64));
  world.settle();
  t.deepEqual(writesOf(world, node), [1]);
  t.is(peer.bytes.length, 50 * (96 + 64));
  t.is(node.ni.counters.tx_copied_bytes, 50 * 64);
  t.is(node.core.ends.length, 50);
});

test('a large message leaves as header and fragments of one write, copying nothing', async (t) => {
  const { world, node, peer } = await link();
  const memory = new GuardedMemory([3000, 0, 70_000, 500]).fill(patternBytes(4, 73_500));
  node.core.send(putTx(parseNid(B), parseNid(A), 1, 0).carrying(memory.iov, 100, 73_300));
  world.settle();
  t.deepEqual(writesOf(world, node), [4]);
  t.is(node.ni.counters.tx_copied_bytes, 0);
  t.is(hexOf(peer.bytes.subarray(96)), hexOf(memory.bytes.subarray(100, 73_400)));
});

test('messages keep their order whatever their size, and share writes', async (t) => {
  const { world, node, peer } = await link();
  const lengths = [10, GATHER_MAX, GATHER_MAX + 1, 0, 30_000, 500, 1_000_000, 1];
  lengths.forEach((length, number) => node.core.send(putTx(parseNid(B), parseNid(A), number, length)));
  world.settle(50_000);
  const expected = lengths.map((length, number) => {
    const bytes = Buffer.from(messageOf({ from: B, to: A, number, payload: patternBytes(number, length) }));
    // The hand-made message has no handle of its own.
    bytes.fill(0xff, 56, 72);
    bytes.writeUInt32LE(10, 88);
    return bytes;
  });
  t.true(Buffer.concat(expected).equals(peer.bytes));
  t.true(writesOf(world, node).length <= 4);
});

test('memory is the sender’s until the write is over, and reported free then, once', async (t) => {
  const { world, node, peer } = await link();
  peer.stopReading();
  peer.send(noopOf(0n, 1n));
  world.settle();
  for (let number = 0; number < 3; number++) node.core.send(putTx(parseNid(B), parseNid(A), number, 200_000));
  world.settle();
  t.is(node.core.ends.length, 1, 'the network holds no more');
  t.is(node.ni.pairs[0]?.conns[0]?.tx.backlogBytes, 2 * 200_096);
  peer.readOn();
  world.settle(50_000);
  t.is(node.core.ends.length, 3);
  t.is(node.ni.pairs[0]?.conns[0]?.tx.backlogBytes, 0);
});

test('a burst goes out in batches of bounded size', async (t) => {
  const { world, node, peer } = await link();
  for (let number = 0; number < 2000; number++) node.core.send(putTx(parseNid(B), parseNid(A), number, 64));
  world.settle(50_000);
  t.is(peer.bytes.length, 2000 * 160);
  t.true(writesOf(world, node).length <= 7);
});

test('checksums are sent to version 2 when they are switched on, and nowhere else', async (t) => {
  for (const [version, enable_csum] of [
    [2, 0],
    [2, 1],
    [3, 1],
  ] as const) {
    const world = new World();
    const node = await world.node(B, { tunables: { enable_csum } });
    const peer = world.greet(A, 1023, node, 1, { version });
    for (const length of [0, 10, 5000]) {
      node.core.send(putTx(parseNid(B), parseNid(A), 1, length));
      world.settle();
      const bytes = peer.take();
      const checksum = bytes.readUInt32LE(4);
      if (version === 3 || enable_csum === 0) t.is(checksum, 0);
      else {
        bytes.writeUInt32LE(0, 4);
        t.is(checksum, updateChecksum(CHECKSUM_START, bytes));
      }
    }
    peer.send(messageOf({ from: A, to: B, version, cookie0: 5n }));
    world.settle();
    const noop = peer.take();
    t.is(noop.readUInt32LE(4) !== 0, version === 2 && enable_csum === 1);
  }
});

test('a tap sees each message whole, in both directions', async (t) => {
  const { world, node, peer } = await link();
  const frames: { direction: string; peer: string; bytes: number; data: Buffer }[] = [];
  const tap: NalTap = {
    frame: (direction, _ni: NalNi, from, _link, segments, bytes) =>
      void frames.push({ direction, peer: String(from), bytes, data: Buffer.concat(segments) }),
  };
  node.nal.tap = tap;
  node.core.answer = (arrival) => arrival.want(arrival.number === 9 ? 100 : arrival.hdr.payloadLength);
  const sent = [
    messageOf({ from: A, to: B, number: 1, payload: patternBytes(1, 10) }),
    noopOf(0n, 1n),
    messageOf({ from: A, to: B, number: 2, payload: patternBytes(2, 100_000), cookie0: 3n }),
  ];
  peer.send(Buffer.concat(sent));
  world.settle();
  node.core.send(putTx(parseNid(B), parseNid(A), 1, 20));
  node.core.send(putTx(parseNid(B), parseNid(A), 1, 20_000));
  world.settle();
  const inward = frames.filter(({ direction }) => direction === 'in');
  t.deepEqual(
    inward.map(({ data }) => hexOf(data)),
    sent.map(hexOf),
  );
  const outward = frames.filter(({ direction }) => direction === 'out');
  t.is(hexOf(Buffer.concat(outward.map(({ data }) => data))), peer.hex);
  t.deepEqual(
    outward.map(({ bytes }) => bytes),
    [24, 116, 20_096],
  );
  t.true(frames.every((frame) => frame.peer === A));
  peer.send(messageOf({ from: A, to: B, number: 9, payload: patternBytes(9, 5000) }));
  world.settle();
  t.is(frames.at(-1)?.bytes, 5096);
  t.is(frames.at(-1)?.data.length, 196);
  node.nal.tap = null;
  peer.send(noopOf(0n, 1n));
  world.settle();
  t.is(frames.at(-1)?.bytes, 5096);
});
