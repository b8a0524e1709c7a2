import type { ExecutionContext } from 'ava';
import * as fc from 'fast-check';

/**
 * Tries `rule` on `runs` inputs; a rule fails by throwing. Prints how many inputs were tried and the seed, and fails the test
 * with the smallest counterexample.
 */
export function checkProperty<T>(
  t: ExecutionContext,
  arbitrary: fc.Arbitrary<T>,
  runs: number,
  rule: (input: T) => void,
): void {
  let inputs = 0;
  const result = fc.check(
    fc.property(arbitrary, (input) => {
      inputs++;
      rule(input);
    }),
    { numRuns: runs },
  );
  t.log(`${inputs} inputs tried, seed ${result.seed}`);
  t.false(result.failed, fc.defaultReportMessage(result) ?? '');
}
