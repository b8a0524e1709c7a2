import type { LnetNode } from '../../../lnet/node.ts';
import { DROP_REASONS, type DropReason } from '../../../lnet/counters.ts';
import { EINVAL, ENETDOWN } from '../../../lnet/errno.ts';
import { LnetError } from '../../../lnet/error-code.ts';
import type { Nal } from '../../../lnet/nal.ts';
import { type NetId, parseNet } from '../../../lnet/wire/net.ts';
import type { TreeMap } from '../../print/tree.ts';
import { Args } from '../args.ts';
import type { Handlers } from '../control-server.ts';
import { ReportedError } from '../fault.ts';
import { netTree } from '../net-view.ts';
import { peerTree } from '../peer-view.ts';
import { routeTree } from '../route-view.ts';

/** The operations that only look: lnetctl §5.2 to §5.7. They answer with everything; the client prints what its level asks for. */
export function showHandlers(node: LnetNode): Handlers {
  return {
    'net.show': (args) => showNets(node, new Args(args)),
    'peer.show': (args) => showPeers(node, new Args(args)),
    'route.show': (args) => showRoutes(node, new Args(args)),
    'stats.show': (args) => {
      new Args(args).end();
      return statistics(node);
    },
    'drops.show': (args) => {
      new Args(args).end();
      return (Object.keys(DROP_REASONS) as DropReason[]).map((reason) => ({
        reason,
        count: node.core.drops[reason],
        meaning: DROP_REASONS[reason],
      }));
    },
    'stats.reset': (args) => {
      new Args(args).end();
      resetStatistics(node);
      return null;
    },
    'global.show': (args) => {
      new Args(args).end();
      return globalTree(node);
    },
    'nal.show': (args) => {
      new Args(args).end();
      return node.nals.map((nal) => nalTree(node, nal));
    },
  };
}

function netOr(args: Args, name: string): NetId | undefined {
  const text = args.textOr(name);
  if (text === undefined) return undefined;
  const net = parseNet(text);
  if (net !== undefined) return net;
  throw new LnetError('ERR_LNET_BAD_ARGUMENT', {
    errno: -EINVAL,
    message: `'${text}' is no network`,
    hint: 'a network is a type and a number: tcp, tcp1, o2ib, udp',
  });
}

function showNets(node: LnetNode, args: Args): TreeMap[] {
  const wanted = netOr(args, 'net');
  args.end();
  const now = node.core.clock.now();
  const nets = node.core.locals.nets.filter((net) => wanted === undefined || net.net === wanted);
  if (nets.length > 0) return nets.map((net) => netTree(net, now));
  throw new ReportedError(
    'ERR_LNET_NOT_FOUND',
    { action: 'show', item: 'net', description: 'Network is down' },
    { errno: -ENETDOWN },
  );
}

function showPeers(node: LnetNode, args: Args): TreeMap[] {
  const wanted = args.nidOr('nid');
  args.end();
  const now = node.core.clock.now();
  if (!wanted) return [...node.core.peers.peers()].map((peer) => peerTree(peer, now));
  const found = node.core.peers.find(wanted)?.peerNet.peer;
  return found ? [peerTree(found, now)] : [];
}

/** A filter that was not given lets everything pass. */
function isWanted(found: unknown, wanted: unknown): boolean {
  return wanted === undefined || found === wanted;
}

function showRoutes(node: LnetNode, args: Args): TreeMap[] {
  const net = netOr(args, 'net');
  const gateway = args.nidOr('gateway');
  const hop = args.integerOr('hop');
  const priority = args.integerOr('priority');
  args.end();
  return node.core.network.routes.all
    .filter((route) => isWanted(route.net, net) && isWanted(route.gatewayNid, gateway))
    .filter((route) => isWanted(route.hops ?? -1, hop) && isWanted(route.priority, priority))
    .map((route) => routeTree(node, route));
}

function statistics({ core }: LnetNode): TreeMap {
  const live = { msgs_alloc: core.pool.live, msgs_max: core.pool.liveMax, rst_alloc: core.trackers.live };
  return { ...live, ...Object.fromEntries(Object.entries(core.counters)) };
}

/** Live messages stay counted: lnetctl §5.7. */
function resetStatistics({ core }: LnetNode): void {
  for (const name of Object.keys(core.counters) as (keyof typeof core.counters)[]) core.counters[name] = 0;
  for (const reason of Object.keys(core.drops) as DropReason[]) core.drops[reason] = 0;
  core.pool.liveMax = core.pool.live;
}

/** The settings, and the driver timeout that follows from them. */
export function globalTree({ core }: LnetNode): TreeMap {
  return { ...core.settings.values, lnd_timeout: core.settings.lndTimeoutS };
}

function nalTree(node: LnetNode, nal: Nal): TreeMap {
  const links = node.core.locals.all.map((ni) => ni.link).filter((link) => link.nal === nal);
  return {
    name: nal.name,
    description: nal.description,
    capabilities: {
      payload_bytes_max: nal.caps.payloadBytesMax,
      segments_max: nal.caps.segmentsMax,
      rma: nal.caps.rma,
      families: nal.caps.families,
    },
    tunables: nal.tunables.map(({ name, default: byDefault, min, max, unit, help }) => ({
      name,
      default: byDefault,
      min,
      max,
      unit,
      help,
    })),
    interfaces: links.map((link) => ({
      nid: link.nid.toString(),
      interface: link.interfaceName,
      tunables: { ...link.tunables },
      counters: Object.fromEntries(nal.counterNames.map(({ name }) => [name, link.counters[name] ?? 0])),
    })),
    counters: Object.fromEntries(nal.counterNames.map(({ name, help }) => [name, help])),
  };
}
