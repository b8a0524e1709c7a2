/** `npm start`: the main job without any configuration. Moves a file between node processes and shows the bandwidth. */
import { Conductor, MismatchError } from './start/conductor.ts';
import { START_PLAN } from './start/plan.ts';
import { ProgressLine } from './start/progress-line.ts';
import { resultTable } from './start/result-table.ts';

const progress = new ProgressLine(process.stdout);
const conductor = new Conductor({
  plan: START_PLAN,
  progress,
  tell: (line) => process.stdout.write(`${line}\n`),
});

let isInterrupted = false;
function interruptOn(signal: NodeJS.Signals, exitCode: number): void {
  process.once(signal, () => {
    isInterrupted = true;
    process.exit(exitCode);
  });
}
interruptOn('SIGINT', 130);
interruptOn('SIGTERM', 143);
interruptOn('SIGHUP', 129);
process.on('exit', () => {
  progress.clear();
  conductor.abandon();
});

try {
  const results = await conductor.run();
  process.stdout.write(`\n${resultTable(results)}\n\n`);
  process.stdout.write('Latency: PUT until its acknowledgement, GET until its reply, at the load of the row.\n');
  process.stdout.write('All processes ran on this machine over loopback. Next: npm run lnet -- --help\n');
} catch (error) {
  progress.clear();
  if (!isInterrupted) {
    const kind = error instanceof MismatchError ? 'DATA MISMATCH' : 'failed';
    process.stderr.write(`${kind}: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
conductor.abandon();
