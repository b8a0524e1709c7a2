import type { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import type { ControlClient } from '../daemon/control-client.ts';
import { DIALECT_N, printBlock } from '../print/block.ts';
import { printClassic } from '../print/classic.ts';
import { selectItems, selectKeys } from '../print/keys.ts';
import { GLOBAL_KEYS } from '../print/tables.ts';
import type { Tree, TreeMap } from '../print/tree.ts';
import { EXPORTED } from './export.ts';
import { common } from './options.ts';
import { ask, type Question } from './ping.ts';
import type { CommonOptions, Shell } from './shell.ts';

interface ImportOptions extends CommonOptions {
  readonly add?: boolean;
  readonly del?: boolean;
  readonly show?: boolean;
  readonly exec?: boolean;
}

/** `import`: lnetctl §5.13. */
export function addImport(program: Command, shell: Shell): void {
  common(program.command('import').description('apply a YAML file to the running node'))
    .argument('[file]', 'YAML file; default: standard input')
    .option('-a, --add', 'add what the file names (default)')
    .option('-d, --del', 'take away what the file names')
    .option('-s, --show', 'show the present state of what the file names')
    .option('-e, --exec', 'run the ping and discover blocks of the file')
    .action(async (file: string | undefined, options: ImportOptions) => {
      const text = await readConfig(shell, file);
      if (text === undefined) return;
      const mode = options.exec ? 'exec' : options.show ? 'show' : options.del ? 'del' : 'add';
      await shell.run(options, { format: 'N', action: mode === 'del' ? 'del' : 'add', item: 'import' }, () =>
        shell.withDaemon(options, (client) => runImport(shell, options, client, { mode, text, file: file ?? 'stdin' })),
      );
    });
}

/** The text of a file. Undefined when it cannot be read: that is reported then. */
export async function readConfig(shell: Shell, file: string | undefined): Promise<string | undefined> {
  try {
    return file === undefined || file === '-' ? await readAll(process.stdin) : await readFile(file, 'utf8');
  } catch (error) {
    shell.cannotOpen(file ?? '-', error);
    return undefined;
  }
}

interface ImportAnswer {
  readonly warnings: readonly string[];
  readonly blocks: readonly TreeMap[];
}

async function runImport(shell: Shell, options: ImportOptions, client: ControlClient, args: TreeMap): Promise<void> {
  const answer = (await client.request('import', args, { signal: shell.world.interrupt })) as unknown as ImportAnswer;
  for (const warning of answer.warnings) shell.world.stderr(`${warning}\n`);
  if (args['mode'] === 'exec') {
    await ask(shell, options, client, answer.blocks.map(questionOf));
  } else if (args['mode'] === 'show') {
    if (options.json) shell.printJson(answer.blocks);
    else for (const block of answer.blocks) shell.print(blockText(block));
  }
}

function questionOf({ op, nids, ...args }: TreeMap): Question {
  // A time-out and a source are a ping's only: lnetctl §6.9.
  return { op: op as Question['op'], nids: nids as readonly string[], args: op === 'ping' ? args : {} };
}

/** One block of `--show`, as `export` has it; settings in their classic form (lnetctl §12 item 14). */
function blockText(block: TreeMap): string {
  return Object.entries(block)
    .map(([name, items]) => {
      if (name === 'global')
        return printClassic({ global: selectKeys(GLOBAL_KEYS, items as TreeMap, { level: 0, isBackup: false }) });
      const table = EXPORTED.find((each) => each.block === name);
      const selected = table
        ? selectItems(table.keys, items as readonly Tree[], { level: table.level, isBackup: false })
        : [];
      return selected.length === 0 ? '' : printBlock({ [name]: selected }, DIALECT_N);
    })
    .join('');
}
