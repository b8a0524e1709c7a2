import type { Clock, Instant, NalNi, NalTx, NalUpcalls, Timer, TimerWheel } from '../../lnet/nal.ts';
import { US_PER_MS, US_PER_S } from '../../lnet/nal.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import { AckFrame, AckRanges } from './ack-ranges.ts';
import { CongestionControl } from './congestion.ts';
import type { LinkEnd, UdpCounters } from './counters.ts';
import { endingOf, LINK_ENDS } from './ending.ts';
import { areFramesSound } from './frames.ts';
import { encodeAccept, encodeInit, type Opening } from './handshake.ts';
import type { HeldBudget } from './held-pieces.ts';
import { LossDetection, type PacketOwner, type SentPacket } from './loss.ts';
import { LINK_MOVES, type LinkMove, type LinkState } from './moves.ts';
import { Pacer } from './pacer.ts';
import { type ConnId, DATA_HEAD_BYTES, PacketWriter } from './packet-writer.ts';
import { BASE_DATAGRAM_BYTES, PathMtu } from './pmtu.ts';
import { DATA_BEYOND_WINDOW, DATA_NO_ROOM, type ReceiveOwner, ReceiveStream } from './receive-stream.ts';
import { RttEstimator } from './rtt.ts';
import { SendStream } from './send-stream.ts';
import type { UdpTunables } from './tunables.ts';
import {
  DATA_IS_LAST,
  FRAME_ACK,
  FRAME_CLOSE,
  FRAME_DATA,
  FRAME_PING,
  FRAME_WINDOW,
  PACKET_DATA,
  readU53,
  RESET_BYTES,
  UDP_DATA,
  UDP_FRAME,
  UDP_PACKET,
} from './wire.ts';

/** Packets of one link in one turn; then others have theirs, and what has come in is read. */
const BURST_PACKETS = 32;

/** RFC 9000 §8.1: until a dialler has shown that it gets our packets, it gets at most so many times what it sent. */
const AMPLIFICATION_MAX = 3;

/** How long an accepted link may wait for a packet of its dialler. */
export const HALF_OPEN_US = 10 * US_PER_S;

/** INIT is repeated after this, doubled each time up to {@link INIT_INTERVAL_MAX_US}. */
const INIT_INTERVAL_US = 250_000;
const INIT_INTERVAL_MAX_US = 2 * US_PER_S;

/** Longest time between pings of a sender that waits for a window. */
const STALL_INTERVAL_MAX_US = 2 * US_PER_S;

/** So many probes or INITs in a row without answer: ask whether anything listens, and believe the errors of the system. */
const PROBES_BEFORE_DOUBT = 3;
const INITS_BEFORE_DOUBT = 2;

const NEVER = Number.POSITIVE_INFINITY;

/** What a link needs of the NI that it belongs to. */
export interface LinkOwner {
  readonly ni: NalNi;
  readonly upcalls: NalUpcalls;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly counters: UdpCounters;
  readonly tunables: UdpTunables;
  readonly budget: HeldBudget;
  /** One for the socket: what is in it is sent before control returns. */
  readonly writer: PacketWriter;
  /** The system takes no datagram now. */
  readonly isBlocked: boolean;
  /** Largest datagram that the NI's interface carries. */
  readonly interfaceBytes: number;
  /** What this end says of itself in INIT and ACCEPT. */
  openingFor(link: Link): Opening;
  /** Calls {@link Link.endTurn} once at the end of the turn. */
  atTurnEnd(link: Link): void;
  transmit(link: Link, segments: readonly Uint8Array[], bytes: number): void;
  /** The system takes no datagram: {@link Link.drained} is to be called when it does. */
  awaitDrain(link: Link): void;
  /** An accepted link was heard from: its dialler is where it says. */
  proven(link: Link): void;
  /** Finds out whether anything listens at the peer; {@link Link.nobodyListens} if not. */
  doubt(link: Link): void;
  /** The link has ended, and nothing of it may be found any more. */
  forget(link: Link): void;
  /** Everything of it is reported. */
  reportDown(link: Link): void;
}

