import type { Alarm, Clock, Instant } from './clock.ts';

/** A deadline that can be set, moved and cleared any number of times; owned by the object whose deadline it is. */
export class Timer {
  readonly #wheel: TimerWheel;
  readonly fire: () => void;
  /** Deadline, or undefined when not set. */
  at: Instant | undefined = undefined;
  /** Tick at which it fires; the wheel's own. */
  due = 0;
  /** Slot of the wheel that holds it, -1 when none. */
  slot = -1;
  previous: Timer | null = null;
  next: Timer | null = null;

  constructor(wheel: TimerWheel, fire: () => void) {
    this.#wheel = wheel;
    this.fire = fire;
  }

  /** Sets or moves the deadline. Fires once, at or up to one {@link TIMER_TICK_US} after `at`. */
  set(at: Instant): void {
    this.#wheel.place(this, at);
  }

  /** Takes the deadline back. Does nothing when none is set. */
  clear(): void {
    this.#wheel.remove(this);
  }
}

/** Resolution of the wheel, microseconds. Protocol deadlines are seconds; finer timing takes an alarm of its own. */
export const TIMER_TICK_US = 1_000;

const SLOTS = 256;
const LEVELS = 5;

/**
 * Hierarchical timer wheel: setting, moving and clearing a deadline cost the same whatever their number, and one alarm of
 * the clock drives them all. Timers due at the same tick fire in the order in which they were set.
 *
 * A deadline is kept at the level of the highest base-256 digit in which its tick differs from the current one, in the slot
 * of that digit; when the current tick reaches the start of that slot, its timers move down (in order) to where they belong
 * then. So timers of one tick are always in one slot together, which keeps their order.
 */
export class TimerWheel {
  readonly #clock: Clock;
  readonly #heads: (Timer | null)[] = new Array(SLOTS * LEVELS).fill(null);
  readonly #tails: (Timer | null)[] = new Array(SLOTS * LEVELS).fill(null);
  readonly #counts: number[] = new Array(LEVELS).fill(0);
  #size = 0;
  /** Ticks up to and including this one have fired. No slot that holds a timer begins at or before it. */
  #tick: number;
  #alarm: Alarm | null = null;
  /** Tick of the alarm: no slot that holds a timer begins before it. */
  #alarmTick = Number.POSITIVE_INFINITY;
  #isFiring = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#tick = this.#now();
  }

  /** A timer of this wheel, not set. */
  timer(fire: () => void): Timer {
    return new Timer(this, fire);
  }

  /** Number of deadlines set. */
  get size(): number {
    return this.#size;
  }

  /** For {@link Timer.set}. */
  place(timer: Timer, at: Instant): void {
    this.#unlink(timer);
    if (!this.#isFiring) {
      const now = this.#now();
      if (now < this.#alarmTick) this.#tick = Math.max(this.#tick, now);
    }
    timer.at = at;
    timer.due = Math.max(Math.ceil(at / TIMER_TICK_US), this.#tick + 1);
    const tick = this.#insert(timer);
    if (!this.#isFiring && tick < this.#alarmTick) this.#arm(tick);
  }

  /** For {@link Timer.clear}. With the last deadline goes the alarm: it would keep a process alive that has nothing left to do. */
  remove(timer: Timer): void {
    this.#unlink(timer);
    if (this.#size === 0) this.#disarm();
  }

  #unlink(timer: Timer): void {
    timer.at = undefined;
    const slot = timer.slot;
    if (slot < 0) return;
    if (timer.previous) timer.previous.next = timer.next;
    else this.#heads[slot] = timer.next;
    if (timer.next) timer.next.previous = timer.previous;
    else this.#tails[slot] = timer.previous;
    timer.previous = null;
    timer.next = null;
    timer.slot = -1;
    this.#count(slot, -1);
  }

  /** Clears every deadline and the alarm. */
  stop(): void {
    this.#disarm();
    for (let slot = 0; slot < this.#heads.length; slot++) {
      for (let timer = this.#heads[slot] ?? null; timer; timer = this.#heads[slot] ?? null) this.remove(timer);
    }
  }

  #now(): number {
    return Math.floor(this.#clock.now() / TIMER_TICK_US);
  }

  #count(slot: number, change: number): void {
    const level = Math.floor(slot / SLOTS);
    this.#counts[level] = (this.#counts[level] as number) + change;
    this.#size += change;
  }

  /** Puts a timer into the slot of its due tick; gives the tick at which that slot begins. */
  #insert(timer: Timer): number {
    let level = 0;
    let span = 1;
    while (level < LEVELS - 1 && Math.floor(timer.due / (span * SLOTS)) !== Math.floor(this.#tick / (span * SLOTS))) {
      level++;
      span *= SLOTS;
    }
    // Beyond the reach of the coarsest level (34 years) it waits in the last slot and is looked at again there.
    const digit = Math.min(Math.floor(timer.due / span), Math.floor(this.#tick / span) + SLOTS - 1);
    const slot = level * SLOTS + (digit % SLOTS);
    const tail = this.#tails[slot] ?? null;
    timer.slot = slot;
    timer.previous = tail;
    timer.next = null;
    if (tail) tail.next = timer;
    else this.#heads[slot] = timer;
    this.#tails[slot] = timer;
    this.#count(slot, 1);
    return digit * span;
  }

  #disarm(): void {
    this.#alarm?.cancel();
    this.#alarm = null;
    this.#alarmTick = Number.POSITIVE_INFINITY;
  }

  #arm(tick: number): void {
    this.#alarm?.cancel();
    this.#alarmTick = tick;
    this.#alarm = this.#clock.alarm(tick * TIMER_TICK_US, () => this.#advance());
  }

  #advance(): void {
    this.#alarm = null;
    this.#alarmTick = Number.POSITIVE_INFINITY;
    const now = this.#now();
    this.#isFiring = true;
    try {
      for (let next = this.#nextTick(); next !== undefined && next <= now; next = this.#nextTick()) {
        this.#tick = next;
        this.#moveDown();
        const slot = next % SLOTS;
        for (let timer = this.#heads[slot] ?? null; timer; timer = this.#heads[slot] ?? null) {
          this.remove(timer);
          timer.fire();
        }
      }
      this.#tick = Math.max(this.#tick, now);
    } finally {
      this.#isFiring = false;
      const next = this.#nextTick();
      if (next !== undefined) this.#arm(next);
    }
  }

  /** Moves the timers of each coarser slot that begins at this tick down to where they belong now. */
  #moveDown(): void {
    let span = SLOTS;
    for (let level = 1; level < LEVELS && this.#tick % span === 0; level++, span *= SLOTS) {
      const slot = level * SLOTS + (Math.floor(this.#tick / span) % SLOTS);
      let timer = this.#heads[slot] ?? null;
      this.#heads[slot] = null;
      this.#tails[slot] = null;
      while (timer) {
        const next: Timer | null = timer.next;
        this.#count(slot, -1);
        this.#insert(timer);
        timer = next;
      }
    }
  }

  /** The next tick at which a slot that holds timers begins, or undefined when nothing is set. */
  #nextTick(): number | undefined {
    let best: number | undefined;
    let span = 1;
    for (let level = 0; level < LEVELS; level++, span *= SLOTS) {
      if (this.#counts[level] === 0) continue;
      const digit = Math.floor(this.#tick / span);
      for (let step = 1; step <= SLOTS; step++) {
        if (this.#heads[level * SLOTS + ((digit + step) % SLOTS)]) {
          const tick = (digit + step) * span;
          if (best === undefined || tick < best) best = tick;
          break;
        }
      }
    }
    return best;
  }
}
