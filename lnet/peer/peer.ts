import { LNET_PRIORITY_DEFAULT } from '../local-ni.ts';
import { MsgQueue } from '../msg.ts';
import type { NetId } from '../wire/net.ts';
import type { Nid } from '../wire/nid.ts';
import type { PeerNi } from './peer-ni.ts';

/** Peer state flags, as `peer show -v 3` prints them: lnet-semantics §10.3. */
export const LNET_PEER_MULTI_RAIL = 1 << 0;
export const LNET_PEER_NO_DISCOVERY = 1 << 1;
export const LNET_PEER_ROUTER_ENABLED = 1 << 2;
export const LNET_PEER_CONFIGURED = 1 << 3;
export const LNET_PEER_DISCOVERED = 1 << 4;
export const LNET_PEER_REDISCOVER = 1 << 5;
export const LNET_PEER_DISCOVERING = 1 << 6;
export const LNET_PEER_DATA_PRESENT = 1 << 7;
export const LNET_PEER_NIDS_UPTODATE = 1 << 8;
export const LNET_PEER_PING_SENT = 1 << 9;
export const LNET_PEER_PUSH_SENT = 1 << 10;
export const LNET_PEER_PING_FAILED = 1 << 11;
export const LNET_PEER_PUSH_FAILED = 1 << 12;
export const LNET_PEER_FORCE_PING = 1 << 13;
export const LNET_PEER_FORCE_PUSH = 1 << 14;
export const LNET_PEER_FORCE_DELETE = 1 << 15;
export const LNET_PEER_RTR_DISCOVERY = 1 << 16;
export const LNET_PEER_RTR_DISCOVERED = 1 << 17;
export const LNET_PEER_MARK_DELETION = 1 << 18;
export const LNET_PEER_MARK_DELETED = 1 << 19;
export const LNET_PEER_LOCK_PRIMARY = 1 << 20;
export const LNET_PEER_BAD_CONFIG = 1 << 21;

/** The NIDs of a peer on one net. */
export class PeerNet {
  readonly net: NetId;
  peer: Peer;
  nis: PeerNi[] = [];
  priority = LNET_PRIORITY_DEFAULT;
  sequence = 0;
  /** Instant of the next router check over this net. */
  nextRouterPing = 0;

  constructor(net: NetId, peer: Peer) {
    this.net = net;
    this.peer = peer;
  }

  /** {@link Nid.addressForm} of all its NIDs. */
  get addressForms(): number {
    let forms = 0;
    for (const ni of this.nis) forms |= ni.nid.addressForm;
    return forms;
  }

  /** Best health of its NIDs. */
  get health(): number {
    let best = -1;
    for (const ni of this.nis) if (ni.health > best) best = ni.health;
    return best;
  }
}

/** A remote node: primary NID, nets, flags. lnet-semantics §9.1. A NID belongs to exactly one peer. */
export class Peer {
  primaryNid: Nid;
  flags = 0;
  nets: PeerNet[] = [];
  sequence = 0;
  /** Gateways: false when the last check failed. */
  isAlive = true;
  /** Routes that use it as a gateway. */
  gatewayRefs = 0;
  /** Own ping sequence number that it last acknowledged; 0: none. */
  pushedSequence = 0;
  /** Ping sequence number in the last info from it. */
  infoSequence = 0;
  /** Largest ping info seen from it, bytes. */
  infoBytes = 0;
  /** Errno (negative) of the last discovery attempt; 0: none or good. */
  discoveryError = 0;
  /** Where the last ping reply came from and went to: a push uses the same pair. */
  pingFrom: Nid | null = null;
  pingTo: Nid | null = null;
  /** Messages that wait for discovery. */
  readonly parked = new MsgQueue();
  /** Forwarded messages that wait for router credits. */
  readonly awaitingRouterCredit = new MsgQueue();

  constructor(primaryNid: Nid) {
    this.primaryNid = primaryNid;
  }

  has(flags: number): boolean {
    return (this.flags & flags) === flags;
  }

  hasAny(flags: number): boolean {
    return (this.flags & flags) !== 0;
  }

  /** lnet-semantics §10.2; whether a push is needed is the discovery's own knowledge. */
  get isUpToDate(): boolean {
    return (
      !this.hasAny(LNET_PEER_DISCOVERING | LNET_PEER_FORCE_PING | LNET_PEER_FORCE_PUSH | LNET_PEER_REDISCOVER) &&
      this.has(LNET_PEER_DISCOVERED | LNET_PEER_NIDS_UPTODATE)
    );
  }

  get hasSeveralNids(): boolean {
    return this.nets.length > 1 || (this.nets[0]?.nis.length ?? 0) > 1;
  }

  *peerNis(): Generator<PeerNi> {
    for (const net of this.nets) yield* net.nis;
  }
}
