import type { ProgramGroup } from './program-group.ts';

/** What one measurement gave. */
export interface Measured {
  readonly value: number;
  /** Facts worth keeping with the number: percentiles, bytes moved. Goes into the conditions of the result. */
  readonly detail?: Readonly<Record<string, number | string>>;
}

/** What a measurement may use. Everything it starts belongs to `programs`, which ends it whatever happens. */
export interface Measurement {
  readonly programs: ProgramGroup;
  /** How long to measure, after {@link warmUpMs} of the same load. */
  readonly durationMs: number;
  readonly warmUpMs: number;
}

export type Measure = (measurement: Measurement) => Promise<Measured>;

/** Something to compare with, measured in the same rounds. */
export interface Peer {
  readonly name: string;
  /** `>=0.95`, `<=1.3`: what ours / peer has to be; null for information. */
  readonly target: string | null;
  /** Why it cannot run here, or undefined. May install what it needs. */
  readonly hindrance?: () => Promise<string | undefined>;
  readonly measure: Measure;
}

/** One line of comparison, declared as data. */
export interface BenchCase {
  readonly bench: string;
  readonly case: string;
  readonly unit: string;
  /** Conditions that belong to the case: message size, concurrency, NAL. */
  readonly conditions: Readonly<Record<string, number | string>>;
  readonly ours: Measure;
  /** Without peers the case is a plain measurement. */
  readonly peers: readonly Peer[];
}

/** Result of one case against one peer: house style of bench results, one JSON object a line. */
export interface BenchResult {
  readonly bench: string;
  readonly case: string;
  readonly ours: number | null;
  readonly peer: string | null;
  readonly peerValue: number | null;
  readonly unit: string;
  /** Median over the rounds of ours / peer. */
  readonly ratio: number | null;
  /** Smallest and largest ratio of a round. */
  readonly spread: readonly [number, number] | null;
  readonly target: string | null;
  readonly conditions: Readonly<Record<string, unknown>>;
}
