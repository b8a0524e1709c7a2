import type { CoreContext, PeerDirectory } from '../core-context.ts';
import type { LocalNet, LocalNi } from '../local-ni.ts';
import type { Network } from '../network.ts';
import type { NetId } from '../wire/net.ts';
import type { Nid } from '../wire/nid.ts';
import { IdlePeers } from './idle-peers.ts';
import { PeerNi } from './peer-ni.ts';
import { Peer, PeerNet } from './peer.ts';

/** Most remote NIDs that a node remembers. */
export const LNET_PEER_NIS_MAX = 65_536;

/**
 * All peers of a node by NID: lnet-semantics §9.1. Bounded: when it is full, an idle peer that nobody here configured makes
 * room ({@link IdlePeers}), so that invented NIDs cost neither memory nor the place of a real peer.
 */
export class PeerTable implements PeerDirectory {
  readonly #core: CoreContext;
  readonly #network: Network;
  readonly #peerNisMax: number;
  readonly #byNid = new Map<Nid, PeerNi>();
  readonly #peers = new Set<Peer>();
  readonly #idle = new IdlePeers(this.#peers);
  /** Peers that made room for others. */
  evictedCount = 0;
  /** NIDs that found no room: nothing that was looked at was idle. */
  refusedCount = 0;

  constructor(core: CoreContext, network: Network, peerNisMax: number) {
    this.#core = core;
    this.#network = network;
    this.#peerNisMax = peerNisMax;
  }

  /** Remote NIDs known. */
  get size(): number {
    return this.#byNid.size;
  }

  find(nid: Nid): PeerNi | undefined {
    return this.#byNid.get(nid);
  }

  ofSender(ni: LocalNi, nid: Nid): PeerNi | undefined {
    const known = this.#byNid.get(nid);
    if (known) return known;
    const peerNi = this.#create(nid);
    if (peerNi) peerNi.preferredNids = ni.asPreferred;
    return peerNi;
  }

  ofTarget(nid: Nid): PeerNi | undefined {
    return this.#byNid.get(nid) ?? this.#create(nid);
  }

  primaryOf(nid: Nid): Nid {
    return this.#byNid.get(nid)?.peerNet.peer.primaryNid ?? nid;
  }

  areOnePeer(a: Nid, b: Nid): boolean {
    const peer = this.peerOf(a);
    return peer !== undefined && peer === this.peerOf(b);
  }

  peers(): IterableIterator<Peer> {
    return this.#peers.values();
  }

  peerOf(nid: Nid): Peer | undefined {
    return this.#byNid.get(nid)?.peerNet.peer;
  }

  /** False once a peer was removed or merged into another. */
  holds(peer: Peer): boolean {
    return this.#peers.has(peer);
  }

  /** Gives an existing peer one more NID that no peer has. Undefined when the table is full. */
  addNid(peer: Peer, nid: Nid): PeerNi | undefined {
    return this.#makeRoom(peer) ? this.#attach(peer, nid) : undefined;
  }

  /** Moves a NID with all its state to another peer. A peer that loses its last NID is gone; what waited for it follows the NID. */
  move(peerNi: PeerNi, to: Peer): void {
    const from = peerNi.peerNet.peer;
    this.#detach(peerNi);
    join(peerNi, netOf(to, peerNi.nid.net));
    this.#network.routes.nidMoved(peerNi.nid, from, to);
    this.#settle(from, 0);
  }

  /** Forgets a NID. Messages that hold or await its credits end by themselves. */
  removeNid(peerNi: PeerNi, errnoOfParked: number): void {
    const { peer } = peerNi.peerNet;
    this.#byNid.delete(peerNi.nid);
    this.#detach(peerNi);
    this.#settle(peer, errnoOfParked);
  }

  /** Forgets a peer. Messages parked on it fail with the errno; with 0 they are sent anew. */
  remove(peer: Peer, errnoOfParked: number): void {
    for (const peerNi of Array.from(peer.peerNis())) {
      this.#byNid.delete(peerNi.nid);
      this.#detach(peerNi);
    }
    this.#settle(peer, errnoOfParked);
  }

  /** Names one of a peer's NIDs its primary one, which stands first with its net: lnet-semantics §10.6 step 5. */
  setPrimary(peer: Peer, nid: Nid): void {
    const peerNi = this.#byNid.get(nid);
    if (peerNi?.peerNet.peer !== peer) throw new Error(`${nid} is no NID of peer ${peer.primaryNid}`);
    peer.primaryNid = nid;
    peer.nets = firstOf(peer.nets, peerNi.peerNet);
    peerNi.peerNet.nis = firstOf(peerNi.peerNet.nis, peerNi);
  }

