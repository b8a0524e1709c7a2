import type { BenchCase, Measure, Peer } from '../harness/case.ts';
import { siblingModule } from '../harness/package-root.ts';
import { MATCH_COUNTS, MATCH_KINDS } from './match-bodies.ts';

/** Nanoseconds that one run of a body takes, with the heap bytes it leaves behind. */
function timeOf(name: string): Measure {
  return async ({ programs, durationMs }) => {
    const runner = programs.start(siblingModule(import.meta.url, './runner'));
    const { p50, p99, heapBytes } = await runner.call<{ p50: number; p99: number; heapBytes: number }>('measure', {
      name,
      durationMs,
    });
    return { value: p50, detail: { p50, p99, heapBytes: Math.round(heapBytes) } };
  };
}

function time(name: string, title: string, peers: readonly Peer[] = []): BenchCase {
  return { bench: 'micro', case: title, unit: 'ns', conditions: {}, ours: timeOf(name), peers };
}

const table = (name: string): Peer => ({ name: 'interpreted layout table', target: '<=0.5', measure: timeOf(name) });

const MATCH_TITLES = {
  unique: 'entries of one initiator',
  wildcard: 'entries of any initiator',
  ignoring: 'entries with ignore bits',
} as const;

/** Search among `count` entries, compared with the search among one. */
function match(kind: (typeof MATCH_KINDS)[number], count: number): BenchCase {
  const single: Peer = {
    name: 'the same with 1 entry',
    // Entries without ignore bits are hashed, so their number must not matter; the others are searched in order.
    target: kind === 'ignoring' ? null : '<=2',
    measure: timeOf(`match ${kind} 1`),
  };
  return time(`match ${kind} ${count}`, `match, ${count} ${MATCH_TITLES[kind]}`, count === 1 ? [] : [single]);
}

export const MICRO_CASES: readonly BenchCase[] = [
  time('decode 72', 'decode a 72-byte header', [table('decode 72 by table')]),
  time('encode 72', 'encode a 72-byte header', [table('encode 72 by table')]),
  time('decode 96', 'decode a 96-byte header'),
  time('encode 96', 'encode a 96-byte header'),
  time('parse IPv4 NID', 'parse an IPv4 NID'),
  time('parse IPv6 NID', 'parse an IPv6 NID'),
  ...MATCH_KINDS.flatMap((kind) => MATCH_COUNTS.map((count) => match(kind, count))),
];
