import { type Command, Option } from 'commander';

/** Gives a command the options that all have. */
export function common(command: Command): Command {
  return command
    .option('--json', 'print JSON instead of text')
    .option('--socket <path>', 'the daemon: path of its socket, or its name');
}

/** `-v [N]`: each level of detail adds to the ones below. */
export function verbose(): Option {
  return new Option('-v, --verbose [level]', 'more detail; a level of 1..4 may follow');
}
