import type { Nid } from '../../../lnet/wire/nid.ts';
import type { SurveyMode, SurveySpec } from './survey-options.ts';

/** One measurement: selftest §10.1. */
export interface SurveyRun {
  readonly clients: readonly Nid[];
  readonly servers: readonly Nid[];
  readonly mode: SurveyMode;
  /** Undefined for pings. */
  readonly size: string | undefined;
  readonly concurrency: number;
}

/** `read_4k`, `ping`. */
export function labelOf({ mode, size }: SurveyRun): string {
  return size === undefined ? mode : `${mode}_${size}`;
}

/** The commands of a run, in order; the last two are its clean-up and are run whatever happened before. */
export function commandsOf({ clients, servers, mode, size, concurrency }: SurveyRun, spec: SurveySpec): string[][] {
  const batch = mode === 'ping' ? 'ping' : `brw_${mode}`;
  // Every client uses every server.
  const distribution = `${clients.length}:${servers.length}`;
  const head = ['add_test', '--batch', batch, '--concurrency', String(concurrency), '--distribute', distribution];
  const add = (...words: string[]): string[] => [...head, '--from', 'clients', '--to', 'servers', ...words];
  const brw = (rw: string): string[] => add('brw', rw, `size=${size}`);
  const tests = {
    ping: () => [add('ping')],
    rw: () => [brw('read'), brw('write')],
    read: () => [brw('read')],
    write: () => [brw('write')],
  };
  return [
    ['new_session', '--force', 'lnet_session'],
    ['add_group', 'clients', ...clients.map(String)],
    ['add_group', 'servers', ...servers.map(String)],
    ['add_batch', batch],
    ...tests[mode](),
    ['run', batch],
    ['stat', '--rate', '--bw', '--count', String(spec.samples), '--delay', String(spec.delayS), spec.of],
    ['show_error', '--session', 'servers', 'clients'],
    ['stop', '--force', batch],
    ['end_session'],
  ];
}

/** What a run measured; whole numbers, as the script's arithmetic gives them. */
export interface SurveyResult {
  readonly receivedRate: number;
  readonly sentRate: number;
  /** MiB/s, whatever the table's title says. */
  readonly receivedBandwidth: number;
  readonly sentBandwidth: number;
  readonly serverErrors: number;
  readonly clientErrors: number;
}

/**
 * Reads the averages and the error totals out of what the commands of a run printed: `4 × samples + 2` values, or a complaint.
 * Each is averaged over the samples with truncating division.
 */
export function resultOf(output: string, samples: number): SurveyResult | { readonly fault: string } {
  const averages = [...output.matchAll(/^\[[RW]\] Avg: ([0-9]+)/gm)].map((match) => Number(match[1]));
  const errors = [...output.matchAll(/^Total ([0-9]+) error nodes/gm)].map((match) => Number(match[1]));
  const expected = 4 * samples + 2;
  const found = averages.length + errors.length;
  if (averages.length !== 4 * samples || errors.length !== 2)
    return { fault: `Error: Failed to get all samples. Expect ${expected}, found ${found}` };
  const average = (offset: number): number =>
    Math.floor(averages.filter((_, index) => index % 4 === offset).reduce((sum, value) => sum + value, 0) / samples);
  return {
    receivedRate: average(0),
    sentRate: average(1),
    receivedBandwidth: average(2),
    sentBandwidth: average(3),
    serverErrors: errors[0] ?? 0,
    clientErrors: errors[1] ?? 0,
  };
}
