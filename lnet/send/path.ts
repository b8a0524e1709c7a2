import type { CoreContext } from '../core-context.ts';
import { EHOSTUNREACH, EINVAL } from '../errno.ts';
import type { LocalNet, LocalNi } from '../local-ni.ts';
import type { LnetMsg } from '../msg.ts';
import type { Network } from '../network.ts';
import type { PeerNi } from '../peer/peer-ni.ts';
import { LNET_PEER_MULTI_RAIL, LNET_PEER_RTR_DISCOVERY, type Peer, type PeerNet } from '../peer/peer.ts';
import { LNET_RESERVED_PORTAL } from '../peer/reserved-portal.ts';
import { NET_ANY, type NetId } from '../wire/net.ts';
import { NID_ANY } from '../wire/nid.ts';
import type { Route } from './route-table.ts';
import {
  bestOf,
  compareBy,
  NET_CRITERIA,
  NI_CRITERIA,
  PEER_NI_CRITERIA,
  REMOTE_NET_CRITERIA,
  ROUTE_CRITERIA,
  shareForm,
} from './select.ts';

/**
 * Chooses local NI, next hop and final NID of a message: lnet-semantics §9.2.
 *
 * | source | place | peer | rule |
 * |---|---|---|---|
 * | fixed | local | any | exactly that NI, exactly the NID given |
 * | fixed | routed | any | that NI; a response goes back through its router, all else through a route from that NI's net |
 * | free | local | not Multi-Rail | the NID given; its sticky NI, or the best NI, which becomes the sticky one |
 * | free | routed | not Multi-Rail | the NID given; the sticky NI's net limits the gateway; best NI on the gateway's net |
 * | free | local | Multi-Rail | best net, best NI on it, best NID of the peer on it |
 * | free | routed | Multi-Rail | best net that a route leads to, best NID on it, best route, best NI on the gateway's net |
 *
 * A recovery ping treats its peer as not Multi-Rail: it must reach the very NID it is for.
 */
export class PathChooser {
  readonly #core: CoreContext;
  readonly #network: Network;
  #netSequence = 0;
  /** Result: the NID at which the message ends, the next hop itself unless routed. Null: the one given, which no peer has. */
  end: PeerNi | null = null;

  constructor(core: CoreContext, network: Network) {
    this.#core = core;
    this.#network = network;
  }

  /** Sets `ni` and `peerNi` of the message and {@link end}. 0, or a negative errno when there is no way. */
  choose(msg: LnetMsg, target: PeerNi | null): number {
    const errno =
      msg.selfNid !== NID_ANY ? this.#fromFixed(msg, target) : target ? this.#fromAny(msg, target) : -EHOSTUNREACH;
    if (errno === 0) this.#noteUse(msg.ni as LocalNi, msg.peerNi as PeerNi);
    return errno;
  }

