/** A program for the tests of the group that runs it. */
import { noteToParent, serveParent } from './served.ts';

serveParent({
  double: (value: number) => {
    noteToParent(`doubled ${value}`);
    return value * 2;
  },
  fail: () => {
    throw new Error('as asked');
  },
  never: () => new Promise(() => undefined),
  ignoreSignals: () => {
    process.on('SIGTERM', () => undefined);
  },
  exit: (code: number) => {
    process.stderr.write('bye', () => process.exit(code));
    return new Promise(() => undefined);
  },
});
