#!/usr/bin/env node
import { tmpdir } from 'node:os';
import { Shell, type World } from './commands/shell.ts';
import { runInteractive, runLine } from './interactive.ts';

/** Exit status after a second signal: the first asks for an orderly end, the next one means it. */
const EXIT_KILLED = 130;

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (interrupt.signal.aborted) process.exit(EXIT_KILLED);
    interrupt.abort();
  });
}
// A reader that goes away (`lnet net show | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const world: World = {
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  isTerminal: process.stderr.isTTY,
  environment: {
    runtimeDirectory: process.env['XDG_RUNTIME_DIR'],
    temporaryDirectory: tmpdir(),
    uid: process.getuid?.() ?? 0,
  },
  socketVariable: process.env['LNET_SOCKET'],
  interrupt: interrupt.signal,
};
const shell = new Shell(world);
const words = process.argv.slice(2);
if (words.length === 0) await runInteractive(shell, process.stdin);
else await runLine(shell, words);

// Everything is closed by now; what a runtime may still hold must not keep a command from ending.
process.stdout.write('', () => process.stderr.write('', () => process.exit(shell.exitCode)));
