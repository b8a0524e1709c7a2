import {
  EPROTO,
  ETIMEDOUT,
  HEALTH_NETWORK_TIMEOUT,
  HEALTH_OK,
  HEALTH_REMOTE_DROPPED,
  RX_WAIT,
  seededRandom,
} from '../../lnet/nal.ts';
import { LNET_PID_USERFLAG } from '../../lnet/wire/process-id.ts';
import type { Suite } from './bench.ts';
import { firstDifference, patternBytes } from './memory.ts';
import { putTx } from './message.ts';
import type { Arrival, Recorder } from './recorder.ts';

/** What fails is reported once, with the status of lnet-semantics §11.8, and harms nothing else. */
export function failureRules(suite: Suite): void {
  suite.rule('a transmission that cannot even begin fails at once, and nothing follows', async (t, scene) => {
    const [a, b] = await scene.openAll();
    if (suite.subject.reach === 'peers') {
      // It once connected from an unprivileged port and has gone: nobody can dial it (socklnd §11).
      const gone = putTx(a.nid, b.nid, 0, 10);
      gone.nextHopPid = LNET_PID_USERFLAG + 40_000;
      t.true(a.send(gone) < 0);
    }
    await a.close();
    t.true(a.send(putTx(a.nid, a.nid, 0, 10)) < 0);
    await scene.bench.settle();
    t.deepEqual(a.ends, []);
  });

  suite.rule('closing ends what is under way before it resolves', async (t, scene) => {
    const [a, b] = await scene.openAll();
    b.answer = (arrival) => (arrival.number % 2 === 0 ? arrival.want() : RX_WAIT);
    const txs = Array.from({ length: 20 }, (_, number) => putTx(a.nid, b.nid, number, 100_000));
    for (const tx of txs) t.is(a.send(tx), 0);
    await scene.bench.until(() => b.arrivals.length > 1, 'some are under way');
    await a.close();
    for (const tx of txs) t.is(a.ends.filter((end) => end.tx === tx).length, 1);
    await a.ni.close();
  });

  if (suite.subject.reach === 'self') return;
  peerFailureRules(suite);
}

