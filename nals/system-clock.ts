import { randomBytes } from 'node:crypto';
import type { Alarm, Clock, Instant } from '../lnet/nal.ts';
import { type Random, seededRandom, US_PER_MS } from '../lnet/nal.ts';

/** Longest delay that the runtime's timers take, milliseconds; a longer alarm wakes in between and sleeps on. */
export const SLEEP_MS_MAX = 2_147_483_647;

export interface SystemClockOptions {
  /**
   * False: alarms alone do not keep the process running. Default true, as for a listening socket: an operation that waits
   * for its deadline ends with an answer instead of a silent exit. Closing a node cancels its alarms, so that a program which
   * closes what it opened exits by itself either way.
   */
  readonly keepsProcess?: boolean;
}

/**
 * The real clock. Instants count from the start of the process; wall time is read once, here, and advanced by the monotonic
 * clock, so that no two readings are equal, a step of the system's clock cannot take them back, and two processes that start
 * in the same millisecond still differ.
 */
export function systemClock(options: SystemClockOptions = {}): Clock {
  return new SystemClock(options.keepsProcess ?? true);
}

/** 32 unpredictable bits, to seed what must differ from run to run. */
export function systemSeed(): number {
  return randomBytes(4).readUInt32LE();
}

/** A source of randomness that differs from run to run: cookies, jitter. Not for secrets. */
export function systemRandom(): Random {
  return seededRandom(systemSeed());
}

class SystemClock implements Clock {
  readonly #keepsProcess: boolean;
  readonly #startNs = process.hrtime.bigint();
  readonly #startWallNs = BigInt(Date.now()) * 1_000_000n + (this.#startNs % 1_000_000n);

  constructor(keepsProcess: boolean) {
    this.#keepsProcess = keepsProcess;
  }

  now(): Instant {
    return Math.floor(performance.now() * US_PER_MS);
  }

  wallNs(): bigint {
    return this.#startWallNs + (process.hrtime.bigint() - this.#startNs);
  }

  alarm(at: Instant, fire: () => void): Alarm {
    const alarm = new SystemAlarm(this, at, fire, this.#keepsProcess);
    alarm.sleep();
    return alarm;
  }
}

/** One wake-up. The runtime's timers may be a little early and cannot be long: whoever wakes before the time sleeps again. */
class SystemAlarm implements Alarm {
  readonly #clock: Clock;
  readonly #at: Instant;
  readonly #fire: () => void;
  readonly #keepsProcess: boolean;
  #timeout: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;

  constructor(clock: Clock, at: Instant, fire: () => void, keepsProcess: boolean) {
    this.#clock = clock;
    this.#at = at;
    this.#fire = fire;
    this.#keepsProcess = keepsProcess;
  }

  sleep(): void {
    const delayMs = Math.ceil((this.#at - this.#clock.now()) / US_PER_MS);
    // What is due already must not wait for the timers' resolution of one millisecond.
    if (delayMs <= 0) {
      this.#immediate = setImmediate(() => this.#fire());
      if (!this.#keepsProcess) this.#immediate.unref();
      return;
    }
    this.#timeout = setTimeout(() => this.#wake(), Math.min(delayMs, SLEEP_MS_MAX));
    if (!this.#keepsProcess) this.#timeout.unref();
  }

  #wake(): void {
    if (this.#clock.now() < this.#at) this.sleep();
    else this.#fire();
  }

  cancel(): void {
    clearTimeout(this.#timeout);
    clearImmediate(this.#immediate);
  }
}
