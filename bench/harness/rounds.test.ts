import test from 'ava';
import type { BenchCase, Measure, Measured, Measurement, Peer } from './case.ts';
import { resultLine, resultTable } from './report.ts';
import { median, runCase } from './rounds.ts';

/** A participant that gives these values, one a round, and notes that it ran. */
function giving(name: string, values: readonly (number | Error)[], log: string[]): Measure {
  let round = 0;
  return () => {
    log.push(name);
    const value = values[round++ % values.length] as number | Error;
    return value instanceof Error ? Promise.reject(value) : Promise.resolve({ value });
  };
}

const lend = (use: (measurement: Measurement) => Promise<Measured>): Promise<Measured> => use({} as Measurement);

function caseOf(ours: Measure, peers: readonly Peer[]): BenchCase {
  return { bench: 'b', case: 'c', unit: 'GB/s', conditions: { messageBytes: 64 }, ours, peers };
}

const run = (bench: BenchCase, seed = 1) =>
  runCase(bench, { rounds: 3, seed, conditions: { commit: 'abc' }, measurement: lend });

test('the ratio is the median of the ratios of the rounds, not the ratio of the medians', async (t) => {
  const peer: Peer = { name: 'p', target: '>=0.5', measure: giving('p', [1, 8, 6], []) };
  const [result] = await run(caseOf(giving('ours', [1, 2, 3], []), [peer]));
  t.like(result, { ours: 2, peer: 'p', peerValue: 6, ratio: 0.5, spread: [0.25, 1], target: '>=0.5' });
});

/** Who ran, in order, when ours met two peers. */
async function orderOf(seed: number): Promise<string[]> {
  const log: string[] = [];
  const peers = ['p', 'q'].map((name): Peer => ({ name, target: null, measure: giving(name, [1], log) }));
  await run(caseOf(giving('ours', [1], log), peers), seed);
  return log;
}

test('ours and every peer run once a round, in an order that only the seed decides', async (t) => {
  const first = await orderOf(7);
  t.deepEqual(first, await orderOf(7));
  for (let round = 0; round < 3; round++)
    t.deepEqual(first.slice(round * 3, round * 3 + 3).toSorted(), ['ours', 'p', 'q']);
  const others = await Promise.all([1, 2, 3, 4].map(orderOf));
  t.true(others.some((order) => order.join() !== first.join()));
});

test('a peer that cannot run is skipped with its reason, the others go on', async (t) => {
  const log: string[] = [];
  const absent: Peer = {
    name: 'absent',
    target: '>=1',
    hindrance: () => Promise.resolve('not installed'),
    measure: giving('absent', [1], log),
  };
  const present: Peer = { name: 'present', target: null, measure: giving('present', [2], log) };
  const [skipped, good] = await run(caseOf(giving('ours', [1], []), [absent, present]));
  t.like(skipped, { ours: 1, peer: 'absent', peerValue: null, ratio: null, target: '>=1' });
  t.is(skipped?.conditions['skipped'], 'not installed');
  t.is(good?.ratio, 0.5);
  t.false(log.includes('absent'));
});

test('a round that fails is left out and told', async (t) => {
  const peer: Peer = { name: 'p', target: null, measure: giving('p', [new Error('refused'), 2, 2], []) };
  const [result] = await run(caseOf(giving('ours', [1], []), [peer]));
  t.is(result?.ratio, 0.5);
  t.deepEqual(result?.conditions['failures'], ['round 1, p: refused']);
});

test('a result line has exactly the keys of the house style, in order', async (t) => {
  const [result] = await run(caseOf(giving('ours', [1], []), []));
  t.truthy(result);
  if (!result) return;
  const keys = ['bench', 'case', 'ours', 'peer', 'peerValue', 'unit', 'ratio', 'spread', 'target', 'conditions'];
  t.deepEqual(Object.keys(JSON.parse(resultLine(result)) as object), keys);
  t.deepEqual(result.conditions, { commit: 'abc', messageBytes: 64, rounds: 3, seed: 1 });
});

test('the table says whether a target is met', async (t) => {
  const peer = (target: string): Peer => ({ name: target, target, measure: giving('p', [2], []) });
  const results = await run(caseOf(giving('ours', [1], []), [peer('>=0.5'), peer('>=0.51'), peer('<=0.4')]));
  t.deepEqual(
    resultTable(results, false)
      .split('\n')
      .slice(1)
      .map((line) => line.split(/\s+/).at(-1)),
    ['met', 'missed', 'missed'],
  );
});

test('the median of an even count is the mean of the middle two', (t) => {
  t.deepEqual([median([3, 1, 2]), median([4, 1, 2, 3])], [2, 2.5]);
});