  #fromFixed(msg: LnetMsg, target: PeerNi | null): number {
    const ni = this.#core.locals.niOf(msg.selfNid);
    if (!ni || ni.isLoopback) return -EINVAL;
    const { targetNid, via } = msg;
    if (ni.nid.net === targetNid.net) return this.#take(msg, ni, target, target);
    if (via && via.nid.net === ni.nid.net && via.peerNet.peer.gatewayRefs > 0) return this.#take(msg, ni, via, target);
    return this.#take(msg, ni, this.#gatewayTo(targetNid.net, ni.nid.net, target), target);
  }

  #fromAny(msg: LnetMsg, target: PeerNi): number {
    const { peer } = target.peerNet;
    if ((peer.flags & LNET_PEER_MULTI_RAIL) === 0 || msg.isRecovery) return this.#toOneNid(msg, target);
    const peerNet = this.#bestLocalNet(msg, peer);
    if (!peerNet) return this.#toRemotePeer(msg, peer);
    const ni = bestNi(this.#core.locals.netOf(peerNet.net), peerNet);
    const hop = bestOf(peerNet.nis, PEER_NI_CRITERIA, ni) ?? null;
    return this.#take(msg, ni, hop, hop);
  }

  #toOneNid(msg: LnetMsg, target: PeerNi): number {
    const net = this.#core.locals.netOf(target.nid.net);
    const isSticky = msg.hdr.portal !== LNET_RESERVED_PORTAL;
    const sticky = isSticky ? this.#stickyNi(target.peerNet, net) : null;
    const hop = net ? target : this.#gatewayTo(target.nid.net, sticky ? sticky.nid.net : NET_ANY, target);
    const ni = sticky ?? (hop && bestNi(net ?? this.#core.locals.netOf(hop.nid.net), hop));
    const errno = this.#take(msg, ni, hop, target);
    if (errno === 0 && isSticky && !sticky) stick(target, ni as LocalNi);
    return errno;
  }

  #toRemotePeer(msg: LnetMsg, peer: Peer): number {
    let best: PeerNet | null = null;
    for (const net of peer.nets) {
      if (!this.#network.routes.leadTo(net.net)) continue;
      if (!best || compareBy(REMOTE_NET_CRITERIA, net, best, null) > 0) best = net;
    }
    if (!best) return -EHOSTUNREACH;
    const end = bestOf(best.nis, PEER_NI_CRITERIA, null) ?? null;
    const gateway = this.#gatewayTo(best.net, NET_ANY, end);
    return this.#take(msg, gateway && bestNi(this.#core.locals.netOf(gateway.nid.net), gateway), gateway, end);
  }

  #take(msg: LnetMsg, ni: LocalNi | null, hop: PeerNi | null, end: PeerNi | null): number {
    if (!ni || !hop || !shareForm(ni, hop)) return -EHOSTUNREACH;
    msg.ni = ni;
    msg.peerNi = hop;
    this.end = end;
    return 0;
  }

  /** Best of the peer's nets that this node is on. A gateway under check is pinged over the net that the checker chose. */
  #bestLocalNet(msg: LnetMsg, peer: Peer): PeerNet | null {
    const { locals } = this.#core;
    const isCheck = (peer.flags & LNET_PEER_RTR_DISCOVERY) !== 0 && msg.hdr.portal === LNET_RESERVED_PORTAL;
    const checkNet = isCheck ? this.#network.gateways.checkNetOf(peer) : undefined;
    let best: PeerNet | null = null;
    for (const net of peer.nets) {
      const local = locals.netOf(net.net);
      if (!local || !shareForm(local, net)) continue;
      if (net.net === checkNet) return net;
      if (!best || compareBy(NET_CRITERIA, net, best, locals) > 0) best = net;
    }
    return best;
  }

  /** Preferred NI of the first NID of a peer net that has one which still exists: lnet-semantics §9.5. */
  #stickyNi(peerNet: PeerNet, net: LocalNet | undefined): LocalNi | null {
    for (const { preferredNids } of peerNet.nis) {
      const preferred = preferredNids[0];
      const ni = preferred && this.#core.locals.niOf(preferred);
      if (ni && (!net || ni.net === net)) return ni;
    }
    return null;
  }

  /**
   * The gateway NID that the best route to a net uses, reached over one local net or (NET_ANY) over any: lnet-semantics §8.3.
   */
  #gatewayTo(net: NetId, localNet: NetId, end: PeerNi | null): PeerNi | null {
    let best: Route | null = null;
    let sequenceMax = 0;
    for (const route of this.#network.routes.to(net)) {
      if (!this.#network.gateways.isRouteAlive(route)) continue;
      route.hop = this.#bestHop(route.gateway, localNet);
      if (!route.hop) continue;
      if (route.sequence > sequenceMax) sequenceMax = route.sequence;
      if (!best || compareBy(ROUTE_CRITERIA, route, best, end) >= 0) best = route;
    }
    if (!best) return null;
    best.sequence = sequenceMax + 1;
    return best.hop;
  }

  #bestHop(gateway: Peer, localNet: NetId): PeerNi | null {
    let best: PeerNi | null = null;
    for (const peerNet of gateway.nets) {
      if (localNet !== NET_ANY && peerNet.net !== localNet) continue;
      const local = this.#core.locals.netOf(peerNet.net);
      if (!local) continue;
      const candidate = bestOf(peerNet.nis, PEER_NI_CRITERIA, local);
      if (candidate && (!best || compareBy(PEER_NI_CRITERIA, candidate, best, null) > 0)) best = candidate;
    }
    return best;
  }

  /** Least recently used is smallest sequence: lnet-semantics §9.2 step 7. */
  #noteUse(ni: LocalNi, hop: PeerNi): void {
    const netSequence = ++this.#netSequence;
    ni.sequence = netSequence;
    ni.net.sequence = netSequence;
    noteUseOf(hop);
    if (this.end && this.end !== hop) noteUseOf(this.end);
  }
}

function noteUseOf(peerNi: PeerNi): void {
  const { peerNet } = peerNi;
  const sequence = ++peerNet.peer.sequence;
  peerNet.sequence = sequence;
  peerNi.sequence = sequence;
}

function bestNi(net: LocalNet | undefined, hops: PeerNi | PeerNet): LocalNi | null {
  return (net && bestOf(net.nis, NI_CRITERIA, hops)) ?? null;
}

function stick(peerNi: PeerNi, ni: LocalNi): void {
  if (!peerNi.isPreferenceConfigured) peerNi.preferredNids = ni.asPreferred;
}
