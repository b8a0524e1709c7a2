import type { Alarm, Clock, Instant } from '../../lnet/nal.ts';
import { SimEvent } from './event-queue.ts';
import type { SimClock } from './sim-clock.ts';

export interface NodeClockOptions {
  /** Whose clock it is: names its alarms in failures. */
  readonly name: string;
  /** How much faster than virtual time it goes, parts per million; negative: slower. */
  readonly driftPpm?: number;
  /** What it shows at the instant at which it is made. Default: the virtual instant. */
  readonly startsAt?: Instant;
}

/** One node's own clock, which may go faster or slower than virtual time. When the node crashes, its alarms go with it. */
export class NodeClock implements Clock {
  readonly name: string;
  readonly #clock: SimClock;
  readonly #alarms = new Set<NodeAlarm>();
  #rate: number;
  #anchor: Instant;
  #anchorShown: Instant;
  #isStopped = false;

  constructor(clock: SimClock, options: NodeClockOptions) {
    this.#clock = clock;
    this.name = options.name;
    this.#rate = rateOf(options.driftPpm ?? 0);
    this.#anchor = clock.now();
    this.#anchorShown = options.startsAt ?? this.#anchor;
  }

  now(): Instant {
    return this.#anchorShown + Math.floor((this.#clock.now() - this.#anchor) * this.#rate);
  }

  wallNs(): bigint {
    return this.#clock.wallNsAt(this.now());
  }

  alarm(at: Instant, fire: () => void): Alarm {
    const alarm = new NodeAlarm(this, at, fire);
    if (this.#isStopped) return alarm;
    this.#alarms.add(alarm);
    this.#clock.schedule(alarm, this.#virtual(at));
    return alarm;
  }

  /** Lets it go at another rate from now on. What it shows does not jump. */
  setDrift(driftPpm: number): void {
    this.#anchorShown = this.now();
    this.#anchor = this.#clock.now();
    this.#rate = rateOf(driftPpm);
    for (const alarm of this.#alarms) this.#clock.schedule(alarm, this.#virtual(alarm.due));
  }

  /** No alarm of it fires any more, set or to be set. */
  stop(): void {
    this.#isStopped = true;
    for (const alarm of this.#alarms) this.#clock.unschedule(alarm);
    this.#alarms.clear();
  }

  /** Called by an alarm whose virtual instant has come. True when it is due on this clock; else it is put off. */
  isDue(alarm: NodeAlarm): boolean {
    // Rounding may have brought the virtual instant a hair too early.
    if (alarm.due > this.now()) {
      this.#clock.schedule(alarm, this.#clock.now() + 1);
      return false;
    }
    this.#alarms.delete(alarm);
    return true;
  }

  cancel(alarm: NodeAlarm): void {
    if (this.#alarms.delete(alarm)) this.#clock.unschedule(alarm);
  }

  #virtual(at: Instant): Instant {
    return this.#anchor + Math.ceil((at - this.#anchorShown) / this.#rate);
  }
}

function rateOf(driftPpm: number): number {
  if (driftPpm <= -1_000_000) throw new RangeError(`a drift of ${driftPpm} ppm would stop the clock or turn it back`);
  return 1 + driftPpm / 1_000_000;
}

class NodeAlarm extends SimEvent implements Alarm {
  readonly #clock: NodeClock;
  readonly due: Instant;
  readonly #fire: () => void;

  constructor(clock: NodeClock, due: Instant, fire: () => void) {
    super();
    this.#clock = clock;
    this.due = due;
    this.#fire = fire;
  }

  get label(): string {
    return `${this.#clock.name} alarm ${this.#fire.name}`.trimEnd();
  }

  fire(): void {
    if (this.#clock.isDue(this)) this.#fire();
  }

  cancel(): void {
    this.#clock.cancel(this);
  }
}
