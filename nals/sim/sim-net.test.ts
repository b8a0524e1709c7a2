import test from 'ava';
import { isDeepStrictEqual } from 'node:util';
import { LNET_MTU } from '../../lnet/wire/lnet-hdr.ts';
import { firstDifference, GuardedMemory, patternBytes } from '../compliance/memory.ts';
import { putTx } from '../compliance/message.ts';
import type { Recorder } from '../compliance/recorder.ts';
import { createFabric } from './fabric.ts';
import type { LinkConditions } from './link.ts';
import { recordedNode } from './recorded-node.test-support.ts';
import type { SimNet } from './sim-net.ts';

/** Bytes of a PUT with payload `length` on a link of form 4. */
const onWire = (length: number): number => 72 + length;

async function pair(conditions: Partial<LinkConditions>, seed = 1): Promise<[SimNet, Recorder, Recorder]> {
  const fabric = createFabric({ seed });
  const a = await recordedNode(fabric, 'a', '10.0.0.1@tcp');
  const b = await recordedNode(fabric, 'b', '10.0.0.2@tcp');
  a.send(putTx(a.nid, b.nid, 999_999, 0));
  fabric.runUntilIdle();
  b.arrivals.length = 0;
  a.ends.length = 0;
  fabric.shape({ between: ['a', 'b'] }, conditions);
  return [fabric, a, b];
}

function sendMany(a: Recorder, b: Recorder, count: number, length = 100): void {
  for (let number = 0; number < count; number++) a.send(putTx(a.nid, b.nid, number, length));
}

/** True when `hits` of `tries` is within five standard deviations of what the probability says. */
function isLikely(hits: number, tries: number, probability: number): boolean {
  return Math.abs(hits - tries * probability) <= 5 * Math.sqrt(tries * probability * (1 - probability));
}

test('a message arrives after exactly the latency of its link', async (t) => {
  const [fabric, a, b] = await pair({ latencyUs: 1234 });
  const start = fabric.clock.now();
  a.send(putTx(a.nid, b.nid, 1, 500));
  fabric.advance({ us: 1233 });
  t.is(b.arrivals.length, 0);
  fabric.advance({ us: 1 });
  t.is(b.placedArrivals.length, 1);
  t.is(fabric.clock.now() - start, 1234);
});

test('bandwidth: messages enter a link one after another, and the sum is exact', async (t) => {
  const [fabric, a, b] = await pair({ latencyUs: 10, bytesPerS: 1_000_000 });
  const start = fabric.clock.now();
  const lengths = [0, 1, 1000, LNET_MTU, 333];
  const due: number[] = [];
  let total = 0;
  for (const [number, length] of lengths.entries()) {
    a.send(putTx(a.nid, b.nid, number, length));
    total += onWire(length);
    due.push(total + 10);
  }
  const seen: number[] = [];
  while (b.placedArrivals.length < lengths.length) {
    fabric.clock.step();
    while (seen.length < b.placedArrivals.length) seen.push(fabric.clock.now() - start);
  }
  t.deepEqual(seen, due);
});

test('bandwidth: a rate that does not divide evenly is exact over many messages', async (t) => {
  const [fabric, a, b] = await pair({ latencyUs: 0, bytesPerS: 7_000_000 });
  const start = fabric.clock.now();
  sendMany(a, b, 700, 28);
  fabric.runUntil(() => b.placedArrivals.length === 700, 'all have arrived');
  t.is(fabric.clock.now() - start, 10_000);
});

test('the header arrives before the payload, and the payload is placed with its last byte', async (t) => {
  const [fabric, a, b] = await pair({ latencyUs: 5, bytesPerS: 1_000_000 });
  a.send(putTx(a.nid, b.nid, 1, 1000));
  fabric.advance({ us: 72 + 5 });
  t.is(b.arrivals[0]?.state, 'placing');
  fabric.advance({ us: 999 });
  t.is(b.arrivals[0]?.state, 'placing');
  fabric.advance({ us: 1 });
  t.is(b.arrivals[0]?.state, 'placed');
});

