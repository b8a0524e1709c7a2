import type { Alarm } from '../clock.ts';
import type { CoreContext, Discovery } from '../core-context.ts';
import { EHOSTUNREACH, EPROTO, ESHUTDOWN } from '../errno.ts';
import type { LnetEvent } from '../event.ts';
import { HEALTH_OK } from '../health-status.ts';
import { type LnetMsg, MsgQueue } from '../msg.ts';
import type { Network } from '../network.ts';
import type { PingInfo } from '../wire/ping-info.ts';
import { NID_ANY, type Nid } from '../wire/nid.ts';
import {
  LNET_PEER_DATA_PRESENT,
  LNET_PEER_DISCOVERED,
  LNET_PEER_DISCOVERING,
  LNET_PEER_FORCE_PING,
  LNET_PEER_FORCE_PUSH,
  LNET_PEER_MARK_DELETED,
  LNET_PEER_MARK_DELETION,
  LNET_PEER_MULTI_RAIL,
  LNET_PEER_NIDS_UPTODATE,
  LNET_PEER_NO_DISCOVERY,
  LNET_PEER_PING_FAILED,
  LNET_PEER_PING_SENT,
  LNET_PEER_PUSH_FAILED,
  LNET_PEER_PUSH_SENT,
  LNET_PEER_REDISCOVER,
  LNET_PEER_RTR_DISCOVERY,
  type Peer,
} from './peer.ts';
import { Probe } from './probe.ts';
import { LNET_RESERVED_PORTAL, PING_BYTES_MIN } from './reserved-portal.ts';

/** Replies of no use in a row after which a peer's discovery fails. The kernel asks on for ever. */
const USELESS_REPLIES_MAX = 16;

/**
 * Times that one message may wait for a discovery. An honest peer needs two: after the first its NID can turn out to belong to
 * another peer. One that tells something else at each ping would make it wait for ever.
 */
const WAITS_MAX = 8;

/** Told how a discovery ended: 0 or a negative errno. */
export type DiscoveryEnd = (errno: number) => void;

/** What is under way for a peer that is being discovered. */
class Work {
  ping: Probe | null = null;
  push: Probe | null = null;
  /** Info that the peer sent and nobody looked at yet. */
  info: PingInfo | null = null;
  /** Why the last ping or push failed; 0: its reply was of no use. */
  errno = 0;
  uselessReplies = 0;
  readonly waiters: DiscoveryEnd[] = [];
}

/** What the task does next: look at the peer again, leave it until something happens, or end with 0 or an errno. */
type Next = 'again' | 'wait' | number;

interface Decision {
  readonly if: string;
  readonly applies: (peer: Peer) => boolean;
  readonly act: (peer: Peer) => Next;
}

/**
 * Finds out what other nodes are: lnet-semantics §10. A message to a peer that is not known well enough waits on it until it was
 * pinged and, when it is Multi-Rail, pushed to. Work is done in a task of its own, never inside the call or event that asked.
 */
export class PeerDiscovery implements Discovery {
  readonly #core: CoreContext;
  readonly #network: Network;
  readonly #requests = new Set<Peer>();
  readonly #works = new Map<Peer, Work>();
  /** Messages whose peer went away while they waited: they look for the new owner of their NID. */
  readonly #orphans = new MsgQueue();
  #alarm: Alarm | null = null;

