import type { Command } from 'commander';
import { DIALECT_N, printBlock } from '../print/block.ts';
import { printClassic } from '../print/classic.ts';
import { type Key, selectItems, selectKeys } from '../print/keys.ts';
import { GLOBAL_KEYS, NET_KEYS, PEER_KEYS, PEER_LIST_KEYS, ROUTE_KEYS, STATISTICS_KEYS } from '../print/tables.ts';
import type { Tree, TreeMap } from '../print/tree.ts';
import { parseCInteger } from '../../lnet/config/c-integer.ts';
import { common, verbose } from './options.ts';
import type { CommonOptions, Shell } from './shell.ts';

interface LeveledOptions extends CommonOptions {
  readonly verbose?: string;
}

const levelOf = ({ verbose: level }: LeveledOptions): number => Number(level ?? 0);

/** Prints a block of dialect N; nothing at all when it is empty. */
function printItems(
  shell: Shell,
  options: CommonOptions,
  block: string,
  keys: readonly Key[],
  items: Tree,
  level: number,
): void {
  const selected = selectItems(keys, items as readonly Tree[], { level, isBackup: false });
  if (options.json) shell.printJson({ [block]: selected });
  else if (selected.length > 0) shell.print(printBlock({ [block]: selected }, DIALECT_N));
}

/** `net show`: lnetctl §5.2. */
export function addNetShow(group: Command, shell: Shell): void {
  common(group.command('show').description('show networks and their interfaces'))
    .option('-n, --net <net>', 'only this network')
    .addOption(verbose())
    .action((options: LeveledOptions & { net?: string }) =>
      shell.run(options, { format: 'N', action: 'show', item: 'net' }, async () => {
        const nets = await shell.request(options, 'net.show', options.net === undefined ? {} : { net: options.net });
        printItems(shell, options, 'net', NET_KEYS, nets, levelOf(options));
      }),
    );
}

/** `peer show` and `peer list`: lnetctl §5.3. */
export function addPeerShow(group: Command, shell: Shell): void {
  common(group.command('show').description('show peers'))
    .option('-n, --nid <nid>', 'only the peer with this NID')
    .addOption(verbose())
    .action((options: LeveledOptions & { nid?: string }) =>
      shell.run(options, { format: 'N', action: 'show', item: 'peer' }, async () => {
        const peers = await shell.request(options, 'peer.show', options.nid === undefined ? {} : { nid: options.nid });
        printItems(shell, options, 'peer', PEER_KEYS, peers, levelOf(options));
      }),
    );
  common(group.command('list').description('list the primary NIDs of all peers')).action((options: CommonOptions) =>
    shell.run(options, { format: 'N', action: 'show', item: 'peer' }, async () => {
      const peers = (await shell.request(options, 'peer.show')) as readonly TreeMap[];
      const nids = peers.map((peer) => ({ nid: peer['primary nid'] ?? null }));
      printItems(shell, options, 'peer list', PEER_LIST_KEYS, nids, 0);
    }),
  );
}

interface RouteShowOptions extends CommonOptions {
  readonly net?: string;
  readonly gateway?: string;
  readonly hop?: string;
  readonly priority?: string;
  readonly verbose?: boolean;
}

/** `route show`: lnetctl §5.4. */
export function addRouteShow(group: Command, shell: Shell): void {
  common(group.command('show').description('show routes'))
    .option('-n, --net <net>', 'only routes to this network')
    .option('-g, --gateway <nid>', 'only routes through this gateway')
    .option('-c, --hop <hops>', 'only routes with so many hops')
    .option('-p, --priority <n>', 'only routes of this priority')
    .option('-v, --verbose', 'hops, priority, state and type too')
    .action((options: RouteShowOptions) =>
      shell.run(options, { format: 'N', action: 'show', item: 'route' }, async () => {
        const { net, gateway } = options;
        // A malformed number counts as not given: lnetctl §2 rule 7.
        const numbers = { hop: parseCInteger(options.hop ?? ''), priority: parseCInteger(options.priority ?? '') };
        const filter = Object.entries({ net, gateway, ...numbers }).filter(([, value]) => value !== undefined);
        const routes = await shell.request(options, 'route.show', Object.fromEntries(filter) as TreeMap);
        printItems(shell, options, 'route', ROUTE_KEYS, routes, options.verbose ? 1 : 0);
      }),
    );
}

/** `stats show`, `stats reset`: lnetctl §5.7. */
export function addStats(program: Command, shell: Shell): void {
  const group = program.command('stats').description('counters of the node');
  common(group.command('show').description('show the counters of the node'))
    .option('--drops', 'show instead how many messages were dropped for which reason')
    .action((options: CommonOptions & { drops?: boolean }) =>
      shell.run(
        options,
        { format: 'C', action: 'show', item: 'statistics', description: 'cannot get statistics' },
        async () => {
          if (options.drops) {
            printDrops(shell, options, (await shell.request(options, 'drops.show')) as readonly TreeMap[]);
            return;
          }
          const found = (await shell.request(options, 'stats.show')) as TreeMap;
          const statistics = selectKeys(STATISTICS_KEYS, found, { level: 0, isBackup: false });
          if (options.json) shell.printJson({ statistics });
          else shell.print(printClassic({ statistics }));
        },
      ),
    );
  common(group.command('reset').description('set the counters of the node to 0')).action((options: CommonOptions) =>
    shell.run(
      options,
      { format: 'C', action: 'reset', item: 'statistics', description: 'cannot reset statistics' },
      async () => {
        await shell.request(options, 'stats.reset');
      },
    ),
  );
}

function printDrops(shell: Shell, options: CommonOptions, drops: readonly TreeMap[]): void {
  if (options.json) {
    shell.printJson({ drops });
    return;
  }
  const rows = drops.map(({ reason, count, meaning }) => [reason, count, meaning] as [string, number, string]);
  const width = Math.max(...rows.map(([reason]) => reason.length));
  for (const [reason, count, meaning] of rows) {
    shell.print(`${reason.padEnd(width)} ${String(count).padStart(10)}  ${meaning}\n`);
  }
}

/** `global show`: lnetctl §5.6. */
export function addGlobal(program: Command, shell: Shell): void {
  const group = program.command('global').description('settings of the node');
  common(group.command('show').description('show the settings of the node')).action((options: CommonOptions) =>
    shell.run(
      options,
      { format: 'C', action: 'show', item: 'global', description: 'cannot get global values' },
      async () => {
        const found = (await shell.request(options, 'global.show')) as TreeMap;
        if (options.json) shell.printJson({ global: found });
        else shell.print(printClassic({ global: selectKeys(GLOBAL_KEYS, found, { level: 0, isBackup: false }) }));
      },
    ),
  );
}
