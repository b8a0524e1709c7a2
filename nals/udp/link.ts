import type { Clock, Instant, NalNi, NalTx, NalUpcalls, Timer, TimerWheel } from '../../lnet/nal.ts';
import { US_PER_MS, US_PER_S } from '../../lnet/nal.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import { AckFrame, AckRanges } from './ack-ranges.ts';
import type { LinkEnd, UdpCounters } from './counters.ts';
import { endingOf, LINK_ENDS } from './ending.ts';
import { areFramesSound } from './frames.ts';
import { encodeAccept, encodeInit, NO_CONN_ID, type Opening } from './handshake.ts';
import type { HeldBudget } from './held-pieces.ts';
import { LINK_MOVES, type LinkMove, type LinkState } from './moves.ts';
import type { ConnId, PacketWriter } from './packet-writer.ts';
import { DATA_BEYOND_WINDOW, DATA_NO_ROOM, type ReceiveOwner, ReceiveStream } from './receive-stream.ts';
import { FLUSH_BLOCKED, FLUSH_MORE, PacketSender, type SenderOwner } from './sender.ts';
import type { UdpTunables } from './tunables.ts';
import {
  DATA_IS_LAST,
  FRAME_ACK,
  FRAME_CLOSE,
  FRAME_DATA,
  FRAME_PING,
  FRAME_WINDOW,
  readU53,
  UDP_DATA,
  UDP_FRAME,
  UDP_PACKET,
} from './wire.ts';

/** How long an accepted link may wait for a packet of its dialler. */
export const HALF_OPEN_US = 10 * US_PER_S;

/** INIT is repeated after this, doubled each time up to {@link INIT_INTERVAL_MAX_US}. */
const INIT_INTERVAL_US = 250_000;
const INIT_INTERVAL_MAX_US = 2 * US_PER_S;

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
 * One link between two NIs. Does no I/O: told what came (`receive`), what the time is (`endTurn`, its timer) and what to
 * send, it gives packets to its owner.
 */
export class Link implements ReceiveOwner, SenderOwner {
  readonly peerNid: Nid;
  /** Under which the peer addresses it. */
  readonly ownId: ConnId;
  /** Under which it addresses the peer. */
  peerId: ConnId = NO_CONN_ID;
  peerIncarnation = 0n;
  /** IP address of the peer, fixed; its port may change. */
  readonly address: string;
  port: number;
  readonly counters: UdpCounters;
  readonly upcalls: NalUpcalls;
  readonly writer: PacketWriter;
  readonly #owner: LinkOwner;
  #state: LinkState = 'new';
  readonly #timer: Timer;
  readonly #acks = new AckRanges();
  readonly #ackFrame = new AckFrame();
  readonly #rx: ReceiveStream;
  readonly #sender: PacketSender;
  readonly #ackDelayUs: number;
  /** Last sign of the peer. */
  #heardAt: Instant;
  readonly #startedAt: Instant;
  /** INIT: when to repeat it, how many were sent, and what proves our address. */
  #initAt: Instant = NEVER;
  #initCount = 0;
  #initSentAt: Instant = 0;
  #token: Uint8Array | undefined;
  /** Last error of the system since the peer was heard. */
  #sendErrno = 0;
  #isTurnAwaited = false;
  #isTimerDue = false;

  constructor(owner: LinkOwner, peerNid: Nid, ownId: ConnId, port: number) {
    const { clock, counters, upcalls, tunables } = owner;
    this.#owner = owner;
    this.counters = counters;
    this.upcalls = upcalls;
    this.writer = owner.writer;
    this.peerNid = peerNid;
    this.ownId = ownId;
    this.address = peerNid.addressText;
    this.port = port;
    this.#startedAt = clock.now();
    this.#heardAt = this.#startedAt;
    this.#ackDelayUs = tunables.ack_delay_ms * US_PER_MS;
    const windowBytes = tunables.window_kb * 1024;
    this.#rx = new ReceiveStream({ ni: owner.ni, upcalls, owner: this, counters, budget: owner.budget, windowBytes });
    this.#sender = new PacketSender(this, this.#acks, this.#rx, this.#startedAt);
    this.#timer = owner.wheel.timer(() => this.#onTimer());
  }

  get state(): LinkState {
    return this.#state;
  }

  /** For a person, and for tests. */
  toJSON(): Readonly<Record<string, unknown>> {
    const { heldBytes } = this.#rx;
    return { peer: String(this.peerNid), state: this.#state, port: this.port, heldBytes, ...this.#sender.toJSON() };
  }

  #move(move: LinkMove): void {
    const next = LINK_MOVES[this.#state][move];
    if (!next) throw new Error(`link to ${this.peerNid}: ${move} while ${this.#state}`);
    this.#state = next;
  }

  /** Queues a message; it leaves with the end of the turn, or when the link is open. */
  send(tx: NalTx): void {
    this.#sender.queue(tx);
    this.#awaitTurn();
  }

  /** Packets may come and go. */
  get isOpen(): boolean {
    return this.#state === 'up' || this.#state === 'halfOpen';
  }

  get #isOver(): boolean {
    return this.#state === 'closed';
  }

