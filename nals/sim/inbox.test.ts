import test from 'ava';
import { EIO, EPROTO, HEALTH_LOCAL_ERROR, RX_PLACE, RX_WAIT } from '../../lnet/nal.ts';
import { LNET_HDR4 } from '../../lnet/wire/lnet-hdr.ts';
import { putTx, type TestTx } from '../compliance/message.ts';
import type { Recorder } from '../compliance/recorder.ts';
import { createFabric } from './fabric.ts';
import { recordedNode } from './recorded-node.test-support.ts';
import type { SimNet } from './sim-net.ts';

/** Two nodes, and so many PUTs of 100 bytes from a to b, numbered from 0. */
async function traffic(count: number): Promise<{ fabric: SimNet; a: Recorder; b: Recorder; txs: TestTx[] }> {
  const fabric = createFabric({ seed: 1 });
  const a = await recordedNode(fabric, 'a', '10.0.0.1@tcp');
  const b = await recordedNode(fabric, 'b', '10.0.0.2@tcp');
  const txs = Array.from({ length: count }, (_, number) => putTx(a.nid, b.nid, number, 100));
  for (const tx of txs) a.send(tx);
  return { fabric, a, b, txs };
}

test('counters say what arrived, where it went, and what was made of it', async (t) => {
  const { fabric, a, b } = await traffic(5);
  const wanted = [100, 100, 30, 0];
  b.answer = (arrival) => {
    if (arrival.number === 1) return RX_WAIT;
    return arrival.number === 4 ? -EPROTO : arrival.want(wanted[arrival.number]);
  };
  fabric.runUntil(() => b.arrivals.length === 2, 'one waits');
  b.arrivals[1]?.resume();
  fabric.runUntilIdle();
  t.like(b.ni.counters, { received: 5, received_bytes: 230, discarded_bytes: 170, waits: 1, refused: 1, accepts: 1 });
  t.like(a.ni.counters, { sent: 4, sent_bytes: 400, failed: 1, resets: 1, connects: 1, timeouts: 0 });
});

test('when all is said nothing is to come: no deadline keeps virtual time busy', async (t) => {
  const { fabric, b } = await traffic(5);
  b.answer = (arrival) => (arrival.number === 0 ? RX_WAIT : arrival.want());
  fabric.advance({ us: 500 });
  b.arrivals[0]?.resume();
  fabric.runUntilIdle();
  t.is(b.placedArrivals.length, 5);
  t.true(fabric.clock.now() < 1_000);
});

test('a refused header closes the link at once, also for the sender', async (t) => {
  const { fabric, a, b, txs } = await traffic(1);
  b.answer = () => -EPROTO;
  fabric.advance({ us: 1_000 });
  t.like(a.endOf(txs[0] as TestTx), { errno: -EIO, health: HEALTH_LOCAL_ERROR });
  t.deepEqual(a.downs, [b.nid]);
  t.is(fabric.counts.carried, 4, 'hello, welcome, PUT, reset');
  t.is(fabric.clock.pending, 0);
});

test('a core that closes its NI from inside arrived has the message reported as failed', async (t) => {
  const { fabric, b } = await traffic(1);
  b.answer = (arrival) => {
    void b.ni.close();
    return arrival.want();
  };
  fabric.advance({ us: 1_000 });
  t.is(b.arrivals[0]?.state, 'failed');
  t.deepEqual(b.violations, []);
});

test('an answer that sets nothing wants nothing, whatever the one before it wanted', async (t) => {
  const { fabric, b } = await traffic(2);
  b.answer = (arrival) => (arrival.number === 0 ? arrival.want() : RX_PLACE);
  fabric.runUntilIdle();
  t.like(b.ni.counters, { received_bytes: 100, discarded_bytes: 100 });
});

test('a verdict that is none, memory that is too small, and bytes that do not exist are errors of the program', async (t) => {
  for (const answer of [
    (): number => 2,
    (arrival: Parameters<Recorder['answer']>[0]): number => {
      arrival.want(50);
      arrival.rx.wantedBytes = 51;
      return RX_PLACE;
    },
    (arrival: Parameters<Recorder['answer']>[0]): number => arrival.want(101),
  ]) {
    const { fabric, b } = await traffic(1);
    b.answer = answer;
    t.throws(() => fabric.runUntilIdle(), { instanceOf: RangeError });
  }
});

