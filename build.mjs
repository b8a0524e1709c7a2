/**
 * Compiles the sources into dist/, which `npm start`, the `lnet` command and the benchmarks run.
 * `--if-possible`: what cannot be compiled fails no install; the next build says why. `--anew`: nothing of an earlier build stays.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const compiler = here('node_modules/typescript/bin/tsc');

const mustSucceed = !process.argv.includes('--if-possible');

if (existsSync(compiler)) {
  if (process.argv.includes('--anew')) rmSync(here('dist'), { recursive: true, force: true });
  const { status } = spawnSync(process.execPath, [compiler, '-p', here('tsconfig.build.json')], { stdio: 'inherit' });
  process.exitCode = mustSucceed ? (status ?? 1) : 0;
} else if (mustSucceed) {
  process.stderr.write(
    'lnet-node: there is nothing to compile the sources with: TypeScript is a development dependency.\n' +
      "Run 'npm install' here, without --omit=dev and with NODE_ENV unset, then try again.\n",
  );
  process.exitCode = 1;
}