/**
 * One link: the packets and frames between two NIs. Does no I/O; told what came (`receive…`), what the time is
 * (`endTurn`, its timer) and what to send, it fills packets and gives them to its owner.
 */
export class Link implements PacketOwner, ReceiveOwner {
  readonly peerNid: Nid;
  /** Under which the peer addresses it. */
  readonly ownId: ConnId;
  /** Under which it addresses the peer. */
  peerId: ConnId = { low: 0, high: 0 };
  peerIncarnation = 0n;
  /** IP address of the peer, fixed; its port may change. */
  readonly address: string;
  port: number;
  readonly #owner: LinkOwner;
  #state: LinkState = 'new';
  readonly #timer: Timer;
  readonly #rtt = new RttEstimator();
  readonly #congestion = new CongestionControl(BASE_DATAGRAM_BYTES);
  readonly #pacer = new Pacer();
  readonly #loss: LossDetection;
  #mtu = new PathMtu(BASE_DATAGRAM_BYTES);
  readonly #acks = new AckRanges();
  readonly #ackFrame = new AckFrame();
  readonly #tx: SendStream;
  readonly #rx: ReceiveStream;
  readonly #ackDelayUs: number;
  /** Last sign of the peer; last acknowledgement of something new, or when something was first to be acknowledged. */
  #heardAt: Instant;
  #progressAt: Instant;
  readonly #startedAt: Instant;
  /** When the pacer lets the next packet go. */
  #pacedAt: Instant = NEVER;
  /** INIT: when to repeat it, how many were sent, and what proves our address. */
  #initAt: Instant = NEVER;
  #initCount = 0;
  #initSentAt: Instant = 0;
  #token: Uint8Array | undefined;
  /** A sender without window asks for it then; how often it has. */
  #stallPingAt: Instant = NEVER;
  #stallPings = 0;
  /** Packets that may leave whatever the congestion window says: RFC 9002 §6.2.4. */
  #probesDue = 0;
  #isPingDue = false;
  #isWindowForced = false;
  /** The congestion window or the pacer held data back in the last turn: RFC 9002 §7.8. */
  #isWindowUsed = false;
  /** Half open: what came and what went. */
  #receivedBytes = 0;
  #sentBytes = 0;
  /** Last error of the system since the peer was heard. */
  #sendErrno = 0;
  #isTurnAwaited = false;

