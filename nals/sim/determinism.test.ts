import test from 'ava';
import { type NalUpcalls, RX_PLACE, RX_WAIT, seededRandom } from '../../lnet/nal.ts';
import { LNET_HDR4 } from '../../lnet/wire/lnet-hdr.ts';
import { netOf, SOCKLND } from '../../lnet/wire/net.ts';
import { type Nid, nid4 } from '../../lnet/wire/nid.ts';
import { putTx, TestTx } from '../compliance/message.ts';
import type { Arrival, Recorder } from '../compliance/recorder.ts';
import { createFabric } from './fabric.ts';
import { recordedNode } from './recorded-node.test-support.ts';
import { withSeed } from './seed.ts';
import type { SimNet } from './sim-net.ts';
import { SimTrace } from './trace.ts';

/** The NID of node number `i`. */
function nidOf(i: number): Nid {
  return nid4(netOf(SOCKLND, 0), 0x0a000001 + i);
}

/** Five nodes under every fault at once, for some seconds. */
async function storm(seed: number): Promise<{ fabric: SimNet; nodes: Recorder[] }> {
  const fabric = createFabric({
    seed,
    trace: 50,
    conditions: { latencyUs: 200, jitterUs: 300, bytesPerS: 10_000_000, loss: 0.02, duplicate: 0.02, reorder: 0.05 },
  });
  const random = seededRandom(seed);
  const nodes: Recorder[] = [];
  const all: Recorder[] = [];
  const open = async (i: number): Promise<void> => {
    const node = await recordedNode(fabric, `n${i}`, `10.0.0.${i + 1}@tcp`, { tunables: { timeout: 1 } });
    const waiting: Arrival[] = [];
    node.answer = (arrival) => {
      if (random.below(5) > 0) return arrival.want();
      waiting.push(arrival);
      fabric.node(`n${i}`).clock.alarm(fabric.node(`n${i}`).clock.now() + random.below(5_000), () => {
        const next = waiting.shift();
        if (next?.state === 'waiting') next.resume();
      });
      return RX_WAIT;
    };
    nodes[i] = node;
    all.push(node);
  };
  for (let i = 0; i < 5; i++) await open(i);
  fabric.node('n1').setDrift(200);
  fabric.node('n2').setReadRate(500_000);
  for (let step = 0; step < 300; step++) {
    const from = nodes[random.below(5)] as Recorder;
    const to = nodes[random.below(5)] as Recorder;
    from.send(putTx(from.nid, to.nid, step, random.below(20_000)));
    if (step === 100) fabric.partition(['n0', 'n1'], ['n2']);
    if (step % 70 === 60) {
      nodes[4]?.die();
      fabric.node('n4').crash();
      fabric.advance({ us: random.below(20_000) });
      fabric.node('n4').restart();
      await open(4);
    }
    fabric.advance({ us: random.below(10_000) });
  }
  fabric.advance({ us: 5_000_000 });
  return { fabric, nodes: all };
}

test('the same seed gives the same run, event by event; another seed another one', async (t) => {
  const runs = await Promise.all([7, 7, 8].map(async (seed) => (await storm(seed)).fabric));
  const [first, again, other] = runs as [SimNet, SimNet, SimNet];
  t.deepEqual(first.trace?.toJSON(), again.trace?.toJSON());
  t.deepEqual(first.counts, again.counts);
  t.not(first.trace?.digest, other.trace?.digest);
  t.true((first.trace?.count ?? 0) > 500);
});

test('under every fault at once each node keeps the contract, and everything under way ends', async (t) => {
  for (let seed = 100; seed < 112; seed++) {
    await withSeed(seed, t.log, async () => {
      const { nodes } = await storm(seed);
      t.deepEqual(
        nodes.flatMap((node) => [...node.violations, node.unfinished, node.unplaced]).filter((each) => each !== 0),
        [],
      );
    });
  }
});

test('a run that fails prints its seed and keeps its error', async (t) => {
  const lines: string[] = [];
  const error = new Error('wrong');
  const thrown = await t.throwsAsync(
    withSeed(
      4711,
      (line) => lines.push(line),
      () => {
        throw error;
      },
    ),
  );
  t.is(thrown, error);
  t.deepEqual(lines, ['this run failed with seed 4711']);
});

test('a trace keeps its first lines and a digest of all', (t) => {
  const trace = new SimTrace(2);
  for (const text of ['one', 'two', 'three']) trace.add(1_500_000, text);
  const other = new SimTrace(2);
  for (const text of ['one', 'two', 'drei']) other.add(1_500_000, text);
  t.is(String(trace), '1.500000 one\n1.500000 two\n… 1 more');
  t.deepEqual(trace.lines, other.lines);
  t.not(trace.digest, other.digest);
});

test('a thousand NIs that exchange random messages for a minute of virtual time', async (t) => {
  const count = 1_000;
  const messagesPerS = 1;
  const fabric = createFabric({ seed: 1, conditions: { latencyUs: 100, jitterUs: 50 } });
  let arrived = 0;
  let ended = 0;
  const memory = [new Uint8Array(4096)];
  const startedAt = performance.now();
  for (let i = 0; i < count; i++) {
    const { nal, clock, random } = fabric.node(`n${i}`);
    const upcalls: NalUpcalls = {
      arrived: (rx) => {
        arrived++;
        rx.iov = memory;
        rx.wantedBytes = rx.view.getUint32(LNET_HDR4.at.payloadLength, true);
        return RX_PLACE;
      },
      placed: () => undefined,
      sent: () => {
        ended++;
      },
      peerDown: () => t.fail(),
      linkFatal: () => t.fail(),
    };
    const ni = await nal({ clock, random, upcalls, pid: 12345, log: () => undefined }).openNi({
      nid: nidOf(i),
      interfaceName: 'sim0',
      accept: 'all',
      acceptPort: 988,
      tunables: {},
    });
    const tick = (): void => {
      ni.send(new TestTx(1, ni.nid, nidOf(random.below(count))).carrying(memory, 0, random.below(4096)));
      clock.alarm(clock.now() + 1_000_000 / messagesPerS, tick);
    };
    clock.alarm(random.below(1_000_000 / messagesPerS), tick);
  }
  fabric.advance({ us: 60_000_000 });
  const wallS = (performance.now() - startedAt) / 1000;
  t.log(`${ended} messages between ${count} NIs, 60 s of virtual time: ${wallS.toFixed(2)} s`);
  t.true(ended >= count * messagesPerS * 60 - count);
  t.true(arrived - ended < count);
});
