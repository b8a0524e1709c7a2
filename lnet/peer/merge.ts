import type { CoreContext } from '../core-context.ts';
import type { Network } from '../network.ts';
import type { Nid } from '../wire/nid.ts';
import { LNET_PING_FEAT_RTE_DISABLED, type PingInfo, pingInfoBytes, primaryNidOf } from '../wire/ping-info.ts';
import type { PeerNi } from './peer-ni.ts';
import {
  LNET_PEER_BAD_CONFIG,
  LNET_PEER_CONFIGURED,
  LNET_PEER_DISCOVERED,
  LNET_PEER_LOCK_PRIMARY,
  LNET_PEER_MULTI_RAIL,
  LNET_PEER_NO_DISCOVERY,
  LNET_PEER_ROUTER_ENABLED,
  type Peer,
} from './peer.ts';

/** Makes the peer table agree with what peers tell about themselves: lnet-semantics §10.5, §10.6. Merging twice changes nothing more. */
export class PeerMerge {
  readonly #core: CoreContext;
  readonly #network: Network;

  constructor(core: CoreContext, network: Network) {
    this.#core = core;
    this.#network = network;
  }

  /**
   * Takes over the info that a peer gave. Gives that peer, or the one that owns the announced primary NID: then they are one
   * node, nothing was merged, and the info is that one's.
   */
  absorb(peer: Peer, info: PingInfo): Peer {
    const { peers } = this.#network;
    const primary = primaryNidOf(info);
    if (primary === undefined || !this.#mayHave(peer, primary)) return peer;
    const isFixed = this.#network.discovery.isDisabledFor(peer) || peer.has(LNET_PEER_CONFIGURED);
    if (primary !== peer.primaryNid && !isFixed) {
      const owner = peers.peerOf(primary);
      if (owner && owner !== peer) {
        inherit(owner, peer);
        return owner;
      }
      if (!peer.has(LNET_PEER_LOCK_PRIMARY) && (owner || peers.addNid(peer, primary))) peers.setPrimary(peer, primary);
    }
    this.#merge(peer, info);
    return peer;
  }

  #merge(peer: Peer, info: PingInfo): void {
    peer.infoSequence = info.sequence;
    peer.infoBytes = Math.max(peer.infoBytes, pingInfoBytes(info));
    if ((info.features & LNET_PING_FEAT_RTE_DISABLED) === 0) peer.flags |= LNET_PEER_ROUTER_ENABLED;
    else peer.flags &= ~LNET_PEER_ROUTER_ENABLED;
    this.#noteStatuses(peer, info);
    if (!this.#network.discovery.isDisabledFor(peer) && !peer.has(LNET_PEER_CONFIGURED)) {
      this.#addListed(peer, info);
      this.#removeUnlisted(peer, info);
      this.#network.peers.setPrimary(peer, peer.primaryNid);
    }
    if (peer.gatewayRefs > 0) this.#network.gateways.noteInfo(peer, info);
  }

  #noteStatuses(peer: Peer, info: PingInfo): void {
    for (const { nid, isUp } of info.entries) {
      const peerNi = this.#network.peers.find(nid);
      if (peerNi?.peerNet.peer === peer) this.#network.health.announced(peerNi, isUp);
    }
  }

  #addListed(peer: Peer, info: PingInfo): void {
    const { peers } = this.#network;
    let isContested = false;
    for (const { nid, isUp } of info.entries) {
      if (peers.peerOf(nid) === peer || !this.#mayHave(peer, nid)) continue;
      const peerNi = this.take(peer, nid);
      if (peerNi) peerNi.isUp = isUp;
      else if (peers.find(nid)) isContested = true;
    }
    if (!isContested) peer.flags &= ~LNET_PEER_BAD_CONFIG;
  }

  /** A NID of this node is nobody else's, whatever they say. */
  #mayHave(peer: Peer, nid: Nid): boolean {
    const { locals } = this.#core;
    return !locals.isOwnNid(nid) || locals.isOwnNid(peer.primaryNid);
  }

  #removeUnlisted(peer: Peer, info: PingInfo): void {
    const listed = new Set<Nid>(info.entries.map((entry) => entry.nid));
    for (const peerNi of Array.from(peer.peerNis())) {
      if (listed.has(peerNi.nid) || peerNi.nid === peer.primaryNid || peerNi.nid.isLoopback) continue;
      this.#network.peers.removeNid(peerNi, 0);
    }
  }

  /**
   * Gives a peer a NID, wherever it was: taken from another peer, which ends when it was its primary NID. Undefined when that
   * one is configured, or locked with several NIDs (§9.6: such peers are not merged), or the table is full.
   */
  take(peer: Peer, nid: Nid): PeerNi | undefined {
    const { peers, discovery } = this.#network;
    const known = peers.find(nid);
    if (!known) return peers.addNid(peer, nid);
    const other = known.peerNet.peer;
    if (other === peer) return known;
    if (other.has(LNET_PEER_CONFIGURED) || (other.has(LNET_PEER_LOCK_PRIMARY) && other.hasSeveralNids)) {
      // Said once per peer: it may send such info as often as it likes.
      if (!peer.has(LNET_PEER_BAD_CONFIG))
        this.#core.log(
          'warn',
          `${peer.primaryNid} lists ${nid}, which belongs to peer ${other.primaryNid} by configuration`,
        );
      peer.flags |= LNET_PEER_BAD_CONFIG;
      return undefined;
    }
    const isPrimary = other.primaryNid === nid;
    peers.move(known, peer);
    if (!peers.holds(other)) return known;
    if (isPrimary) peers.remove(other, 0);
    else if (other.has(LNET_PEER_DISCOVERED)) discovery.queue(other);
    return known;
  }
}

/** The other record of the same node knows what this one has just learnt. */
function inherit(owner: Peer, peer: Peer): void {
  if (peer.has(LNET_PEER_MULTI_RAIL) && !owner.has(LNET_PEER_CONFIGURED)) owner.flags |= LNET_PEER_MULTI_RAIL;
  if (!peer.has(LNET_PEER_NO_DISCOVERY)) owner.flags &= ~LNET_PEER_NO_DISCOVERY;
  owner.pingFrom = peer.pingFrom;
  owner.pingTo = peer.pingTo;
}
