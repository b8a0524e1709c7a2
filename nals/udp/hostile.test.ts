import test from 'ava';
import * as fc from 'fast-check';
import { checkProperty } from '../../test/property.ts';
import { firstDifference, patternBytes } from '../compliance/memory.ts';
import { parseNid } from '../../lnet/wire/nid.ts';
import { putTx } from '../compliance/message.ts';
import { encodeInit } from './handshake.ts';
import { PORT, type TestNode, World } from './node.test-support.ts';
import type { Datagram } from './virtual-udp.test-support.ts';

const RUNS = 300;

/** Everything that an NI may keep for strangers and peers, in bytes and numbers. */
function assertBounded(node: TestNode): void {
  const { ni } = node;
  if (ni.heldBytes < 0 || ni.heldBytes > ni.tunables.held_kb * 1024) throw new Error(`${ni.heldBytes} bytes held`);
  if (ni.links.length > ni.tunables.links_max) throw new Error(`${ni.links.length} links`);
  const halfOpen = ni.links.filter((link) => link.state === 'halfOpen').length;
  if (halfOpen > ni.tunables.half_open_max) throw new Error(`${halfOpen} half open`);
  if (node.core.violations.length > 0) throw new Error(node.core.violations.join('; '));
}

/** Each datagram is counted once: as taken in some way, or under the reason for which it was not. */
function refusals(node: TestNode): number {
  return Object.entries(node.ni.counters)
    .filter(([name]) => /^(dropped|refused|probes_received|retries|broken|links_accepted)/.test(name))
    .reduce((sum, [, value]) => sum + value, 0);
}

interface Recorded {
  readonly world: World;
  readonly a: TestNode;
  readonly b: TestNode;
  readonly traffic: readonly Datagram[];
}

/** Two nodes with a link, and every datagram that it took so far. */
async function recorded(seed: number): Promise<Recorded> {
  const world = new World({ seed });
  const a = await world.node('10.0.0.1@udp', { tunables: { window_kb: 64, held_kb: 1024 } });
  const b = await world.node('10.0.0.2@udp', { tunables: { window_kb: 64, held_kb: 1024 } });
  const traffic: Datagram[] = [];
  world.net.watch = (datagram) => {
    if (traffic.length < 500) traffic.push(datagram);
    return true;
  };
  for (let number = 0; number < 6; number++) {
    a.core.send(putTx(a.ni.nid, b.ni.nid, number, 5_000));
    b.core.send(putTx(b.ni.nid, a.ni.nid, number, 300));
  }
  world.until(() => a.core.unfinished + b.core.unfinished === 0, 'traffic is over');
  world.net.watch = () => true;
  return { world, a, b, traffic };
}

const address = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3', '192.168.7.7');

test('any bytes from anywhere are counted and dropped', async (t) => {
  const { world, a, b } = await recorded(1);
  const before = refusals(b);
  let sent = 0;
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 1_500 }),
    fc
      .tuple(fc.integer({ min: 0, max: 9 }), fc.uint8Array({ maxLength: 1_400 }))
      .map(([type, rest]) => Uint8Array.from([1, type, ...rest])),
    fc.integer({ min: 0, max: 9 }).map((type) => {
      const padded = new Uint8Array(1_200);
      padded.set([1, type]);
      return padded;
    }),
  );
  checkProperty(t, fc.tuple(address, fc.nat(65_535), bytes), RUNS, ([from, fromPort, content]) => {
    sent++;
    world.net.send({ from, fromPort, to: b.address, toPort: PORT, bytes: content });
    world.ms(1);
    assertBounded(b);
  });
  t.true(refusals(b) - before >= sent, 'each has its counter');
  t.is(a.link.state, 'up');
  a.core.send(putTx(a.ni.nid, b.ni.nid, 99, 10_000));
  world.until(() => a.core.unfinished === 0, 'the link works on');
});

