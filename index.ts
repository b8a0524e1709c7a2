/**
 * `lnet-node`: a Portals/LNet stack in userspace. What a program imports: public names, and a node wired with the default
 * NALs, the real clock and the interfaces of this host.
 */
import { namedInterface } from './lnet/config/interface-nid.ts';
import { nalNameOf, type NetPlan, type PeerPlan, PLAN_DEFAULT, type RoutePlan } from './lnet/config/plan.ts';
import { ConfigReader } from './lnet/config/reader.ts';
import { NET_TUNABLES_DEFAULT, type NetTunables } from './lnet/local-ni.ts';
import { EINVAL, LnetError, type NalFactory } from './lnet/nal.ts';
import { LnetNode } from './lnet/node.ts';
import type { SettingValues } from './lnet/settings.ts';
import { type NetId, parseNet } from './lnet/wire/net.ts';
import { parseNid } from './lnet/wire/nid.ts';
import { hostInterfaces } from './nals/host-interfaces.ts';
import { loNal } from './nals/lo/lo-nal.ts';
import type { SimNet } from './nals/sim/sim-net.ts';
import { systemClock, systemRandom } from './nals/system-clock.ts';
import { createTcpNal } from './nals/tcp/tcp-nal.ts';
import { createUdpNal } from './nals/udp/udp-nal.ts';

export * from './lnet/index.ts';
export { createFabric } from './nals/sim/fabric.ts';
export { systemClock, systemRandom } from './nals/system-clock.ts';

/** Drivers of a node on a real host, by NAL name. */
export const DEFAULT_NALS: Readonly<Record<string, NalFactory>> = { lo: loNal, tcp: createTcpNal, udp: createUdpNal };

/** A node described in a few words; what is left out has the kernel's default. */
export interface CreateNodeOptions {
  /**
   * Nets by name, each with the devices or addresses it runs on: `{ tcp: 'eth0' }`, `{ tcp: '127.0.0.11', tcp1: ['eth1',
   * 'eth2'] }`.
   */
  readonly nets: Readonly<Record<string, string | readonly string[]>>;
  /** Who may connect; default `secure`: source ports below 1024 only, as a kernel node. */
  readonly accept?: 'secure' | 'all' | 'none';
  /** One number for a whole network, since a NID holds no port. Default 988, which takes a privilege to listen on. */
  readonly acceptPort?: number;
  readonly tunables?: Partial<NetTunables>;
  /** By name, as `lnd tunables:` in YAML. */
  readonly lndTunables?: Readonly<Record<string, number>>;
  readonly settings?: Partial<SettingValues>;
  readonly routes?: readonly RoutePlan[];
  readonly peers?: readonly PeerPlan[];
  /** Explanations for a person. Default: none. */
  readonly log?: (level: 'info' | 'warn', text: string) => void;
}

/**
 * Starts a node on this host. Resolves when it answers pings. Rejects with {@link LnetError}: ERR_LNET_LISTEN when the port
 * cannot be had, ERR_LNET_BAD_CONFIG for a net or device that does not exist.
 */
export async function createNode(options: CreateNodeOptions): Promise<LnetNode> {
  const { routes, peers, settings, accept, acceptPort } = { ...PLAN_DEFAULT, ...options };
  const nets = Object.entries(options.nets).map(([name, where]) => netPlan(name, [where].flat(), options));
  return await LnetNode.start({
    plan: { nets, routes, peers, settings, accept, acceptPort },
    nals: DEFAULT_NALS,
    clock: systemClock(),
    random: systemRandom(),
    ...(options.log ? { log: options.log } : {}),
  });
}

/** A node on an in-memory fabric ({@link createFabric}). */
export interface FabricNodeOptions {
  /** The fabric's name for the machine: links are shaped, cut and crashed by it. */
  readonly name: string;
  /** Its NIDs; two nodes reach each other when they share a net. */
  readonly nids: readonly string[];
  readonly tunables?: Partial<NetTunables>;
  readonly settings?: Partial<SettingValues>;
  readonly routes?: readonly RoutePlan[];
}

/** Starts a node on a fabric: same core, virtual time. Its promises settle while the fabric's clock moves (`fabric.settled`). */
export function createFabricNode(fabric: SimNet, options: FabricNodeOptions): Promise<LnetNode> {
  const { clock, random, nal } = fabric.node(options.name);
  const nets = new Map<NetId, NetPlan>();
  for (const nid of options.nids.map(parseNid)) {
    const interfaces = [...(nets.get(nid.net)?.interfaces ?? []), { interfaceName: String(nid), nid }];
    const tunables = { ...NET_TUNABLES_DEFAULT, ...options.tunables };
    nets.set(nid.net, { net: nid.net, nal: 'sim', interfaces, tunables, lndTunables: {} });
  }
  const { settings, routes } = { ...PLAN_DEFAULT, ...options };
  return LnetNode.start({
    plan: { ...PLAN_DEFAULT, nets: [...nets.values()], settings, routes },
    nals: { lo: loNal, sim: nal },
    clock,
    random,
  });
}

function netPlan(name: string, interfaces: readonly string[], options: CreateNodeOptions): NetPlan {
  const net = parseNet(name);
  if (net === undefined || nalNameOf(net) === undefined) {
    throw new LnetError('ERR_LNET_BAD_CONFIG', {
      errno: -EINVAL,
      message: `'${name}' is not a network that this package can open`,
      hint: 'such as tcp or tcp1',
    });
  }
  const host = { interfaces: hostInterfaces, nalOf: () => undefined };
  const reader = new ConfigReader('createNode', host, options.log ? (text) => options.log?.('warn', text) : () => {});
  return {
    net,
    interfaces: interfaces.map((value) => namedInterface(reader, net, { value, place: { line: 1, column: 1 } })),
    tunables: { ...NET_TUNABLES_DEFAULT, ...options.tunables },
    lndTunables: options.lndTunables ?? {},
  };
}
