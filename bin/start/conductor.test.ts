import test from 'ava';
import { existsSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Conductor, MismatchError } from './conductor.ts';
import { type Plan, START_PLAN } from './plan.ts';
import { ProgressLine } from './progress-line.ts';

const quiet = new ProgressLine({ isTTY: false, write: () => true } as unknown as NodeJS.WriteStream);

const noHardware = (): Promise<string> => Promise.resolve('no such hardware');

/** The plan of `npm start`, smaller. */
const PLAN: Plan = { ...START_PLAN, fileBytes: 5 << 20, rowMs: 50 };

test.serial('a file moves by PUT and by GET between processes and is the same at the far end', async (t) => {
  const lines: string[] = [];
  const conductor = new Conductor({ plan: PLAN, progress: quiet, tell: (line) => lines.push(line) });
  const results = await conductor.run();
  t.deepEqual(
    results.map(({ network, title }) => ({ network, title })),
    PLAN.setups.flatMap(({ network }) => PLAN.rows.map(({ title }) => ({ network, title }))),
  );
  for (const result of results) {
    const isFile = result.title.startsWith('file');
    t.regex(result.check, isFile ? /^SHA-256 equal, \d+×$/ : /^$/);
    t.true(result.messages > 0 && result.ms > 0 && result.p50Us > 0 && result.p99Us >= result.p50Us);
    if (isFile) t.is(result.bytes % PLAN.fileBytes, 0);
  }
  t.regex(lines.join('\n'), /2 processes, source \(pid \d+\), sink \(pid \d+\)/);
  conductor.abandon();
  t.false(existsSync(conductor.folder));
});

test.serial('one wrong byte at the far end is a mismatch', async (t) => {
  const conductor: Conductor = new Conductor({
    plan: PLAN,
    progress: quiet,
    tell: (line) => {
      // The file is there and its digest taken, nobody has read it yet.
      if (line.startsWith('file:')) writeSync(openSync(join(conductor.folder, 'file'), 'r+'), 'x', 3 << 20);
    },
  });
  const error = await t.throwsAsync(conductor.run(), { instanceOf: MismatchError });
  t.regex(error.message, /the far end holds [0-9a-f]{64}, sent was [0-9a-f]{64}/);
  conductor.abandon();
});

test.serial('a network that cannot run here is skipped, with its reason', async (t) => {
  const lines: string[] = [];
  const setups = PLAN.setups.map((setup) => ({ ...setup, network: 'other', hindrance: noHardware }));
  const conductor = new Conductor({ plan: { ...PLAN, setups }, progress: quiet, tell: (line) => lines.push(line) });
  t.deepEqual(await conductor.run(), []);
  t.true(lines.includes('other: skipped, no such hardware'));
  conductor.abandon();
  t.false(existsSync(conductor.folder));
});