test('recorded packets that are cut, changed, mixed and sent again from anywhere do no more than end their link', async (t) => {
  const { world, a, b, traffic } = await recorded(2);
  const mutation = fc.record({
    index: fc.nat(10_000),
    from: fc.option(address, { nil: undefined }),
    cutTo: fc.option(fc.nat(1_400), { nil: undefined }),
    flips: fc.array(fc.record({ at: fc.nat(1_400), bits: fc.integer({ min: 1, max: 255 }) }), { maxLength: 4 }),
    splice: fc.option(fc.nat(10_000), { nil: undefined }),
    /** Given a number that the link has not seen, so that it is not dropped for its number. */
    isRenumbered: fc.boolean(),
  });
  let next = 1_000_000;
  let ended = 0;
  checkProperty(t, mutation, RUNS, ({ index, from, cutTo, flips, splice, isRenumbered }) => {
    const original = traffic[index % traffic.length] as Datagram;
    let bytes = original.bytes.slice();
    for (const { at, bits } of flips) bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ bits;
    if (splice !== undefined) bytes = Buffer.concat([bytes, (traffic[splice % traffic.length] as Datagram).bytes]);
    if (isRenumbered) new DataView(bytes.buffer, bytes.byteOffset).setUint32(12, next++, true);
    if (cutTo !== undefined) bytes = bytes.subarray(0, cutTo);
    const linksBefore = a.ni.counters.links_closed + b.ni.counters.links_closed;
    world.net.send({ ...original, ...(from === undefined ? {} : { from }), bytes });
    world.ms(1);
    assertBounded(a);
    assertBounded(b);
    ended += a.ni.counters.links_closed + b.ni.counters.links_closed - linksBefore;
  });
  t.log(`${ended} links ended`);
  world.ms(30_000);
  const number = 1_000;
  for (let attempt = 0; attempt < 5 && !b.core.placedArrivals.some((each) => each.number === number); attempt++) {
    a.core.send(putTx(a.ni.nid, b.ni.nid, number, 20_000));
    world.until(() => a.core.unfinished === 0, 'an attempt is over');
  }
  const arrival = b.core.placedArrivals.find((each) => each.number === number);
  t.is(firstDifference(arrival?.payload ?? new Uint8Array(0), patternBytes(number, 20_000)), undefined);
});

test('a peer that breaks the rules of the stream loses its link, and every rule has its counter', async (t) => {
  for (const [counter, spoil] of [
    ['broken_window', (view: DataView) => view.setUint32(24 + 4, 7, true)],
    ['broken_record', (view: DataView, dataAt: number) => view.setUint8(dataAt, 5)],
    ['broken_too_long', (view: DataView, dataAt: number) => view.setUint32(dataAt + 4 + 28, 1_048_577, true)],
  ] as const) {
    const world = new World({ seed: 3 });
    const a = await world.node('10.0.0.1@udp');
    const b = await world.node('10.0.0.2@udp');
    world.net.watch = (datagram) => {
      // The first DATA frame of the first data packet: head 20, frame head 4, offset 8.
      if (datagram.from === a.address && datagram.bytes[1] === 5 && datagram.bytes[20] === 3)
        spoil(new DataView(datagram.bytes.buffer, datagram.bytes.byteOffset, datagram.bytes.length), 32);
      return true;
    };
    a.core.send(putTx(a.ni.nid, b.ni.nid, 0, 100));
    world.until(() => a.core.unfinished === 0, 'the link is closed');
    t.is(b.ni.counters[counter], 1, counter);
    t.is(a.ni.counters.broken_closed, 1);
    t.true((a.core.ends[0]?.errno ?? 0) < 0);
    t.deepEqual(b.core.violations, []);
  }
});

test('bits that flip on the way past the checksum crash nothing and hang nothing: every message ends', async (t) => {
  for (let seed = 10; seed < 16; seed++) {
    const world = new World({ seed, corrupt: 0.03 });
    const a = await world.node('10.0.0.1@udp');
    const b = await world.node('10.0.0.2@udp');
    for (let number = 0; number < 60; number++) {
      a.core.send(putTx(a.ni.nid, b.ni.nid, number, number * 300));
      b.core.send(putTx(b.ni.nid, a.ni.nid, number, number * 300));
    }
    world.until(() => a.core.unfinished + b.core.unfinished === 0, 'every message has ended');
    assertBounded(a);
    assertBounded(b);
    t.is(a.core.ends.length, 60);
    t.log(`seed ${seed}: ${b.core.placedArrivals.length} of 60 arrived, ${a.ni.counters.links_closed} links closed`);
  }
});

test('a flood of INIT from invented addresses costs a bounded number of links and answers no more bytes than came', async (t) => {
  const world = new World({ seed: 4 });
  const b = await world.node('10.0.0.2@udp');
  let received = 0;
  let answered = 0;
  world.net.watch = (datagram) => {
    if (datagram.from === b.address) answered += datagram.bytes.length;
    return true;
  };
  for (let host = 0; host < 3_000; host++) {
    const from = `10.1.${host >> 8}.${host & 255}`;
    const bytes = encodeInit({
      ownId: { low: host + 1, high: 1 },
      srcNid: parseNid(`${from}@udp`),
      dstNid: b.ni.nid,
      incarnation: 1n,
      window: 65_536,
      pid: 1,
      datagramBytesMax: 1_472,
      ackDelayMaxMs: 1,
    });
    received += bytes.length;
    world.net.send({ from, fromPort: PORT, to: b.address, toPort: PORT, bytes });
  }
  world.ms(1_000);
  t.is(b.ni.links.length, 64);
  t.is(b.ni.counters.retries_sent, 3_000 - 64);
  t.true(answered < received, `${answered} bytes answered to ${received}`);
  world.ms(10_000);
  t.is(b.ni.links.length, 0);
});
