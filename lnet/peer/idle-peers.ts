import {
  LNET_PEER_CONFIGURED,
  LNET_PEER_DISCOVERED,
  LNET_PEER_DISCOVERING,
  LNET_PEER_LOCK_PRIMARY,
  type Peer,
} from './peer.ts';

/** Peers looked at before one is chosen to go. Bounds the work that a flood of NIDs can cause. */
const LOOKED_AT_MAX = 64;

/**
 * Finds the peer that a full table can do without. Peers that this node never sent a request to (it has not discovered them)
 * go first, then any idle one; among those looked at, the one that was heard of least recently. What is lost is soft state:
 * the next message to or from such a peer makes it anew.
 */
export class IdlePeers {
  readonly #strangers = new Ring(new Set<Peer>());
  readonly #all: Ring<ReadonlySet<Peer>>;

  /** `all` is kept by its owner. */
  constructor(all: ReadonlySet<Peer>) {
    this.#all = new Ring(all);
  }

  /** A new peer; it counts as a stranger until it is found to be more. */
  add(peer: Peer): void {
    this.#strangers.peers.add(peer);
  }

  remove(peer: Peer): void {
    this.#strangers.peers.delete(peer);
  }

  /** The peer to give up, never `keep`. Undefined when none of those looked at is idle. */
  oldest(keep: Peer | null): Peer | undefined {
    return this.#among(this.#strangers, keep) ?? this.#among(this.#all, keep);
  }

  #among(ring: Ring<ReadonlySet<Peer>>, keep: Peer | null): Peer | undefined {
    let best: Peer | undefined;
    let bestAlive = Number.POSITIVE_INFINITY;
    for (let looked = Math.min(LOOKED_AT_MAX, ring.peers.size); looked > 0; looked--) {
      const peer = ring.next();
      if (!peer) break;
      const isStranger = !peer.hasAny(LNET_PEER_DISCOVERED | LNET_PEER_CONFIGURED);
      if (ring === this.#strangers && !isStranger) {
        this.remove(peer);
        continue;
      }
      const alive = peer !== keep && isIdle(peer) ? lastAliveOf(peer) : bestAlive;
      if (alive >= bestAlive) continue;
      best = peer;
      bestAlive = alive;
    }
    return best;
  }
}

/** A set of peers in a circle, with a hand that goes round. */
class Ring<S extends ReadonlySet<Peer>> {
  readonly peers: S;
  #hand: IterableIterator<Peer>;

  constructor(peers: S) {
    this.peers = peers;
    this.#hand = peers.values();
  }

  next(): Peer | undefined {
    let step = this.#hand.next();
    if (step.done) {
      this.#hand = this.peers.values();
      step = this.#hand.next();
    }
    return step.done ? undefined : step.value;
  }
}

function isIdle(peer: Peer): boolean {
  if (peer.hasAny(LNET_PEER_CONFIGURED | LNET_PEER_LOCK_PRIMARY | LNET_PEER_DISCOVERING)) return false;
  if (peer.gatewayRefs > 0 || peer.parked.size > 0 || peer.awaitingRouterCredit.size > 0) return false;
  for (const peerNi of peer.peerNis()) if (peerNi.queuedBytes > 0 || peerNi.nextRecovery !== undefined) return false;
  return true;
}

function lastAliveOf(peer: Peer): number {
  let last = -1;
  for (const peerNi of peer.peerNis()) last = Math.max(last, peerNi.lastAlive ?? -1);
  return last;
}
