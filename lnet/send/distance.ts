import type { CoreContext } from '../core-context.ts';
import { EHOSTUNREACH, ENOMEM } from '../errno.ts';
import type { Network } from '../network.ts';
import type { Nid } from '../wire/nid.ts';

/** How far a NID is: lnet-semantics §1.8. */
export interface Distance {
  /** 0: this node. 1: the same net. Above: one more than the hops of the nearest route. */
  readonly distance: number;
  /** Local NID that a message there would leave from. */
  readonly source: Nid;
  /** Rank among equal distances: smaller is configured earlier. */
  readonly order: number;
}

/** LNetDist. Undefined when no net or route leads there (-EHOSTUNREACH). */
export function distanceTo(core: CoreContext, network: Network, nid: Nid): Distance | undefined {
  let order = 2;
  let onNet: Distance | undefined;
  for (const ni of core.locals.all) {
    if (ni.nid === nid) {
      const distance = core.settings.values.local_nid_dist_zero === 0 ? 1 : 0;
      return { distance, source: nid, order: ni.isLoopback ? 0 : 1 };
    }
    if (!onNet && ni.nid.net === nid.net) onNet = { distance: 1, source: ni.nid, order };
    order++;
  }
  return onNet ?? routedDistance(core, network, nid, order);
}

function routedDistance(core: CoreContext, network: Network, nid: Nid, order: number): Distance | undefined {
  let nearest: { readonly hops: number; readonly source: Nid } | undefined;
  for (const route of network.routes.to(nid.net)) {
    const hops = route.hops ?? 1;
    const source = core.locals.netOf(route.localNet)?.nis[0];
    if (source && (!nearest || hops < nearest.hops)) nearest = { hops, source: source.nid };
  }
  return nearest && { distance: nearest.hops + 1, source: nearest.source, order };
}

/** Told the primary NID of a node, or that it could not be found out: then it is the NID that was asked for. */
export type PrimaryNidEnd = (primary: Nid, errno: number) => void;

/** LNetPrimaryNID: discovers the peer when needed. The answer may come before this returns. */
export function findPrimaryNid(core: CoreContext, network: Network, nid: Nid, end: PrimaryNidEnd): void {
  if (nid.isLoopback) {
    end(nid, 0);
    return;
  }
  if (!distanceTo(core, network, nid) && !core.peers.find(nid)) {
    end(nid, -EHOSTUNREACH);
    return;
  }
  const peer = core.peers.ofTarget(nid)?.peerNet.peer;
  if (!peer) end(nid, -ENOMEM);
  else if (core.settings.values.discovery === 0) end(peer.primaryNid, 0);
  else network.discovery.whenDiscovered(peer, (errno) => end(errno === 0 ? core.peers.primaryOf(nid) : nid, errno));
}
