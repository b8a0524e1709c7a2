import type { Command } from 'commander';
import { createInterface } from 'node:readline';
import { resolveCommandLine } from './command-line.ts';
import type { Shell } from './commands/shell.ts';
import { buildProgram, runProgram } from './program.ts';
import { splitWords } from './split-words.ts';

/** Runs one command line; gives its exit status. */
export async function runLine(shell: Shell, words: readonly string[]): Promise<number> {
  shell.exitCode = 0;
  const program = buildProgram(shell);
  const line = resolveCommandLine(program, words);
  if (line.kind === 'run') {
    await runProgram(program, shell, line.argv);
  } else if (line.kind === 'answer') {
    shell.print(line.stdout);
    shell.world.stderr(line.stderr);
    shell.exitCode = line.exitCode;
  }
  return shell.exitCode;
}

/**
 * Reads commands line by line: lnetctl §2 rule 4. Names may be abbreviated here and written in any case. What comes from a pipe
 * is a script: it stops at the first line that fails, unless `ignore_errors` was said.
 */
export async function runInteractive(shell: Shell, input: NodeJS.ReadStream): Promise<void> {
  const lines = createInterface({ input, ...(input.isTTY ? { output: process.stdout, prompt: '> ' } : {}) });
  const program = buildProgram(shell);
  let ignoresErrors = input.isTTY;
  let exitCode = 0;
  lines.on('SIGINT', () => lines.close());
  if (input.isTTY) {
    shell.world.stderr("'help' lists the commands, 'exit' leaves.\n");
    lines.prompt();
  }
  for await (const line of lines) {
    const words = expandNames(program, splitWords(line));
    const [first] = words;
    if (first === 'quit' || first === 'exit') break;
    if (first?.replace(/^--/, '') === 'ignore_errors') ignoresErrors = true;
    else if (first !== undefined && !first.startsWith('#')) exitCode = await runLine(shell, words);
    if (exitCode !== 0 && !ignoresErrors) break;
    if (input.isTTY) lines.prompt();
  }
  lines.close();
  shell.exitCode = exitCode;
}

/** Replaces abbreviated names of commands and subcommands, as far as they are unambiguous. */
export function expandNames(program: Command, words: readonly string[]): string[] {
  const expanded = [...words];
  let command = program;
  for (const [at, word] of words.entries()) {
    const found = command.commands.filter((each) => each.name().startsWith(word.toLowerCase()));
    const exact = found.find((each) => each.name() === word.toLowerCase());
    const next = exact ?? (found.length === 1 ? found[0] : undefined);
    if (!next) break;
    expanded[at] = next.name();
    command = next;
  }
  return expanded;
}