function peerFailureRules(suite: Suite): void {
  suite.rule('a peer where nothing listens: REMOTE_DROPPED, and the peer is reported as down', async (t, scene) => {
    const [a, b] = await scene.openAll();
    await b.close();
    const tx = putTx(a.nid, b.nid, 0, 100);
    t.is(a.send(tx), 0);
    await scene.untilQuiet();
    const end = a.endOf(tx);
    t.true((end?.errno ?? 0) < 0);
    t.is(end?.health, HEALTH_REMOTE_DROPPED);
    await scene.bench.until(() => a.downs.length > 0, 'the peer is reported as down');
    t.is(a.downs[0], b.nid);
  });

  suite.rule(
    'a peer that falls silent: NETWORK_TIMEOUT after the driver timeout, and the peer is reported as down',
    async (t, scene) => {
      const [a, b] = await scene.openAll();
      await scene.deliver(a, b, putTx(a.nid, b.nid, 0, 100));
      scene.bench.cut?.(0, 1);
      const txs = [putTx(a.nid, b.nid, 1, 100), putTx(a.nid, b.nid, 2, 100_000)];
      for (const tx of txs) t.is(a.send(tx), 0);
      await scene.bench.passTimeout?.();
      for (const tx of txs) t.like(a.endOf(tx), { errno: -ETIMEDOUT, health: HEALTH_NETWORK_TIMEOUT });
      t.deepEqual(a.downs, [b.nid]);
    },
    { needs: ['cut', 'passTimeout'] },
  );

  suite.rule(
    'a cut that heals in time loses nothing and keeps the order',
    async (t, scene) => {
      const [a, b] = await scene.openAll();
      await scene.deliver(a, b, putTx(a.nid, b.nid, 0, 100));
      const cut = scene.bench.cut?.(0, 1);
      for (let number = 1; number < 10; number++) t.is(a.send(putTx(a.nid, b.nid, number, 100)), 0);
      await scene.bench.settle();
      t.is(b.arrivals.length, 1);
      cut?.heal();
      await scene.untilPlaced(b, 10);
      t.deepEqual(
        b.arrivals.map((arrival) => arrival.number),
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
      );
      t.true(a.ends.every((end) => end.health === HEALTH_OK));
    },
    { needs: ['cut'] },
  );

  suite.rule('a header that the core refuses closes the link; the next message makes a new one', async (t, scene) => {
    const [a, b] = await scene.openAll();
    b.answer = (arrival) => (arrival.number === 0 ? -EPROTO : arrival.want());
    t.is(a.send(putTx(a.nid, b.nid, 0, 50_000)), 0);
    await scene.bench.until(() => b.arrivals.length > 0, 'the header is refused');
    await scene.untilQuiet();
    await resendUntilPlaced(scene.bench, a, b, 1);
    t.is(b.arrivals[0]?.state, 'refused');
  });

  suite.rule('a peer that closes in the middle of a message: each side ends it once', async (t, scene) => {
    const [a, b] = await scene.openAll();
    for (let number = 0; number < 8; number++) t.is(a.send(putTx(a.nid, b.nid, number, 1_000_000)), 0);
    await scene.bench.until(() => b.arrivals.length > 0, 'the first has begun to arrive');
    await b.close();
    await scene.untilQuiet();
    t.is(a.ends.length, 8);
  });

  suite.rule(
    'a peer that restarts in the middle of traffic is found again, in its new incarnation',
    async (t, scene) => {
      const [a, b] = await scene.openAll();
      for (let number = 0; number < 20; number++) {
        t.is(a.send(putTx(a.nid, b.nid, number, 10_000)), 0);
        t.is(b.send(putTx(b.nid, a.nid, number, 10_000)), 0);
      }
      await scene.bench.until(() => b.arrivals.length > 0, 'traffic flows');
      b.die();
      await scene.bench.crash?.(1);
      const reborn = await scene.open(1);
      for (let number = 20; number < 40; number++) t.is(a.send(putTx(a.nid, b.nid, number, 10_000)), 0);
      await scene.untilQuiet();
      await resendUntilPlaced(scene.bench, a, reborn, 50);
      await resendUntilPlaced(scene.bench, reborn, a, 60);
      t.is(new Set(a.ends.map((end) => end.tx)).size, a.ends.length);
      t.deepEqual(b.violations, []);
    },
    { needs: ['crash'] },
  );

  suite.rule('random traffic of three nodes comes through whole, whoever waits', async (t, scene) => {
    const seed = 20_260_101;
    t.log(`seed ${seed}`);
    const random = seededRandom(seed);
    const nodes = await scene.openAll();
    const waiting: Arrival[] = [];
    for (const node of nodes) {
      node.answer = (arrival) => {
        if (random.below(4) > 0) return arrival.want();
        waiting.push(arrival);
        return RX_WAIT;
      };
    }
    const messages = 300;
    for (let number = 0; number < messages; number++) {
      const from = nodes[random.below(3)] as Recorder;
      const to = nodes[random.below(3)] as Recorder;
      t.is(from.send(putTx(from.nid, to.nid, number, lengthOf(number))), 0);
      if (number % 10 === 0) await scene.bench.settle();
      if (random.below(3) === 0) waiting.splice(random.below(waiting.length + 1), 1)[0]?.resume();
    }
    const placed = (): Arrival[] => nodes.flatMap((node) => node.placedArrivals);
    await scene.bench.until(() => {
      waiting.shift()?.resume();
      return placed().length === messages;
    }, 'all messages have arrived');
    await scene.untilQuiet();
    for (const arrival of placed())
      t.is(firstDifference(arrival.payload, patternBytes(arrival.number, lengthOf(arrival.number))), undefined);
    t.is(new Set(placed().map((arrival) => arrival.number)).size, messages);
  });
}

/** Length of the message of that number in random traffic. */
function lengthOf(number: number): number {
  return number % 7 === 0 ? 90_000 : number % 500;
}

/** Sends until it comes through: the first attempts may still meet the end of an old link. */
async function resendUntilPlaced(
  bench: { until(condition: () => boolean, what: string): Promise<void> },
  from: Recorder,
  to: Recorder,
  number: number,
): Promise<void> {
  const isThere = (): boolean => to.placedArrivals.some((arrival) => arrival.number === number);
  for (let attempt = 0; attempt < 10 && !isThere(); attempt++) {
    const tx = putTx(from.nid, to.nid, number, 100);
    if (from.send(tx) < 0) throw new Error(`${from.name} cannot send to ${to.name}`);
    await bench.until(
      () => from.endOf(tx) !== undefined && (from.endOf(tx)?.errno !== 0 || isThere()),
      'an attempt is over',
    );
  }
  if (!isThere()) throw new Error(`${to.name} got nothing from ${from.name} in ten attempts`);
}
