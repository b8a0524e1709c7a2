import test from 'ava';
import { hexOf } from '../../test/hex.ts';
import { specDump } from '../../test/spec-example.ts';
import { EPROTO, RX_WAIT } from '../../lnet/nal.ts';
import { LNET_MSG_ACK, LNET_MSG_GET } from '../../lnet/wire/lnet-hdr.ts';
import { parseNid } from '../../lnet/wire/nid.ts';
import { firstDifference, GuardedMemory, patternBytes } from '../compliance/memory.ts';
import { putTx } from '../compliance/message.ts';
import type { Arrival } from '../compliance/recorder.ts';
import {
  greeting,
  helloOf,
  messageOf,
  noopOf,
  type RawMessage,
  type RawPeer,
  type TestNode,
  World,
} from './node.test-support.ts';
import { NOOPS_MAX } from './transmitter.ts';
import { CHECKSUM_START, updateChecksum } from './wire/checksum.ts';
import { encodeConnreq } from './wire/connreq.ts';
import { encodeHello } from './wire/hello.ts';

const A = '192.168.1.10@tcp';
const B = '192.168.1.20@tcp';
const A_IP = '192.168.1.10';
const B_IP = '192.168.1.20';

/** A node and a hand-driven peer on one CONTROL connection. */
async function link(type = 1, changes: object = {}): Promise<{ world: World; node: TestNode; peer: RawPeer }> {
  const world = new World();
  const node = await world.node(B);
  return { world, node, peer: world.greet(A, 1023, node, type, changes) };
}

const put = (number: number, length: number, changes: Partial<RawMessage> = {}): Uint8Array =>
  messageOf({ from: A, to: B, number, payload: patternBytes(number, length), ...changes });

function isWhole(arrival: Arrival | undefined, number: number, length: number): boolean {
  return (
    arrival?.state === 'placed' &&
    arrival.number === number &&
    firstDifference(arrival.payload, patternBytes(number, length)) === undefined
  );
}

test('S11: Byte-swapped request, HELLO (v2/v3/v4) and framing are understood; own output is always LE.', async (t) => {
  for (const version of [2, 3, 4] as const) {
    const world = new World();
    const node = await world.node(B);
    const peer = world.connect(A_IP, 1000, B_IP);
    const request = Buffer.from(encodeConnreq(parseNid(B)));
    request.subarray(0, 8).swap32();
    request.subarray(8).swap64();
    const hello = Buffer.from(encodeHello(helloOf(A, B, 1, { version })));
    hello.subarray(0, 8).swap32();
    const nids = version === 4 ? 0 : 16;
    hello.subarray(8, 8 + nids).swap64();
    const rest = hello.subarray(version === 4 ? 48 : 24);
    rest.subarray(0, 8).swap32();
    rest.subarray(8, 24).swap64();
    rest.subarray(24).swap32();
    peer.send(Buffer.concat([request, hello]));
    world.settle();
    t.is(hexOf(peer.take().subarray(0, 8)), `63697245${version.toString(16).padStart(2, '0')}000000`);
    peer.send(put(1, 100, { version, isSwapped: true, cookie0: 5n }));
    world.settle();
    t.true(isWhole(node.core.arrivals[0], 1, 100), `version ${version}`);
    t.is(peer.hex, `c0000000${'00'.repeat(12)}0500000000000000`, 'the acknowledgement is little-endian');
  }
});

