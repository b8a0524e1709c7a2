import test, { type ExecutionContext } from 'ava';
import { firstDifference, patternBytes } from '../compliance/memory.ts';
import { putTx } from '../compliance/message.ts';
import { type TestNode, World } from './node.test-support.ts';
import { Bottleneck, type Conditions } from './virtual-udp.test-support.ts';

const MIB = 1_048_576;

/** Sends messages of mixed sizes and asserts that each arrives once, whole and in order. Gives the virtual time it took, s. */
function transfer(t: ExecutionContext, world: World, from: TestNode, to: TestNode, sizes: readonly number[]): number {
  const startedAt = world.clock.now();
  for (const [number, bytes] of sizes.entries()) t.is(from.core.send(putTx(from.ni.nid, to.ni.nid, number, bytes)), 0);
  world.until(() => from.core.unfinished === 0, 'everything is acknowledged');
  t.deepEqual(
    to.core.arrivals.map(({ number, state }) => `${number} ${state}`),
    sizes.map((_, number) => `${number} placed`),
  );
  for (const arrival of to.core.arrivals)
    t.is(firstDifference(arrival.payload, patternBytes(arrival.number, arrival.hdr.payloadLength)), undefined);
  t.true(from.core.ends.every(({ errno }) => errno === 0));
  t.deepEqual([...from.core.violations, ...to.core.violations], []);
  t.is(to.ni.heldBytes, 0);
  return (world.clock.now() - startedAt) / 1e6;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** A sweep that shows goodput beside what the path could carry. `least`: share of it that must be reached. */
const SWEEP: readonly (Partial<Conditions> & {
  readonly mbps: number;
  readonly least: number;
  readonly interfaceMtu?: number;
  readonly mib: number;
})[] = [
  { mbps: 100, loss: 0, delayUs: 1_000, mib: 8, least: 0.75 },
  { mbps: 100, loss: 0.001, delayUs: 1_000, mib: 8, least: 0.6 },
  { mbps: 100, loss: 0.01, delayUs: 1_000, mib: 8, least: 0.25 },
  { mbps: 100, loss: 0.05, delayUs: 1_000, mib: 4, least: 0.08 },
  { mbps: 100, loss: 0.2, delayUs: 1_000, mib: 1, least: 0.005 },
  { mbps: 10, loss: 0.001, delayUs: 20_000, mib: 4, least: 0.5 },
  { mbps: 1_000, loss: 0, delayUs: 200, mib: 16, interfaceMtu: 9_000, least: 0.5 },
  { mbps: 1_000, loss: 0.001, delayUs: 200, mib: 16, interfaceMtu: 9_000, least: 0.4 },
  { mbps: 100, loss: 0, delayUs: 200_000, mib: 16, least: 0.2 },
  { mbps: 100, loss: 0, delayUs: 1_000, mtu: 1_280, mib: 4, least: 0.7 },
  { mbps: 100, loss: 0, delayUs: 1_000, mtu: 9_000, interfaceMtu: 9_000, mib: 8, least: 0.7 },
  { mbps: 100, loss: 0, delayUs: 1_000, mtu: 1_500, interfaceMtu: 9_000, mib: 8, least: 0.7 },
  { mbps: 100, loss: 0.01, duplicate: 0.1, jitterUs: 3_000, delayUs: 2_000, mib: 4, least: 0.02 },
];

for (const [index, { mbps, least, interfaceMtu = 1_500, mib, ...conditions }] of SWEEP.entries()) {
  const name = Object.entries({ mbps, interfaceMtu, ...conditions }).map(
    ([key, value]) => `${key} ${JSON.stringify(value)}`,
  );
  test(`every message arrives once, whole and in order: ${name.join(', ')}`, async (t) => {
    const seed = 100 + index;
    const bytesPerS = (mbps * 1e6) / 8;
    const rttUs = 2 * (conditions.delayUs ?? 0) + (conditions.jitterUs ?? 0);
    const bottleneck = new Bottleneck({ bytesPerS, queueBytes: Math.max((bytesPerS * rttUs) / 1e6, 100_000) });
    const world = new World({ seed, ...conditions });
    const a = await world.node('10.0.0.1@udp', { mtu: interfaceMtu });
    const b = await world.node('10.0.0.2@udp', { mtu: interfaceMtu });
    world.net.conditionsOf.set(a.address, { ...world.net.conditions, bottleneck });
    const sizes = [10, 0, 3_000, ...Array.from({ length: mib }, () => MIB)];
    const seconds = transfer(t, world, a, b, sizes);
    const share = sum(sizes) / seconds / bytesPerS;
    const { packets_lost, probe_timeouts, congestion_events } = a.ni.counters;
    t.log(
      `seed ${seed}: goodput ${((share * mbps) | 0).toString()} of ${mbps} Mbit/s (${share.toFixed(3)}), datagrams of ` +
        `${a.link.toJSON()['datagramBytes']} B, lost ${packets_lost}, probes ${probe_timeouts}, halvings ${congestion_events}`,
    );
    t.true(share >= least, `${share} of the path, at least ${least} expected`);
    t.true(share <= 1);
  });
}

/** Jain's index: 1 when all have the same, 1/n when one has all. */
function jain(rates: readonly number[]): number {
  return sum(rates) ** 2 / (rates.length * sum(rates.map((rate) => rate ** 2)));
}

for (const [index, [mbps, delayUs, mtu, seconds]] of (
  [
    [10, 5_000, 1_500, 20],
    [100, 2_000, 1_500, 5],
    [1_000, 500, 9_000, 2],
  ] as const
).entries()) {
  test(`two flows share a bottleneck of ${mbps} Mbit/s`, async (t) => {
    const seed = 200 + index;
    const bytesPerS = (mbps * 1e6) / 8;
    const queueBytes = Math.max((bytesPerS * 2 * delayUs) / 1e6, 20 * mtu);
    const bottleneck = new Bottleneck({ bytesPerS, queueBytes });
    const world = new World({ seed, delayUs, jitterUs: 20 });
    const sender = async (nid: string): Promise<TestNode> => {
      const node = await world.node(nid, { mtu });
      world.net.conditionsOf.set(node.address, { ...world.net.conditions, bottleneck });
      return node;
    };
    const flows = [await sender('10.0.0.1@udp'), await sender('10.0.0.2@udp')];
    const sink = await world.node('10.0.0.9@udp', { mtu });
    const memory = new Uint8Array(MIB);
    sink.core.arrived = (rx) => {
      rx.iov = [memory];
      rx.wantedBytes = MIB;
      return 0;
    };
    const placed = new Map(flows.map((flow) => [flow.ni.nid, 0]));
    sink.core.placed = (rx) => void placed.set(rx.fromNid, (placed.get(rx.fromNid) ?? 0) + MIB);
    for (const flow of flows) {
      const messages = Math.ceil((bytesPerS * seconds) / MIB);
      for (let number = 0; number < messages; number++)
        flow.ni.send(putTx(flow.ni.nid, sink.ni.nid, 0, 0).carrying([memory], 0, MIB));
    }
    const sentBytes = (): number[] => flows.map((flow) => flow.ni.counters.tx_bytes);
    world.ms(500);
    const before = sentBytes();
    const carriedBefore = bottleneck.carriedBytes;
    world.ms(seconds * 1_000 - 500);
    const carried = sentBytes().map((bytes, flow) => bytes - (before[flow] as number));
    const fairness = jain(carried);
    const used = (bottleneck.carriedBytes - carriedBefore) / (bytesPerS * (seconds - 0.5));
    const goodput = sum([...placed.values()]) / (bytesPerS * seconds);
    t.log(
      `seed ${seed}: Jain ${fairness.toFixed(3)}, link used ${used.toFixed(3)}, goodput ${goodput.toFixed(3)} of it, ` +
        `${bottleneck.dropped} dropped at the queue, shares ${carried.map((bytes) => (bytes / sum(carried)).toFixed(2)).join(' ')}`,
    );
    t.true(fairness >= 0.8);
    t.true(used >= 0.8 && used <= 1.01);
    t.true(goodput >= 0.6 && goodput <= 1);
  });
}
