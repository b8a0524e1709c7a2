import type { BenchCase, Measure } from '../harness/case.ts';
import { siblingModule } from '../harness/package-root.ts';

/** Bytes that each of `count` objects adds to a process with one node: heap and outside of it. */
function bytesOf(what: string, count: number): Measure {
  return async ({ programs }) => {
    const runner = programs.start(siblingModule(import.meta.url, './runner'), { nodeArguments: ['--expose-gc'] });
    return { value: await runner.call<number>('measure', { what, count }) };
  };
}

function memory(what: string, title: string, count: number): BenchCase {
  const conditions = { count };
  return { bench: 'memory', case: title, unit: 'bytes', conditions, ours: bytesOf(what, count), peers: [] };
}

export const MEMORY_CASES: readonly BenchCase[] = [
  memory('peers', 'an idle peer', 10_000),
  memory('entries', 'a match entry with its descriptor', 100_000),
];