  // SenderOwner

  get isBlocked(): boolean {
    return this.#owner.isBlocked;
  }

  get isProven(): boolean {
    return this.#state === 'up';
  }

  transmit(): void {
    this.#owner.transmit(this, this.writer.segments, this.writer.bytes);
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
    this.#token = token;
    this.#initCount = 0;
    this.#sendInit(this.#owner.clock.now());
    this.#arm();
  }

  /** The peer has accepted our dial. */
  answered(opening: Opening, port: number): void {
    this.#move('answered');
    this.counters.links_dialled++;
    if (this.#initCount === 1) this.#sender.rtt.update(this.#owner.clock.now() - this.#initSentAt, 0, 0);
    this.port = port;
    this.#opened(opening);
  }

  /** We accept the peer's dial. `isProven`: it can be reached at its address. */
  accept(opening: Opening, port: number, isProven: boolean, receivedBytes: number): void {
    this.#move(isProven ? 'acceptProven' : 'accept');
    this.counters.links_accepted++;
    this.port = port;
    this.#opened(opening);
    this.acceptAgain(receivedBytes);
  }

  /** ACCEPT, also for an INIT that comes again. */
  acceptAgain(receivedBytes: number): void {
    this.#sender.receivedBytes += receivedBytes;
    const packet = encodeAccept(this.#owner.openingFor(this), this.peerId);
    this.#sender.sentBytes += packet.length;
    this.#owner.transmit(this, [packet], packet.length);
  }

  /** The NI talks to itself: both ends are this one. */
  openToSelf(opening: Opening): void {
    this.#move('acceptProven');
    this.#opened(opening);
  }

  #opened(opening: Opening): void {
    const { interfaceBytes, tunables, clock } = this.#owner;
    const now = clock.now();
    this.peerId = opening.ownId;
    this.peerIncarnation = opening.incarnation;
    this.#rx.setPeer(this.peerNid, opening.pid);
    this.#sender.opened(opening, Math.min(interfaceBytes, tunables.datagram_max), now);
    this.#heardAt = now;
    this.#awaitTurn();
    this.#arm();
  }

  // Receiving

  /** A DATA packet with our id, from the peer's address. */
  receive(bytes: Uint8Array, view: DataView, port: number): void {
    const { counters } = this;
    const number = readU53(view, UDP_PACKET.at.packetNumber);
    if (!this.isOpen) {
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
    if (this.#state === 'halfOpen') {
      this.#move('heard');
      this.#owner.proven(this);
    }
    const now = this.#owner.clock.now();
    this.#heardAt = now;
    this.#sendErrno = 0;
    if (port !== this.port && number > this.#acks.largest) {
      this.port = port;
      counters.peer_moved++;
    }
    this.#readFrames(bytes, view, number, now);
    if (this.#isOver) return;
    this.#rx.read();
    this.#awaitTurn();
  }

  #readFrames(bytes: Uint8Array, view: DataView, number: number, now: Instant): void {
    let asks = false;
    let isUrgent = false;
    let isKept = true;
    for (let at: number = UDP_PACKET.size; at < bytes.length; ) {
      const kind = view.getUint8(at);
      const bodyAt = at + UDP_FRAME.size;
      const bodyBytes = view.getUint16(at + UDP_FRAME.at.bodyBytes, true);
      if (kind === FRAME_DATA) {
        const verdict = this.#rx.receive(readU53(view, bodyAt), bytes, bodyAt + UDP_DATA.size, bodyAt + bodyBytes);
        if (verdict === DATA_BEYOND_WINDOW) return this.end('broken_window');
        if (verdict === DATA_NO_ROOM) isKept = false;
        if ((view.getUint8(at + UDP_FRAME.at.flags) & DATA_IS_LAST) !== 0) isUrgent = true;
        asks = true;
      } else if (kind === FRAME_ACK) {
        this.#ackFrame.read(view, bodyAt, bodyBytes);
        if (!this.#sender.acknowledged(this.#ackFrame, now)) return this.end('broken_ack');
      } else if (kind === FRAME_WINDOW) {
        this.#sender.windowRaised(readU53(view, bodyAt));
      } else if (kind === FRAME_PING) {
        this.#sender.isWindowForced = true;
        isUrgent = true;
        asks = true;
      } else if (kind === FRAME_CLOSE) return this.end('broken_closed');
      at = bodyAt + bodyBytes;
    }
    // What could not be kept must come again, so it is not acknowledged.
    if (!isKept) return;
    this.#acks.add(number, asks, now, this.#ackDelayUs);
    if (isUrgent) this.#acks.isDue = true;
  }

  streamBroken(reason: 'broken_record' | 'broken_too_long' | 'broken_by_lnet'): void {
    this.end(reason);
  }

  streamResumed(): void {
    this.#sender.isWindowForced = true;
    this.#awaitTurn();
  }

  // Time

  #awaitTurn(): void {
    if (this.#isTurnAwaited || this.#isOver) return;
    this.#isTurnAwaited = true;
    this.#owner.atTurnEnd(this);
  }

  /** The turn ends: reads on where the core's call had stopped it, does what is due, and sends what may be sent. */
  endTurn(): void {
    this.#isTurnAwaited = false;
    if (this.isOpen) this.#rx.read();
    const now = this.#owner.clock.now();
    if (this.#isTimerDue) this.#expire(now);
    if (this.isOpen) this.#flush(now);
    if (!this.#isOver) this.#arm();
  }

  #flush(now: Instant): void {
    const outcome = this.#sender.flush(now);
    if (outcome === FLUSH_MORE) this.#awaitTurn();
    else if (outcome === FLUSH_BLOCKED) this.#owner.awaitDrain(this);
  }

  /** The system takes datagrams again. */
  drained(): void {
    this.#awaitTurn();
  }

  /** Earliest instant at which something is to be done. */
  get #deadline(): Instant {
    const timeoutUs = this.#owner.tunables.timeout * US_PER_S;
    if (this.#state === 'dialling') return Math.min(this.#initAt, this.#startedAt + timeoutUs);
    if (this.#state === 'halfOpen') return Math.min(this.#startedAt + HALF_OPEN_US, this.#sender.deadline);
    const silenceAt = this.#sender.isExpecting ? this.#sender.progressAt + timeoutUs : this.#keepaliveAt;
    return Math.min(this.#sender.deadline, this.#acks.dueAt, silenceAt);
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

  /** What has come in meanwhile is read first: a process that was held up must not take what waits in its socket for lost. */
  #onTimer(): void {
    this.#isTimerDue = true;
    this.#awaitTurn();
  }

  #expire(now: Instant): void {
    this.#isTimerDue = false;
    if (this.#isOver || this.#deadline > now) return;
    if (this.#state === 'dialling') this.#expireDial(now);
    else this.#expireLink(now);
  }

  #expireDial(now: Instant): void {
    if (now >= this.#startedAt + this.#owner.tunables.timeout * US_PER_S) this.end('dial_timeout');
    else if (this.#sendErrno !== 0 && this.#initCount > PROBES_BEFORE_DOUBT) this.end('dial_unreachable');
    else this.#sendInit(now);
  }

  #expireLink(now: Instant): void {
    const sender = this.#sender;
    if (this.#state === 'halfOpen' && now >= this.#startedAt + HALF_OPEN_US) return this.end('broken_silent_dialler');
    if (sender.isExpecting) {
      if (now >= sender.progressAt + this.#owner.tunables.timeout * US_PER_S) return this.end('broken_timeout');
    } else if (now >= this.#keepaliveAt) {
      this.counters.keepalives_sent++;
      sender.isPingDue = true;
    }
    if (now >= this.#acks.dueAt) this.#acks.isDue = true;
    if (sender.expire(now) && sender.probeCount >= PROBES_BEFORE_DOUBT) {
      if (this.#sendErrno !== 0) return this.end('broken_unreachable');
      if (sender.probeCount === PROBES_BEFORE_DOUBT) this.#owner.doubt(this);
    }
  }

  // End

  /** The system could not send to the peer. */
  sendFailed(errno: number): void {
    this.#sendErrno = errno;
  }

  /** The peer's machine says that nothing listens there. */
  nobodyListens(): void {
    if (this.#state === 'dialling') this.end('dial_nobody');
    else if (this.#sender.probeCount > 0) this.end('broken_nobody');
  }

  /** Ends the link: everything under way is reported, and the peer told if it can be. */
  end(end: LinkEnd): void {
    if (this.#isOver) return;
    const { counters } = this;
    const wasOpen = this.isOpen;
    const { saysSo, errno } = LINK_ENDS[end];
    if (wasOpen && saysSo) this.#sender.sendClose(errno);
    this.#move('end');
    this.#timer.clear();
    counters[end]++;
    if (wasOpen) counters.links_closed++;
    this.#owner.forget(this);
    this.#rx.fail();
    counters.tx_failed += this.#sender.fail(endingOf(end, this.#sendErrno));
    this.#owner.reportDown(this);
  }
}