  /** A net became local: its peer NIs get credits (lnet-semantics §7.1). */
  netAdded(net: LocalNet): void {
    for (const peerNi of this.#byNid.values()) if (peerNi.nid.net === net.net) grantCredits(peerNi, net);
  }

  /** A net is local no more: its peer NIs go, and a whole peer whose primary NID is among them (lnet-semantics §1.9). */
  netRemoved(net: NetId): void {
    for (const peerNi of Array.from(this.#byNid.values())) {
      if (peerNi.nid.net !== net || this.#byNid.get(peerNi.nid) !== peerNi) continue;
      const { peer } = peerNi.peerNet;
      if (peer.primaryNid === peerNi.nid && peer.gatewayRefs === 0) this.remove(peer, 0);
      else this.removeNid(peerNi, 0);
    }
  }

  #create(nid: Nid): PeerNi | undefined {
    // Loopback is not reached over a network, and ANY is nobody's.
    if (nid.isLoopback || nid.isAny || !this.#makeRoom(null)) return undefined;
    const peer = new Peer(nid);
    peer.isAlive = this.#core.settings.values.check_routers_before_use === 0;
    this.#peers.add(peer);
    this.#idle.add(peer);
    return this.#attach(peer, nid);
  }

  #attach(peer: Peer, nid: Nid): PeerNi {
    const peerNi = new PeerNi(nid, netOf(peer, nid.net));
    join(peerNi, peerNi.peerNet);
    peerNi.isUp = this.#core.settings.values.check_routers_before_use === 0;
    const net = this.#core.locals.netOf(nid.net);
    if (net) grantCredits(peerNi, net);
    this.#byNid.set(nid, peerNi);
    return peerNi;
  }

  #makeRoom(keep: Peer | null): boolean {
    if (this.#byNid.size < this.#peerNisMax) return true;
    const victim = this.#idle.oldest(keep);
    if (!victim) {
      this.refusedCount++;
      return false;
    }
    this.evictedCount++;
    this.remove(victim, 0);
    return true;
  }

  /** Takes a NID out of its peer, and a net without NIDs with it. */
  #detach(peerNi: PeerNi): void {
    const { peerNet } = peerNi;
    const { peer } = peerNet;
    peerNet.nis = peerNet.nis.filter((other) => other !== peerNi);
    if (peerNet.nis.length === 0) peer.nets = peer.nets.filter((other) => other !== peerNet);
  }

  /** A peer has lost a NID: it ends when that was the last, and needs another primary NID when it was that one. */
  #settle(peer: Peer, errnoOfParked: number): void {
    const first = peer.nets[0]?.nis[0];
    if (first) {
      if (this.peerOf(peer.primaryNid) !== peer) this.setPrimary(peer, first.nid);
      return;
    }
    this.#peers.delete(peer);
    this.#idle.remove(peer);
    this.#network.discovery.forget(peer, errnoOfParked);
    if (peer.gatewayRefs > 0) this.#network.routes.rehome(peer);
  }
}

function netOf(peer: Peer, net: NetId): PeerNet {
  let peerNet = peer.nets.find((candidate) => candidate.net === net);
  if (!peerNet) {
    peerNet = new PeerNet(net, peer);
    peer.nets = [...peer.nets, peerNet];
  }
  return peerNet;
}

/** Lists are replaced, not grown: a list that grows sets room aside that thousands of peers with one NID would never use. */
function join(peerNi: PeerNi, peerNet: PeerNet): void {
  peerNi.peerNet = peerNet;
  peerNet.nis = [...peerNet.nis, peerNi];
}

function firstOf<T>(list: T[], item: T): T[] {
  return list[0] === item ? list : [item, ...list.filter((other) => other !== item)];
}

/** lnet-semantics §7.1, §8.8. */
function grantCredits(peerNi: PeerNi, { tunables }: LocalNet): void {
  const credits = Math.min(tunables.peerCredits, tunables.credits);
  peerNi.creditsMax = credits;
  peerNi.credits = credits;
  peerNi.creditsMin = credits;
  const routerCredits = tunables.peerBufferCredits || tunables.peerCredits;
  peerNi.routerCredits = routerCredits;
  peerNi.routerCreditsMin = routerCredits;
}
