import type { Alarm, Clock, Instant } from './clock.ts';

/** A deadline that can be set, moved and cleared any number of times; owned by the object whose deadline it is. */
export class Timer {
  readonly #wheel: TimerWheel;
  readonly fire: () => void;
  /** Deadline, or undefined when not set. */
  at: Instant | undefined = undefined;
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
 */
export class TimerWheel {
  readonly #clock: Clock;
  readonly #heads: (Timer | null)[] = new Array(SLOTS * LEVELS).fill(null);
  readonly #tails: (Timer | null)[] = new Array(SLOTS * LEVELS).fill(null);
  readonly #counts: number[] = new Array(LEVELS).fill(0);
  /** Ticks up to and including this one have fired. */
  #tick: number;
  #alarm: Alarm | null = null;
  #alarmTick = Number.POSITIVE_INFINITY;
  #isFiring = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#tick = Math.floor(clock.now() / TIMER_TICK_US);
  }

  timer(fire: () => void): Timer {
    return new Timer(this, fire);
  }

  /** Number of deadlines set. */
  get size(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  place(timer: Timer, at: Instant): void {
    this.remove(timer);
    timer.at = at;
    if (this.size === 0 && !this.#isFiring)
      this.#tick = Math.max(this.#tick, Math.floor(this.#clock.now() / TIMER_TICK_US));
    const tick = this.#insert(timer);
    if (!this.#isFiring && tick < this.#alarmTick) this.#arm(tick);
  }

  remove(timer: Timer): void {
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
    const level = Math.floor(slot / SLOTS);
    this.#counts[level] = (this.#counts[level] as number) - 1;
  }

  /** Clears every deadline and the alarm. */
  stop(): void {
    this.#alarm?.cancel();
    this.#alarm = null;
    this.#alarmTick = Number.POSITIVE_INFINITY;
    for (let slot = 0; slot < this.#heads.length; slot++) {
      for (let timer = this.#heads[slot] ?? null; timer; timer = this.#heads[slot] ?? null) this.remove(timer);
    }
  }

  /** Puts a timer into the slot of its deadline; gives the tick at which the wheel must look at it. */
  #insert(timer: Timer): number {
    const due = Math.max(Math.ceil((timer.at as number) / TIMER_TICK_US), this.#tick + 1);
    let level = 0;
    let span = 1;
    while (level < LEVELS - 1 && due - this.#tick > span * (SLOTS - 1)) {
      level++;
      span *= SLOTS;
    }
    const reach = Math.min(Math.floor(due / span), Math.floor(this.#tick / span) + SLOTS - 1);
    const slot = level * SLOTS + (reach % SLOTS);
    const tail = this.#tails[slot] ?? null;
    timer.slot = slot;
    timer.previous = tail;
    timer.next = null;
    if (tail) tail.next = timer;
    else this.#heads[slot] = timer;
    this.#tails[slot] = timer;
    this.#counts[level] = (this.#counts[level] as number) + 1;
    return level === 0 ? due : reach * span;
  }

  #arm(tick: number): void {
    this.#alarm?.cancel();
    this.#alarmTick = tick;
    this.#alarm = this.#clock.alarm(tick * TIMER_TICK_US, () => this.#advance());
  }

  #advance(): void {
    this.#alarm = null;
    this.#alarmTick = Number.POSITIVE_INFINITY;
    const now = Math.floor(this.#clock.now() / TIMER_TICK_US);
    this.#isFiring = true;
    for (let next = this.#nextTick(); next !== undefined && next <= now; next = this.#nextTick()) {
      this.#tick = next;
      this.#cascade();
      const slot = next % SLOTS;
      for (let timer = this.#heads[slot] ?? null; timer; timer = this.#heads[slot] ?? null) {
        if (Math.ceil((timer.at as number) / TIMER_TICK_US) > next) break;
        this.remove(timer);
        timer.fire();
      }
    }
    this.#isFiring = false;
    this.#tick = Math.max(this.#tick, now);
    const next = this.#nextTick();
    if (next !== undefined) this.#arm(next);
  }

  /** Moves timers of the coarser levels whose slot begins at this tick down to where they belong. */
  #cascade(): void {
    let span = SLOTS;
    for (let level = 1; level < LEVELS && this.#tick % span === 0; level++, span *= SLOTS) {
      const slot = level * SLOTS + (Math.floor(this.#tick / span) % SLOTS);
      const moving: Timer[] = [];
      for (let timer = this.#heads[slot] ?? null; timer; timer = timer.next) moving.push(timer);
      this.#tick--;
      for (const timer of moving) {
        const at = timer.at as number;
        this.remove(timer);
        timer.at = at;
        this.#insert(timer);
      }
      this.#tick++;
    }
  }

  /** The next tick at which something fires or must be moved down, or undefined when nothing is set. */
  #nextTick(): number | undefined {
    let best: number | undefined;
    let span = 1;
    for (let level = 0; level < LEVELS; level++, span *= SLOTS) {
      if (this.#counts[level] === 0) continue;
      const base = Math.floor(this.#tick / span);
      for (let step = 1; step <= SLOTS; step++) {
        if (this.#heads[level * SLOTS + ((base + step) % SLOTS)]) {
          const tick = (base + step) * span;
          if (best === undefined || tick < best) best = tick;
          break;
        }
      }
    }
    return best;
  }
}