test('a message that finds more bytes waiting than the queue holds is dropped, and its sender is told that it left', async (t) => {
  const [fabric, a, b] = await pair({ bytesPerS: 1_000_000, queueBytes: 2 * onWire(928) });
  sendMany(a, b, 5, 928);
  fabric.runUntilIdle();
  t.deepEqual(
    b.placedArrivals.map(({ number }) => number),
    [0, 1, 2],
  );
  t.is(fabric.counts.overflowed, 2);
  const start = fabric.clock.now();
  sendMany(a, b, 5, 928);
  a.send(putTx(a.nid, b.nid, 9, 928));
  fabric.advance({ us: 1_000 });
  a.send(putTx(a.nid, b.nid, 10, 928));
  fabric.runUntilIdle();
  t.is(b.arrivals.at(-1)?.number, 10);
  t.is(fabric.clock.now() - start, 4_050, 'what was dropped took no time');
  a.ends.splice(5);
  t.true(a.ends.length === 5 && a.ends.every((end) => end.errno === 0));
});

test('loss: as many messages vanish as the probability says, and their senders are told that they left', async (t) => {
  for (const loss of [0.01, 0.3]) {
    const [fabric, a, b] = await pair({ loss }, 20 + loss);
    sendMany(a, b, 20_000, 0);
    fabric.runUntilIdle();
    const lost = 20_000 - b.arrivals.length;
    t.true(isLikely(lost, 20_000, loss), `${lost} lost at ${loss}`);
    t.is(fabric.counts.lost, lost);
    t.true(a.ends.length === 20_000 && a.ends.every((end) => end.errno === 0));
  }
});

test('duplication: as many messages arrive twice as the probability says, and each transmission ends once', async (t) => {
  const [fabric, a, b] = await pair({ duplicate: 0.1 });
  sendMany(a, b, 5_000);
  fabric.runUntilIdle();
  const copies = b.arrivals.length - 5_000;
  t.true(isLikely(copies, 5_000, 0.1), `${copies} copies`);
  t.is(a.ends.length, 5_000);
  t.deepEqual(a.violations, []);
  t.true(b.arrivals.every(({ payload, number }) => firstDifference(payload, patternBytes(number, 100)) === undefined));
});

test('reordering: as many messages are overtaken as the probability says, by no more than asked for', async (t) => {
  const [fabric, a, b] = await pair({ reorder: 0.05, reorderUs: 500, bytesPerS: 100_000_000 });
  sendMany(a, b, 10_000, 28);
  fabric.runUntilIdle();
  t.is(b.placedArrivals.length, 10_000);
  t.true(isLikely(fabric.counts.reordered, 10_000, 0.05));
  let overtaken = 0;
  let latest = -1;
  for (const { number } of b.arrivals) {
    if (number < latest) overtaken++;
    latest = Math.max(latest, number);
    t.true(latest - number <= 501, `${number} came after ${latest}`);
  }
  t.true(overtaken > 400 && overtaken <= fabric.counts.reordered, `${overtaken} overtaken`);
});

test('jitter lets no message overtake another', async (t) => {
  const [fabric, a, b] = await pair({ jitterUs: 5_000 });
  for (let number = 0; number < 300; number++) {
    a.send(putTx(a.nid, b.nid, number, 50));
    fabric.advance({ us: 10 });
  }
  fabric.runUntilIdle();
  t.deepEqual(
    b.arrivals.map(({ number }) => number),
    Array.from({ length: 300 }, (_, number) => number),
  );
});