  /** The decisions of lnet-semantics §10.4 in their order. */
  readonly #decisions: readonly Decision[] = [
    {
      if: 'the peer is to be forgotten',
      applies: (peer) => peer.hasAny(LNET_PEER_MARK_DELETION | LNET_PEER_MARK_DELETED),
      act: (peer) => this.#renew(peer),
    },
    {
      if: 'it has sent info',
      applies: (peer) => peer.has(LNET_PEER_DATA_PRESENT),
      act: (peer) => this.#absorb(peer),
    },
    {
      if: 'the ping failed',
      applies: (peer) => peer.has(LNET_PEER_PING_FAILED),
      act: (peer) => {
        peer.flags = (peer.flags & ~LNET_PEER_PING_FAILED) | LNET_PEER_FORCE_PING;
        return this.#workOf(peer).errno || 'again';
      },
    },
    {
      if: 'the push failed',
      applies: (peer) => peer.has(LNET_PEER_PUSH_FAILED),
      act: (peer) => {
        peer.flags &= ~LNET_PEER_PUSH_FAILED;
        return this.#workOf(peer).errno || 'again';
      },
    },
    {
      if: 'an answer is on its way',
      applies: (peer) => peer.has(LNET_PEER_PUSH_SENT) || (peer.has(LNET_PEER_PING_SENT) && needsPing(peer)),
      act: () => 'wait',
    },
    { if: 'its NIDs are not known for sure', applies: needsPing, act: (peer) => this.#ping(peer) },
    {
      if: 'it does not know this node well enough',
      applies: (peer) => this.#needsPush(peer),
      act: (peer) => this.#push(peer),
    },
    {
      if: 'all is done',
      applies: () => true,
      act: (peer) => {
        peer.flags = (peer.flags & ~(LNET_PEER_REDISCOVER | LNET_PEER_FORCE_PUSH)) | LNET_PEER_DISCOVERED;
        return 0;
      },
    },
  ];

  constructor(core: CoreContext, network: Network) {
    this.#core = core;
    this.#network = network;
  }

  /** Peers being discovered. */
  get activeCount(): number {
    return this.#works.size;
  }

  gate(msg: LnetMsg, peer: Peer): boolean {
    if (this.isUpToDate(peer) || msg.hdr.portal === LNET_RESERVED_PORTAL || peer.has(LNET_PEER_RTR_DISCOVERY))
      return false;
    if (msg.discoveryCount++ === WAITS_MAX) {
      this.#fail(msg, -EHOSTUNREACH);
      return true;
    }
    peer.parked.push(msg);
    if (!peer.has(LNET_PEER_DISCOVERING)) this.queue(peer);
    return true;
  }

  queue(peer: Peer): void {
    peer.flags |= LNET_PEER_DISCOVERING;
    this.#requests.add(peer);
    this.#wake();
  }

  /** lnet-semantics §10.2. */
  isUpToDate(peer: Peer): boolean {
    return peer.isUpToDate && !this.#needsPush(peer);
  }