test('S19: Partial reads at every byte boundary and several messages per TCP segment are handled.', async (t) => {
  const stream = Buffer.concat([
    greeting(A, B, 1),
    put(1, 0),
    noopOf(0n, 1n),
    put(2, 5, { cookie0: 9n }),
    put(3, 300),
    messageOf({ from: A, to: B, type: LNET_MSG_GET, number: 4 }),
    put(5, 70),
  ]);
  const lengths = [0, 5, 300, 0, 70];
  const world = new World();
  const node = await world.node(B);
  // Cut in two at every boundary.
  for (let cut = 1; cut < stream.length; cut++) {
    const peer = world.connect(A_IP, 1000, B_IP);
    peer.send(stream.subarray(0, cut));
    world.settle(300);
    peer.send(stream.subarray(cut));
    world.settle(300);
    t.is(node.core.arrivals.length, lengths.length, `cut at ${cut}`);
    node.core.arrivals.forEach((arrival, i) => t.true(isWhole(arrival, i + 1, lengths[i] as number), `cut at ${cut}`));
    node.core.arrivals.length = 0;
    peer.close();
    world.settle(300);
  }
  // One byte a read, and as many as there are.
  for (const readMax of [1, 2, 7, Number.POSITIVE_INFINITY]) {
    world.net.readMax = readMax;
    const peer = world.connect(A_IP, 1000, B_IP);
    peer.send(stream);
    world.settle();
    t.is(node.core.placedArrivals.length, lengths.length);
    node.core.arrivals.length = 0;
    peer.close();
    world.settle();
  }
  t.deepEqual(node.core.violations, []);
});

test('large payloads survive every way of cutting around header and staging', async (t) => {
  const world = new World();
  const node = await world.node(B);
  for (const readMax of [1000, 4096, 65_536, 65_632, 131_072, Number.POSITIVE_INFINITY]) {
    for (const type of [1, 3]) {
      world.net.readMax = readMax;
      const peer = world.greet(A, 1000, node, type);
      const lengths = [200_000, 4095, 4096, 65_536, 70_000, 16_384, 10, 1_048_576, 0, 20_000];
      peer.send(Buffer.concat(lengths.map((length, number) => put(number, length))));
      world.settle(50_000);
      lengths.forEach((length, number) => t.true(isWhole(node.core.arrivals[number], number, length), `${length}`));
      node.core.arrivals.length = 0;
      peer.close();
      world.settle();
    }
  }
});

test('S20: `ksh_csum` is 0 on v3/v4; v2 vectors of section 5 verify; "123456789" -> `0x340bc6d9`.', async (t) => {
  t.is(updateChecksum(CHECKSUM_START, Buffer.from('123456789')), 0x340bc6d9);
  for (const version of [3, 4] as const) {
    const { world, node, peer } = await link(1, { version });
    node.core.send(putTx(parseNid(B), parseNid(A), 1, 100));
    peer.send(put(1, 5, { version, cookie0: 7n, checksum: 0x12345678 }));
    world.settle();
    t.true(isWhole(node.core.arrivals[0], 1, 5), 'a checksum means nothing there');
    const sent = peer.bytes;
    t.is(hexOf(sent.subarray(4, 8)), '00000000');
    t.is(hexOf(sent.subarray(-20, -16)), '00000000');
  }
  const { world, node, peer } = await link(1, { version: 2 });
  const ping = Buffer.from(specDump('socklnd', '13.3'));
  ping.writeUInt32LE(0xb716bf61, 4);
  peer.send(ping);
  world.settle();
  t.is(node.core.placedArrivals.length, 1);
  ping.writeUInt32LE(0xb716bf62, 4);
  peer.send(ping);
  world.settle();
  t.false(peer.isOpen);
  t.is(node.ni.counters.broken_checksum, 1);

  for (const [checksum, counter] of [
    [0x757e3d7d, 'broken_zc_ack'],
    [0x757e3d7e, 'broken_checksum'],
  ] as const) {
    const noop = await link(1, { version: 2 });
    noop.peer.send(noopOf(0n, 2n, checksum));
    noop.world.settle();
    t.is(noop.node.ni.counters[counter], 1);
  }
});

