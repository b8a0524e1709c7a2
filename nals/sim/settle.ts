import { US_PER_S } from '../../lnet/nal.ts';
import type { SimClock } from './sim-clock.ts';

/**
 * Moves virtual time on until the promise is settled, and gives its value. Between instants everything that waits on promises
 * gets its turn. Fails when nothing is to come any more, or after `us` of virtual time (default an hour).
 */
export async function settle<T>(
  clock: SimClock,
  promise: Promise<T>,
  bounds: { readonly us?: number } = {},
): Promise<T> {
  const us = bounds.us ?? 3600 * US_PER_S;
  const end = clock.now() + us;
  let isSettled = false;
  const settled = (): void => {
    isSettled = true;
  };
  promise.then(settled, settled);
  for (;;) {
    await turnOfPromises();
    if (isSettled) return promise;
    const next = clock.next;
    if (next === undefined)
      throw new Error(`${clock.name}: nothing is to come any more, and the promise is not settled`);
    if (next > end) throw new Error(`${clock.name}: the promise is not settled after ${us} µs`);
    clock.step();
  }
}

/** Resolves when every promise chain that can go on has gone on. */
function turnOfPromises(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
