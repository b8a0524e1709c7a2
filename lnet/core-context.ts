/**
 * The parts of the core as they see each other. Each interface is implemented by one folder; `lnet-core.ts` puts them
 * together. All calls are synchronous; none throws for what a peer or a network does.
 */
import type { Clock, Instant } from './clock.ts';
import type { DropCounters, DropReason, NodeCounters } from './counters.ts';
import type { FailNids } from './deliver/fail-nid.ts';
import type { HealthStatus } from './health-status.ts';
import type { LocalNet, LocalNi } from './local-ni.ts';
import type { LnetMsg, MsgPool } from './msg.ts';
import type { NalRx } from './nal.ts';
import type { PeerNi } from './peer/peer-ni.ts';
import type { Peer } from './peer/peer.ts';
import type { MatchVerdict } from './portals/match.ts';
import type { Md, MdHandle, MdSpec } from './portals/md.ts';
import type { Me, MeSpec } from './portals/me.ts';
import type { Random } from './random.ts';
import type { Settings } from './settings.ts';
import type { TimerWheel } from './timer-wheel.ts';
import type { NetId } from './wire/net.ts';
import type { Nid } from './wire/nid.ts';

/** Everything that one node's core is made of. */
export interface CoreContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly wheel: TimerWheel;
  readonly log: (level: 'info' | 'warn', text: string) => void;
  /**
   * An event handler threw: a programmer error. The core goes on in a sound state; the shell lets the error out where
   * it ends the process.
   */
  readonly handlerFailed: (error: unknown) => void;
  /** Own process id, 12345. */
  readonly pid: number;
  /** Interface cookie: this incarnation of the node (lnet-wire §4). */
  readonly cookieLow: number;
  readonly cookieHigh: number;
  readonly settings: Settings;
  readonly counters: NodeCounters;
  readonly drops: DropCounters;
  readonly pool: MsgPool;
  /** Peers whose failure is simulated. */
  readonly failNids: FailNids;
  readonly locals: LocalNis;
  readonly portals: PortalSpace;
  readonly delivery: Delivery;
  readonly operations: Operations;
  readonly sendPath: SendPath;
  readonly peers: PeerDirectory;
  readonly health: HealthBook;
  readonly trackers: ResponseTrackers;
  readonly discovery: Discovery;
  readonly pingInfo: OwnPingInfo;
  /** Null on a node that does not route: what is for another node is dropped there. */
  readonly forwarder: Forwarder | null;
  /** False before start and from the moment shutdown begins: lnet-semantics §0.3. */
  readonly isRunning: boolean;
}

/** Own nets and NIs in configuration order, loopback first. */
export interface LocalNis {
  readonly nets: readonly LocalNet[];
  /** All NIs in the order of `LNetGetId`. */
  readonly all: readonly LocalNi[];
  readonly loopback: LocalNi;
  /** NIs that count for resend decisions: all but loopback. */
  readonly realCount: number;
  netOf(net: NetId): LocalNet | undefined;
  niOf(nid: Nid): LocalNi | undefined;
  isOwnNid(nid: Nid): boolean;
  /** Grows with each change of the configuration, so that selection can notice one. */
  readonly version: number;
}

/** Portals, match entries and memory descriptors: `portals/`. Throws {@link LnetError} for misuse (errno as lnet-semantics §1.3, §1.4). */
export interface PortalSpace {
  attachMe(spec: MeSpec): Me;
  /** On any error the ME is unlinked and destroyed. */
  attachMd(me: Me, spec: MdSpec, unlinksWhenExhausted: boolean): MdHandle;
  bindMd(spec: MdSpec, unlinksWhenExhausted: boolean): MdHandle;
  /** -ENOENT as LnetError when the handle no longer resolves. */
  unlinkMd(handle: MdHandle): void;
  setLazy(portal: number): void;
  clearLazy(portal: number): void;
  /** The live MD of an object cookie, or undefined. */
  mdOfCookie(low: number, high: number): Md | undefined;
  /**
   * Finds the MD for an arrived PUT or GET (header, `initiatorNid` and `rlength` set) and makes the message hold it: sets `md`,
   * `offset`, `mlength`. A PUT that must wait for an MD is kept; it goes on through {@link Delivery.resumeHeld} or
   * {@link Delivery.dropHeld}. lnet-semantics §2.
   */
  match(msg: LnetMsg): MatchVerdict;
  /** Forgets a waiting message: its link broke. */
  forget(msg: LnetMsg): void;
  /** A message lets go of its MD. True when the MD ends with it, so that the event to come is its last. */
  release(md: Md): boolean;
  /** Drops what waits on lazy portals and came over this NI. */
  dropWaiting(ni: LocalNi): void;
}