test('a version 2 checksum covers the payload, wherever it lands, and not a truncated one', async (t) => {
  for (const length of [10, 5000, 300_000]) {
    const { world, node, peer } = await link(1, { version: 2 });
    const sealed = put(1, length, { version: 2 });
    const checksum = updateChecksum(CHECKSUM_START, sealed);
    peer.send(put(1, length, { version: 2, checksum }));
    world.settle(50_000);
    t.true(isWhole(node.core.arrivals[0], 1, length));
    node.core.answer = (arrival) => arrival.want(3);
    peer.send(put(2, length, { version: 2, checksum: 1 }));
    world.settle(50_000);
    t.is(node.core.arrivals[1]?.state, 'placed');
    node.core.answer = (arrival) => arrival.want();
    const spoilt = put(1, length, { version: 2, checksum });
    spoilt[spoilt.length - 1]! ^= 1;
    peer.send(spoilt);
    world.settle(50_000);
    t.is(node.core.arrivals[2]?.state, 'failed');
    t.false(peer.isOpen);
  }
});

test('S21: Unknown `ksh_type` closes; NOOP (0,0) and keepalive (0,1) are ignored.', async (t) => {
  const { world, node, peer } = await link();
  peer.send(Buffer.concat([noopOf(0n, 0n), noopOf(0n, 1n), noopOf(1n, 1n), put(1, 3)]));
  world.settle();
  t.true(peer.isOpen);
  t.is(peer.bytes.length, 0);
  t.is(node.core.placedArrivals.length, 1);
  const bad = Buffer.from(put(2, 3));
  bad[0] = 0xc2;
  // The first 24 bytes are enough.
  peer.send(bad.subarray(0, 24));
  world.settle();
  t.is(peer.end, 0);
  t.is(node.ni.counters.broken_message_type, 1);
});

test('S22: Dropped or truncated messages consume exactly `payload_length` bytes.', async (t) => {
  const { world, node, peer } = await link();
  node.core.answer = (arrival) =>
    arrival.number % 2 === 0 ? arrival.want(arrival.number === 2 ? 7 : 0) : arrival.want();
  peer.send(Buffer.concat([put(0, 500), put(1, 3), put(2, 200_000), put(3, 100_000), put(4, 0), put(5, 20)]));
  world.settle(50_000);
  t.true([1, 3, 5].every((number) => isWhole(node.core.arrivals[number], number, [0, 3, 0, 100_000, 0, 20][number]!)));
  t.is(firstDifference(node.core.arrivals[2]!.payload, patternBytes(2, 7)), undefined);
  t.is(node.ni.counters.rx_discarded_bytes, 500 + 199_993);
});

test('S23: Every LNET message with cookie[0] != 0 is acknowledged exactly once, also when dropped or empty.', async (t) => {
  const { world, node, peer } = await link();
  node.core.answer = (arrival) => (arrival.number === 2 ? arrival.want(0) : arrival.want());
  const cookies = [0n, 2n, 0xffff_ffff_0000_0003n, 4n, 0n, 5n];
  const lengths = [10, 0, 3000, 100_000, 5, 20_000];
  peer.send(Buffer.concat(cookies.map((cookie0, number) => put(number, lengths[number]!, { cookie0 }))));
  world.settle(50_000);
  const acknowledged = peer.hex.match(/.{48}/g)?.map((noop) => Buffer.from(noop.slice(32), 'hex').readBigUInt64LE());
  t.deepEqual(
    acknowledged,
    cookies.filter((cookie) => cookie !== 0n),
  );
  t.true(peer.hex.startsWith(`c0000000${'00'.repeat(12)}`));
});

