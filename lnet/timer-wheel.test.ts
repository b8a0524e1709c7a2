import test from 'ava';
import * as fc from 'fast-check';
import { checkProperty } from '../test/property.ts';
import type { Alarm, Clock, Instant } from './clock.ts';
import { TIMER_TICK_US, type Timer, TimerWheel } from './timer-wheel.ts';

/** Moves only when told; `lateness` delays every alarm, as a busy event loop does. */
class HandClock implements Clock {
  #now: Instant;
  readonly #lateness: () => number;
  readonly #alarms = new Map<Alarm, { readonly at: Instant; readonly fire: () => void }>();

  constructor(start: Instant, lateness: () => number = () => 0) {
    this.#now = start;
    this.#lateness = lateness;
  }

  get alarmCount(): number {
    return this.#alarms.size;
  }

  now(): Instant {
    return this.#now;
  }

  wallNs(): bigint {
    return 0n;
  }

  alarm(at: Instant, fire: () => void): Alarm {
    const alarm = { cancel: (): void => void this.#alarms.delete(alarm) };
    this.#alarms.set(alarm, { at: Math.max(at, this.#now) + this.#lateness(), fire });
    return alarm;
  }

  advance(us: number): void {
    const end = this.#now + us;
    for (;;) {
      const due = [...this.#alarms].filter(([, entry]) => entry.at <= end).toSorted(([, a], [, b]) => a.at - b.at)[0];
      if (!due) break;
      this.#now = Math.max(this.#now, due[1].at);
      this.#alarms.delete(due[0]);
      due[1].fire();
    }
    this.#now = end;
  }
}

const DAY_US = 86_400_000_000;

/** What a timer does to another one when it fires. */
type Reaction =
  | { readonly kind: 'none' }
  | { readonly kind: 'clear' | 'set'; readonly other: number; readonly us: number };
type Step = { readonly kind: 'set' | 'clear' | 'advance'; readonly timer: number; readonly us: number };

const TIMERS = 12;
const duration = fc.oneof(
  fc.integer({ min: 0, max: 4_000 }),
  fc.integer({ min: 0, max: 300_000 }),
  fc.integer({ min: 0, max: 70_000_000 }),
  fc.integer({ min: 0, max: 40 * DAY_US }),
  // The last tick before a slot of each level, and its neighbours.
  fc
    .tuple(fc.constantFrom(256, 65_536, 16_777_216), fc.integer({ min: 1, max: 4 }), fc.integer({ min: -2, max: 2 }))
    .map(([span, count, off]) => (span * count + off) * TIMER_TICK_US),
);
const index = fc.integer({ min: 0, max: TIMERS - 1 });
const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('set', 'set', 'set', 'clear', 'advance', 'advance'),
  timer: index,
  us: fc.oneof(duration, fc.integer({ min: -5_000, max: 0 })),
});
const reaction: fc.Arbitrary<Reaction> = fc.oneof(
  fc.constant<Reaction>({ kind: 'none' }),
  fc.record({ kind: fc.constantFrom('clear', 'set'), other: index, us: duration }),
);

/** The rule itself, without a wheel: a list, searched for the earliest tick and, within it, the earliest call of `set`. */
class NaiveTimers {
  readonly due = new Map<number, { readonly tick: number; readonly order: number }>();
  #order = 0;

