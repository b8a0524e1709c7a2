import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchResult } from './case.ts';
import { packageRoot } from './package-root.ts';
import { resultLine } from './report.ts';

/** Keeps results under `bench/results`, which is not part of the repository. Gives the file's path from the package. */
export function archiveResults(results: readonly BenchResult[], names: readonly string[]): string {
  const folder = join('bench', 'results');
  mkdirSync(join(packageRoot(), folder), { recursive: true });
  const stamp = new Date().toISOString().replaceAll(':', '').replace(/\..*$/, 'Z');
  const path = join(folder, `${stamp}-${names.join('-')}.jsonl`);
  writeFileSync(join(packageRoot(), path), results.map((result) => `${resultLine(result)}\n`).join(''));
  return path;
}
