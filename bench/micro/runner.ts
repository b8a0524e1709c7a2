/** Measures one body in a process of its own, so that no body runs on code that another has shaped. */
import { do_not_optimize, measure } from 'mitata';
import { getHeapStatistics } from 'node:v8';
import { serveParent } from '../harness/served.ts';
import type { Bodies } from './body.ts';
import { MATCH_BODIES } from './match-bodies.ts';
import { WIRE_BODIES } from './wire-bodies.ts';

const BODIES: Bodies = { ...WIRE_BODIES, ...MATCH_BODIES };

const heapBytes = (): number => {
  const heap = getHeapStatistics();
  return heap.used_heap_size + heap.malloced_memory;
};

serveParent({
  measure: async ({ name, durationMs }: { readonly name: string; readonly durationMs: number }) => {
    const make = BODIES[name];
    if (!make) throw new Error(`no body named ${name}`);
    const body = make();
    const stats = await measure(() => do_not_optimize(body()), { min_cpu_time: durationMs * 1e6, heap: heapBytes });
    return { p50: stats.p50, p99: stats.p99, heapBytes: Math.max(0, stats.heap?.avg ?? 0) };
  },
});
