import type { Command } from 'commander';
import { parseCInteger } from '../../lnet/config/c-integer.ts';
import { formatNet } from '../../lnet/wire/net.ts';
import { tryParseNid } from '../../lnet/wire/nid.ts';
import type { Tree, TreeMap } from '../print/tree.ts';
import { common } from './options.ts';
import { type CommonOptions, EXIT_REJECTED, type Shell } from './shell.ts';

/**
 * Commands that change one thing: `net add`, `route del` and their like. Each is an `import` of the few lines that say the same,
 * so that one reader checks both. JSON is YAML in flow style.
 */
function importItem(
  shell: Shell,
  options: CommonOptions,
  mode: 'add' | 'del',
  block: string,
  item: TreeMap,
  reportAs = block,
): Promise<void> {
  const text = JSON.stringify({ [block]: [item] });
  return shell.run(options, { format: 'N', action: mode, item: reportAs }, async () => {
    await shell.request(options, 'import', { mode, text, file: 'command line', item: reportAs });
  });
}

/** Plain text on stdout, for what is seen to be missing before anything is asked: lnetctl §3.5. */
function refuse(shell: Shell, text: string): void {
  shell.print(`${text}\n`);
  shell.exitCode = EXIT_REJECTED;
}

interface NetOptions extends CommonOptions {
  readonly net?: string;
  readonly if?: string;
  readonly nid?: string;
}

interface NetAddOptions extends NetOptions {
  readonly ip2net?: string;
  readonly peerTimeout?: string;
  readonly peerCredits?: string;
  readonly peerBufferCredits?: string;
  readonly credits?: string;
  readonly cpt?: string;
  readonly connsPerPeer?: string;
  readonly tos?: string;
}

/** Numbers that were given and can be read; a malformed one counts as not given (lnetctl §2 rule 7). */
function numbers(given: Readonly<Record<string, string | undefined>>): TreeMap {
  const read = Object.entries(given).map(([name, text]) => [
    name,
    text === undefined ? undefined : parseCInteger(text),
  ]);
  return Object.fromEntries(read.filter(([, value]) => value !== undefined)) as TreeMap;
}

/** `net add` and `net del`: lnetctl §5.2. */
export function addNetChanges(group: Command, shell: Shell): void {
  common(group.command('add').description('open interfaces on a network'))
    .option('-n, --net <net>', 'the network')
    .option('-i, --if <list>', 'devices or addresses, separated by commas')
    .option('--nid <nid>', 'the NID to open, instead of network and interface')
    .option('-p, --ip2net <rules>', 'legacy ip2nets rules, instead of network and interface')
    .option('-t, --peer-timeout <s>', 'seconds after which a peer counts as dead; 0: never')
    .option('-c, --peer-credits <n>', 'concurrent sends to one peer')
    .option('-b, --peer-buffer-credits <n>', 'router buffers one peer may take; 0: LNet chooses')
    .option('-r, --credits <n>', 'concurrent sends of the interface')
    .option('-s, --cpt <set>', 'CPU partitions; accepted, without effect here')
    .option('-m, --conns-per-peer <n>', 'connections of each bulk type per peer')
    .option('-k, --skip-mr-route-setup', 'accepted, without effect here')
    .option('--tos <n>', 'IP type of service; -1: leave it alone')
    .action((options: NetAddOptions) => addNet(shell, options));
  common(group.command('del').description('close interfaces of a network, or all of it'))
    .option('-n, --net <net>', 'the network')
    .option('-i, --if <list>', 'only these devices or addresses')
    .option('--nid <nid>', 'the NID to close, instead of network and interface')
    .action((options: NetOptions) => deleteNet(shell, options));
}

async function addNet(shell: Shell, options: NetAddOptions): Promise<void> {
  if (options.ip2net !== undefined) {
    const text = JSON.stringify({ ip2nets: options.ip2net });
    await shell.run(options, { format: 'N', action: 'add', item: 'net' }, async () => {
      await shell.request(options, 'import', { mode: 'add', text, file: 'command line', item: 'net' });
    });
    return;
  }
  const place = placeOf(shell, options);
  if (!place) return;
  if (place.interfaces === undefined) {
    refuse(shell, 'creating a local NI needs at least one interface');
    return;
  }
  const { peerTimeout, peerCredits, peerBufferCredits, credits, connsPerPeer, tos, cpt } = options;
  await importItem(shell, options, 'add', 'net', {
    'net type': place.net,
    interfaces: { 0: place.interfaces },
    tunables: numbers({
      peer_timeout: peerTimeout,
      peer_credits: peerCredits,
      peer_buffer_credits: peerBufferCredits,
      credits,
    }),
    'lnd tunables': numbers({ conns_per_peer: connsPerPeer, tos }),
    ...(cpt === undefined ? {} : { CPT: cpt }),
  });
}

