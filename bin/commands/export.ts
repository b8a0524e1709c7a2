import type { Command } from 'commander';
import { writeFile } from 'node:fs/promises';
import type { ControlClient } from '../daemon/control-client.ts';
import { DIALECT_N, printBlock } from '../print/block.ts';
import { printClassic } from '../print/classic.ts';
import { type Key, type Selection, selectItems, selectKeys } from '../print/keys.ts';
import { GLOBAL_KEYS, NET_KEYS, PEER_KEYS, ROUTE_KEYS } from '../print/tables.ts';
import type { Tree, TreeMap } from '../print/tree.ts';
import { common } from './options.ts';
import type { CommonOptions, Shell } from './shell.ts';

/** The blocks of an export in their order, and the level of the full form: lnetctl §5.14. */
export const EXPORTED: readonly {
  readonly block: string;
  readonly op: string;
  readonly keys: readonly Key[];
  readonly level: number;
}[] = [
  { block: 'net', op: 'net.show', keys: NET_KEYS, level: 2 },
  { block: 'route', op: 'route.show', keys: ROUTE_KEYS, level: 1 },
  { block: 'peer', op: 'peer.show', keys: PEER_KEYS, level: 3 },
];

interface ExportOptions extends CommonOptions {
  readonly backup?: boolean;
}

/** `export`: lnetctl §5.14. */
export function addExport(program: Command, shell: Shell): void {
  common(program.command('export').description('print the configuration of the running node as YAML'))
    .argument('[file]', 'file to write; default: standard output')
    .option('-b, --backup', 'only what is needed to set a node up again')
    .action((file: string | undefined, options: ExportOptions) =>
      shell.run(options, { format: 'N', action: 'show', item: 'export' }, async () => {
        const blocks = await shell.withDaemon(options, (client) => exportedBlocks(client, options.backup === true));
        await write(shell, file, options.json ? `${JSON.stringify(blocks, null, 2)}\n` : textOf(blocks));
      }),
    );
}

async function exportedBlocks(client: ControlClient, isBackup: boolean): Promise<TreeMap> {
  const blocks: Record<string, Tree> = {};
  for (const { block, op, keys, level } of EXPORTED) {
    const found = (await client.request(op)) as readonly TreeMap[];
    // The loopback exists by itself; the full form shows it all the same.
    const wanted = isBackup ? found.filter((item) => item['net type'] !== 'lo') : found;
    const selection: Selection = { level, isBackup };
    if (wanted.length > 0) blocks[block] = selectItems(keys, wanted, selection);
  }
  const settings = (await client.request('global.show')) as TreeMap;
  blocks['global'] = selectKeys(GLOBAL_KEYS, settings, { level: 0, isBackup: false });
  return blocks;
}

function textOf({ global, ...blocks }: TreeMap): string {
  return printBlock(blocks, DIALECT_N) + printClassic({ global: global as Tree });
}

async function write(shell: Shell, file: string | undefined, text: string): Promise<void> {
  if (file === undefined || file === '-') {
    shell.print(text);
    return;
  }
  try {
    await writeFile(file, text);
  } catch (error) {
    shell.cannotOpen(file, error);
  }
}
