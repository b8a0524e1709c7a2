import test from 'ava';
import { errnoOf } from '../test/errno-of.ts';
import { EINVAL } from './errno.ts';
import { Settings, SETTINGS_DEFAULT, type SettingValues } from './settings.ts';

/** Errno of a change to a node with default settings. */
const errnoOfChange = (changes: Partial<SettingValues>): number => errnoOf(() => new Settings().change(changes));

test('T73: transaction timeout 50, retry count 4 ⇒ LND timeout 9; retry count 0 ⇒ 49.', (t) => {
  t.is(new Settings({ transaction_timeout: 50, retry_count: 4 }).lndTimeoutS, 9);
  t.is(new Settings({ transaction_timeout: 50, retry_count: 0 }).lndTimeoutS, 49);
  t.is(new Settings().lndTimeoutS, 49);
  t.is(new Settings({ transaction_timeout: 3, retry_count: 2 }).lndTimeoutS, 1);
});

test('T74: sensitivity 0 forces retry count 0; setting retry count 3 then fails with -EINVAL.', (t) => {
  const settings = new Settings();
  settings.change({ health_sensitivity: 0 });
  t.is(settings.values.retry_count, 0);
  t.is(
    errnoOf(() => settings.change({ retry_count: 3 })),
    -EINVAL,
  );
  t.is(settings.values.retry_count, 0);
});

test('constraints hold on the final state of a change, not on the order of its parts', (t) => {
  const settings = new Settings();
  settings.change({ retry_count: 200, transaction_timeout: 300 });
  t.is(settings.lndTimeoutS, 1);
  settings.change({ transaction_timeout: 50, retry_count: 0, health_sensitivity: 0 });
  settings.change({ retry_count: 2, health_sensitivity: 100 });
  t.is(settings.lndTimeoutS, 16);
});

test('a change that breaks a rule changes nothing', (t) => {
  const settings = new Settings();
  t.is(
    errnoOf(() => settings.change({ numa_range: 7, response_tracking: 4 })),
    -EINVAL,
  );
  t.deepEqual(settings.values, SETTINGS_DEFAULT);
});

test('retry count may equal the transaction timeout, the timeout may not be lowered to it', (t) => {
  t.is(errnoOfChange({ retry_count: 150 }), 0);
  t.is(errnoOfChange({ retry_count: 151 }), -EINVAL);
  t.is(errnoOfChange({ transaction_timeout: 2 }), -EINVAL);
  t.is(errnoOfChange({ transaction_timeout: 3 }), 0);
});

test('each setting is taken at its bounds and refused one beyond', (t) => {
  const bounds: readonly (readonly [name: keyof SettingValues, min: number, max: number])[] = [
    ['health_sensitivity', 0, 1000],
    ['response_tracking', 0, 3],
    ['router_sensitivity', 0, 100],
    ['recovery_interval', 1, 0x7fffffff],
    ['max_recovery_ping_interval', 1, 0x7fffffff],
    ['recovery_limit', 0, 0x7fffffff],
    ['numa_range', 0, 0x7fffffff],
    ['transaction_timeout', 3, 0x7fffffff],
  ];
  for (const [name, min, max] of bounds) {
    t.is(errnoOfChange({ [name]: min }), 0, name);
    t.is(errnoOfChange({ [name]: max }), 0, name);
    t.is(errnoOfChange({ [name]: min - 1 }), -EINVAL, name);
    t.is(errnoOfChange({ [name]: max + 1 }), -EINVAL, name);
    t.is(errnoOfChange({ [name]: min + 0.5 }), -EINVAL, name);
    t.is(errnoOfChange({ [name]: Number.NaN }), -EINVAL, name);
  }
});

test('an interface limit below 16 becomes 200', (t) => {
  t.is(new Settings({ max_interfaces: 15 }).values.max_interfaces, 200);
  t.is(new Settings({ max_interfaces: 16 }).values.max_interfaces, 16);
});