/** Arrival and end of messages: `deliver/`. */
export interface Delivery {
  arrived(ni: LocalNi, rx: NalRx): number;
  placed(rx: NalRx, errno: number): void;
  /** A waiting PUT has found its MD: its payload may come. */
  resumeHeld(msg: LnetMsg): void;
  /** A waiting PUT is not wanted any more: counted, its payload thrown away, no event. */
  dropHeld(msg: LnetMsg, reason: DropReason): void;
  /**
   * Common end of every message (lnet-semantics §5.7): health and resend, event, ACK, credits, statistics of node, NI and
   * peer NI in both directions, pool. The only place where a message ends. Called from within an event handler it does
   * the rest after that handler has returned.
   */
  finalize(msg: LnetMsg, errno: number, health: HealthStatus): void;
  countDrop(ni: LocalNi | null, type: number, payloadLength: number, reason: DropReason): void;
}

/** Arguments of a PUT or GET: lnet-semantics §1.5, §1.6. */
export interface OperationArgs {
  readonly md: MdHandle;
  readonly target: Nid;
  /** Default LNET_PID_LUSTRE. */
  readonly targetPid: number;
  /** Local NID to send from, or NID_ANY. */
  readonly self: Nid;
  readonly portal: number;
  readonly matchBitsLow: number;
  readonly matchBitsHigh: number;
  readonly offset: number;
  /** PUT only. */
  readonly hdrDataLow: number;
  readonly hdrDataHigh: number;
  readonly wantsAck: boolean;
  /** GET only: recovery ping. */
  readonly isRecovery: boolean;
}

/** The active side: `deliver/operations.ts`. Both give 0 or a negative errno; with an errno no event follows. */
export interface Operations {
  put(args: OperationArgs): number;
  get(args: OperationArgs): number;
}

/** From a message to a NAL: discovery gate, selection, credits. `send/`. */
export interface SendPath {
  /**
   * Sends a message whose header (all but the NIDs), payload, target, self and via are set. Never fails to its caller: what
   * goes wrong is finalized with the status.
   */
  submit(msg: LnetMsg): void;
  /** Gives back what the message holds and lets waiting ones proceed: lnet-semantics §7.3. */
  returnCredits(msg: LnetMsg): void;
  /** Finalizes everything that waits for this NI or peer NI with the status. */
  failWaiting(ni: LocalNi, errno: number): void;
  /** Some route to a net, alive or not, goes through this peer: lnet-semantics §8.9. */
  hasRouteThrough(net: NetId, peer: Peer): boolean;
}

/** Messages for other nodes: `router/`, lnet-semantics §8.10. */
export interface Forwarder {
  /**
   * An arrived message has passed the parse checks. Answers for its rx: RX_PLACE with the rx's memory set to a buffer, RX_WAIT
   * (the forwarder resumes it), or a negative errno.
   */
  arrived(msg: LnetMsg): number;
  /** Its payload is in the buffer, or the link broke before (negative errno): sends it on or ends it. */
  placed(msg: LnetMsg, errno: number): void;
}

/** Peers by NID: `peer/`. */
export interface PeerDirectory {
  /** The peer NI of a link sender, made when unknown, with `ni` as its preferred local NID then (lnet-semantics §5.1 step 12). Undefined when the table is full. */
  ofSender(ni: LocalNi, nid: Nid): PeerNi | undefined;
  /** The peer NI of a destination, made when unknown. Undefined when the table is full. */
  ofTarget(nid: Nid): PeerNi | undefined;
  find(nid: Nid): PeerNi | undefined;
  /** Primary NID of the peer that owns a NID, or the NID itself when no peer does. */
  primaryOf(nid: Nid): Nid;
  /** Both NIDs belong to one peer object now. */
  areOnePeer(a: Nid, b: Nid): boolean;
  peers(): IterableIterator<Peer>;
}

/** Health values, resends, recovery: lnet-semantics §11. */
export interface HealthBook {
  /** The header of a message has arrived over a link, from the NID that the header names as its source: status UP, last-alive. */
  heardFrom(ni: LocalNi, peerNi: PeerNi, srcNid: Nid): void;
  /** Judges the end of a message. True when it was queued for a resend and must not be finalized now. */
  judge(msg: LnetMsg): boolean;
}

/** Watches PUTs with ACK and GETs for their response: lnet-semantics §3.7, §11.7. */
export interface ResponseTrackers {
  /** Starts or renews the tracker of an MD when the rules of §3.7 ask for one. */
  track(md: Md, msgType: number, wantsAck: boolean): void;
  /** Notes the next hop once selection has chosen it. */
  setNextHop(md: Md, peerNi: PeerNi): void;
  cancel(md: Md): void;
  readonly live: number;
}

/** lnet-semantics §10. */
export interface Discovery {
  /** True when the message was taken over: parked until its peer is discovered, or failed because it waited too often. */
  gate(msg: LnetMsg, peer: Peer): boolean;
  queue(peer: Peer): void;
}

/** Own ping info: target of pings, content of pushes. lnet-semantics §10.1. */
export interface OwnPingInfo {
  readonly sequence: number;
  readonly bytes: Uint8Array;
  /** NIs, statuses or features changed: builds it anew with the next sequence number and lets pushes follow. */
  rebuild(): void;
  /** Changes a status in place without a new sequence number. */
  updateStatus(ni: LocalNi): void;
  /** Next deadline is the caller's: instant now. */
  readonly builtAt: Instant;
}
