import type { NetPlan, PeerPlan, RoutePlan } from '../../lnet/config/plan.ts';
import type { CoreContext } from '../../lnet/core-context.ts';
import type { Nal } from '../../lnet/nal.ts';
import type { Peer } from '../../lnet/peer/peer.ts';
import type { NetId } from '../../lnet/wire/net.ts';
import type { Nid } from '../../lnet/wire/nid.ts';

/** What the handlers use of a node: the whole of what a fake one needs. */
export interface DaemonNode {
  readonly core: Pick<
    CoreContext,
    'clock' | 'settings' | 'counters' | 'drops' | 'pool' | 'trackers' | 'locals' | 'peers'
  >;
  /** NALs in use, loopback included. */
  readonly nals: readonly Nal[];
  readonly routes: readonly RouteState[];
  addNet(plan: NetPlan): Promise<void>;
  /** Without an interface the whole net goes. */
  removeNet(net: NetId, interfaceName?: string): Promise<void>;
  addRoute(plan: RoutePlan): void;
  removeRoute(net: NetId, gateway: Nid): void;
  addPeer(plan: PeerPlan): void;
  /** Without NIDs, or with the primary one alone, the whole peer goes. */
  removePeer(primaryNid: Nid, nids: readonly Nid[]): void;
  ping(nid: Nid, options: PingOptions): Promise<PingResult>;
  discover(nid: Nid, options: DiscoverOptions): Promise<PingResult>;
}

/** A route as `route show` sees it. */
export interface RouteState extends RoutePlan {
  readonly isAlive: boolean;
  readonly isSingleHop: boolean;
  readonly peer: Peer | null;
}

export interface PingOptions {
  readonly timeoutMs: number;
  readonly source?: Nid;
  readonly signal?: AbortSignal;
}

export interface DiscoverOptions {
  readonly force?: boolean;
  readonly signal?: AbortSignal;
}

/** Answer of a ping or a discovery. */
export interface PingResult {
  /** Null: the local peer table does not know it. */
  readonly primaryNid: Nid | null;
  readonly isMultiRail: boolean;
  readonly nids: readonly Nid[];
}
