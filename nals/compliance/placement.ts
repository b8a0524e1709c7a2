import type { Suite } from './bench.ts';
import { FRAGMENT_SHAPES, firstDifference, GuardedMemory, patternBytes } from './memory.ts';
import { putTx, TestTx } from './message.ts';
import type { Arrival } from './recorder.ts';

/** Payload comes from and lands in scattered memory, there and nowhere else. */
export function placementRules(suite: Suite): void {
  for (const total of [300, 20_000]) {
    suite.rule(`${total} bytes gather from and scatter into fragments of every shape`, async (t, scene) => {
      const [a, b] = await scene.openAll();
      const bytes = patternBytes(total, total);
      for (const from of FRAGMENT_SHAPES) {
        for (const into of FRAGMENT_SHAPES) {
          const source = new GuardedMemory(from.lengths(total)).fill(bytes);
          const target = new GuardedMemory(into.lengths(total));
          b.answer = (arrival) => arrival.want(total, target);
          await scene.deliver(a, b, putTx(a.nid, b.nid, 0, 0).carrying(source.iov, 0, total));
          const what = `${from.name} into ${into.name}`;
          t.is(firstDifference(target.bytes, bytes), undefined, what);
          t.true(target.isIntact && source.isIntact, what);
          t.is(firstDifference(source.bytes, bytes), undefined, what);
        }
      }
    });
  }

  suite.rule('payload starts at its offset in the sender and lands at its offset in the receiver', async (t, scene) => {
    const [a, b] = await scene.openAll();
    const lengths = [100, 0, 1, 899, 500];
    const source = new GuardedMemory(lengths).fill(patternBytes(3, 1500));
    for (const [from, into] of [
      [0, 500],
      [100, 101],
      [99, 0],
      [500, 499],
    ] as const) {
      b.answer = (arrival) => arrival.want(1000, new GuardedMemory(lengths), into);
      const arrival = await scene.deliver(a, b, putTx(a.nid, b.nid, 0, 0).carrying(source.iov, from, 1000));
      t.is(firstDifference(arrival.payload, source.bytes.subarray(from, from + 1000)), undefined);
      t.true(arrival.isTidy);
    }
  });

  suite.rule('what exceeds the wanted bytes is thrown away, and the next message is whole', async (t, scene) => {
    const [a, b] = await scene.openAll();
    const length = 300_000;
    for (const [number, wanted] of [0, 1, 100, 70_000, length - 1].entries()) {
      b.answer = (arrival) =>
        arrival.number === number ? arrival.want(wanted, new GuardedMemory([wanted + 50]), 7) : arrival.want();
      t.is(a.send(putTx(a.nid, b.nid, number, length)), 0);
      t.is(a.send(putTx(a.nid, b.nid, 1000 + number, length)), 0);
      await scene.untilPlaced(b, 2 * number + 2);
      const [cut, whole] = [number, 1000 + number].map((each) =>
        b.arrivals.find((arrival) => arrival.number === each),
      ) as [Arrival, Arrival];
      t.is(firstDifference(cut.payload, patternBytes(number, length).subarray(0, wanted)), undefined);
      t.true(cut.isTidy);
      t.is(firstDifference(whole.payload, patternBytes(1000 + number, length)), undefined);
    }
    await scene.untilQuiet();
    t.true(a.ends.every((end) => end.errno === 0));
  });

  suite.rule('a small message of which nothing is wanted is over, and the next one is whole', async (t, scene) => {
    const [a, b] = await scene.openAll();
    b.answer = (arrival) => arrival.want(arrival.number % 2 === 0 ? 0 : arrival.hdr.payloadLength);
    for (let number = 0; number < 20; number++) t.is(a.send(putTx(a.nid, b.nid, number, 200)), 0);
    await scene.untilPlaced(b, 20);
    for (const arrival of b.arrivals) {
      const sent = patternBytes(arrival.number, 200);
      t.is(firstDifference(arrival.payload, sent.subarray(0, arrival.number % 2 === 0 ? 0 : 200)), undefined);
    }
  });

  suite.rule('the memory of a transmission is not written to', async (t, scene) => {
    const [a, b] = await scene.openAll();
    const source = new GuardedMemory([10, 4000, 0, 90]).fill(patternBytes(5, 4100));
    const tx = new TestTx(1, a.nid, b.nid).carrying(source.iov, 0, 4100);
    await scene.deliver(a, b, tx);
    t.true(source.isIntact);
    t.is(firstDifference(source.bytes, patternBytes(5, 4100)), undefined);
  });
}
