import type { Command, Option } from 'commander';

/**
 * What a command line comes to before anything runs: either a canonical form that commander takes without surprises, or an
 * immediate answer. The rules are those of `lnetctl`: lnetctl §2.
 */
export type CommandLine =
  | { readonly kind: 'run'; readonly argv: readonly string[] }
  | { readonly kind: 'answer'; readonly stdout: string; readonly stderr: string; readonly exitCode: number };

const EXIT_HELP = 1;
const EXIT_BAD_ARGUMENTS = 234;
const EXIT_UNKNOWN_COMMAND = 255;

/** Options that every command understands; they may also stand before the command. */
const GLOBAL_OPTIONS = new Set(['--json', '--socket']);

/** Commands that take their words as they are: they have rules of their own for options. */
const OWN_RULES = new Set(['lst']);

/** Resolves a command line against the tree of commands. */
export function resolveCommandLine(program: Command, words: readonly string[]): CommandLine {
  const { leading, rest } = takeLeadingOptions(words);
  let command = program;
  let at = 0;
  for (; command.commands.length > 0; at++) {
    const word = rest[at];
    if (word === undefined) {
      return answer(command === program ? program.helpInformation() : helpOfAll(command), '', EXIT_BAD_ARGUMENTS);
    }
    const builtIn = builtInAnswer(program, command, word);
    if (builtIn) return builtIn;
    const next = command.commands.find((each) => each.name() === word || each.aliases().includes(word));
    if (!next) return unknownCommand(program, word);
    command = next;
  }
  if (OWN_RULES.has(command.name())) return passedOn(command, leading, rest.slice(at));
  return resolveArguments(program, command, [...leading, ...rest.slice(at)], pathOf(command));
}

/** Only what stands before the first word of the command's own is ours. */
function passedOn(command: Command, leading: readonly string[], words: readonly string[]): CommandLine {
  const { leading: more, rest } = takeLeadingOptions(words);
  const [first] = rest;
  if (first === 'help' || first === '--help' || first === '-h') return answer(command.helpInformation(), '', EXIT_HELP);
  return { kind: 'run', argv: [...pathOf(command), ...leading, ...more, '--', ...rest] };
}

/** `--json` and `--socket X` before the command mean the same as after it. */
function takeLeadingOptions(words: readonly string[]): { leading: readonly string[]; rest: readonly string[] } {
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at] as string;
    const [name] = word.split('=');
    if (!GLOBAL_OPTIONS.has(name as string)) break;
    if (word === '--socket') at++;
  }
  return { leading: words.slice(0, at), rest: words.slice(at) };
}

/** `help`, `version`, `list-commands` and their like exist at every level: lnetctl §2 rule 2. */
function builtInAnswer(program: Command, command: Command, word: string): CommandLine | undefined {
  switch (word.replace(/^--/, '')) {
    case 'help':
    case '-h':
      return answer(command === program ? command.helpInformation() : helpOfAll(command), '', EXIT_HELP);
    case 'version':
      return answer(`${program.name()} ${program.version() ?? ''}\n`, '', 0);
    case 'list-commands':
      return answer(commandNames(command), '', 0);
    case 'quit':
    case 'exit':
    case 'ignore_errors':
      return answer('', '', 0);
    default:
      return undefined;
  }
}

function unknownCommand(program: Command, word: string): CommandLine {
  const name = program.name();
  return answer(
    '',
    `${name}: '${word}' is not a valid command. See '${name} --list-commands'.\n`,
    EXIT_UNKNOWN_COMMAND,
  );
}

/** Names in four columns within 80 characters. */
function commandNames(command: Command): string {
  const names = [...command.commands.map((each) => each.name()), 'help', 'version', 'list-commands', 'quit', 'exit'];
  const lines: string[] = [];
  for (let at = 0; at < names.length; at += 4) {
    lines.push(
      names
        .slice(at, at + 4)
        .map((name) => name.padEnd(20))
        .join('')
        .trimEnd(),
    );
  }
  return `${lines.join('\n')}\n`;
}

function helpOfAll(command: Command): string {
  return command.commands.map((each) => each.helpInformation()).join('\n');
}

function pathOf(command: Command): string[] {
  const path: string[] = [];
  for (let at: Command | null = command; at?.parent; at = at.parent) path.unshift(at.name());
  return path;
}

/** Commands whose `--help` is no failure: lnetctl §2 rule 5. */
const HELP_IS_SUCCESS = new Set(['ping', 'discover', 'import', 'export']);

function resolveArguments(program: Command, command: Command, words: readonly string[], path: string[]): CommandLine {
  const options: string[] = [];
  const positionals: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (word === '--') {
      positionals.push(...words.slice(at + 1));
      break;
    }
    if (!/^-./.test(word) || isNumber(word)) {
      positionals.push(word);
      continue;
    }
    const [name, inline] = splitInline(word);
    if (name === '--help' || name === '-h') {
      return answer(command.helpInformation(), '', HELP_IS_SUCCESS.has(path.join(' ')) ? 0 : EXIT_HELP);
    }
    const option = findOption(command, name);
    if (!option) {
      const text = name.startsWith('--') ? `unrecognized option '${name}'` : `invalid option -- '${name.slice(1)}'`;
      // The reference exits 0 here, a trap for scripts; we say 1 (lnetctl §12 item 12).
      return answer(command.helpInformation(), `${command.name()}: ${text}\n`, EXIT_HELP);
    }
    const long = option.long as string;
    if (option.optional) {
      const next = words[at + 1];
      const takesNext = inline === undefined && next !== undefined && !next.startsWith('-');
      if (takesNext) at++;
      options.push(`${long}=${levelOf(takesNext ? next : undefined)}`);
    } else if (option.required) {
      const value = inline ?? words[++at];
      if (value === undefined) {
        return answer(
          command.helpInformation(),
          `${command.name()}: option '${long}' requires an argument\n`,
          EXIT_HELP,
        );
      }
      options.push(`${long}=${value}`);
    } else {
      options.push(long);
    }
  }
  return { kind: 'run', argv: [...path, ...options, '--', ...positionals] };
}

/** A level stands in a word of its own; written with `=`, missing or no number it counts as 1: lnetctl §2 rule 6. */
function levelOf(word: string | undefined): number {
  return word !== undefined && /^[0-9]+$/.test(word) ? Number(word) : 1;
}

/** `-1` is a value, as in `set recovery_limit -1`. */
function isNumber(word: string): boolean {
  return /^-[0-9]/.test(word);
}

/** `--opt=value`, or `-xvalue` for a short option. */
function splitInline(word: string): [name: string, value: string | undefined] {
  if (!word.startsWith('--')) return word.length > 2 ? [word.slice(0, 2), word.slice(2)] : [word, undefined];
  const equals = word.indexOf('=');
  return equals < 0 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
}

/** An option by its short name, or its long name in full or as far as it is unique. */
function findOption(command: Command, name: string): Option | undefined {
  if (!name.startsWith('--')) return command.options.find((option) => option.short === name);
  const exact = command.options.find((option) => option.long === name);
  const matching = command.options.filter((option) => option.long?.startsWith(name));
  return exact ?? (matching.length === 1 ? matching[0] : undefined);
}

function answer(stdout: string, stderr: string, exitCode: number): CommandLine {
  return { kind: 'answer', stdout, stderr, exitCode };
}
