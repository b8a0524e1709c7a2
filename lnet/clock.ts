/** Microseconds from an arbitrary start, monotonic. A safe integer. */
export type Instant = number;

/** A one-shot wake-up that has not fired yet. */
export interface Alarm {
  /** Prevents the wake-up. Does nothing when it has fired. */
  cancel(): void;
}

/**
 * Time as the core and the NALs see it: injected, so that the same code runs on a virtual clock. Nothing below the shell
 * reads another clock.
 */
export interface Clock {
  now(): Instant;
  /** Wall-clock nanoseconds: only as data (incarnations, interface cookies, log stamps), never for intervals. */
  wallNs(): bigint;
  /** Calls `fire` once at `at` or, when that is past, as soon as control returns to the clock's owner; never inside this call. */
  alarm(at: Instant, fire: () => void): Alarm;
}

export const US_PER_S = 1_000_000;
export const US_PER_MS = 1_000;
