import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem, type as osType } from 'node:os';
import { packageRoot } from './package-root.ts';

/** What machine and code a result belongs to. Without these a number means nothing. */
export function machineConditions(): Record<string, unknown> {
  const cores = cpus();
  return {
    commit: commit(),
    node: process.version,
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: `${osType()} ${release()}`,
    /** Of the last minute, before the start: what else the machine is busy with. */
    loadAverage: Number((loadavg()[0] as number).toFixed(2)),
    date: new Date().toISOString(),
  };
}

/** Commit of the working tree, `+` behind it when files differ; `unknown` outside of a repository. */
function commit(): string {
  try {
    return (
      git('rev-parse', '--short=12', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '+')
    );
  } catch {
    return 'unknown';
  }
}

function git(...args: string[]): string {
  return execFileSync('git', args, {
    cwd: packageRoot(),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
}

/** A machine that has other work to do gives ratios with a wide spread: says so, or undefined when it is idle enough. */
export function busyWarning(): string | undefined {
  const load = loadavg()[0] as number;
  const cores = cpus().length;
  if (load < cores / 4) return undefined;
  return `the machine is busy (load average ${load.toFixed(1)} on ${cores} cores): trust the ratios less, look at the spread`;
}
