/** `npm run bench -- NAME… [--json] [--rounds N] [--quick]`: every comparison of the project. */
import { parseArgs } from 'node:util';
import { archiveResults } from './harness/archive.ts';
import type { BenchCase, BenchResult } from './harness/case.ts';
import { busyWarning, machineConditions } from './harness/conditions.ts';
import { ProgramGroup } from './harness/program-group.ts';
import { resultLine, resultTable } from './harness/report.ts';
import { runCase } from './harness/rounds.ts';
import { SUITES } from './harness/suites.ts';

/** Warm-ups are long: until its code is compiled, a stream runs at a tenth of its rate. */
const PLANS = {
  full: { rounds: 5, warmUpMs: 1_500, durationMs: 1_000 },
  quick: { rounds: 3, warmUpMs: 1_000, durationMs: 400 },
} as const;

const USAGE = `usage: npm run bench -- NAME… [--json] [--rounds N] [--seed N] [--case TEXT] [--quick]

${Object.entries(SUITES)
  .map(([name, { about }]) => `  ${name.padEnd(8)} ${about}`)
  .join('\n')}

  --json      one JSON object a line on standard output, nothing else
  --rounds N  rounds in which ours and its peers take turns (default ${PLANS.full.rounds}, quick ${PLANS.quick.rounds})
  --seed N    order of the turns (default: from the clock, told in the results)
  --case TEXT only cases whose name contains TEXT
  --quick     shorter measurements; for a look, not for a claim
`;

const live = new Set<ProgramGroup>();

function abortOn(signal: NodeJS.Signals, exitCode: number): void {
  process.once(signal, () => process.exit(exitCode));
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seed: { type: 'string' },
      case: { type: 'string', default: '' },
      help: { type: 'boolean', default: false },
    },
  });
  const unknown = positionals.filter((name) => !Object.hasOwn(SUITES, name));
  const plan = values.quick ? PLANS.quick : PLANS.full;
  const rounds = countOf(values.rounds, plan.rounds);
  const seed = countOf(values.seed, Date.now() >>> 0);
  if (values.help || positionals.length === 0 || unknown.length > 0 || rounds === undefined || seed === undefined) {
    if (unknown.length > 0) process.stderr.write(`no such benchmark: ${unknown.join(', ')}\n`);
    (values.help ? process.stdout : process.stderr).write(USAGE);
    return values.help ? 0 : 2;
  }
  const cases = (await Promise.all(positionals.map((name) => (SUITES[name] as (typeof SUITES)[string]).load()))).flat();
  const chosen = cases.filter((bench) => bench.case.includes(values.case));
  const conditions = { ...machineConditions(), warmUpMs: plan.warmUpMs, durationMs: plan.durationMs };
  const warning = busyWarning();
  if (warning !== undefined) process.stderr.write(`${warning}\n`);
  const results: BenchResult[] = [];
  for (const bench of chosen) {
    const outcome = await runCase(bench, {
      rounds,
      seed,
      conditions,
      measurement: (use) => measured(use, plan),
      onStep: ({ round, of, who }) => progress(bench, `round ${round}/${of}, ${who}`),
    });
    progress(bench, '');
    results.push(...outcome);
    if (values.json) for (const result of outcome) process.stdout.write(`${resultLine(result)}\n`);
  }
  const path = archiveResults(results, positionals);
  if (!values.json)
    process.stdout.write(`${resultTable(results, process.stdout.isTTY)}\n\nseed ${seed}, kept in ${path}\n`);
  return results.some((result) => result.ours === null) ? 1 : 0;
}

/** Lends a group of programs to a measurement and ends them afterwards. */
async function measured<T>(
  use: (measurement: { programs: ProgramGroup; durationMs: number; warmUpMs: number }) => Promise<T>,
  { durationMs, warmUpMs }: (typeof PLANS)[keyof typeof PLANS],
): Promise<T> {
  const programs = new ProgramGroup();
  live.add(programs);
  try {
    return await use({ programs, durationMs, warmUpMs });
  } finally {
    await programs.end();
    live.delete(programs);
  }
}

/** Whole number given on the command line; undefined when it is none. */
function countOf(text: string | undefined, otherwise: number): number | undefined {
  if (text === undefined) return otherwise;
  return /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : undefined;
}

function progress(bench: BenchCase, what: string): void {
  if (!process.stderr.isTTY) return;
  process.stderr.write(what === '' ? '\r\x1b[K' : `\r\x1b[K${bench.bench} ${bench.case}: ${what}`);
}

abortOn('SIGINT', 130);
abortOn('SIGTERM', 143);
process.on('exit', () => {
  for (const programs of live) programs.kill();
});
process.exitCode = await main();