test("S24: A peer's forms (0,c), (a>b), (a<b) and LNET-piggybacked acknowledgements are decoded per 7.3.", async (t) => {
  // We never ask, so that each of them names a cookie that is not outstanding: the pair is closed.
  for (const bytes of [
    noopOf(0n, 2n),
    noopOf(3n, 2n),
    noopOf(2n, 0xffff_ffff_ffff_fff0n),
    noopOf(4n, 4n),
    noopOf(7n, 1n),
    put(1, 0, { cookie1: 2n }),
  ]) {
    const { world, node, peer } = await link();
    peer.send(bytes);
    world.settle();
    t.is(peer.end, 0, hexOf(bytes));
    t.is(node.ni.counters.broken_zc_ack, 1);
    t.is(node.core.arrivals.length, 0, 'what came with it is not delivered');
  }
  const old = await link(1, { version: 2 });
  old.peer.send(noopOf(0n, 1n));
  old.world.settle();
  t.is(old.node.ni.counters.broken_zc_ack, 1, 'version 2 knows no keepalive');
});

test('S25: Acknowledgements go to a BULK_IN connection when one exists.', async (t) => {
  const world = new World();
  const node = await world.node(B);
  const control = world.greet(A, 1023, node, 1);
  control.send(put(1, 10, { cookie0: 2n }));
  world.settle();
  t.is(control.take().length, 24, 'without one: where the message came in');
  const bulkIn = world.greet(A, 1022, node, 3);
  control.send(put(2, 10, { cookie0: 3n }));
  world.settle();
  t.is(control.take().length, 0);
  t.is(bulkIn.take().length, 24);
});

test('S26: Acknowledgement is not delayed by upper-layer processing.', async (t) => {
  const { world, node, peer } = await link();
  const acksWhenPlaced: number[] = [];
  const placed = node.core.placed.bind(node.core);
  node.core.placed = (rx, errno) => {
    acksWhenPlaced.push(node.ni.counters.zc_acks_sent);
    placed(rx, errno);
  };
  node.core.answer = (arrival) => (arrival.number === 2 ? RX_WAIT : arrival.want(10));
  // The unwanted rest of the first has not even arrived.
  peer.send(put(1, 5000, { cookie0: 2n }).subarray(0, 200));
  world.settle();
  t.deepEqual(acksWhenPlaced, [1]);
  t.is(peer.take().length, 24);
  peer.send(put(1, 5000).subarray(200));
  peer.send(put(3, 20, { cookie0: 3n }));
  peer.send(put(2, 20, { cookie0: 4n }));
  world.settle();
  t.is(peer.take().length, 24, 'the third is acknowledged while the second waits');
});

test('S29: Any message is accepted on any connection type.', async (t) => {
  for (const type of [0, 1, 2, 3]) {
    const { world, node, peer } = await link(type);
    peer.send(
      Buffer.concat([
        put(1, 10),
        put(2, 100_000),
        messageOf({ from: A, to: B, type: LNET_MSG_ACK, number: 3 }),
        messageOf({ from: A, to: B, type: LNET_MSG_GET, number: 4 }),
        noopOf(0n, 1n),
      ]),
    );
    world.settle();
    t.is(node.core.placedArrivals.length, 4, `type ${type}`);
  }
});

test('a header that the core refuses closes all connections of the pair', async (t) => {
  const { world, node, peer } = await link();
  const other = world.greet(A, 1000, node, 2);
  node.core.answer = () => -EPROTO;
  peer.send(put(1, 0xffff));
  world.settle();
  t.false(peer.isOpen || other.isOpen);
  t.is(node.ni.counters.broken_message, 1);
});

test('a length of 4 GiB takes no memory: its payload is thrown away as it comes', async (t) => {
  const { world, node, peer } = await link();
  node.core.answer = (arrival) => arrival.want(0);
  peer.send(put(1, 0, { payloadLength: 0xffffffff }));
  for (let i = 0; i < 20; i++) {
    peer.send(new Uint8Array(200_000));
    world.settle();
  }
  t.true(peer.isOpen);
  t.is(node.core.arrivals.length, 1);
});

