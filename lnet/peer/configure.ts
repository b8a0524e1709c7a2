import type { CoreContext } from '../core-context.ts';
import {
  EALREADY,
  EBUSY,
  ECANCELED,
  ECHILD,
  EEXIST,
  EINVAL,
  ENODEV,
  ENOENT,
  ENOMEM,
  ENOTUNIQ,
  EPERM,
} from '../errno.ts';
import { LnetError, type LnetErrorCode } from '../error-code.ts';
import type { Network } from '../network.ts';
import type { Nid } from '../wire/nid.ts';
import { LNET_PEER_CONFIGURED, LNET_PEER_LOCK_PRIMARY, LNET_PEER_MULTI_RAIL, type Peer } from './peer.ts';

export interface PeerAddOptions {
  readonly primary: Nid;
  /** One more NID for it; absent: the peer itself is added. */
  readonly nid?: Nid;
  readonly isMultiRail: boolean;
  /** Discovery must not change its primary NID. */
  readonly locksPrimary?: boolean;
}

export interface PeerDelOptions {
  readonly primary: Nid;
  /** The NID to take away; absent: the whole peer. */
  readonly nid?: Nid;
  /** Also when it is locked. */
  readonly force?: boolean;
}

const CODES: Readonly<Record<number, LnetErrorCode>> = {
  [EINVAL]: 'ERR_LNET_BAD_NID',
  [EEXIST]: 'ERR_LNET_EXISTS',
  [EALREADY]: 'ERR_LNET_EXISTS',
  [ENOTUNIQ]: 'ERR_LNET_EXISTS',
  [EPERM]: 'ERR_LNET_NOT_PERMITTED',
  [EBUSY]: 'ERR_LNET_BUSY',
  [ENOMEM]: 'ERR_LNET_LIMIT',
  [ENOENT]: 'ERR_LNET_NOT_FOUND',
  [ENODEV]: 'ERR_LNET_NOT_FOUND',
  [ECHILD]: 'ERR_LNET_NOT_FOUND',
};

/** Peers that a person defines: lnet-semantics §9.7. Configuration beats discovery. All calls throw {@link LnetError}. */
export class PeerConfig {
  readonly #core: CoreContext;
  readonly #network: Network;

  constructor(core: CoreContext, network: Network) {
    this.#core = core;
    this.#network = network;
  }

  add(options: PeerAddOptions): void {
    for (const nid of [options.primary, options.nid])
      if (nid?.isLoopback || nid?.isAny) throw refusal(EINVAL, nid, 'it is no NID of another node');
    if (options.nid === undefined || options.nid === options.primary) this.#addPeer(options);
    else this.#addNid(options, options.nid);
  }

  del(options: PeerDelOptions): void {
    const { primary, nid, force = false } = options;
    const peer = this.#core.peers.find(primary)?.peerNet.peer;
    if (!peer) throw refusal(ENOENT, primary, 'no such peer');
    if (peer.primaryNid !== primary) throw refusal(ENODEV, primary, `its peer's primary NID is ${peer.primaryNid}`);
    if (nid === undefined || nid === primary) this.#delPeer(peer, nid !== undefined, force);
    else this.#delNid(peer, nid);
  }

  #addPeer({ primary, isMultiRail, locksPrimary }: PeerAddOptions): void {
    const { peers } = this.#network;
    const known = peers.find(primary);
    const old = known?.peerNet.peer;
    if (old?.has(LNET_PEER_CONFIGURED)) {
      if (old.primaryNid !== primary) throw refusal(EEXIST, primary, `it belongs to configured peer ${old.primaryNid}`);
      if (old.has(LNET_PEER_MULTI_RAIL) !== isMultiRail)
        throw refusal(EPERM, primary, `it is configured ${isMultiRail ? 'without' : 'as'} Multi-Rail`);
      return;
    }
    if (old?.has(LNET_PEER_LOCK_PRIMARY))
      throw refusal(old.primaryNid === primary ? EEXIST : EALREADY, primary, `peer ${old.primaryNid} is locked`);
    // What discovery knew gives way: the peer is made anew.
    if (known && old) {
      if (old.primaryNid === primary) peers.remove(old, 0);
      else peers.removeNid(known, 0);
    }
    const peer = peers.ofTarget(primary)?.peerNet.peer;
    if (!peer) throw refusal(ENOMEM, primary, 'the peer table is full');
    peer.flags |= LNET_PEER_CONFIGURED | (isMultiRail ? LNET_PEER_MULTI_RAIL : 0);
    if (locksPrimary) peer.flags |= LNET_PEER_LOCK_PRIMARY;
  }

  #addNid({ primary, isMultiRail }: PeerAddOptions, nid: Nid): void {
    const { peers, merge } = this.#network;
    const peer = peers.peerOf(primary);
    if (!peer?.has(LNET_PEER_CONFIGURED)) throw refusal(ENOENT, primary, 'no such peer is configured');
    if (peer.primaryNid !== primary) throw refusal(ENODEV, primary, `its peer's primary NID is ${peer.primaryNid}`);
    if (peer.has(LNET_PEER_MULTI_RAIL) !== isMultiRail)
      throw refusal(EPERM, primary, `it is configured ${isMultiRail ? 'without' : 'as'} Multi-Rail`);
    const owner = peers.peerOf(nid);
    if (owner === peer) return;
    if (owner?.has(LNET_PEER_CONFIGURED))
      throw refusal(EEXIST, nid, `it belongs to configured peer ${owner.primaryNid}`);
    if (!isMultiRail && peer.nets.some((net) => net.net === nid.net))
      throw refusal(ENOTUNIQ, nid, `peer ${primary} has a NID on that net and is not Multi-Rail`);
    if (!merge.take(peer, nid)) throw refusal(ENOMEM, nid, 'the peer table is full');
    peers.setPrimary(peer, primary);
  }

  #delPeer(peer: Peer, isNidNamed: boolean, force: boolean): void {
    const { peers } = this.#network;
    const { primaryNid } = peer;
    const others = [...peer.peerNis()].filter((peerNi) => peerNi.nid !== primaryNid);
    if (peer.gatewayRefs > 0) throw refusal(EBUSY, primaryNid, 'routes use it as their gateway');
    const isLocked = peer.has(LNET_PEER_LOCK_PRIMARY) && !force;
    if (isNidNamed && others.length > 0)
      throw refusal(EBUSY, primaryNid, 'it is the primary NID of a peer with others');
    if (isNidNamed && isLocked) throw refusal(EPERM, primaryNid, 'it is a locked primary NID');
    if (isLocked) for (const peerNi of others) peers.removeNid(peerNi, -ECANCELED);
    else peers.remove(peer, -ECANCELED);
  }

  #delNid(peer: Peer, nid: Nid): void {
    const peerNi = this.#network.peers.find(nid);
    if (!peerNi) throw refusal(ENOENT, nid, 'no such peer NI');
    if (peerNi.peerNet.peer !== peer) throw refusal(ECHILD, nid, `it is no NID of peer ${peer.primaryNid}`);
    this.#network.peers.removeNid(peerNi, -ECANCELED);
  }
}

function refusal(errno: number, nid: Nid, why: string): LnetError {
  const code = CODES[errno] ?? 'ERR_LNET_BAD_ARGUMENT';
  return new LnetError(code, { errno: -errno, message: `${nid}: ${why}`, nids: [String(nid)] });
}