test('corruption: one bit of a damaged message differs, in the header or in the payload by their lengths', async (t) => {
  const [fabric, a, b] = await pair({ corrupt: 1 });
  b.answer = (arrival) => arrival.want(Math.min(100, arrival.hdr.payloadLength), new GuardedMemory([1, 40, 0, 59]));
  let damagedPayloads = 0;
  let differentHeaders = 0;
  for (let number = 0; number < 300; number++) {
    const tx = putTx(a.nid, b.nid, number, 100);
    a.send(tx);
    fabric.runUntilIdle();
    const arrival = b.arrivals.pop();
    if (arrival?.state === 'placed' && arrival.hdr.payloadLength === 100) {
      const flipped = flippedBits(arrival.payload, tx.payload[0] as Uint8Array);
      t.true(flipped <= 1 && arrival.memory.isIntact);
      damagedPayloads += flipped;
    }
    if (!arrival || !isDeepStrictEqual(arrival.hdr, tx.hdr)) differentHeaders++;
  }
  t.true(isLikely(damagedPayloads, 300, 100 / 172), `${damagedPayloads} payloads damaged`);
  // A decoded header does not show each bit: one byte of each NID means nothing.
  t.true(300 - damagedPayloads - differentHeaders <= 25 && differentHeaders > 50, `${differentHeaders} headers differ`);
  t.is(fabric.counts.corrupted, 300);
});

test('corruption damages nothing when nothing of a payload is wanted', async (t) => {
  const [fabric, a, b] = await pair({ corrupt: 1 });
  b.answer = (arrival) => arrival.want(0, new GuardedMemory([50]));
  for (let number = 0; number < 20; number++) {
    a.send(putTx(a.nid, b.nid, number, 10_000));
    fabric.runUntilIdle();
  }
  t.true(b.placedArrivals.length > 15 && b.placedArrivals.every((arrival) => arrival.isTidy));
});

function flippedBits(actual: Uint8Array, expected: Uint8Array): number {
  let flipped = 0;
  for (const [at, byte] of actual.entries())
    for (let difference = byte ^ (expected[at] as number); difference > 0; difference &= difference - 1) flipped++;
  return flipped;
}

test('a partition stops all between its groups and nothing else', async (t) => {
  const fabric = createFabric({ seed: 3 });
  const names = ['a', 'b', 'c', 'd', 'e'];
  const nodes = await Promise.all(names.map((name, i) => recordedNode(fabric, name, `10.0.0.${i + 1}@tcp`)));
  const cut = fabric.partition(['a', 'b'], ['c', '10.0.0.4@tcp']);
  for (const from of nodes) for (const to of nodes) from.send(putTx(from.nid, to.nid, 1, 10));
  fabric.advance({ us: 1_000_000 });
  const reached = nodes.map((to) =>
    to.arrivals.map(({ fromNid }) => names[fromNid.address - 0x0a000001] as string).toSorted(),
  );
  t.deepEqual(
    reached.map((from) => from.join('')),
    ['abe', 'abe', 'cde', 'cde', 'abcde'],
  );
  cut.heal();
  cut.heal();
  fabric.advance({ us: 1_000_000 });
  t.true(nodes.every((node) => node.arrivals.length === 5 && node.unfinished === 0));
});

test('a cut may be in one direction only: the message arrives, and its sender cannot know', async (t) => {
  const [fabric, a, b] = await pair({});
  const cut = fabric.cut((from, to) => from.node.name === 'b' && to.node.name === 'a');
  a.send(putTx(a.nid, b.nid, 1, 10));
  fabric.advance({ us: 1_000_000 });
  t.is(b.placedArrivals.length, 1);
  t.is(a.ends.length, 0);
  cut.heal();
  t.is(a.ends[0]?.errno, 0);
  t.is(b.arrivals.length, 1);
});

test('of two shapes that select a link the later one wins, where it says something', async (t) => {
  const [fabric, a, b] = await pair({});
  fabric.shape({ from: 'a' }, { latencyUs: 700, loss: 1 });
  fabric.shape({ from: 'b' }, { latencyUs: 1 });
  fabric.shape({ to: 'a' }, { latencyUs: 2 });
  fabric.shape({ between: ['a', 'c'] }, { latencyUs: 3 });
  fabric.shape({ to: b.nid }, { loss: 0 });
  a.send(putTx(a.nid, b.nid, 1, 10));
  fabric.advance({ us: 699 });
  t.is(b.arrivals.length, 0);
  fabric.advance({ us: 1 });
  t.is(b.arrivals.length, 1);
});

