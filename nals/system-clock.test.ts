import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { systemClock, systemRandom, systemSeed } from './system-clock.ts';

test('an alarm fires at its instant or later, never inside the call, and never early', async (t) => {
  const clock = systemClock();
  for (const us of [-5, 0, 1, 700, 1_500]) {
    const at = clock.now() + us;
    let isInside = true;
    await new Promise<void>((resolve) => {
      clock.alarm(at, () => {
        t.false(isInside);
        resolve();
      });
      isInside = false;
    });
    t.true(clock.now() >= at);
  }
});

test('instants are whole microseconds that do not go back', (t) => {
  const clock = systemClock();
  let before = clock.now();
  for (let i = 0; i < 1_000; i++) {
    const now = clock.now();
    t.true(Number.isSafeInteger(now) && now >= before);
    before = now;
  }
});

test('an alarm beyond the reach of the runtime timers waits all the same', async (t) => {
  const clock = systemClock();
  const far = clock.alarm(clock.now() + 60 * 86_400 * 1_000_000, () => t.fail());
  await new Promise<void>((resolve) => {
    clock.alarm(clock.now() + 5_000, resolve);
  });
  far.cancel();
  t.pass();
});

test('a cancelled alarm does not fire, and cancelling a fired one does nothing', async (t) => {
  const clock = systemClock();
  clock.alarm(clock.now(), () => t.fail()).cancel();
  clock.alarm(clock.now() + 100, () => t.fail()).cancel();
  await new Promise<void>((resolve) => {
    const alarm = clock.alarm(clock.now() + 2_000, () => {
      alarm.cancel();
      resolve();
    });
  });
  t.pass();
});

test('wall time is the time of day, and no two readings are equal, of one clock or of two', (t) => {
  const readings = [systemClock(), systemClock()].flatMap((clock) => Array.from({ length: 500 }, () => clock.wallNs()));
  t.is(new Set(readings).size, 1_000);
  t.true(Math.abs(Number((readings[0] as bigint) / 1_000_000n) - Date.now()) < 5_000);
});

test('alarms keep the process running unless told otherwise', async (t) => {
  const module = fileURLToPath(new URL('./system-clock.ts', import.meta.url));
  const run = async (keepsProcess: boolean): Promise<string> => {
    const program = `import { systemClock } from ${JSON.stringify(module)};
      const clock = systemClock({ keepsProcess: ${keepsProcess} });
      clock.alarm(clock.now() + 20_000, () => process.stdout.write('fired'));`;
    const args = ['--import', 'tsx', '--input-type=module', '-e', program];
    return (await promisify(execFile)(process.execPath, args, { timeout: 20_000 })).stdout;
  };
  t.is(await run(true), 'fired');
  t.is(await run(false), '');
});

test('random sources differ from run to run', (t) => {
  t.true(new Set(Array.from({ length: 8 }, systemSeed)).size > 1);
  t.not([systemRandom(), systemRandom()].map((random) => random.u32() + random.u32() * 2 ** 32)[0], 0);
});