test('a damaged length that asks for more than was sent closes the link', async (t) => {
  const { fabric, a, b } = await traffic(1);
  fabric.runUntilIdle();
  fabric.shape({}, { corrupt: 1 });
  let longer = 0;
  for (let number = 1; number < 400; number++) {
    const tx = putTx(a.nid, b.nid, number, 8);
    a.send(tx);
    fabric.runUntilIdle();
    const arrival = b.arrivals.at(-1);
    if (arrival?.number !== number || arrival.hdr.payloadLength <= 8) continue;
    longer++;
    t.is(arrival.state, 'failed');
    t.is(a.endOf(tx)?.errno, -EIO);
  }
  t.true(longer > 0);
  t.is(LNET_HDR4.at.payloadLength, 28);
});

test('healing a cut leaves alone what waits for the core, and what is held behind it', async (t) => {
  const { fabric, a, b } = await traffic(3);
  b.answer = (arrival) => (arrival.number === 0 ? RX_WAIT : arrival.want());
  fabric.advance({ us: 1_000 });
  const cut = fabric.isolate('b');
  a.send(putTx(a.nid, b.nid, 3, 100));
  fabric.advance({ us: 1_000 });
  cut.heal();
  fabric.advance({ us: 1_000 });
  t.deepEqual(
    b.arrivals.map(({ state }) => state),
    ['waiting'],
  );
  b.arrivals[0]?.resume();
  fabric.runUntilIdle();
  t.deepEqual(
    b.placedArrivals.map(({ number }) => number),
    [0, 1, 2, 3],
  );
});

test('a sender that closes while its message is being placed: the message is in place, and each end is reported once', async (t) => {
  const { fabric, a, b } = await traffic(3);
  b.answer = (arrival) => (arrival.number === 0 ? RX_WAIT : arrival.want());
  fabric.advance({ us: 1_000 });
  const placed = b.placed.bind(b);
  b.placed = (rx, errno) => {
    void a.close();
    placed(rx, errno);
  };
  b.arrivals[0]?.resume();
  fabric.runUntilIdle();
  t.is(b.placedArrivals.length, 1);
  t.is(b.arrivals.length, 1, 'what was held behind it was never offered');
  t.is(a.ends.length, 3);
  t.deepEqual([...a.violations, ...b.violations], []);
});

test('a receiver that closes lets go of what is held: nothing of it is offered, and its sender is told at once', async (t) => {
  const { fabric, a, b } = await traffic(4);
  b.answer = () => RX_WAIT;
  fabric.advance({ us: 1_000 });
  await b.close();
  fabric.advance({ us: 1_000 });
  t.is(b.arrivals.length, 1);
  t.is(a.ends.length, 4);
  t.is(fabric.clock.pending, 0, 'no deadline is left of a link that is gone');
  const reborn = await recordedNode(fabric, 'b', '10.0.0.2@tcp');
  a.send(putTx(a.nid, b.nid, 9, 100));
  fabric.runUntilIdle();
  t.deepEqual(
    reborn.placedArrivals.map(({ number }) => number),
    [9],
  );
  t.deepEqual(b.violations, []);
});

test('a receiver that closes when the next message has its turn already does not offer it', async (t) => {
  const { fabric, a, b } = await traffic(4);
  b.answer = (arrival) => (arrival.number === 0 ? RX_WAIT : arrival.want());
  fabric.advance({ us: 1_000 });
  const placed = b.placed.bind(b);
  b.placed = (rx, errno) => {
    placed(rx, errno);
    void b.close();
  };
  b.arrivals[0]?.resume();
  fabric.runUntilIdle();
  t.is(b.arrivals.length, 1);
  t.is(a.ends.length, 4);
  t.deepEqual(b.violations, []);
});

test('what a receiver let go of under a cut goes out again when it is healed, and finds the link gone', async (t) => {
  const { fabric, a, b } = await traffic(3);
  b.answer = () => RX_WAIT;
  fabric.advance({ us: 1_000 });
  const cut = fabric.isolate('b');
  a.send(putTx(a.nid, b.nid, 3, 100));
  fabric.advance({ us: 1_000 });
  await b.close();
  fabric.advance({ us: 1_000 });
  t.is(a.ends.length, 0, 'the reset was lost');
  cut.heal();
  fabric.advance({ us: 1_000 });
  t.is(a.ends.length, 4);
  t.is(b.arrivals.length, 1);
});

test('a message that was reported as failed cannot be resumed any more', async (t) => {
  const { fabric, a, b } = await traffic(1);
  b.answer = () => RX_WAIT;
  fabric.advance({ us: 1_000 });
  await a.close();
  fabric.advance({ us: 1_000 });
  t.is(b.arrivals[0]?.state, 'failed');
  t.throws(() => b.arrivals[0]?.resume(), { message: /does not wait/ });
});