test('conditions that cannot be are refused', (t) => {
  const fabric = createFabric({ seed: 1 });
  t.throws(() => fabric.shape({}, { loss: 1.1 }), { message: /loss is a probability/ });
  t.throws(() => fabric.shape({}, { latencyUs: -1 }), { message: /latencyUs must not be negative/ });
  t.throws(() => fabric.shape({}, { bytesPerS: 0 }), { message: /use cut\(\)/ });
  t.throws(() => createFabric({ seed: 1, conditions: { lost: 1 } as Partial<LinkConditions> }), {
    message: /'lost' is not a condition/,
  });
});

test('a slow reader takes in messages at its rate, and only it is slow', async (t) => {
  const [fabric, a, b] = await pair({ latencyUs: 0 });
  const c = await recordedNode(fabric, 'c', '10.0.0.3@tcp');
  fabric.node('b').setReadRate(10_000);
  sendMany(a, b, 5, 928);
  sendMany(a, c, 5, 928);
  fabric.advance({ us: 100_000 });
  t.is(b.placedArrivals.length, 1);
  t.is(c.placedArrivals.length, 5);
  fabric.advance({ us: 400_000 });
  t.is(b.placedArrivals.length, 5);
});

test('a node that reads nothing goes on in order when it reads again', async (t) => {
  const [fabric, a, b] = await pair({});
  fabric.node('b').setReadRate(0);
  sendMany(a, b, 5);
  fabric.advance({ us: 1_000_000 });
  t.is(b.arrivals.length, 0);
  fabric.node('b').setReadRate(Number.POSITIVE_INFINITY);
  fabric.runUntilIdle();
  t.deepEqual(
    b.arrivals.map(({ number }) => number),
    [0, 1, 2, 3, 4],
  );
});

test('a node that reads nothing for the driver timeout is given up, and what it left unread is gone', async (t) => {
  const [fabric, a, b] = await pair({});
  fabric.node('b').setReadRate(0);
  sendMany(a, b, 3);
  fabric.advance({ us: 51_000_000 });
  t.is(a.ends.filter((end) => end.errno === -110).length, 3);
  fabric.node('b').setReadRate(Number.POSITIVE_INFINITY);
  fabric.runUntilIdle();
  t.is(b.arrivals.length, 0);
});

test('a reordered message is placed with its last byte, as any other', async (t) => {
  const [fabric, a, b] = await pair({ latencyUs: 5, bytesPerS: 1_000_000, reorder: 1, reorderUs: 1 });
  a.send(putTx(a.nid, b.nid, 1, 1000));
  fabric.advance({ us: 72 + 5 + 1 });
  t.is(b.arrivals[0]?.state, 'placing');
  fabric.advance({ us: 999 });
  t.is(b.arrivals[0]?.state, 'placing');
  fabric.advance({ us: 1 });
  t.is(b.arrivals[0]?.state, 'placed');
});

test('the dice are thrown for each message anew', async (t) => {
  const [fabric, a, b] = await pair({ loss: 0.3 });
  for (let number = 0; number < 300; number++) {
    a.send(putTx(a.nid, b.nid, number, 10));
    fabric.runUntilIdle();
  }
  t.is(b.arrivals.length, 300 - fabric.counts.lost);
  fabric.shape({}, { loss: 0, corrupt: 0.3 });
  b.answer = (arrival) => arrival.want(Math.min(1000, arrival.hdr.payloadLength));
  b.arrivals.length = 0;
  for (let number = 0; number < 100; number++) {
    a.send(putTx(a.nid, b.nid, number, 1000));
    fabric.runUntilIdle();
  }
  const damaged = b.arrivals.filter(
    (arrival) =>
      arrival.state !== 'placed' || firstDifference(arrival.payload, patternBytes(arrival.number, 1000)) !== undefined,
  ).length;
  t.true(damaged <= fabric.counts.corrupted && damaged > 10, `${damaged} of ${fabric.counts.corrupted}`);
});

test('a slow reader is slow for each message', async (t) => {
  const [fabric, a, b] = await pair({ latencyUs: 0 });
  fabric.node('b').setReadRate(10_000);
  for (let number = 0; number < 3; number++) {
    const start = fabric.clock.now();
    a.send(putTx(a.nid, b.nid, number, 928));
    fabric.runUntil(() => b.placedArrivals.length === number + 1, 'it is read');
    t.is(fabric.clock.now() - start, 100_000);
  }
});

