import type { Route } from '../../../lnet/send/route-table.ts';
import type { LnetNode } from '../../../lnet/node.ts';
import type { ConfigHost } from '../../../lnet/config/host.ts';
import { ConfigError } from '../../../lnet/config/config-error.ts';
import { type ConfigBlock, readBlocks } from '../../../lnet/config/read-blocks.ts';
import { ConfigReader, type Placed } from '../../../lnet/config/reader.ts';
import { readYaml } from '../../config/yaml-tree.ts';
import type { Tree, TreeMap } from '../../print/tree.ts';
import { addBlock, deleteBlock, type StartFacts } from '../apply.ts';
import { Args } from '../args.ts';
import type { Handlers } from '../control-server.ts';
import { ReportedError } from '../fault.ts';
import { netTree } from '../net-view.ts';
import { peerTree } from '../peer-view.ts';
import { routeTree } from '../route-view.ts';
import { globalTree } from './show.ts';

/** Keys of a node's file that only `lnet up` reads. */
export const DAEMON_KEYS = ['share', 'selftest'];

const MODES = ['add', 'del', 'show', 'exec'] as const;
type Mode = (typeof MODES)[number];

/** Outer key of a report about a text that cannot be read. */
const ACTIONS: Readonly<Record<Mode, string>> = { add: 'add', del: 'del', show: 'show', exec: 'manage' };

/** `import` in its four modes, and with a text of their own `net add` and its like: lnetctl §5.13, §6. */
export function importHandlers(node: LnetNode, host: ConfigHost, start: StartFacts): Handlers {
  return {
    import: async (given) => {
      const args = new Args(given);
      const mode = args.oneOf('mode', MODES);
      const file = args.text('file');
      const text = args.text('text');
      // A command such as `route add` is reported under its own name, and its text has no place a person could look at.
      const command = args.textOr('item');
      args.end();
      const warnings: string[] = [];
      const reader = new ConfigReader(file, host, (warning) => warnings.push(warning));
      const placeText = ({ place }: Placed<unknown>): string | undefined =>
        command === undefined ? `${file}:${place.line}:${place.column}` : undefined;
      const shown: Tree[] = [];
      try {
        const read = readBlocks(reader, await readYaml(text, file), DAEMON_KEYS);
        for (const block of mode === 'del' ? inDeletingOrder(read) : read) {
          checkMode(reader, mode, block);
          if (mode === 'add') await addBlock(node, start, block, placeText);
          else if (mode === 'del') await deleteBlock(node, block, placeText);
          else if (mode === 'show') shown.push(shownBlock(node, block));
          else shown.push(requestTree(block));
        }
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        const place = command === undefined ? `${file}:${error.line}:${error.column}` : undefined;
        const hint = error.hint === undefined ? {} : { hint: error.hint };
        const report = { action: ACTIONS[mode], item: command ?? 'import', description: error.reason };
        throw new ReportedError(error.code, report, { errno: error.errno, place, ...hint });
      }
      return { warnings, blocks: shown };
    },
  };
}

/** What hangs on something else goes before it, whatever the order of the file: routes, then peers, then nets. */
function inDeletingOrder(blocks: Iterable<ConfigBlock>): ConfigBlock[] {
  const order: readonly ConfigBlock['kind'][] = ['route', 'peer', 'net', 'global', 'ping', 'discover', 'extension'];
  return [...blocks].toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
}

/** `--exec` takes only `ping` and `discover`, the other modes take neither: lnetctl §5.13. */
function checkMode(reader: ConfigReader, mode: Mode, block: ConfigBlock): void {
  if (block.kind === 'extension') {
    const { key } = block.entry;
    reader.fail(
      block.entry,
      `'${key}' cannot be changed while the node runs`,
      `it is read by 'lnet up': take it out here`,
    );
  }
  const isExec = block.kind === 'ping' || block.kind === 'discover';
  if (isExec === (mode === 'exec')) return;
  const place = { line: 1, column: 1 };
  const hint = isExec ? "run it with 'lnet import --exec FILE'" : "--exec runs 'ping:' and 'discover:' blocks only";
  reader.fail(place, `invalid key '${block.kind}'`, hint);
}

/** The present state of what a block names. */
function shownBlock(node: LnetNode, block: ConfigBlock): TreeMap {
  const now = node.core.clock.now();
  switch (block.kind) {
    case 'net': {
      const named = new Set(block.nets.map(({ value }) => value.net));
      return { net: node.core.locals.nets.filter((net) => named.has(net.net)).map((net) => netTree(net, now)) };
    }
    case 'route': {
      const isNamed = (route: Route): boolean =>
        block.routes.some(({ value }) => value.net === route.net && value.gateway === route.gatewayNid);
      return { route: node.core.network.routes.all.filter(isNamed).map((route) => routeTree(node, route)) };
    }
    case 'peer': {
      const named = new Set(block.peers.map(({ value }) => value.primaryNid));
      const peers = [...node.core.peers.peers()].filter((peer) => named.has(peer.primaryNid));
      return { peer: peers.map((peer) => peerTree(peer, now)) };
    }
    default:
      return { global: globalTree(node) };
  }
}

/** What `--exec` is to run, for the command to run it as it runs `ping` and `discover`. */
function requestTree(block: ConfigBlock): TreeMap {
  if (block.kind !== 'ping' && block.kind !== 'discover') return {};
  const { nids, timeoutMs, source } = block.request;
  return {
    op: block.kind,
    nids: nids.map(String),
    ...(timeoutMs === undefined ? {} : { timeout_ms: timeoutMs }),
    ...(source ? { source: source.toString() } : {}),
  };
}