  /** NIDs of such a peer are neither added nor removed: lnet-semantics §10.6 step 3. */
  isDisabledFor(peer: Peer): boolean {
    if (this.#core.settings.values.discovery === 0) return true;
    return (peer.flags & (LNET_PEER_MULTI_RAIL | LNET_PEER_NO_DISCOVERY)) !== LNET_PEER_MULTI_RAIL;
  }

  /** Discovers a peer unless it is up to date and calls back, perhaps at once. */
  whenDiscovered(peer: Peer, end: DiscoveryEnd): void {
    if (this.isUpToDate(peer)) {
      end(0);
      return;
    }
    this.#workOf(peer).waiters.push(end);
    if (!peer.has(LNET_PEER_DISCOVERING)) this.queue(peer);
  }

  /** Asks a peer anew, whatever is known; with `force` also pings and pushes when it seems up to date. */
  rediscover(peer: Peer, force: boolean, end: DiscoveryEnd): void {
    peer.flags &= ~LNET_PEER_NIDS_UPTODATE;
    if (force) peer.flags |= LNET_PEER_FORCE_PING | LNET_PEER_FORCE_PUSH;
    this.whenDiscovered(peer, end);
  }

  /** Info from a peer that is to be looked at. Of two that wait the newer one stays. */
  offer(peer: Peer, info: PingInfo): void {
    const work = this.#workOf(peer);
    if (!work.info || info.sequence >= work.info.sequence) work.info = info;
    peer.flags |= LNET_PEER_DATA_PRESENT;
  }

  /** Own NIDs or features changed: every peer that pushes reach and that has older info gets the new one. */
  ownInfoChanged(): void {
    for (const peer of this.#core.peers.peers()) if (this.#needsPush(peer)) this.queue(peer);
  }

  /** Own state changed in a way that all Multi-Rail peers must know, acknowledged or not. */
  pushToAll(): void {
    for (const peer of this.#core.peers.peers()) {
      if (!peer.has(LNET_PEER_MULTI_RAIL)) continue;
      peer.flags |= LNET_PEER_FORCE_PUSH;
      this.queue(peer);
    }
  }

  /** A peer is gone. What waits on it fails with the errno; with 0 it goes to whoever has its NID now. */
  forget(peer: Peer, errno: number): void {
    this.#requests.delete(peer);
    const work = this.#works.get(peer);
    this.#works.delete(peer);
    work?.ping?.cancel();
    work?.push?.cancel();
    for (let msg = peer.parked.shift(); msg; msg = peer.parked.shift()) {
      if (errno === 0) this.#orphans.push(msg);
      else this.#fail(msg, errno);
    }
    for (const end of work?.waiters ?? []) end(errno);
    if (this.#orphans.size > 0) this.#wake();
  }

  stop(): void {
    this.#alarm?.cancel();
    this.#alarm = null;
    this.#requests.clear();
    for (const [peer, work] of this.#works) {
      work.ping?.cancel();
      work.push?.cancel();
      for (const end of work.waiters) end(-ESHUTDOWN);
      peer.flags &= ~LNET_PEER_DISCOVERING;
    }
    this.#works.clear();
    for (let msg = this.#orphans.shift(); msg; msg = this.#orphans.shift()) this.#fail(msg, -ESHUTDOWN);
    for (const peer of this.#core.peers.peers()) this.#release(peer, -ESHUTDOWN);
  }

  #wake(): void {
    if (this.#alarm || !this.#core.isRunning) return;
    const { clock } = this.#core;
    this.#alarm = clock.alarm(clock.now(), () => this.#run());
  }

  #run(): void {
    this.#alarm = null;
    const peers = [...this.#requests];
    this.#requests.clear();
    for (const peer of peers) if (this.#network.peers.holds(peer)) this.#examine(peer);
    for (let left = this.#orphans.size; left > 0; left--) this.#core.sendPath.submit(this.#orphans.shift() as LnetMsg);
    if (this.#requests.size > 0) this.#wake();
  }

  #examine(peer: Peer): void {
    let next: Next = 'again';
    while (next === 'again') next = (this.#decisions.find((decision) => decision.applies(peer)) as Decision).act(peer);
    if (next !== 'wait') this.#complete(peer, next);
  }

  #needsPush(peer: Peer): boolean {
    const { flags } = peer;
    if ((flags & (LNET_PEER_MULTI_RAIL | LNET_PEER_MARK_DELETION | LNET_PEER_PUSH_SENT)) !== LNET_PEER_MULTI_RAIL)
      return false;
    if ((flags & LNET_PEER_FORCE_PUSH) !== 0) return true;
    if ((flags & LNET_PEER_NO_DISCOVERY) !== 0 || peer.pushedSequence >= this.#core.pingInfo.sequence) return false;
    return this.#core.settings.values.discovery !== 0;
  }

  #ping(peer: Peer): Next {
    const work = this.#workOf(peer);
    const memory = new Uint8Array(Math.max(PING_BYTES_MIN, peer.infoBytes));
    peer.flags = (peer.flags & ~LNET_PEER_FORCE_PING) | LNET_PEER_PING_SENT;
    const options = { kind: 'ping', memory, target: peer.primaryNid, self: NID_ANY } as const;
    const probe = new Probe(this.#core, options, (errno, reply) => {
      work.ping = null;
      peer.flags &= ~LNET_PEER_PING_SENT;
      if (reply) this.#noteReply(peer, work, reply, memory);
      else this.#noteFailure(peer, work, LNET_PEER_PING_FAILED, errno);
      this.queue(peer);
    });
    work.ping = probe;
    probe.start();
    return 'wait';
  }

  #noteReply(peer: Peer, work: Work, reply: LnetEvent, memory: Uint8Array): void {
    if (this.#network.incoming.reply(peer, reply, memory)) work.uselessReplies = 0;
    else {
      work.uselessReplies++;
      const isEnough = work.uselessReplies >= USELESS_REPLIES_MAX;
      this.#noteFailure(peer, work, LNET_PEER_PING_FAILED, isEnough ? -EPROTO : 0);
    }
  }

  #push(peer: Peer): Next {
    const work = this.#workOf(peer);
    const { pingInfo, peers, locals } = this.#core;
    const { sequence, bytes } = pingInfo;
    const { pingFrom, pingTo } = peer;
    peer.flags = (peer.flags & ~LNET_PEER_FORCE_PUSH) | LNET_PEER_PUSH_SENT;
    // The pair that a ping has just used is known to work, as long as both ends still have it.
    const isPairGood = pingFrom !== null && peers.find(pingFrom)?.peerNet.peer === peer;
    const target: Nid = isPairGood ? pingFrom : peer.primaryNid;
    const self: Nid = isPairGood && pingTo && locals.isOwnNid(pingTo) ? pingTo : NID_ANY;
    const probe = new Probe(this.#core, { kind: 'push', memory: bytes, target, self }, (errno) => {
      work.push = null;
      peer.flags &= ~LNET_PEER_PUSH_SENT;
      if (errno === 0) peer.pushedSequence = sequence;
      else this.#noteFailure(peer, work, LNET_PEER_PUSH_FAILED, errno);
      this.queue(peer);
    });
    work.push = probe;
    probe.start();
    return 'wait';
  }

  #noteFailure(peer: Peer, work: Work, flag: number, errno: number): void {
    work.errno = errno;
    peer.flags |= flag;
  }

  /** Looks at what the peer told. When another peer turns out to be the same node, that one goes on first. */
  #absorb(peer: Peer): Next {
    const work = this.#workOf(peer);
    const { info } = work;
    work.info = null;
    peer.flags = (peer.flags & ~LNET_PEER_DATA_PRESENT) | LNET_PEER_NIDS_UPTODATE;
    if (!info) return 'again';
    const owner = this.#network.merge.absorb(peer, info);
    if (owner === peer) return 'again';
    this.offer(owner, info);
    this.queue(owner);
    this.queue(peer);
    return 'wait';
  }

  /** Forgets what is known about a node; its next message finds a new peer, and routes through it stay. */
  #renew(peer: Peer): Next {
    this.#network.peers.remove(peer, 0);
    return 'wait';
  }

  #complete(peer: Peer, errno: number): void {
    const work = this.#works.get(peer);
    this.#works.delete(peer);
    work?.ping?.cancel();
    work?.push?.cancel();
    peer.flags &= ~(LNET_PEER_DISCOVERING | LNET_PEER_PING_SENT | LNET_PEER_PUSH_SENT);
    peer.discoveryError = errno;
    if (errno !== 0) peer.flags |= LNET_PEER_REDISCOVER;
    if (peer.gatewayRefs > 0) this.#network.gateways.checked(peer, errno);
    for (const end of work?.waiters ?? []) end(errno);
    this.#release(peer, errno);
  }

  /** Sends what waited, in its order, or fails it. */
  #release(peer: Peer, errno: number): void {
    for (let left = peer.parked.size; left > 0; left--) {
      const msg = peer.parked.shift();
      if (!msg) return;
      if (errno === 0) this.#core.sendPath.submit(msg);
      else this.#fail(msg, errno);
    }
  }

  #fail(msg: LnetMsg, errno: number): void {
    this.#core.delivery.finalize(msg, errno, HEALTH_OK);
  }

  #workOf(peer: Peer): Work {
    let work = this.#works.get(peer);
    if (!work) {
      work = new Work();
      this.#works.set(peer, work);
    }
    return work;
  }
}

function needsPing(peer: Peer): boolean {
  return peer.has(LNET_PEER_FORCE_PING) || !peer.has(LNET_PEER_NIDS_UPTODATE);
}
