import { ENETDOWN, ENETUNREACH, EHOSTUNREACH, type Instant, type NalEnv, type TimerWheel } from '../../lnet/nal.ts';
import { viewOf } from '../../lnet/wire/layout.ts';
import { nidOfText } from '../../lnet/wire/nid.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import type { UdpCounters } from './counters.ts';
import type { BindOptions, DatagramHost, DatagramSink, DatagramSocket, TurnTask } from './datagram.ts';
import {
  encodeProbe,
  encodeRefuse,
  encodeReset,
  encodeRetry,
  initIdOf,
  isSameId,
  readOpening,
  readRefuse,
  readReset,
  readRetry,
} from './handshake.ts';
import type { Link } from './link.ts';
import { type ConnId, PacketWriter } from './packet-writer.ts';
import { TokenMint, type TokenSubject } from './token.ts';
import type { UdpNi } from './udp-ni.ts';
import {
  INIT_BYTES,
  PACKET_ACCEPT,
  PACKET_DATA,
  PACKET_INIT,
  PACKET_PROBE,
  PACKET_REFUSE,
  PACKET_RESET,
  PACKET_RETRY,
  REFUSE_NO_NID,
  REFUSE_VERSION,
  RESET_BYTES,
  UDP_PACKET,
  UDP_VERSION,
} from './wire.ts';

/** RESETs sent in one second. */
const RESETS_PER_S = 100;

const TOKEN_KEY_BYTES = 32;

/** Errors of a send that say something about the way to a peer. */
const WAY_ERRORS: readonly number[] = [ENETDOWN, ENETUNREACH, EHOSTUNREACH];

/** What the endpoints of one NAL share. */
export interface UdpContext {
  readonly env: NalEnv;
  readonly host: DatagramHost;
  readonly wheel: TimerWheel;
}

/** One socket and everything that shares it: the NIs with its address, and their links by the ids they gave. */
export class Endpoint implements DatagramSink, TurnTask {
  readonly writer = new PacketWriter();
  readonly context: UdpContext;
  readonly #nis = new Map<Nid, UdpNi>();
  /** By the lower half of the id, which is unique here. */
  readonly #links = new Map<number, Link>();
  readonly #mint: TokenMint;
  #socket: DatagramSocket | null = null;
  #turn: Link[] = [];
  #nextTurn: Link[] = [];
  readonly #undrained = new Set<Link>();
  #resetsFrom: Instant = Number.NEGATIVE_INFINITY;
  #resets = 0;

  constructor(context: UdpContext) {
    this.context = context;
    const key = new Uint8Array(TOKEN_KEY_BYTES);
    context.host.fillRandom(key);
    this.#mint = new TokenMint(key);
  }

  async open(options: BindOptions): Promise<void> {
    this.#socket = await this.context.host.bind(options, this);
  }

  get nis(): ReadonlyMap<Nid, UdpNi> {
    return this.#nis;
  }

  add(ni: UdpNi): void {
    this.#nis.set(ni.nid, ni);
  }

  remove(ni: UdpNi): void {
    this.#nis.delete(ni.nid);
  }

  /** Resolves when the port is free. */
  async close(): Promise<void> {
    const socket = this.#socket;
    this.#socket = null;
    await socket?.close();
  }

  // Links

  /** An id that no link here has and nobody can guess. */
  newId(): ConnId {
    const bytes = new Uint8Array(8);
    for (;;) {
      this.context.host.fillRandom(bytes);
      const view = viewOf(bytes);
      const low = view.getUint32(0, true);
      const high = view.getUint32(4, true);
      if ((low | high) !== 0 && !this.#links.has(low)) return { low, high };
    }
  }

  register(link: Link): void {
    this.#links.set(link.ownId.low, link);
  }

  unregister(link: Link): void {
    this.#links.delete(link.ownId.low);
    this.#undrained.delete(link);
  }

  #linkOf(id: ConnId): Link | undefined {
    const link = this.#links.get(id.low);
    return link && link.ownId.high === id.high ? link : undefined;
  }

