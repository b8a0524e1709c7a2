/**
 * Compiles the sources into dist/, which `npm start`, the `lnet` command and the benchmarks run.
 * `--if-possible`: without the compiler nothing is done, and that is no error. `--anew`: nothing of an earlier build stays.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const compiler = here('node_modules/typescript/bin/tsc');

if (existsSync(compiler)) {
  if (process.argv.includes('--anew')) rmSync(here('dist'), { recursive: true, force: true });
  const { status } = spawnSync(process.execPath, [compiler, '-p', here('tsconfig.build.json')], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
} else if (!process.argv.includes('--if-possible')) {
  process.stderr.write(
    'lnet-node: there is nothing to compile the sources with: TypeScript is a development dependency.\n' +
      "Run 'npm install' here, without --omit=dev and with NODE_ENV unset, then try again.\n",
  );
  process.exitCode = 1;
}
