import { seededRandom, type Random } from '../../lnet/random.ts';
import type { BenchCase, BenchResult, Measure, Measured, Measurement, Peer } from './case.ts';

export interface RoundsOptions {
  readonly rounds: number;
  readonly seed: number;
  /** Conditions shared by all results: machine, commit, durations. */
  readonly conditions: Readonly<Record<string, unknown>>;
  /** Gives a fresh measurement and, after `use`, ends what it started. */
  readonly measurement: (use: (measurement: Measurement) => Promise<Measured>) => Promise<Measured>;
  /** Told before each measurement: for a progress line. */
  readonly onStep?: (step: { readonly round: number; readonly of: number; readonly who: string }) => void;
}

/** A reading of one participant, or why it has none. */
type Reading = Measured | { readonly failure: string };

interface Participant {
  readonly name: string;
  readonly measure: Measure;
  readonly readings: Reading[];
}

/**
 * Measures a case in rounds. In each round ours and every peer run once, in an order drawn from the seed, so that a drift of
 * the machine meets all alike; ratios are taken within a round. A peer that cannot run is reported with its reason, and the
 * others go on.
 */
export async function runCase(bench: BenchCase, options: RoundsOptions): Promise<BenchResult[]> {
  const random = seededRandom(options.seed);
  const hindrances = new Map<Peer, string>();
  for (const peer of bench.peers) {
    const hindrance = await peer.hindrance?.();
    if (hindrance !== undefined) hindrances.set(peer, hindrance);
  }
  const ours: Participant = { name: 'ours', measure: bench.ours, readings: [] };
  const ready = bench.peers.filter((peer) => !hindrances.has(peer));
  const rivals = new Map(
    ready.map((peer) => [peer, { name: peer.name, measure: peer.measure, readings: [] as Reading[] }]),
  );
  for (let round = 0; round < options.rounds; round++) {
    for (const participant of shuffled([ours, ...rivals.values()], random)) {
      options.onStep?.({ round: round + 1, of: options.rounds, who: participant.name });
      participant.readings.push(await read(participant.measure, options.measurement));
    }
  }
  const base = { bench: bench.bench, case: bench.case, unit: bench.unit };
  const conditions = { ...options.conditions, ...bench.conditions, rounds: options.rounds, seed: options.seed };
  if (bench.peers.length === 0) return [{ ...base, ...alone(ours, conditions) }];
  return bench.peers.map((peer) => {
    const rival = rivals.get(peer);
    const outcome = rival
      ? compared(ours, rival, conditions)
      : { ...alone(ours, { ...conditions, skipped: hindrances.get(peer) }), peer: peer.name };
    return { ...base, ...outcome, target: peer.target };
  });
}

async function read(measure: Measure, measurement: RoundsOptions['measurement']): Promise<Reading> {
  try {
    return await measurement(measure);
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}

type Outcome = Omit<BenchResult, 'bench' | 'case' | 'unit'>;

function alone(ours: Participant, conditions: Record<string, unknown>): Outcome {
  const values = ours.readings.flatMap((reading) => ('value' in reading ? [reading.value] : []));
  return {
    ours: values.length > 0 ? median(values) : null,
    peer: null,
    peerValue: null,
    ratio: null,
    spread: null,
    target: null,
    conditions: withDetail(conditions, ours, undefined),
  };
}

function compared(ours: Participant, rival: Participant, conditions: Record<string, unknown>): Outcome {
  const pairs = ours.readings.flatMap((mine, round) => {
    const theirs = rival.readings[round];
    return 'value' in mine && theirs && 'value' in theirs ? [{ mine: mine.value, theirs: theirs.value }] : [];
  });
  const all = withDetail(conditions, ours, rival);
  if (pairs.length === 0) return { ...alone(ours, conditions), peer: rival.name, conditions: all };
  const ratios = pairs.map((pair) => pair.mine / pair.theirs);
  return {
    ours: median(pairs.map((pair) => pair.mine)),
    peer: rival.name,
    peerValue: median(pairs.map((pair) => pair.theirs)),
    ratio: median(ratios),
    spread: [Math.min(...ratios), Math.max(...ratios)],
    target: null,
    conditions: all,
  };
}

/** Adds what the participants told besides their value (of the round with the median value) and what went wrong. */
function withDetail(
  conditions: Record<string, unknown>,
  ours: Participant,
  rival: Participant | undefined,
): Record<string, unknown> {
  const failures = [ours, ...(rival ? [rival] : [])].flatMap((participant) =>
    participant.readings.flatMap((reading, round) =>
      'failure' in reading ? [`round ${round + 1}, ${participant.name}: ${reading.failure}`] : [],
    ),
  );
  const mine = middle(ours);
  const theirs = rival && middle(rival);
  return {
    ...conditions,
    ...(mine && { oursDetail: mine }),
    ...(theirs && { peerDetail: theirs }),
    ...(failures.length > 0 && { failures }),
  };
}

function middle(participant: Participant): Measured['detail'] {
  const good = participant.readings.filter((reading) => 'value' in reading);
  return good.toSorted((a, b) => a.value - b.value)[Math.floor((good.length - 1) / 2)]?.detail;
}

/** Middle value; of an even count the mean of the two middle ones. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] as number) + upper) / 2;
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last--) {
    const other = random.below(last + 1);
    [order[last], order[other]] = [order[other] as T, order[last] as T];
  }
  return order;
}
