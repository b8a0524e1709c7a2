/**
 * Runs a body that depends on a seed. When it fails, the seed is printed before the error goes on, so that the run can be
 * repeated: `withSeed(systemSeed(), t.log, (seed) => …)`.
 */
export async function withSeed<T>(
  seed: number,
  print: (line: string) => void,
  body: (seed: number) => T | Promise<T>,
): Promise<T> {
  try {
    return await body(seed);
  } catch (error) {
    print(`this run failed with seed ${seed}`);
    throw error;
  }
}
