import type { NetPlan, PeerPlan, RoutePlan } from './plan.ts';
import { GLOBAL_KEYS, type GlobalPlan, readGlobal } from './read-global.ts';
import { readIp2nets } from './read-ip2nets.ts';
import { readLegacyIp2nets, readLegacyNetworks, readLegacyRoutes } from './read-legacy.ts';
import { readNet } from './read-net.ts';
import { readPeer } from './read-peer.ts';
import { type PingPlan, readPing } from './read-ping.ts';
import { readRoute } from './read-route.ts';
import type { ConfigReader, Placed } from './reader.ts';
import { type ConfigEntry, type ConfigNode, entryOf, type Place } from './tree.ts';

/** One top-level block of a file, checked as far as it can be by itself. */
export type ConfigBlock =
  | { readonly kind: 'net'; readonly nets: readonly Placed<NetPlan>[] }
  | { readonly kind: 'route'; readonly routes: readonly Placed<RoutePlan>[]; readonly isLenient: boolean }
  | { readonly kind: 'peer'; readonly peers: readonly Placed<PeerPlan>[] }
  | { readonly kind: 'global'; readonly change: GlobalPlan; readonly place: Place }
  | { readonly kind: 'ping' | 'discover'; readonly request: PingPlan }
  /** A key that the caller said it reads itself. */
  | { readonly kind: 'extension'; readonly entry: ConfigEntry };

export type ConfigBlockKind = ConfigBlock['kind'];

/** Blocks that this version cannot carry out. They are refused, for a node that ignores them would not do what its file says. */
const MISSING: Readonly<Record<string, string>> = {
  udsp: 'this node has no selection policies yet',
  services: 'this node runs no services yet',
};

/** Blocks in file order, each read when it is asked for, so that an importer can apply one before the next is looked at (lnetctl §5.13). */
export function* readBlocks(
  reader: ConfigReader,
  root: ConfigNode,
  extensions: readonly string[],
): Generator<ConfigBlock> {
  if (root.kind === 'scalar' && root.text === '') {
    reader.fail(root, 'no configuration', "the file is empty: begin with a 'net:' block");
  }
  const { entries } = reader.map(root, 'the file');
  for (let at = 0; at < entries.length; at++) {
    const entry = entries[at] as ConfigEntry;
    const loose = runOfSettings(entries, at);
    if (loose.length > 0) {
      at += loose.length - 1;
      yield { kind: 'global', change: readGlobal(reader, loose), place: entry };
    } else if (extensions.includes(entry.key)) {
      yield { kind: 'extension', entry };
    } else {
      const block = readBlock(reader, entry);
      if (block) yield block;
    }
  }
}

/** Settings that stand at the top level without `global:` are one change as far as they follow each other. */
function runOfSettings(entries: readonly ConfigEntry[], from: number): ConfigEntry[] {
  const run: ConfigEntry[] = [];
  for (const entry of entries.slice(from)) {
    if (!GLOBAL_KEYS.includes(entry.key)) break;
    run.push(entry);
  }
  return run;
}

function readBlock(reader: ConfigReader, entry: ConfigEntry): ConfigBlock | undefined {
  switch (entry.key) {
    case 'net':
      return { kind: 'net', nets: reader.maps(entry).flatMap((item) => readNet(reader, item) ?? []) };
    case 'networks':
      return { kind: 'net', nets: readLegacyNetworks(reader, entry) };
    case 'ip2nets':
      return {
        kind: 'net',
        nets: entry.value.kind === 'scalar' ? readLegacyIp2nets(reader, entry) : readIp2nets(reader, entry),
      };
    case 'route':
      return { kind: 'route', routes: reader.maps(entry).flatMap((item) => readRoute(reader, item)), isLenient: false };
    case 'routes':
      return { kind: 'route', routes: readLegacyRoutes(reader, entry), isLenient: true };
    case 'peer':
      return { kind: 'peer', peers: reader.maps(entry).map((item) => readPeer(reader, item)) };
    case 'global':
      return { kind: 'global', change: readGlobal(reader, reader.map(entry.value, "'global'").entries), place: entry };
    case 'numa':
      return readNuma(reader, entry);
    case 'ping':
    case 'discover':
      return { kind: entry.key, request: readPing(reader, entry) };
    case 'routing':
      return readRouting(reader, entry);
    case 'buffers':
      return reader.fail(entry, 'this node does not route: it has no buffers to size', "take the 'buffers:' block out");
    default:
      return refuse(reader, entry);
  }
}

const BLOCKS = ['net', 'ip2nets', 'route', 'peer', 'global', 'numa', 'routing', 'networks', 'routes'];

function refuse(reader: ConfigReader, entry: ConfigEntry): never {
  const missing = Object.hasOwn(MISSING, entry.key) ? MISSING[entry.key] : undefined;
  if (missing) reader.fail(entry, missing, `take the '${entry.key}:' block out`);
  reader.unknownKey(entry, BLOCKS);
}

/** The older form of `numa_range`: lnetctl §6.6. */
function readNuma(reader: ConfigReader, entry: ConfigEntry): ConfigBlock {
  const { entries } = reader.map(entry.value, "'numa'");
  const renamed = entries.map((inner) =>
    inner.key === 'range' ? { ...inner, key: 'numa_range' } : reader.unknownKey(inner, ['range']),
  );
  return { kind: 'global', change: readGlobal(reader, renamed), place: entry };
}

/** Either form of `routing:` (lnetctl §6.5). Switched off it asks for nothing; switched on it asks for what is not there. */
function readRouting(reader: ConfigReader, entry: ConfigEntry): undefined {
  const maps = entry.value.kind === 'list' ? reader.maps(entry) : [reader.map(entry.value, "'routing'")];
  const enable = maps.map((map) => entryOf(map, 'enable')).find((found) => found !== undefined);
  if (enable && reader.integer(enable, { min: 0, max: 3 }) !== 0) {
    reader.fail(
      enable,
      'this node cannot route between networks yet',
      "take the 'routing:' block out, or write 'enable: 0'",
    );
  }
  return undefined;
}