  constructor(owner: LinkOwner, peerNid: Nid, ownId: ConnId, port: number) {
    this.#owner = owner;
    this.peerNid = peerNid;
    this.ownId = ownId;
    this.address = peerNid.addressText;
    this.port = port;
    const now = owner.clock.now();
    this.#startedAt = now;
    this.#heardAt = now;
    this.#progressAt = now;
    this.#ackDelayUs = owner.tunables.ack_delay_ms * US_PER_MS;
    this.#loss = new LossDetection(this, this.#rtt, this.#congestion);
    this.#tx = new SendStream(owner.upcalls);
    this.#rx = new ReceiveStream({
      ni: owner.ni,
      upcalls: owner.upcalls,
      owner: this,
      counters: owner.counters,
      budget: owner.budget,
      windowBytes: owner.tunables.window_kb * 1024,
    });
    this.#timer = owner.wheel.timer(() => this.#onTimer());
  }

  get state(): LinkState {
    return this.#state;
  }

  /** For a person, and for tests. */
  toJSON(): Readonly<Record<string, unknown>> {
    return {
      peer: String(this.peerNid),
      state: this.#state,
      port: this.port,
      datagramBytes: this.#mtu.datagramBytes,
      windowBytes: Math.round(this.#congestion.windowBytes),
      inFlightBytes: this.#congestion.inFlightBytes,
      smoothedRttUs: Math.round(this.#rtt.smoothedUs),
      heldBytes: this.#rx.heldBytes,
      packetsOutstanding: this.#loss.outstanding,
    };
  }

  #move(move: LinkMove): void {
    const next = LINK_MOVES[this.#state][move];
    if (!next) throw new Error(`link to ${this.peerNid}: ${move} while ${this.#state}`);
    this.#state = next;
  }

  /** Queues a message; it leaves with the end of the turn, or when the link is up. */
  send(tx: NalTx): void {
    this.#tx.queue(tx);
    this.#awaitTurn();
  }

  // Opening

  dial(): void {
    this.#move('dial');
    this.#sendInit(this.#owner.clock.now());
    this.#arm();
  }

  #sendInit(now: Instant): void {
    const packet = encodeInit(this.#owner.openingFor(this), this.#token);
    this.#owner.transmit(this, [packet], packet.length);
    this.#initSentAt = now;
    this.#initAt = now + Math.min(INIT_INTERVAL_US * 2 ** this.#initCount, INIT_INTERVAL_MAX_US);
    this.#initCount++;
    if (this.#initCount === INITS_BEFORE_DOUBT) this.#owner.doubt(this);
  }

  /** The peer wants proof that we are where we say. */
  retry(token: Uint8Array): void {
    if (this.#state !== 'dialling') return;
    this.#token = token;
    this.#initCount = 0;
    this.#sendInit(this.#owner.clock.now());
    this.#arm();
  }

  /** The peer has accepted our dial. */
  answered(opening: Opening, port: number): void {
    this.#move('answered');
    this.#owner.counters.links_dialled++;
    const now = this.#owner.clock.now();
    if (this.#initCount === 1) this.#rtt.update(now - this.#initSentAt, 0, 0);
    this.port = port;
    this.#isPingDue = true;
    this.#opened(opening);
  }

  /** We accept the peer's dial. `isProven`: it can be reached at its address. */
  accept(opening: Opening, port: number, isProven: boolean, receivedBytes: number): void {
    this.#move(isProven ? 'acceptProven' : 'accept');
    this.#owner.counters.links_accepted++;
    this.#receivedBytes += receivedBytes;
    this.port = port;
    this.#initAt = NEVER;
    this.#opened(opening);
    this.sendAccept();
  }

  /** Again, since the peer's INIT came again. */
  acceptAgain(receivedBytes: number): void {
    this.#receivedBytes += receivedBytes;
    this.sendAccept();
  }

  sendAccept(): void {
    const packet = encodeAccept(this.#owner.openingFor(this), this.peerId);
    this.#sentBytes += packet.length;
    this.#owner.transmit(this, [packet], packet.length);
  }

  /** The NI talks to itself: both ends are this one. */
  openToSelf(opening: Opening): void {
    this.#move('acceptProven');
    this.#opened(opening);
  }

  #opened(opening: Opening): void {
    const { interfaceBytes, tunables, clock } = this.#owner;
    this.peerId = opening.ownId;
    this.peerIncarnation = opening.incarnation;
    this.#tx.peerWindow = opening.window;
    this.#loss.peerAckDelayUs = opening.ackDelayMaxMs * US_PER_MS;
    this.#mtu = new PathMtu(Math.min(opening.datagramBytesMax, interfaceBytes, tunables.datagram_max));
    this.#rx.setPeer(this.peerNid, opening.pid);
    this.#initAt = NEVER;
    this.#heardAt = clock.now();
    this.#progressAt = this.#heardAt;
    this.#awaitTurn();
    this.#arm();
  }

  // Receiving

  /** A DATA packet with our id, from the peer's address. */
  receive(bytes: Uint8Array, view: DataView, port: number): void {
    const { counters, clock } = this.#owner;
    const number = readU53(view, UDP_PACKET.at.packetNumber);
    if (this.#state === 'dialling') {
      counters.dropped_early++;
      return;
    }
    if (!(number >= 0) || !areFramesSound(view, this.#ackFrame)) {
      counters.dropped_malformed++;
      return;
    }
    if (this.#acks.has(number)) {
      counters.dropped_duplicate++;
      return;
    }
    const now = clock.now();
    if (this.#state === 'halfOpen') {
      this.#move('heard');
      this.#owner.proven(this);
    }
    this.#heardAt = now;
    this.#sendErrno = 0;
    if (port !== this.port && number > this.#acks.largest) {
      this.port = port;
      counters.peer_moved++;
    }
    this.#readFrames(bytes, view, number, now);
    if (this.#state !== 'up') return;
    this.#rx.read();
    this.#awaitTurn();
  }

  #readFrames(bytes: Uint8Array, view: DataView, number: number, now: Instant): void {
    let asks = false;
    let isLast = false;
    let isKept = true;
    for (let at: number = UDP_PACKET.size; at < bytes.length; ) {
      const kind = view.getUint8(at);
      const bodyAt = at + UDP_FRAME.size;
      const bodyBytes = view.getUint16(at + UDP_FRAME.at.bodyBytes, true);
      if (kind === FRAME_DATA) {
        asks = true;
        if ((view.getUint8(at + UDP_FRAME.at.flags) & DATA_IS_LAST) !== 0) isLast = true;
        const piece = bytes.subarray(bodyAt + UDP_DATA.size, bodyAt + bodyBytes);
        const verdict = this.#rx.receive(readU53(view, bodyAt), piece);
        if (verdict === DATA_BEYOND_WINDOW) {
          this.end('broken_window');
          return;
        }
        if (verdict === DATA_NO_ROOM) isKept = false;
      } else if (kind === FRAME_ACK) {
        this.#ackFrame.read(view, bodyAt, bodyBytes);
        if (!this.#acknowledged(now)) return;
      } else if (kind === FRAME_WINDOW) {
        asks = true;
        this.#tx.peerWindow = Math.max(this.#tx.peerWindow, readU53(view, bodyAt));
        this.#stallPings = 0;
      } else if (kind === FRAME_PING) {
        asks = true;
        isLast = true;
        this.#isWindowForced = true;
      } else if (kind === FRAME_CLOSE) {
        this.end('broken_closed');
        return;
      }
      at = bodyAt + bodyBytes;
    }
    if (!isKept) return;
    this.#acks.add(number, asks, now, this.#ackDelayUs);
    if (isLast) this.#acks.isDue = true;
  }

  #acknowledged(now: Instant): boolean {
    const { counters } = this.#owner;
    const count = this.#loss.acknowledged(this.#ackFrame, now, this.#isWindowUsed);
    if (count < 0) {
      this.end('broken_ack');
      return false;
    }
    counters.packets_acknowledged += count;
    if (count > 0) this.#progressAt = now;
    return true;
  }

  packetAcknowledged(packet: SentPacket, now: Instant): void {
    if (packet.to > packet.from) this.#tx.acknowledged(packet.from, packet.to);
    if (packet.bytes > BASE_DATAGRAM_BYTES) this.#mtu.carried();
    if (!packet.isMtuProbe || !this.#mtu.probeAcknowledged(packet.bytes, now)) return;
    this.#owner.counters.mtu_raised++;
    this.#congestion.setDatagramBytes(this.#mtu.datagramBytes);
  }

  packetLost(packet: SentPacket, now: Instant): void {
    this.#owner.counters.packets_lost++;
    if (packet.to > packet.from) this.#tx.lost(packet.from, packet.to);
    if (packet.carriesWindow) this.#isWindowForced = true;
    if (packet.isMtuProbe) this.#mtu.probeLost(now);
  }

  congestionBegan(): void {
    this.#owner.counters.congestion_events++;
  }

  streamBroken(reason: 'broken_record' | 'broken_too_long' | 'broken_by_lnet'): void {
    this.end(reason);
  }

  streamResumed(): void {
    this.#isWindowForced = true;
    this.#awaitTurn();
  }

  // Sending

  #awaitTurn(): void {
    if (this.#isTurnAwaited || this.#state === 'closed') return;
    this.#isTurnAwaited = true;
    this.#owner.atTurnEnd(this);
  }

  /** The turn ends: reads on where the core's call had stopped it, and sends what may be sent. */
  endTurn(): void {
    this.#isTurnAwaited = false;
    if (this.#state !== 'up' && this.#state !== 'halfOpen') return;
    this.#rx.read();
    if (this.#isOver) return;
    this.#flush(this.#owner.clock.now());
    if (!this.#isOver) this.#arm();
  }

  /** The system takes datagrams again. */
  drained(): void {
    this.#awaitTurn();
  }

  get #isOver(): boolean {
    return this.#state === 'closed';
  }

  #flush(now: Instant): void {
    const { counters } = this.#owner;
    if (this.#owner.isBlocked) {
      this.#owner.awaitDrain(this);
      return;
    }
    counters.tx_messages += this.#tx.reportSent();
    if (this.#isOver) return;
    this.#isWindowUsed = false;
    this.#pacedAt = NEVER;
    for (let left = BURST_PACKETS; this.#sendOne(now); left--) {
      if (this.#owner.isBlocked) {
        this.#owner.awaitDrain(this);
        return;
      }
      if (left > 1) continue;
      this.#isWindowUsed = true;
      this.#awaitTurn();
      return;
    }
    this.#watchStall(now);
  }

  /** Sends the packet whose turn it is. False when there is none. */
  #sendOne(now: Instant): boolean {
    if (this.#state === 'up') {
      const probeBytes = this.#tx.isBusy ? this.#mtu.probeBytes(now) : 0;
      if (probeBytes > 0 && this.#congestion.hasRoomFor(probeBytes)) return this.#sendMtuProbe(probeBytes, now);
    }
    if (this.#tx.isReady && this.#mayLeave(now)) return this.#sendData(now);
    if (this.#isPingDue || this.#probesDue > 0) return this.#sendPing(now);
    if (this.#acks.isDue || this.#isWindowForced || this.#rx.isWindowDue) return this.#sendControl(now);
    return false;
  }

  #mayLeave(now: Instant): boolean {
    const { datagramBytes } = this.#mtu;
    if (this.#state === 'halfOpen' && this.#sentBytes + datagramBytes > AMPLIFICATION_MAX * this.#receivedBytes)
      return false;
    if (this.#probesDue > 0) return true;
    if (!this.#congestion.hasRoomFor(datagramBytes)) {
      this.#isWindowUsed = true;
      return false;
    }
    const { windowBytes, isInSlowStart } = this.#congestion;
    const { smoothedUs } = this.#rtt;
    const opensAt = this.#pacer.opensAt(now, { windowBytes, isInSlowStart, smoothedUs, datagramBytes });
    if (opensAt <= now) return true;
    this.#isWindowUsed = true;
    this.#pacedAt = opensAt;
    return false;
  }

  /** Begins a DATA packet with the control frames that wait. True when it asks for an acknowledgement because of them. */
  #begin(now: Instant, isAckAlone: boolean): boolean {
    const { writer, counters } = this.#owner;
    writer.begin(PACKET_DATA, this.peerId, this.#loss.nextNumber);
    if (this.#acks.isWaiting || isAckAlone) {
      if (this.#acks.largest >= 0) {
        writer.ack(this.#acks, now);
        counters.acks_sent++;
      }
    }
    const sendsWindow = this.#isWindowForced || this.#rx.isWindowDue;
    if (sendsWindow) {
      writer.window(this.#rx.announce());
      this.#isWindowForced = false;
    }
    return sendsWindow;
  }

  #sendData(now: Instant): boolean {
    const { writer } = this.#owner;
    const carriesWindow = this.#begin(now, false);
    const tx = this.#tx;
    tx.next(this.#mtu.datagramBytes - writer.bytes - DATA_HEAD_BYTES);
    writer.data(tx.isReady ? 0 : DATA_IS_LAST, tx.from, tx.to - tx.from);
    tx.write(writer);
    const packet = this.#loss.take();
    packet.from = tx.from;
    packet.to = tx.to;
    packet.carriesWindow = carriesWindow;
    this.#leave(packet, now);
    return true;
  }

  #sendMtuProbe(bytes: number, now: Instant): boolean {
    const { writer, counters } = this.#owner;
    writer.begin(PACKET_DATA, this.peerId, this.#loss.nextNumber);
    writer.ping();
    writer.padTo(bytes);
    const packet = this.#loss.take();
    packet.isMtuProbe = true;
    this.#mtu.probeSent();
    counters.mtu_probes++;
    this.#leave(packet, now);
    return true;
  }

  #sendPing(now: Instant): boolean {
    const carriesWindow = this.#begin(now, false);
    this.#owner.writer.ping();
    const packet = this.#loss.take();
    packet.carriesWindow = carriesWindow;
    this.#leave(packet, now);
    return true;
  }

  /** Acknowledgement and window alone. */
  #sendControl(now: Instant): boolean {
    if (!this.#begin(now, true)) {
      this.#loss.nextNumber++;
      this.#transmit();
      return true;
    }
    const packet = this.#loss.take();
    packet.carriesWindow = true;
    this.#leave(packet, now);
    return true;
  }

  /** Sends what the writer holds as a packet that asks for an acknowledgement. */
  #leave(packet: SentPacket, now: Instant): void {
    this.#owner.writer.padTo(RESET_BYTES);
    packet.bytes = this.#owner.writer.bytes;
    if (this.#loss.outstanding === 0) this.#progressAt = now;
    this.#loss.sent(packet, now);
    this.#pacer.sent(packet.bytes);
    this.#isPingDue = false;
    if (this.#probesDue > 0) this.#probesDue--;
    this.#transmit();
  }

  #transmit(): void {
    const { writer } = this.#owner;
    writer.end();
    this.#sentBytes += writer.bytes;
    this.#owner.transmit(this, writer.segments, writer.bytes);
  }

  /** Data waits for nothing but the peer's window: asks for it from time to time, so that a lost WINDOW stalls nobody. */
  #watchStall(now: Instant): void {
    if (!this.#tx.isStalled || this.#loss.outstanding > 0) {
      this.#stallPingAt = NEVER;
      return;
    }
    if (this.#stallPingAt !== NEVER) return;
    if (this.#stallPings === 0) this.#owner.counters.window_stalls++;
    const interval = this.#rtt.probeTimeoutUs(this.#loss.peerAckDelayUs) * 2 ** this.#stallPings;
    this.#stallPingAt = now + Math.min(interval, STALL_INTERVAL_MAX_US);
    this.#stallPings++;
  }

  // Time

  /** Earliest instant at which something is to be done. */
  get #deadline(): Instant {
    const { tunables } = this.#owner;
    const timeoutUs = tunables.timeout * US_PER_S;
    if (this.#state === 'dialling') return Math.min(this.#initAt, this.#startedAt + timeoutUs);
    if (this.#state === 'halfOpen') return Math.min(this.#startedAt + HALF_OPEN_US, this.#loss.deadline, this.#pacedAt);
    const isBusy = this.#loss.outstanding > 0;
    const silence = isBusy ? this.#progressAt + timeoutUs : this.#keepaliveAt;
    return Math.min(this.#loss.deadline, this.#acks.dueAt, this.#pacedAt, this.#stallPingAt, silence);
  }

  get #keepaliveAt(): Instant {
    const { keepalive } = this.#owner.tunables;
    return keepalive === 0 ? NEVER : this.#heardAt + keepalive * US_PER_S;
  }

  /** Sets the timer; one that fires too early sets itself anew, so that it is not moved with every packet. */
  #arm(): void {
    const deadline = this.#deadline;
    if (deadline === NEVER) this.#timer.clear();
    else if (this.#timer.at === undefined || deadline < this.#timer.at) this.#timer.set(deadline);
  }

  #onTimer(): void {
    const now = this.#owner.clock.now();
    if (this.#deadline <= now) {
      if (this.#state === 'dialling') this.#dialTimer(now);
      else this.#linkTimer(now);
    }
    if (!this.#isOver) this.#arm();
  }

  #dialTimer(now: Instant): void {
    if (now >= this.#startedAt + this.#owner.tunables.timeout * US_PER_S) this.end('dial_timeout');
    else if (this.#sendErrno !== 0 && this.#initCount > PROBES_BEFORE_DOUBT) this.end('dial_unreachable');
    else this.#sendInit(now);
  }

  #linkTimer(now: Instant): void {
    const { counters, tunables } = this.#owner;
    if (this.#state === 'halfOpen' && now >= this.#startedAt + HALF_OPEN_US) {
      this.end('broken_silent_dialler');
      return;
    }
    if (this.#loss.outstanding > 0) {
      if (now >= this.#progressAt + tunables.timeout * US_PER_S) {
        this.end('broken_timeout');
        return;
      }
    } else if (now >= this.#keepaliveAt) {
      counters.keepalives_sent++;
      this.#isPingDue = true;
    }
    if (this.#loss.expired(now)) {
      this.#probe();
      if (this.#isOver) return;
    }
    if (now >= this.#acks.dueAt) this.#acks.isDue = true;
    if (now >= this.#stallPingAt) {
      this.#stallPingAt = NEVER;
      this.#isPingDue = true;
    }
    this.#flush(now);
  }

  /** Nothing was acknowledged in time: RFC 9002 §6.2.4. */
  #probe(): void {
    const { counters } = this.#owner;
    const { probeCount, oldestData } = this.#loss;
    counters.probe_timeouts++;
    if (probeCount >= PROBES_BEFORE_DOUBT) {
      if (this.#sendErrno !== 0) {
        this.end('broken_unreachable');
        return;
      }
      if (probeCount === PROBES_BEFORE_DOUBT) this.#owner.doubt(this);
    }
    if (oldestData && oldestData.bytes > BASE_DATAGRAM_BYTES && this.#mtu.timedOut()) {
      counters.mtu_black_holes++;
      this.#congestion.setDatagramBytes(this.#mtu.datagramBytes);
    }
    if (oldestData) this.#tx.lost(oldestData.from, oldestData.to);
    this.#probesDue = 1;
  }

  /** The system could not send to the peer. */
  sendFailed(errno: number): void {
    this.#sendErrno = errno;
  }

  /** The peer's machine says that nothing listens there. */
  nobodyListens(): void {
    if (this.#state === 'dialling') this.end('dial_nobody');
    else if (this.#loss.probeCount > 0) this.end('broken_nobody');
  }

  /** Ends the link: everything under way is reported, and the peer told if it can be. */
  end(end: LinkEnd): void {
    if (this.#isOver) return;
    const { counters } = this.#owner;
    const wasOpen = this.#state === 'up' || this.#state === 'halfOpen';
    const { saysSo, errno } = LINK_ENDS[end];
    if (wasOpen && saysSo && !this.#owner.isBlocked) this.#sendClose(errno);
    this.#move('end');
    this.#timer.clear();
    counters[end]++;
    if (wasOpen) counters.links_closed++;
    this.#owner.forget(this);
    this.#rx.fail();
    counters.tx_failed += this.#tx.fail(endingOf(end, this.#sendErrno));
    this.#owner.reportDown(this);
  }

  #sendClose(errno: number): void {
    const { writer } = this.#owner;
    writer.begin(PACKET_DATA, this.peerId, this.#loss.nextNumber++);
    writer.close(errno);
    writer.padTo(RESET_BYTES);
    this.#transmit();
  }
}
