import {
  EHOSTUNREACH,
  ESHUTDOWN,
  type Instant,
  type NalNi,
  type NalNiOptions,
  type NalTx,
  type Timer,
  US_PER_S,
} from '../../lnet/nal.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import type { TcpContext } from './context.ts';
import { newTcpCounters, type TcpCounters } from './counters.ts';
import { PeerPair } from './peer-pair.ts';
import type { SocketOptions } from './stream.ts';
import type { TcpNal } from './tcp-nal.ts';
import { changeTunable, connsForSpeed, openTunables, type TcpTunables } from './tunables.ts';

/** How often the NI's address is looked for on the machine's interfaces, microseconds. */
const LINK_CHECK_US = 5 * US_PER_S;

/** Peers without connection whose time between attempts an NI remembers: NIDs can be invented. */
export const PAIRS_REMEMBERED_MAX = 4_096;

/** Peers that a person is told of in one interval because they cannot be connected to. */
export const FAILURES_TOLD_MAX = 16;
const TELLING_INTERVAL_US = 60 * US_PER_S;

/** One NI on TCP: its peer pairs. */
export class TcpNi implements NalNi {
  readonly nid: Nid;
  readonly interfaceName: string;
  readonly nal: TcpNal;
  /** Where peers listen: one number serves a whole network. */
  readonly port: number;
  readonly tunables: TcpTunables;
  readonly counters: TcpCounters = newTcpCounters();
  /** Differs after every restart: socklnd §2.6. */
  readonly incarnation: bigint;
  readonly #context: TcpContext;
  readonly #pairs = new Map<Nid, Map<number, PeerPair>>();
  readonly #linkCheck: Timer;
  #pairCount = 0;
  #tellingSince: Instant = 0;
  #failures = 0;
  /** The pair of the last transmission. */
  #last: PeerPair | null = null;
  #isLinkLost = false;
  #isOpen = true;

  constructor(context: TcpContext, nal: TcpNal, options: NalNiOptions) {
    this.#context = context;
    this.nal = nal;
    this.nid = options.nid;
    this.interfaceName = options.interfaceName;
    this.port = options.acceptPort;
    this.incarnation = context.env.clock.wallNs();
    this.tunables = openTunables(options.tunables);
    this.tunables.conns_per_peer ||= connsForSpeed(context.host.linkSpeedMbps(options.interfaceName));
    this.#linkCheck = context.wheel.timer(() => this.#checkLink());
    this.#linkCheck.set(context.env.clock.now() + LINK_CHECK_US);
  }

  get timeoutUs(): number {
    return this.tunables.timeout * US_PER_S;
  }

  get socketOptions(): SocketOptions {
    const { nagle, keepalive_idle, tos } = this.tunables;
    return { nagle: nagle === 1, keepaliveIdleS: keepalive_idle, tos };
  }

  /** Connections that are up. */
  get connectionCount(): number {
    return this.counters.connections_opened + this.counters.connections_accepted - this.counters.connections_closed;
  }

  get pairs(): readonly PeerPair[] {
    return [...this.#pairs.values()].flatMap((ofNid) => [...ofNid.values()]);
  }

  send(tx: NalTx): number {
    if (!this.#isOpen) return -ESHUTDOWN;
    if (tx.nextHop.net !== this.nid.net) return -EHOSTUNREACH;
    const last = this.#last;
    const isSame = last !== null && last.nid === tx.nextHop && last.pid === tx.nextHopPid;
    return (isSame ? last : this.pairOf(tx.nextHop, tx.nextHopPid)).send(tx);
  }

  /** The pair of a process, made when there is none. */
  pairOf(nid: Nid, pid: number): PeerPair {
    let ofNid = this.#pairs.get(nid);
    if (!ofNid) {
      ofNid = new Map();
      this.#pairs.set(nid, ofNid);
    }
    let pair = ofNid.get(pid);
    if (!pair) {
      pair = new PeerPair(this.#context, this, nid, pid);
      ofNid.set(pid, pair);
      this.#pairCount++;
    }
    this.#last = pair;
    return pair;
  }

  /** A pair that could not be connected may stay until its next attempt. */
  get hasRoomToRemember(): boolean {
    return this.#pairCount <= PAIRS_REMEMBERED_MAX;
  }

  /** Tells a person that a peer cannot be connected to, unless too much has been said about others. */
  tellFailure(text: string): void {
    const now = this.#context.env.clock.now();
    let more = '';
    if (now - this.#tellingSince >= TELLING_INTERVAL_US) {
      const silent = this.#failures - FAILURES_TOLD_MAX;
      if (silent > 0) more = ` (and ${silent} more peers since the last such line)`;
      this.#failures = 0;
      this.#tellingSince = now;
    }
    if (++this.#failures <= FAILURES_TOLD_MAX) this.#context.env.log('warn', text + more);
  }

  /** A pair has nothing left to remember. */
  forget(pair: PeerPair): void {
    const ofNid = this.#pairs.get(pair.nid);
    if (ofNid?.get(pair.pid) !== pair) return;
    ofNid.delete(pair.pid);
    this.#pairCount--;
    if (ofNid.size === 0) this.#pairs.delete(pair.nid);
    if (this.#last === pair) this.#last = null;
  }

  /** Some process of the NID has a connection. */
  isConnectedTo(nid: Nid): boolean {
    for (const pair of this.#pairs.get(nid)?.values() ?? []) if (pair.conns.length > 0) return true;
    return false;
  }

  /** A NID is down: its other processes lose their connections too. */
  closeOthers(pair: PeerPair): void {
    for (const other of this.#pairs.get(pair.nid)?.values() ?? [])
      if (other !== pair) other.closeAll('broken_sibling', 0);
  }

  setTunable(name: string, value: number): void {
    changeTunable(this.tunables, name, value);
    this.tunables.conns_per_peer ||= connsForSpeed(this.#context.host.linkSpeedMbps(this.interfaceName));
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#linkCheck.clear();
    this.nal.niClosed(this);
    for (const pair of this.pairs) pair.stop(-ESHUTDOWN);
    this.#pairs.clear();
    this.#pairCount = 0;
    this.#last = null;
  }

  #checkLink(): void {
    this.#linkCheck.set(this.#context.env.clock.now() + LINK_CHECK_US);
    const isLost = !this.#context.host.hasAddress(this.nid.addressText);
    if (isLost === this.#isLinkLost) return;
    this.#isLinkLost = isLost;
    this.#context.env.upcalls.linkFatal(this, isLost);
  }
}
