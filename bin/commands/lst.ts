import type { Command } from 'commander';
import { mkdirSync, writeSync, openSync, closeSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { LST_COMMANDS } from '../../bench/selftest/console/lst/lst.ts';
import { SURVEY_USAGE } from '../../bench/selftest/survey/survey-options.ts';
import { ECANCELED } from '../../lnet/errno.ts';
import { LnetError } from '../../lnet/error-code.ts';
import type { Tree, TreeMap } from '../print/tree.ts';
import { splitWords } from '../split-words.ts';
import type { CommonOptions, Shell } from './shell.ts';

/** Exit status after Ctrl-C, as a shell gives it. */
const EXIT_INTERRUPTED = 130;

/**
 * `lst`: the console of LNet selftest. Its commands have rules of their own for options (selftest §9.1), so the words behind
 * `lst` go to it as they are. Without words it reads commands line by line.
 */
export function addLst(program: Command, shell: Shell): void {
  const usages = Object.values(LST_COMMANDS).map(({ usage }) => `  lnet lst ${usage}`);
  program
    .command('lst')
    .summary('LNet selftest: measure and check what nodes move between each other')
    .description(
      `LNet selftest, the commands of lst:\n\n${usages.join('\n')}\n  lnet lst ${SURVEY_USAGE} [-O DIRECTORY]`,
    )
    .argument('[words...]', 'a command of lst; none: read commands')
    .option('--socket <path>', 'the daemon: path of its socket, or its name')
    .action((words: string[], options: CommonOptions) =>
      shell.run(options, { format: 'plain' }, async () => {
        if (words.length > 0) shell.exitCode = await runWords(shell, options, words);
        else await runLines(shell, options);
      }),
    );
}

async function runLines(shell: Shell, options: CommonOptions): Promise<void> {
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) {
    const words = splitWords(line);
    if (words[0] === 'quit' || words[0] === 'exit') break;
    if (words.length > 0) shell.exitCode = await runWords(shell, options, words);
  }
  lines.close();
}

async function runWords(shell: Shell, options: CommonOptions, words: readonly string[]): Promise<number> {
  const { LST_SESSION, LST_FEATURES } = process.env;
  const isSurvey = words[0] === 'survey';
  const { directory, rest } = isSurvey ? takeDirectory(words.slice(1)) : { directory: undefined, rest: words };
  const args: TreeMap = {
    words: [...rest],
    user: `${userInfo().username}@${hostname()}`,
    ...(LST_SESSION === undefined ? {} : { session_key: LST_SESSION }),
    ...(LST_FEATURES === undefined ? {} : { features: LST_FEATURES }),
  };
  const files = isSurvey ? new SurveyFiles(directory) : undefined;
  const onItem = (part: Tree): void => {
    const { stdout, stderr, csv, raw } = part as Readonly<Record<string, string>>;
    if (stdout !== undefined) shell.print(stdout);
    if (stderr !== undefined) shell.world.stderr(stderr);
    if (csv !== undefined) files?.write('results', 'csv', csv);
    if (raw !== undefined) files?.write('lst', 'out', raw);
  };
  try {
    const signal = shell.world.interrupt;
    const result = await shell.withDaemon(options, (client) =>
      client.request(isSurvey ? 'lst_survey' : 'lst', args, { onItem, signal }),
    );
    return (result as TreeMap)['status'] as number;
  } catch (error) {
    if (error instanceof LnetError && error.errno === -ECANCELED) return EXIT_INTERRUPTED;
    throw error;
  } finally {
    files?.close();
  }
}

/** Takes `-O DIRECTORY` out of the words of a survey: the files are this process's own. */
function takeDirectory(words: readonly string[]): { readonly directory: string | undefined; readonly rest: string[] } {
  const at = words.indexOf('-O');
  if (at < 0) return { directory: undefined, rest: [...words] };
  return { directory: words[at + 1], rest: words.toSpliced(at, 2) };
}

/** What a survey leaves behind: selftest §10.2. Made with the first line, so that a dry run leaves nothing. */
class SurveyFiles {
  readonly #stamp = Math.floor(Date.now() / 1000);
  readonly #directory: string;
  readonly #open = new Map<string, number>();

  constructor(directory: string | undefined) {
    this.#directory = directory ?? `lst_survey.${this.#stamp}`;
  }

  write(name: string, extension: string, text: string): void {
    let file = this.#open.get(name);
    if (file === undefined) {
      mkdirSync(this.#directory, { recursive: true });
      file = openSync(join(this.#directory, `${name}.${this.#stamp}.${extension}`), 'w');
      this.#open.set(name, file);
    }
    writeSync(file, text);
  }

  close(): void {
    for (const file of this.#open.values()) closeSync(file);
  }
}
