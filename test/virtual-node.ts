/** Whole nodes over TCP in virtual time: the core, its shell and the TCP NAL, with virtual sockets below. */
import {
  type LnetEvent,
  LNET_MD_MANAGE_REMOTE,
  LNET_MD_OP_GET,
  LNET_MD_OP_PUT,
  LnetNode,
  type NetPlan,
  NET_TUNABLES_DEFAULT,
  type NodePlan,
  parseNid,
  PLAN_DEFAULT,
  seededRandom,
} from '../index.ts';
import { loNal } from '../nals/lo/lo-nal.ts';
import { settle } from '../nals/sim/settle.ts';
import { PORT, type World } from '../nals/tcp/node.test-support.ts';
import { TcpNal } from '../nals/tcp/tcp-nal.ts';
import type { TcpNi } from '../nals/tcp/tcp-ni.ts';
import type { VirtualHostOptions } from '../nals/tcp/virtual-tcp.test-support.ts';

export interface VirtualNodeOptions extends Partial<Pick<NodePlan, 'accept' | 'settings' | 'routes'>> {
  readonly host?: Partial<VirtualHostOptions>;
}

/** A node with NIDs on TCP, listening where every test of the NAL listens. */
export async function virtualNode(world: World, nids: readonly string[], options: VirtualNodeOptions = {}) {
  const host = world.net.host(options.host);
  const { accept = 'all', settings = {}, routes = [] } = options;
  return await LnetNode.start({
    plan: { ...PLAN_DEFAULT, nets: netsOf(nids), accept, acceptPort: PORT, settings, routes },
    nals: { lo: loNal, tcp: (env) => new TcpNal(env, host) },
    clock: world.clock,
    random: seededRandom(1),
  });
}

function netsOf(nids: readonly string[]): NetPlan[] {
  const nets = new Map<number, NetPlan>();
  for (const nid of nids.map(parseNid)) {
    const interfaces = [...(nets.get(nid.net)?.interfaces ?? []), { interfaceName: nid.addressText, nid }];
    nets.set(nid.net, { net: nid.net, interfaces, tunables: NET_TUNABLES_DEFAULT, lndTunables: {} });
  }
  return [...nets.values()];
}

/** The TCP side of a node's first NI. */
export function tcpNiOf(node: LnetNode): TcpNi {
  return node.nis[1]?.link as TcpNi;
}

/** Memory for PUT and GET at a portal, match bits 1; the events of it. */
export function serve(node: LnetNode, portal: number): LnetEvent[] {
  const events: LnetEvent[] = [];
  const options = LNET_MD_OP_PUT | LNET_MD_OP_GET | LNET_MD_MANAGE_REMOTE;
  const handler = (event: LnetEvent): void => void events.push(event.clone());
  const me = node.attachMe({ portal, matchBits: 1n });
  node.attachMd(me, { memory: new Uint8Array(8192), options, handler }, false);
  return events;
}

/** The value of a promise that needs virtual time. */
export function settled<T>(world: World, promise: Promise<T>): Promise<T> {
  return settle(world.clock, promise);
}
