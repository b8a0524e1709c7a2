import { type Alarm, type Clock, type Instant, US_PER_S } from '../../lnet/nal.ts';
import { EventQueue, SimEvent } from './event-queue.ts';

/** Wall-clock time at virtual instant 0: 2020-01-01T00:00:00Z, so that stamps look like stamps. */
const WALL_START_NS = 1_577_836_800n * 1_000_000_000n;

/** Events after which a run that should end is called endless. */
export const EVENTS_MAX = 20_000_000;

/** Events that may happen at one instant before time is called stuck. */
export const EVENTS_PER_INSTANT_MAX = 1_000_000;

/** Events watched, once a bound is hit, to say which ones keep the run going. */
const WATCHED = 1_000;

export interface RunBounds {
  /** Virtual time the run may take, microseconds. */
  readonly us?: number;
  /** Events the run may take. */
  readonly events?: number;
}

/**
 * Virtual time: it moves only when told, from event to event, and everything that happens at one instant happens in the
 * order in which it was scheduled. Every run is bounded; one that does not end fails with the names of its hottest events.
 */
export class SimClock implements Clock {
  readonly #queue = new EventQueue();
  readonly name: string;
  #now: Instant = 0;
  #wallReadings = 0;
  #eventsAtInstant = 0;
  #isRunning = false;

  /** `name` stands at the start of each failure: a seed belongs there. */
  constructor(name = 'simulation') {
    this.name = name;
  }

  now(): Instant {
    return this.#now;
  }

  wallNs(): bigint {
    return this.wallNsAt(this.#now);
  }

  /** Wall time of a node whose own clock shows `instant`. No two readings are equal. */
  wallNsAt(instant: Instant): bigint {
    this.#wallReadings = (this.#wallReadings + 1) % 1_000;
    return WALL_START_NS + BigInt(instant) * 1_000n + BigInt(this.#wallReadings);
  }

  alarm(at: Instant, fire: () => void): Alarm {
    const alarm = new SimAlarm(this, fire);
    this.schedule(alarm, at);
    return alarm;
  }

  /** Lets an event happen at `at`, or at the present instant when that is past, but never inside this call. */
  schedule(event: SimEvent, at: Instant): void {
    this.#queue.remove(event);
    this.#queue.insert(event, Math.max(Math.ceil(at), this.#now));
  }

  /** The event will not happen. Does nothing when it is not scheduled. */
  unschedule(event: SimEvent): void {
    this.#queue.remove(event);
  }

  /** Events to come. */
  get pending(): number {
    return this.#queue.size;
  }

  /** Instant of the next event, or undefined when nothing is to come. */
  get next(): Instant | undefined {
    return this.#queue.first?.at;
  }

  /** Moves time on by `us`; everything due up to and including the new instant happens. */
  advance(span: { readonly us: number; readonly events?: number }): void {
    const end = this.#now + span.us;
    this.#run(end, span.events ?? EVENTS_MAX, () => false);
    this.#moveTo(end);
  }

  /** Runs until nothing is to come. Fails when the bounds (default: {@link EVENTS_MAX} events) are hit first. */
  runUntilIdle(bounds: RunBounds = {}): void {
    const end = this.#now + (bounds.us ?? Number.POSITIVE_INFINITY);
    this.#run(end, bounds.events ?? EVENTS_MAX, () => false);
    if (this.#queue.size > 0) this.#failStillBusy(`is not idle after ${bounds.us} µs`);
  }

  /** Runs until the condition holds; it is asked before each event. Fails, naming `what`, when it never does (default bound: an hour). */
  runUntil(condition: () => boolean, what: string, bounds: RunBounds = {}): void {
    const us = bounds.us ?? 3600 * US_PER_S;
    const end = this.#now + us;
    if (this.#run(end, bounds.events ?? EVENTS_MAX, condition)) return;
    if (this.#queue.size > 0) this.#failStillBusy(`waited ${us} µs in vain for: ${what}`);
    throw new Error(`${this.name}: nothing is to come any more, in vain waited for: ${what}`);
  }

  /** Lets everything due at the next instant happen. False when nothing is to come. */
  step(): boolean {
    const next = this.next;
    if (next === undefined) return false;
    this.#run(next, EVENTS_MAX, () => false);
    return true;
  }

  /** True when the condition held; false when the next event lies beyond `end` or there is none. */
  #run(end: Instant, eventsMax: number, condition: () => boolean): boolean {
    if (this.#isRunning) throw new Error(`${this.name}: time cannot be moved from inside an event`);
    this.#isRunning = true;
    try {
      for (let events = 0; ; events++) {
        if (condition()) return true;
        const event = this.#queue.first;
        if (!event || event.at > end) return false;
        if (events === eventsMax) this.#failEndless(`has not come to rest after ${eventsMax} events`);
        if (event.at > this.#now) this.#moveTo(event.at);
        if (this.#eventsAtInstant++ === EVENTS_PER_INSTANT_MAX)
          this.#failEndless(`time stands still after ${EVENTS_PER_INSTANT_MAX} events at one instant`);
        this.#queue.remove(event);
        event.fire();
      }
    } finally {
      this.#isRunning = false;
    }
  }

  #moveTo(instant: Instant): void {
    if (instant === this.#now) return;
    this.#now = instant;
    this.#eventsAtInstant = 0;
  }

  /** Watches what keeps happening, then fails with it. */
  #failEndless(what: string): never {
    const counts = new Map<string, number>();
    for (let watched = 0; watched < WATCHED; watched++) {
      const event = this.#queue.first;
      if (!event) break;
      this.#moveTo(event.at);
      count(counts, event.label);
      this.#queue.remove(event);
      event.fire();
    }
    throw new Error(`${this.name}: ${what}, at ${this.#now} µs; hottest of the next events: ${hottest(counts)}`);
  }

  #failStillBusy(what: string): never {
    const counts = new Map<string, number>();
    for (const event of this.#queue.all) count(counts, event.label);
    const left = `${this.#queue.size} events are still to come: ${hottest(counts)}`;
    throw new Error(`${this.name}: ${what}, at ${this.#now} µs; ${left}`);
  }
}

function count(counts: Map<string, number>, label: string): void {
  counts.set(label, (counts.get(label) ?? 0) + 1);
}

function hottest(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .toSorted((a, b) => b[1] - a[1])
    .slice(0, 5)
    .map(([label, times]) => `${label} ×${times}`)
    .join(', ');
}

class SimAlarm extends SimEvent implements Alarm {
  readonly #clock: SimClock;
  readonly #fire: () => void;

  constructor(clock: SimClock, fire: () => void) {
    super();
    this.#clock = clock;
    this.#fire = fire;
  }

  get label(): string {
    return `alarm ${this.#fire.name}`.trimEnd();
  }

  fire(): void {
    this.#fire();
  }

  cancel(): void {
    this.#clock.unschedule(this);
  }
}
