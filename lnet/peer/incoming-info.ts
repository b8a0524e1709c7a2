import type { CoreContext } from '../core-context.ts';
import type { LnetEvent } from '../event.ts';
import type { Network } from '../network.ts';
import {
  decodePingInfo,
  LNET_PING_FEAT_DISCOVERY,
  LNET_PING_FEAT_MULTI_RAIL,
  type PingInfo,
  type PingInfoResult,
} from '../wire/ping-info.ts';
import { WireError } from '../wire/wire-error.ts';
import {
  LNET_PEER_CONFIGURED,
  LNET_PEER_DISCOVERED,
  LNET_PEER_DISCOVERING,
  LNET_PEER_FORCE_PING,
  LNET_PEER_MARK_DELETION,
  LNET_PEER_MULTI_RAIL,
  LNET_PEER_NIDS_UPTODATE,
  LNET_PEER_NO_DISCOVERY,
  type Peer,
} from './peer.ts';

/** What of a peer's info could not be used: plain counters. */
export interface InfoCounts {
  /** Ping replies without valid info. */
  bad_reply: number;
  /** Ping replies shorter than the info they announce. */
  short_reply: number;
  /** Pushes without valid info. */
  bad_push: number;
  /** Pushes longer than the memory for them. */
  short_push: number;
  /** Pushes from a NID that belongs to no peer. */
  unknown_push: number;
}

/** Checks the info that peers send and takes over what it says about them: lnet-semantics §10.7. */
export class IncomingInfo {
  readonly #core: CoreContext;
  readonly #network: Network;
  readonly counts: InfoCounts = { bad_reply: 0, short_reply: 0, bad_push: 0, short_push: 0, unknown_push: 0 };

  constructor(core: CoreContext, network: Network) {
    this.#core = core;
    this.#network = network;
  }

  /** The answer to a ping of this peer. False: of no use, ask again. */
  reply(peer: Peer, event: LnetEvent, memory: Uint8Array): boolean {
    const result = this.#decode(memory.subarray(0, event.mlength));
    if (result?.kind !== 'info') {
      if (result) {
        this.counts.short_reply++;
        peer.infoBytes = Math.max(peer.infoBytes, result.needBytes);
        this.#network.pushTarget.grow(result.needBytes);
      } else this.counts.bad_reply++;
      return false;
    }
    peer.pingFrom = event.sourceNid;
    peer.pingTo = event.targetNid;
    this.#noteReply(peer, result.info);
    this.#network.discovery.offer(peer, result.info);
    return true;
  }

  /** A push has come. Whatever is in it, it was acknowledged. */
  push(event: LnetEvent, memory: Uint8Array): void {
    const peer = this.#network.peers.peerOf(event.sourceNid);
    if (!peer) {
      this.counts.unknown_push++;
      return;
    }
    const result = event.status === 0 ? this.#decode(memory.subarray(0, event.mlength)) : null;
    if (result?.kind === 'info' && event.mlength === event.rlength) {
      if ((result.info.features & LNET_PING_FEAT_MULTI_RAIL) === 0) return;
      this.#notePush(peer, result.info);
      this.#network.discovery.offer(peer, result.info);
      peer.flags &= ~LNET_PEER_NIDS_UPTODATE;
    } else {
      if (result) this.counts.short_push++;
      else this.counts.bad_push++;
      if (result?.kind === 'truncated') this.#network.pushTarget.grow(result.needBytes);
      peer.flags = (peer.flags & ~LNET_PEER_NIDS_UPTODATE) | LNET_PEER_FORCE_PING;
    }
    if (!this.#network.discovery.isUpToDate(peer)) this.#network.discovery.queue(peer);
  }

  #decode(bytes: Uint8Array): PingInfoResult | null {
    try {
      return decodePingInfo(bytes, this.#core.settings.values.max_interfaces);
    } catch (error) {
      if (error instanceof WireError) return null;
      throw error;
    }
  }

  #noteReply(peer: Peer, { features }: PingInfo): void {
    const isMultiRail = (features & LNET_PING_FEAT_MULTI_RAIL) !== 0;
    const wasMultiRail = peer.has(LNET_PEER_MULTI_RAIL);
    if (!isMultiRail && wasMultiRail && !peer.has(LNET_PEER_CONFIGURED)) {
      this.#core.log('warn', `${peer.primaryNid} is Multi-Rail no more`);
      peer.flags &= ~LNET_PEER_MULTI_RAIL;
    }
    const discovers = (features & LNET_PING_FEAT_DISCOVERY) !== 0 && this.#core.settings.values.discovery !== 0;
    if (discovers) peer.flags &= ~LNET_PEER_NO_DISCOVERY;
    else if (!peer.has(LNET_PEER_NO_DISCOVERY)) {
      peer.flags |= LNET_PEER_NO_DISCOVERY;
      // What was learnt by discovery holds no more: the peer is made anew with the one NID that is used next.
      if (!peer.has(LNET_PEER_CONFIGURED) && (wasMultiRail || peer.has(LNET_PEER_DISCOVERED)))
        peer.flags |= LNET_PEER_MARK_DELETION;
    }
    if (isMultiRail) this.#becomeMultiRail(peer);
  }

  #notePush(peer: Peer, { features }: PingInfo): void {
    if ((features & LNET_PING_FEAT_DISCOVERY) !== 0) peer.flags &= ~LNET_PEER_NO_DISCOVERY;
    else if (!peer.has(LNET_PEER_NO_DISCOVERY)) {
      peer.flags |= LNET_PEER_NO_DISCOVERY;
      const isIdle = !peer.has(LNET_PEER_DISCOVERING);
      if (isIdle && peer.has(LNET_PEER_DISCOVERED) && !peer.has(LNET_PEER_CONFIGURED))
        peer.flags |= LNET_PEER_MARK_DELETION;
    }
    this.#becomeMultiRail(peer);
  }

  /** Unless configuration, local settings or the peer itself forbid it. Source NIDs that traffic made sticky are free again (§9.5). */
  #becomeMultiRail(peer: Peer): void {
    const isBarred = peer.hasAny(LNET_PEER_CONFIGURED | LNET_PEER_NO_DISCOVERY | LNET_PEER_MULTI_RAIL);
    if (isBarred || this.#core.settings.values.discovery === 0) return;
    peer.flags |= LNET_PEER_MULTI_RAIL;
    for (const peerNi of peer.peerNis()) if (!peerNi.isPreferenceConfigured) peerNi.preferredNids = [];
  }
}
