import test from 'ava';
import { NodeClock } from './node-clock.ts';
import { SimClock } from './sim-clock.ts';

test('alarms fire at their instant, equal ones in the order in which they were set', (t) => {
  const clock = new SimClock();
  const fired: string[] = [];
  const note = (what: string) => () => fired.push(`${what} at ${clock.now()}`);
  clock.alarm(20, note('late'));
  clock.alarm(10, note('first'));
  clock.alarm(10, note('second'));
  clock.alarm(15, note('cancelled')).cancel();
  clock.advance({ us: 19 });
  t.deepEqual(fired, ['first at 10', 'second at 10']);
  t.is(clock.now(), 19);
  clock.advance({ us: 1 });
  t.deepEqual(fired, ['first at 10', 'second at 10', 'late at 20']);
});

test('an alarm of the past fires at the present instant, after the call that set it', (t) => {
  const clock = new SimClock();
  clock.advance({ us: 100 });
  const fired: number[] = [];
  clock.alarm(50, () => fired.push(clock.now()));
  t.deepEqual(fired, []);
  clock.advance({ us: 0 });
  t.deepEqual(fired, [100]);
});

test('a run that never ends fails with the seed and the names of what keeps it going', (t) => {
  const clock = new SimClock('seed 99');
  const again = (): void => {
    clock.alarm(clock.now() + 5, again);
  };
  again();
  const error = t.throws(() => clock.runUntilIdle({ events: 500 }));
  t.regex(error.message, /^seed 99: has not come to rest after 500 events.*alarm again ×1000/);
});

test('time that stands still fails instead of hanging', (t) => {
  const clock = new SimClock('seed 99');
  const spin = (): void => {
    clock.alarm(clock.now(), spin);
  };
  spin();
  const error = t.throws(() => clock.advance({ us: 1 }));
  t.regex(error.message, /time stands still after 1000000 events.*alarm spin/);
});

test('an idle run ends where its last event was', (t) => {
  const clock = new SimClock();
  clock.alarm(700, () => undefined);
  clock.runUntilIdle();
  t.is(clock.now(), 700);
  t.is(clock.pending, 0);
});

test('a condition that never holds fails with its name, and says what is still to come', (t) => {
  const clock = new SimClock('seed 5');
  t.regex(t.throws(() => clock.runUntil(() => false, 'rain')).message, /nothing is to come.*rain/);
  clock.alarm(10_000, function tick() {});
  t.regex(
    t.throws(() => clock.runUntil(() => false, 'rain', { us: 9_999 })).message,
    /seed 5: waited 9999 µs in vain for: rain.*1 events.*alarm tick/,
  );
});

test('a run stops at the event that makes its condition true', (t) => {
  const clock = new SimClock();
  let isDone = false;
  clock.alarm(10, () => {
    isDone = true;
  });
  clock.alarm(10, () => t.fail());
  clock.runUntil(() => isDone, 'done');
  t.is(clock.now(), 10);
});

test('time cannot be moved from inside an event', (t) => {
  const clock = new SimClock();
  clock.alarm(1, () => t.throws(() => clock.advance({ us: 1 }), { message: /from inside an event/ }));
  clock.advance({ us: 1 });
});

test('no two readings of wall time are equal, and it goes with virtual time', (t) => {
  const clock = new SimClock();
  const first = clock.wallNs();
  t.not(first, clock.wallNs());
  clock.advance({ us: 1_000 });
  t.is((clock.wallNs() - first) / 1_000_000n, 1n);
});

test('a clock that goes faster reaches an alarm earlier, exactly', (t) => {
  const clock = new SimClock();
  const fast = new NodeClock(clock, { name: 'fast', driftPpm: 100 });
  const slow = new NodeClock(clock, { name: 'slow', driftPpm: -100 });
  const fired: string[] = [];
  fast.alarm(10_000_000, () => fired.push(`fast ${clock.now()} ${fast.now()}`));
  slow.alarm(10_000_000, () => fired.push(`slow ${clock.now()} ${slow.now()}`));
  clock.advance({ us: 20_000_000 });
  t.deepEqual(fired, ['fast 9999001 10000000', 'slow 10001001 10000000']);
});

test('a change of drift neither makes a clock jump nor lets its alarms miss', (t) => {
  const clock = new SimClock();
  const node = new NodeClock(clock, { name: 'n', startsAt: 5_000 });
  let firedAt = 0;
  node.alarm(1_005_000, () => {
    firedAt = clock.now();
  });
  clock.advance({ us: 500_000 });
  node.setDrift(1_000_000);
  t.is(node.now(), 505_000);
  clock.advance({ us: 500_000 });
  t.is(firedAt, 750_000);
  t.throws(() => node.setDrift(-1_000_000), { instanceOf: RangeError });
});

test('no alarm of a stopped clock fires, set before or after', (t) => {
  const clock = new SimClock();
  const node = new NodeClock(clock, { name: 'n' });
  node.alarm(10, () => t.fail());
  node.alarm(20, () => t.fail()).cancel();
  node.stop();
  node.alarm(10, () => t.fail());
  t.is(clock.pending, 0);
  clock.advance({ us: 100 });
});

test('an alarm of a node clock can be cancelled, also after it has fired', (t) => {
  const clock = new SimClock();
  const node = new NodeClock(clock, { name: 'n' });
  node.alarm(10, () => t.fail()).cancel();
  let fired = 0;
  const alarm = node.alarm(10, () => fired++);
  clock.advance({ us: 10 });
  alarm.cancel();
  t.is(fired, 1);
});
