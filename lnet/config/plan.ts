import type { NetTunables } from '../local-ni.ts';
import type { SettingValues } from '../settings.ts';
import { KFILND, LOLND, lndOf, type NetId, O2IBLND, SOCKLND, UDPLND } from '../wire/net.ts';
import type { Nid } from '../wire/nid.ts';

/** One interface of a net: a device name or an IP address, resolved to the NID it gives. */
export interface NiPlan {
  /** As written: `eth0`, or `127.0.0.11` when an address stands in place of a device. */
  readonly interfaceName: string;
  readonly nid: Nid;
}

/** One net of a node: lnetctl §6.1. */
export interface NetPlan {
  readonly net: NetId;
  /** NAL to carry it; default: the one its type names. */
  readonly nal?: string;
  readonly interfaces: readonly NiPlan[];
  readonly tunables: NetTunables;
  /** `lnd tunables:` by name; absent ones take the NAL's default. */
  readonly lndTunables: Readonly<Record<string, number>>;
}

/** lnetctl §6.3. */
export interface RoutePlan {
  readonly net: NetId;
  readonly gateway: Nid;
  /** 1..255, or undefined (-1 in YAML). */
  readonly hops: number | undefined;
  /** 0 is best. */
  readonly priority: number;
}

/** lnetctl §6.4. */
export interface PeerPlan {
  readonly primaryNid: Nid;
  readonly isMultiRail: boolean;
  readonly nids: readonly Nid[];
}

/** Everything a node is started with. Every field is checked and resolved; making one needs no I/O any more. */
export interface NodePlan {
  readonly nets: readonly NetPlan[];
  readonly routes: readonly RoutePlan[];
  readonly peers: readonly PeerPlan[];
  readonly settings: Partial<SettingValues>;
  readonly accept: 'secure' | 'all' | 'none';
  readonly acceptPort: number;
}

export const PLAN_DEFAULT: NodePlan = {
  nets: [],
  routes: [],
  peers: [],
  settings: {},
  accept: 'secure',
  acceptPort: 988,
};

/** NAL that a network type uses unless its plan names another; undefined when there is none yet. */
const NAL_BY_LND: ReadonlyMap<number, string> = new Map([
  [LOLND, 'lo'],
  [SOCKLND, 'tcp'],
  [UDPLND, 'udp'],
  [O2IBLND, 'rdma'],
  [KFILND, 'rdma'],
]);

/** Name of the NAL that carries a network by default. */
export function nalNameOf(net: NetId): string | undefined {
  return NAL_BY_LND.get(lndOf(net));
}