test('a waiting message stops the reading of its connection, and what had come with it is kept', async (t) => {
  const { world, node, peer } = await link();
  const waiting: Arrival[] = [];
  node.core.answer = (arrival) => {
    waiting.push(arrival);
    return RX_WAIT;
  };
  peer.send(Buffer.concat([put(0, 10), put(1, 3000), put(2, 0), put(3, 200_000), put(4, 1)]));
  world.settle();
  for (const [number, length] of [10, 3000, 0, 200_000, 1].entries()) {
    t.is(waiting.length, number + 1);
    waiting[number]?.resume();
    world.settle();
    t.true(isWhole(node.core.arrivals[number], number, length), `message ${number}`);
  }
  t.is(node.ni.counters.rx_waits, 5);
});

test('the core is not asked about the next message while it resumes one', async (t) => {
  const { world, node, peer } = await link();
  node.core.answer = () => RX_WAIT;
  peer.send(Buffer.concat([put(0, 10), put(1, 10), put(2, 10)]));
  world.settle();
  for (const count of [1, 2, 3]) {
    t.is(node.core.arrivals.length, count);
    node.core.arrivals.at(-1)?.resume();
    t.is(node.core.arrivals.length, count);
    t.is(node.core.placedArrivals.length, count);
    world.settle();
  }
});

test('a connection that breaks between two messages that were held ends both waits', async (t) => {
  const { world, node, peer } = await link();
  node.core.answer = () => RX_WAIT;
  peer.send(Buffer.concat([put(0, 10), put(1, 10)]));
  world.settle();
  node.core.arrivals[0]?.resume();
  await node.core.close();
  world.settle();
  t.is(node.core.arrivals.length, 1);
  t.is(node.core.unplaced, 0);
  t.deepEqual(node.core.violations, []);
});

test('memory in pieces that lie behind each other is read into as one', async (t) => {
  const { world, node, peer } = await link(3);
  const arena = new Uint8Array(262_144);
  const pages = Array.from({ length: 64 }, (_, page) => arena.subarray(page * 4096, (page + 1) * 4096));
  node.core.answer = (arrival) => {
    arrival.rx.iov = pages;
    arrival.rx.iovOffset = 100;
    arrival.rx.wantedBytes = 200_000;
    return 0;
  };
  peer.send(put(1, 200_000));
  world.settle(50_000);
  t.is(firstDifference(arena.subarray(100, 200_100), patternBytes(1, 200_000)), undefined);
  t.true(node.ni.counters.rx_reads < 10);
  t.is(node.ni.counters.rx_copied_bytes, 0);
});

test('scattered pages are read into one by one, copying nothing', async (t) => {
  const { world, node, peer } = await link(3);
  const memory = new GuardedMemory(Array.from({ length: 50 }, () => 4096));
  node.core.answer = (arrival) => arrival.want(204_800, memory);
  peer.send(put(1, 204_800));
  world.settle(50_000);
  t.true(isWhole(node.core.arrivals[0], 1, 204_800));
  t.true(memory.isIntact);
  t.is(node.ni.counters.rx_copied_bytes, 0);
});

test('a peer that asks for acknowledgements and does not read them is closed, with bounded memory', async (t) => {
  const { world, node, peer } = await link();
  peer.stopReading();
  peer.send(noopOf(0n, 1n));
  for (let i = 0; i < 30; i++)
    peer.send(
      Buffer.concat(Array.from({ length: NOOPS_MAX }, (_, j) => put(1, 0, { cookie0: BigInt(2 + i * NOOPS_MAX + j) }))),
    );
  world.seconds(1);
  t.is(node.ni.counters.broken_zc_flood, 1);
  t.false(peer.isOpen);
});

test('when the core closes the NI from inside an upcall, the message it took is reported, and nothing else comes', async (t) => {
  const { world, node, peer } = await link();
  let closing: Promise<void> | undefined;
  node.core.answer = (arrival) => {
    closing ??= node.ni.close();
    return arrival.want();
  };
  peer.send(Buffer.concat([put(1, 10), put(2, 10)]));
  world.settle();
  await closing;
  t.is(node.core.arrivals.length, 1);
  t.is(node.core.unplaced, 0);
});
