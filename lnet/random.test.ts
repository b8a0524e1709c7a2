import test from 'ava';
import { seededRandom } from './random.ts';

const draw = (seed: number, count: number): number[] => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => random.u32());
};

test('equal seeds give equal sequences, other seeds other ones', (t) => {
  t.deepEqual(draw(7, 100), draw(7, 100));
  t.notDeepEqual(draw(7, 4), draw(8, 4));
  t.deepEqual(draw(-1, 4), draw(0xffffffff, 4), 'a seed is 32 bits');
});

test('values are 32 unsigned bits, each of them set about half of the time', (t) => {
  const values = draw(1, 10_000);
  t.true(values.every((value) => Number.isInteger(value) && value >= 0 && value <= 0xffffffff));
  for (let bit = 0; bit < 32; bit++) {
    const ones = values.filter((value) => ((value >>> bit) & 1) === 1).length;
    t.true(Math.abs(ones - 5_000) < 300, `bit ${bit} is set ${ones} times`);
  }
});

test('a bounded value is below its bound and reaches all of it', (t) => {
  const random = seededRandom(3);
  const seen = new Set(Array.from({ length: 1_000 }, () => random.below(7)));
  t.deepEqual(
    [...seen].toSorted((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6],
  );
  t.is(random.below(1), 0);
  t.true(random.below(2 ** 32) <= 0xffffffff);
});
