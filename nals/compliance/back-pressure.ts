import { EIO, RX_WAIT } from '../../lnet/nal.ts';
import type { Suite } from './bench.ts';
import { firstDifference, GuardedMemory, patternBytes } from './memory.ts';
import { putTx } from './message.ts';
import type { Arrival, Recorder } from './recorder.ts';

/** RX_WAIT: the only receive-side back-pressure. */
export function backPressureRules(suite: Suite): void {
  const stopsLink = suite.subject.waitStops === 'link';

  suite.rule(
    stopsLink
      ? 'a message that must wait holds up those behind it on its link'
      : 'a message that must wait holds up nothing but itself',
    async (t, scene) => {
      const [a, b] = await scene.openAll();
      b.answer = (arrival) => (arrival.number === 0 ? RX_WAIT : arrival.want());
      for (let number = 0; number < 4; number++) t.is(a.send(putTx(a.nid, b.nid, number, 600)), 0);
      await scene.bench.until(() => b.arrivals.length > 0, 'the first has arrived');
      await scene.bench.settle();
      t.is(b.arrivals.length, stopsLink ? 1 : 4);
      t.is(b.arrivals[0]?.state, 'waiting');
      b.arrivals[0]?.resume();
      await scene.untilPlaced(b, 4);
      if (stopsLink)
        t.deepEqual(
          b.arrivals.map((arrival) => arrival.number),
          [0, 1, 2, 3],
        );
      for (const arrival of b.arrivals)
        t.is(firstDifference(arrival.payload, patternBytes(arrival.number, 600)), undefined);
      t.true(a.ends.every((end) => end.errno === 0));
    },
  );

  suite.rule('a wait stops neither other peers nor the other direction', async (t, scene) => {
    const [a, b, c] = await scene.openAll();
    b.answer = (arrival) => (arrival.number === 0 ? RX_WAIT : arrival.want());
    t.is(a.send(putTx(a.nid, b.nid, 0, 100)), 0);
    await scene.bench.until(() => b.arrivals.length === 1, 'the one that waits has arrived');
    for (let number = 1; number <= 10; number++) {
      t.is(c.send(putTx(c.nid, b.nid, number, 100_000)), 0);
      t.is(b.send(putTx(b.nid, c.nid, 100 + number, 100)), 0);
      t.is(b.send(putTx(b.nid, a.nid, 200 + number, 100_000)), 0);
    }
    await scene.bench.until(
      () => placedOf(b, 0) === 10 && placedOf(c, 100) === 10 && placedOf(a, 200) === 10,
      'everything but the waiting message has come through',
    );
    const waiting = b.arrivals[0] as Arrival;
    t.is(waiting.state, 'waiting');
    waiting.resume();
    await scene.untilQuiet();
    t.is(waiting.state, 'placed');
  });

  suite.rule('the answer after a wait counts: place, part of it at an offset, nothing', async (t, scene) => {
    const [a, b] = await scene.openAll();
    b.answer = () => RX_WAIT;
    for (const [number, length] of [0, 50, 100_000].entries()) {
      for (const wanted of new Set([0, Math.floor(length / 3), length])) {
        t.is(a.send(putTx(a.nid, b.nid, number, length)), 0);
        await scene.bench.until(() => b.arrivals.at(-1)?.state === 'waiting', 'it waits');
        const arrival = b.arrivals.at(-1) as Arrival;
        arrival.resume(wanted, new GuardedMemory([3, wanted, 11]), 2);
        await scene.untilQuiet();
        t.is(arrival.state, 'placed');
        t.is(firstDifference(arrival.payload, patternBytes(number, length).subarray(0, wanted)), undefined);
        t.true(arrival.isTidy);
      }
    }
  });

  if (suite.subject.reach === 'peers') {
    suite.rule('a link that breaks while its message waits reports the message as failed, once', async (t, scene) => {
      const [a, b] = await scene.openAll();
      b.answer = () => RX_WAIT;
      t.is(a.send(putTx(a.nid, b.nid, 0, 100_000)), 0);
      await scene.bench.until(() => b.arrivals.length === 1, 'it waits');
      await a.close();
      await scene.bench.until(() => b.unplaced === 0, 'the loss of the link is noticed');
      t.is(b.arrivals[0]?.state, 'failed');
      t.is(b.arrivals[0]?.errno, -EIO);
    });
  }

  suite.rule('closing the NI reports a message that waits as failed', async (t, scene) => {
    const [a, b] = await scene.openAll();
    b.answer = () => RX_WAIT;
    t.is(a.send(putTx(a.nid, b.nid, 0, 5000)), 0);
    await scene.bench.until(() => b.arrivals.length === 1, 'it waits');
    await b.close();
    t.is(b.arrivals[0]?.state, 'failed');
    t.true((b.arrivals[0]?.errno ?? 0) < 0);
  });
}

/** How many of the ten messages after this number are in place. */
function placedOf(recorder: Recorder, after: number): number {
  return recorder.placedArrivals.filter(({ number }) => number > after && number <= after + 10).length;
}