async function deleteNet(shell: Shell, options: NetOptions): Promise<void> {
  const place = placeOf(shell, options);
  if (!place) return;
  await shell.run(options, { format: 'N', action: 'del', item: 'net' }, async () => {
    const interfaces = place.interfaces?.split(',').map((name) => name.replace(/\[.*$/, '').trim());
    await shell.request(options, 'net.del', { net: place.net, ...(interfaces ? { interfaces } : {}) });
  });
}

/** Which network and interfaces the options mean. Undefined when that is refused. */
function placeOf(
  shell: Shell,
  { net, if: interfaces, nid }: NetOptions,
): { net: string; interfaces: string | undefined } | undefined {
  if (nid !== undefined && net !== undefined) {
    refuse(shell, '--net is invalid with --nid option');
    return undefined;
  }
  const own = nid === undefined ? undefined : tryParseNid(nid);
  if (own) return { net: formatNet(own.net), interfaces: own.addressText };
  if (net !== undefined) return { net, interfaces };
  refuse(shell, "missing mandatory parameters in NI config: 'network'");
  return undefined;
}

interface RouteOptions extends CommonOptions {
  readonly net?: string;
  readonly gateway?: string;
  readonly hop?: string;
  readonly priority?: string;
}

function routeParts(command: Command): Command {
  return common(command)
    .option('-n, --net <net>', 'the network to reach')
    .option('-g, --gateway <nids>', 'gateways, with ranges and commas');
}

/** `route add` and `route del`: lnetctl §5.4. */
export function addRouteChanges(group: Command, shell: Shell): void {
  routeParts(group.command('add').description('add a route to a network through gateways'))
    .option('-c, --hop <n>', 'number of hops, 1..255; default: not known')
    .option('-p, --priority <n>', '0 is the best')
    .action((options: RouteOptions) => changeRoute(shell, 'add', options));
  routeParts(group.command('del').description('take a route away')).action((options: RouteOptions) =>
    changeRoute(shell, 'del', options),
  );
}

async function changeRoute(
  shell: Shell,
  mode: 'add' | 'del',
  { net, gateway, ...options }: RouteOptions,
): Promise<void> {
  const missing = Object.entries({ net, gateway }).filter(([, value]) => value === undefined);
  if (missing.length > 0) {
    refuse(shell, `missing mandatory parameters:'${missing.map(([name]) => name).join(' , ')}'`);
    return;
  }
  const item = {
    net: net as Tree,
    gateway: gateway as Tree,
    ...numbers({ hop: options.hop, priority: options.priority }),
  };
  await importItem(shell, options, mode, 'route', item);
}

interface PeerOptions extends CommonOptions {
  readonly prim_nid?: string;
  readonly nid?: string;
  readonly non_mr?: boolean;
  readonly force?: boolean;
}

function peerParts(command: Command): Command {
  return common(command)
    .option('-k, --prim_nid <nid>', 'primary NID of the peer')
    .option('-n, --nid <nids>', 'further NIDs, with ranges and commas');
}

/** `peer add` and `peer del`: lnetctl §5.3. */
export function addPeerChanges(group: Command, shell: Shell): void {
  peerParts(group.command('add').description('define a peer, or give it more NIDs'))
    .option('--non_mr', 'it is not Multi-Rail')
    .action((options: PeerOptions) => addPeer(shell, options));
  peerParts(group.command('del').description('forget a peer, or some of its NIDs'))
    .option('--force', 'also when its primary NID is locked')
    .action((options: PeerOptions) => deletePeer(shell, options));
}

async function addPeer(
  shell: Shell,
  { prim_nid: primary, nid, non_mr: isPlain, ...options }: PeerOptions,
): Promise<void> {
  await importItem(shell, options, 'add', 'peer', {
    ...(primary === undefined ? {} : { 'primary nid': primary }),
    'Multi-Rail': isPlain !== true,
    ...(nid === undefined ? {} : { 'peer ni': [{ nid }] }),
  });
}

async function deletePeer(shell: Shell, { prim_nid: primary, nid, force, ...options }: PeerOptions): Promise<void> {
  await shell.run(
    options,
    { format: 'N', action: 'del', item: 'peer', description: 'missing primary NID' },
    async () => {
      await shell.request(options, 'peer.del', {
        primary: primary ?? '',
        force: force === true,
        ...(nid === undefined ? {} : { nids: nid }),
      });
    },
  );
}