  // Sending

  get isBlocked(): boolean {
    return this.#socket?.isBlocked ?? true;
  }

  /** Sends a datagram, unless the system takes none: then it is as if lost. */
  send(segments: readonly Uint8Array[], bytes: number, address: string, port: number, counters: UdpCounters): void {
    const socket = this.#socket;
    if (!socket || socket.isBlocked) {
      counters.dropped_blocked++;
      return;
    }
    counters.tx_packets++;
    counters.tx_bytes += bytes;
    socket.send(segments, address, port);
    if (socket.isBlocked) counters.tx_blocked++;
  }

  atTurnEnd(link: Link): void {
    this.#turn.push(link);
    if (this.#turn.length === 1) this.context.host.atTurnEnd(this);
  }

  endTurn(): void {
    const links = this.#turn;
    this.#turn = this.#nextTurn;
    this.#nextTurn = links;
    for (const link of links) link.endTurn();
    links.length = 0;
  }

  awaitDrain(link: Link): void {
    this.#undrained.add(link);
  }

  drained(): void {
    const links = [...this.#undrained];
    this.#undrained.clear();
    for (const link of links) link.drained();
  }

  failed(errno: number, address: string): void {
    for (const ni of this.#nis.values()) {
      ni.counters.send_errors++;
      if (WAY_ERRORS.includes(-errno)) ni.linkAt(address)?.sendFailed(errno);
    }
  }

  /** Finds out whether anything listens where a peer should be. */
  doubt(link: Link, from: string): void {
    const { address: to, port } = link;
    this.context.host.probe({ from, to, port, packet: encodeProbe(), refused: () => link.nobodyListens() });
  }

  // Receiving

  received(bytes: Uint8Array, address: string, port: number): void {
    const counters = this.#firstCounters;
    if (!counters) return;
    counters.rx_packets++;
    counters.rx_bytes += bytes.length;
    if (bytes.length < UDP_PACKET.size) {
      counters.dropped_short++;
      return;
    }
    const view = viewOf(bytes);
    const type = bytes[UDP_PACKET.at.type] as number;
    if (bytes[UDP_PACKET.at.version] !== UDP_VERSION) {
      counters.dropped_version++;
      if (type === PACKET_INIT && bytes.length >= INIT_BYTES)
        this.refuse(initIdOf(bytes), REFUSE_VERSION, address, port, counters);
      return;
    }
    if (type === PACKET_DATA) this.#receivedData(bytes, view, address, port, counters);
    else if (type === PACKET_INIT) this.#receivedInit(bytes, view, address, port, counters);
    else if (type === PACKET_ACCEPT) this.#receivedAccept(bytes, view, address, port, counters);
    else if (type === PACKET_RETRY) this.#receivedRetry(bytes, view, address, counters);
    else if (type === PACKET_REFUSE) this.#receivedRefuse(bytes, view, address, counters);
    else if (type === PACKET_RESET) this.#receivedReset(bytes, view, address, counters);
    else if (type === PACKET_PROBE) counters.probes_received++;
    else counters.dropped_type++;
  }

  get #firstCounters(): UdpCounters | undefined {
    for (const ni of this.#nis.values()) return ni.counters;
    return undefined;
  }

  #addressed(view: DataView): Link | undefined {
    const link = this.#links.get(view.getUint32(UDP_PACKET.at.connId, true));
    return link && link.ownId.high === view.getUint32(UDP_PACKET.at.connId + 4, true) ? link : undefined;
  }

  #receivedData(bytes: Uint8Array, view: DataView, address: string, port: number, counters: UdpCounters): void {
    const link = this.#addressed(view);
    if (!link) {
      counters.dropped_unknown_link++;
      this.#reset(bytes, address, port, counters);
    } else if (!isAt(link, address)) counters.dropped_foreign_address++;
    else link.receive(bytes, view, port);
  }