test('the first message of a link waits for a handshake of 56 bytes in each direction', async (t) => {
  const fabric = createFabric({ seed: 1, conditions: { latencyUs: 100, bytesPerS: 1_000_000 } });
  const a = await recordedNode(fabric, 'a', '10.0.0.1@tcp');
  const b = await recordedNode(fabric, 'b', '10.0.0.2@tcp');
  a.send(putTx(a.nid, b.nid, 1, 28));
  fabric.runUntil(() => b.placedArrivals.length === 1, 'it is there');
  t.is(fabric.clock.now(), 3 * 100 + 56 + 56 + onWire(28));
});

test('a cut has no power over what a node sends to itself', async (t) => {
  const [fabric, a] = await pair({});
  fabric.cut(() => true);
  a.send(putTx(a.nid, a.nid, 1, 10));
  fabric.advance({ us: 1_000 });
  t.is(a.placedArrivals.length, 1);
});

test('what was healed before is not sent once more when something else is healed', async (t) => {
  const [fabric, a, b] = await pair({});
  const cut = fabric.isolate('b');
  const other = fabric.isolate('c');
  a.send(putTx(a.nid, b.nid, 1, 10));
  fabric.advance({ us: 1_000 });
  cut.heal();
  fabric.advance({ us: 30 });
  other.heal();
  fabric.advance({ us: 20 });
  t.is(b.placedArrivals.length, 1);
});

test('the trace says what became of each frame, and what was done to the network', async (t) => {
  const fabric = createFabric({ seed: 6, trace: true });
  const a = await recordedNode(fabric, 'a', '10.0.0.1@tcp');
  const b = await recordedNode(fabric, 'b', '10.0.0.2@tcp');
  a.send(putTx(a.nid, b.nid, 1, 10));
  fabric.runUntilIdle();
  const cut = fabric.isolate('b');
  a.send(putTx(a.nid, b.nid, 2, 20));
  fabric.advance({ us: 850 });
  cut.heal();
  fabric.runUntilIdle();
  fabric.shape({}, { loss: 1 });
  a.send(putTx(a.nid, b.nid, 3, 30));
  fabric.runUntilIdle();
  fabric.node('b').crash();
  fabric.node('b').restart();
  fabric.node('b').unplug();
  fabric.node('b').kill();
  t.deepEqual(fabric.trace?.lines, [
    '0.000000 10.0.0.1@tcp → 10.0.0.2@tcp hello: leaves',
    '0.000050 10.0.0.1@tcp → 10.0.0.2@tcp hello: arrives',
    '0.000050 10.0.0.2@tcp → 10.0.0.1@tcp welcome: leaves',
    '0.000100 10.0.0.2@tcp → 10.0.0.1@tcp welcome: arrives',
    '0.000100 10.0.0.1@tcp → 10.0.0.2@tcp PUT 10: leaves',
    '0.000150 10.0.0.1@tcp → 10.0.0.2@tcp PUT 10: arrives',
    '0.000150 cut',
    '0.000150 10.0.0.1@tcp → 10.0.0.2@tcp PUT 20: leaves',
    '0.000200 10.0.0.1@tcp → 10.0.0.2@tcp PUT 20: blocked',
    '0.001000 heal',
    '0.001000 10.0.0.1@tcp → 10.0.0.2@tcp PUT 20: leaves',
    '0.001050 10.0.0.1@tcp → 10.0.0.2@tcp PUT 20: arrives',
    '0.001050 10.0.0.1@tcp → 10.0.0.2@tcp PUT 30: leaves',
    '0.001100 10.0.0.1@tcp → 10.0.0.2@tcp PUT 30: lost',
    '0.001100 b crashes',
    '0.001100 b restarts',
    '0.001100 heal',
    '0.001100 10.0.0.2@tcp unplugged',
    '0.001100 b is killed',
  ]);
  t.is(fabric.seed, 6);
  t.like(fabric.counts, { carried: 4, cut: 1, lost: 1 });
});