  set(timer: number, at: Instant, tickNow: number): void {
    this.due.set(timer, { tick: Math.max(Math.ceil(at / TIMER_TICK_US), tickNow + 1), order: this.#order++ });
  }

  next(): { readonly timer: number; readonly tick: number } | undefined {
    const [first] = [...this.due].toSorted(([, a], [, b]) => a.tick - b.tick || a.order - b.order);
    return first && { timer: first[0], tick: first[1].tick };
  }
}

function compareWithModel(start: Instant, steps: readonly Step[], reactions: readonly Reaction[]): number {
  const clock = new HandClock(start);
  const wheel = new TimerWheel(clock);
  const model = new NaiveTimers();
  let fired = 0;
  let reacts = true;
  const timers: Timer[] = Array.from({ length: TIMERS }, (_, own) =>
    wheel.timer(() => {
      fired++;
      const expected = model.next();
      if (expected?.timer !== own) throw new Error(`timer ${own} fired, ${expected?.timer} was to fire`);
      if (clock.now() !== expected.tick * TIMER_TICK_US)
        throw new Error(`fired at ${clock.now()}, tick ${expected.tick}`);
      model.due.delete(own);
      const action = reactions[own] as Reaction;
      if (!reacts) return;
      if (action.kind === 'clear') clear(action.other);
      if (action.kind === 'set') set(action.other, clock.now() + action.us);
    }),
  );
  const set = (timer: number, at: Instant): void => {
    model.set(timer, at, Math.floor(clock.now() / TIMER_TICK_US));
    timers[timer]?.set(at);
  };
  const clear = (timer: number): void => {
    model.due.delete(timer);
    timers[timer]?.clear();
  };
  const fireNext = (): void => {
    const next = model.next();
    const before = fired;
    if (next) clock.advance(next.tick * TIMER_TICK_US - clock.now());
    if (fired === before) throw new Error(`timer ${next?.timer} did not fire at tick ${next?.tick}`);
  };
  for (const { kind, timer, us } of steps) {
    if (kind === 'set') set(timer, clock.now() + us);
    else if (kind === 'clear') clear(timer);
    else {
      // A chain of reactions never ends; what the model has left is compared after every step.
      const end = clock.now() + Math.max(us, 0);
      const isDue = (): boolean => (model.next()?.tick ?? Number.POSITIVE_INFINITY) * TIMER_TICK_US <= end;
      for (let rounds = 0; rounds < 50 && isDue(); rounds++) fireNext();
      if (!isDue()) clock.advance(end - clock.now());
    }
    if (wheel.size !== model.due.size) throw new Error(`${wheel.size} deadlines set, ${model.due.size} expected`);
    for (const [own, entry] of timers.entries())
      if ((entry.at !== undefined) !== model.due.has(own)) throw new Error(`timer ${own} has the wrong state`);
  }
  reacts = false;
  while (model.due.size > 0) fireNext();
  return fired;
}

test('timers fire in the order of their ticks and of their setting, never early, at the first tick not before the deadline', (t) => {
  let fired = 0;
  const script = fc.record({
    start: fc.integer({ min: 0, max: 3 * DAY_US }),
    steps: fc.array(step, { minLength: 20, maxLength: 60 }),
    reactions: fc.array(reaction, { minLength: TIMERS, maxLength: TIMERS }),
  });
  checkProperty(t, script, 1_500, ({ start, steps, reactions }) => {
    fired += compareWithModel(start, steps, reactions);
  });
  t.log(`${fired} timers fired`);
});

test('a late alarm fires what is due in order, nothing early, and loses nothing', (t) => {
  const script = fc.record({
    steps: fc.array(fc.record({ gap: fc.integer({ min: 0, max: 400_000 }), us: duration }), {
      minLength: 1,
      maxLength: 40,
    }),
    latenesses: fc.array(fc.integer({ min: 0, max: 900_000 }), { minLength: 1, maxLength: 20 }),
  });
  checkProperty(t, script, 1_000, ({ steps, latenesses }) => {
    let call = 0;
    const clock = new HandClock(12_345, () => latenesses[call++ % latenesses.length] as number);
    const wheel = new TimerWheel(clock);
    const left = new Map<number, number>();
    for (const [own, { gap, us }] of steps.entries()) {
      clock.advance(gap);
      const at = clock.now() + us;
      const tick = Math.max(Math.ceil(at / TIMER_TICK_US), Math.floor(clock.now() / TIMER_TICK_US) + 1);
      const timer = wheel.timer(() => {
        left.delete(own);
        if (clock.now() < at) throw new Error('fired early');
        // Ticks that had passed when a timer was set cannot count for its place.
        for (const other of left.values()) if (other < tick - 1) throw new Error(`tick ${tick} fired before ${other}`);
      });
      left.set(own, tick);
      timer.set(at);
    }
    clock.advance(200 * DAY_US);
    if (left.size > 0) throw new Error(`${left.size} timers never fired`);
  });
});

test('a deadline beyond the reach of the wheel fires at its tick too', (t) => {
  const clock = new HandClock(0);
  const wheel = new TimerWheel(clock);
  const at = 100 * 365 * DAY_US;
  let firedAt = 0;
  wheel
    .timer(() => {
      firedAt = clock.now();
    })
    .set(at);
  clock.advance(at - 1);
  t.is(firedAt, 0);
  clock.advance(1);
  t.is(firedAt, at);
});

test('one alarm of the clock drives all timers, and none is left when the wheel stops', (t) => {
  const clock = new HandClock(0);
  const wheel = new TimerWheel(clock);
  for (let i = 0; i < 1_000; i++) wheel.timer(() => t.fail()).set(i * 7_919);
  t.is(clock.alarmCount, 1);
  t.is(wheel.size, 1_000);
  wheel.stop();
  t.is(clock.alarmCount, 0);
  t.is(wheel.size, 0);
  clock.advance(DAY_US);
});

test('no alarm is left when the last deadline was cleared', (t) => {
  const clock = new HandClock(0);
  const wheel = new TimerWheel(clock);
  const first = wheel.timer(() => t.fail());
  const second = wheel.timer(() => t.fail());
  first.set(5_000);
  second.set(9_000);
  first.clear();
  t.is(clock.alarmCount, 1);
  second.clear();
  t.is(clock.alarmCount, 0);
  let fired = 0;
  wheel.timer(() => fired++).set(7_000);
  clock.advance(7_000);
  t.is(fired, 1, 'the wheel goes on');
});

test('a timer that throws does not stop the wheel', (t) => {
  const clock = new HandClock(0);
  const wheel = new TimerWheel(clock);
  let fired = 0;
  wheel
    .timer(() => {
      throw new Error('broken owner');
    })
    .set(5_000);
  wheel.timer(() => fired++).set(6_000);
  t.throws(() => clock.advance(5_000), { message: 'broken owner' });
  clock.advance(1_000);
  t.is(fired, 1);
});
