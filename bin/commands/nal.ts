import type { Command } from 'commander';
import { DIALECT_N, printBlock } from '../print/block.ts';
import { group, type Key, open, selectItems, value, values } from '../print/keys.ts';
import type { Tree } from '../print/tree.ts';
import { common, verbose } from './options.ts';
import type { CommonOptions, Shell } from './shell.ts';

/** `nal show`, a command of our own: which drivers there are, what they can do, take and count. */
const NAL_KEYS: readonly Key[] = [
  ...values(0, 'name', 'description'),
  group('capabilities', 1, values(0, 'payload_bytes_max', 'segments_max', 'rma', 'families')),
  group('interfaces', 0, [...values(0, 'nid', 'interface'), open('counters', 1), open('tunables', 2)]),
  group('tunables', 2, [value('name'), ...values(0, 'default', 'min', 'max', 'unit', 'help')]),
  open('counters', 3),
];

export function addNal(program: Command, shell: Shell): void {
  const commands = program.command('nal').description('drivers of the node');
  common(commands.command('show').description('show the drivers, their interfaces, counters and tunables'))
    .option('-n, --name <name>', 'only this driver')
    .addOption(verbose())
    .action((options: CommonOptions & { name?: string; verbose?: string }) =>
      shell.run(options, { format: 'plain' }, async () => {
        const found = (await shell.request(options, 'nal.show')) as readonly Tree[];
        const level = options.json ? 3 : Number(options.verbose ?? 0);
        const nals = selectItems(NAL_KEYS, found, { level, isBackup: false }).filter(
          (nal) => options.name === undefined || nal['name'] === options.name,
        );
        if (options.json) shell.printJson({ nal: nals });
        else if (nals.length > 0) shell.print(printBlock({ nal: nals }, DIALECT_N));
      }),
    );
}