  #receivedInit(bytes: Uint8Array, view: DataView, address: string, port: number, counters: UdpCounters): void {
    const opening = bytes.length >= INIT_BYTES ? readOpening(bytes, view) : undefined;
    if (!opening) {
      counters.refused_bad_init++;
      return;
    }
    const ni = this.#nis.get(opening.dstNid);
    if (ni) ni.receivedInit(opening, bytes.length, address, port);
    else {
      counters.refused_unknown_nid++;
      this.refuse(opening.idBytes, REFUSE_NO_NID, address, port, counters);
    }
  }

  #receivedAccept(bytes: Uint8Array, view: DataView, address: string, port: number, counters: UdpCounters): void {
    const link = this.#addressed(view);
    const opening = readOpening(bytes, view);
    const isAnswer = link?.state === 'dialling' && opening && isAt(link, address) && opening.srcNid === link.peerNid;
    if (isAnswer) link.answered(opening, port);
    else counters.dropped_answer++;
  }

  #receivedRetry(bytes: Uint8Array, view: DataView, address: string, counters: UdpCounters): void {
    const retry = readRetry(bytes, view);
    const link = retry && this.#linkOf(retry.id);
    if (link?.state === 'dialling' && isAt(link, address)) link.retry(retry?.token as Uint8Array);
    else counters.dropped_answer++;
  }

  #receivedRefuse(bytes: Uint8Array, view: DataView, address: string, counters: UdpCounters): void {
    const refusal = readRefuse(bytes, view);
    const link = refusal && this.#linkOf(refusal.id);
    if (link?.state === 'dialling' && isAt(link, address)) link.end('dial_refused');
    else counters.dropped_answer++;
  }

  #receivedReset(bytes: Uint8Array, view: DataView, address: string, counters: UdpCounters): void {
    const id = readReset(bytes, view);
    if (id) {
      for (const ni of this.#nis.values()) {
        const link = ni.linkAt(address);
        if (!link || link.state !== 'up' || !isSameId(link.peerId, id)) continue;
        link.end('broken_reset');
        return;
      }
    }
    counters.dropped_reset++;
  }

  /** Answers a packet of an unknown link: its sender must learn that the link is gone. */
  #reset(bytes: Uint8Array, address: string, port: number, counters: UdpCounters): void {
    const now = this.context.env.clock.now();
    if (now - this.#resetsFrom >= 1_000_000) {
      this.#resetsFrom = now;
      this.#resets = 0;
    }
    if (bytes.length < RESET_BYTES || this.#resets === RESETS_PER_S) {
      counters.dropped_reset_limit++;
      return;
    }
    this.#resets++;
    counters.resets_sent++;
    this.#answer(encodeReset(bytes), address, port, counters);
  }

  refuse(idBytes: Uint8Array | undefined, reason: number, address: string, port: number, counters: UdpCounters): void {
    if (idBytes) this.#answer(encodeRefuse(idBytes, reason), address, port, counters);
  }

  retry(subject: TokenSubject, counters: UdpCounters): void {
    counters.retries_sent++;
    const token = this.#mint.issue(subject, this.context.env.clock.now());
    this.#answer(encodeRetry(subject.connId, token), subject.address, subject.port, counters);
  }

  isTokenGood(token: Uint8Array, subject: TokenSubject): boolean {
    return this.#mint.isGood(token, subject, this.context.env.clock.now());
  }

  #answer(packet: Uint8Array, address: string, port: number, counters: UdpCounters): void {
    this.send([packet], packet.length, address, port, counters);
  }
}

/** Whether this is the peer's address, however it is written. */
function isAt(link: Link, address: string): boolean {
  return address === link.address || nidOfText(link.peerNid.net, withoutZone(address)) === link.peerNid;
}

/** An IPv6 address without the interface that a runtime appends. */
export function withoutZone(address: string): string {
  const zone = address.indexOf('%');
  return zone < 0 ? address : address.slice(0, zone);
}
