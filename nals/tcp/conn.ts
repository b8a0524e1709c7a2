import { ETIMEDOUT, type Instant, type Timer, US_PER_S } from '../../lnet/nal.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import type { TcpContext } from './context.ts';
import type { Reason } from './counters.ts';
import { HandshakeReader, type HandshakeStep } from './handshake-reader.ts';
import { Receiver, type ReceiverLink } from './receiver.ts';
import type { Endpoint, Stream, StreamSink } from './stream.ts';
import { Transmitter, type TxEnding } from './transmitter.ts';
import { CONN_TYPE_NAMES, type ConnType, SOCKLND_CONN_BULK_IN } from './wire/conn-type.ts';
import type { Hello, KsockVersion } from './wire/hello.ts';
import type { MessageHeader } from './wire/message-header.ts';
import type { TcpNi } from './tcp-ni.ts';

/**
 * The life of one TCP connection. An acceptor begins with `request`, a connector with `dialing`; `closing` is a refusal whose
 * answer is on its way.
 */
export const CONN_MOVES = {
  dialing: { opened: 'helloWait', drop: 'closed' },
  helloWait: { establish: 'up', drop: 'closed' },
  request: { requested: 'hello', answer: 'closing', drop: 'closed' },
  hello: { establish: 'up', answer: 'closing', drop: 'closed' },
  up: { drop: 'closed' },
  closing: { drop: 'closed' },
  closed: {},
} as const satisfies Record<string, Readonly<Record<string, string>>>;

export type ConnState = keyof typeof CONN_MOVES;
export type ConnMove = 'opened' | 'requested' | 'establish' | 'answer' | 'drop';

/** How long a refused peer may take to read the answer and close, microseconds. */
const CLOSING_US = US_PER_S;

/** Who conducts the handshake: the acceptor, or the dial that opens the connection. */
export interface HandshakeOwner {
  /** Connector: TCP is there. */
  opened(conn: Conn): void;
  /** Acceptor: the peer named the NID that it wants. */
  requested(conn: Conn, nid: Nid): void;
  greeted(conn: Conn, hello: Hello): void;
  /** The peer sent something else than a handshake. */
  faulted(conn: Conn, reason: Reason, answersVersion: boolean): void;
  /** The stream ended (0: the peer closed) or a part of the handshake took too long (-ETIMEDOUT). */
  ended(conn: Conn, errno: number): void;
  /** The handshake is over, whatever came of it. Last call. */
  released(conn: Conn): void;
}

/** The peer pair that an established connection belongs to. */
export interface LinkOwner {
  broken(conn: Conn, reason: Reason, errno: number): void;
  zcRequested(conn: Conn, low: number, high: number): void;
  zcAcknowledged(conn: Conn, header: MessageHeader): void;
}

/** What a handshake has settled. */
export interface Established {
  readonly owner: LinkOwner;
  readonly ni: TcpNi;
  readonly peerNid: Nid;
  readonly peerPid: number;
  readonly version: KsockVersion;
  readonly type: ConnType;
}

/** One TCP connection as a state machine: fed with what the stream reports, acting through the stream and its owners. */
export class Conn implements StreamSink, ReceiverLink {
  readonly id: number;
  /** Made by the other side. */
  readonly isAccepted: boolean;
  readonly #context: TcpContext;
  readonly #owner: HandshakeOwner;
  readonly #partTimeoutUs: number;
  readonly #timer: Timer;
  #state: ConnState;
  #reader: HandshakeReader;
  #stream: Stream | null = null;
  #link: LinkOwner | null = null;
  #isLittleEndian = true;
  /** Writes of the handshake whose end the stream has not reported. */
  #handshakeWrites = 0;
  #rx: Receiver | null = null;
  #tx: Transmitter | null = null;
  /** Own view of the connection's type: socklnd §2.5. Meaningless before it is up. */
  type: ConnType = 0;
  /** Order of use among connections with equal backlog. */
  lastUse = 0;
  lastHeard: Instant = 0;
  lastWritten: Instant = 0;

  /** `partTimeoutUs` bounds each part of the handshake that is read. */
  constructor(
    context: TcpContext,
    options: { id: number; role: 'acceptor' | 'connector'; owner: HandshakeOwner; partTimeoutUs: number },
  ) {
    this.id = options.id;
    this.#context = context;
    this.#owner = options.owner;
    this.#partTimeoutUs = options.partTimeoutUs;
    this.#timer = context.wheel.timer(() => this.#timeUp());
    this.isAccepted = options.role === 'acceptor';
    this.#state = this.isAccepted ? 'request' : 'dialing';
    this.#reader = new HandshakeReader(this.isAccepted ? 'request' : 'hello');
    this.#restartTimer();
  }

  get state(): ConnState {
    return this.#state;
  }

  /** Present once the connection was opened. */
  get stream(): Stream {
    if (!this.#stream) throw new Error('the connection was never opened');
    return this.#stream;
  }

  get local(): Endpoint {
    return this.stream.local;
  }

  get remote(): Endpoint {
    return this.stream.remote;
  }

  get tx(): Transmitter {
    if (!this.#tx) throw new Error('the connection is not up');
    return this.#tx;
  }

  /** True when the peer has sent something in answer to our request. */
  get hasAnswer(): boolean {
    return this.#reader.hasBegun;
  }

  /** Up, and no message has crossed it in either direction. */
  get isUnused(): boolean {
    return this.#rx?.isUntouched === true && this.#tx?.isUntouched === true;
  }

  /** Since when a message is being received without a byte of it coming, or undefined. */
  get receivingSince(): Instant | undefined {
    return this.#rx?.isMidMessage ? this.lastHeard : undefined;
  }

  /** A connector's stream before it is open, so that it can be given up. */
  set dialled(stream: Stream) {
    this.#stream ??= stream;
  }

  #move(move: ConnMove): void {
    const next = (CONN_MOVES[this.#state] as Partial<Record<ConnMove, ConnState>>)[move];
    if (next === undefined) throw new Error(`connection ${this.id}: '${move}' in state '${this.#state}'`);
    this.#state = next;
  }

  // What the stream reports.

  opened(stream: Stream): void {
    this.#stream = stream;
    if (this.#state !== 'dialing') return;
    this.#move('opened');
    this.#restartTimer();
    this.#owner.opened(this);
  }

  target(): Uint8Array {
    switch (this.#state) {
      case 'up':
        return (this.#rx as Receiver).target();
      case 'closing':
      case 'closed':
        return this.#context.staging.target(Number.POSITIVE_INFINITY);
      default:
        return this.#reader.target();
    }
  }

  received(count: number): boolean {
    switch (this.#state) {
      case 'up':
        this.lastHeard = this.#context.env.clock.now();
        return (this.#rx as Receiver).received(count);
      case 'closing':
        return true;
      case 'closed':
        return false;
      default: {
        const parts = this.#reader.parts;
        const step = this.#reader.received(count);
        if (this.#reader.parts > parts) this.#restartTimer();
        this.#take(step);
        return this.state !== 'closed';
      }
    }
  }

  written(): void {
    if (this.#handshakeWrites > 0) {
      this.#handshakeWrites--;
      return;
    }
    if (this.#state !== 'up') return;
    this.lastWritten = this.#context.env.clock.now();
    this.#tx?.written();
  }

  ended(errno: number): void {
    switch (this.#state) {
      case 'up':
        this.broken(errno === 0 ? 'broken_closed' : 'broken_network', errno);
        return;
      case 'closing':
        this.drop();
        return;
      case 'closed':
        return;
      default:
        this.#owner.ended(this, errno);
    }
  }

  // Handshake.

  #take(step: HandshakeStep): void {
    switch (step.kind) {
      case 'request':
        this.#move('requested');
        this.#reader = new HandshakeReader('hello');
        this.#owner.requested(this, step.nid);
        return;
      case 'hello':
        this.#isLittleEndian = step.isLittleEndian;
        this.#owner.greeted(this, step.hello);
        return;
      case 'fault':
        this.#owner.faulted(this, step.reason, step.answersVersion);
        return;
      default:
        return;
    }
  }

  #restartTimer(): void {
    this.#timer.set(this.#context.env.clock.now() + this.#partTimeoutUs);
  }

  #timeUp(): void {
    if (this.#state === 'closing') this.drop();
    else this.#owner.ended(this, -ETIMEDOUT);
  }

  /** Sends part of a handshake. */
  send(bytes: Uint8Array): void {
    this.#handshakeWrites++;
    this.stream.write([bytes]);
  }

  /** Refuses with an answer: it is sent, and the connection closed when the peer closes or after a second. */
  answer(bytes: Uint8Array): void {
    this.#move('answer');
    this.#timer.set(this.#context.env.clock.now() + CLOSING_US);
    this.stream.finish(bytes);
  }

  /** Closes a connection that is not up. */
  drop(): void {
    if (this.#state === 'closed') return;
    const wasUp = this.#state === 'up';
    this.#move('drop');
    this.#timer.clear();
    this.#stream?.destroy();
    if (!wasUp) this.#owner.released(this);
  }

  /** The handshake has succeeded: from now on the stream carries messages. */
  establish(established: Established): void {
    const { owner, ni, peerNid, peerPid, version, type } = established;
    this.#move('establish');
    this.#timer.clear();
    this.#link = owner;
    this.type = type;
    this.lastHeard = this.#context.env.clock.now();
    this.lastWritten = this.lastHeard;
    const shared = { ni, version, linkId: this.id, counters: ni.counters };
    this.#rx = new Receiver(this.#context, {
      ...shared,
      link: this,
      fromNid: peerNid,
      fromPid: peerPid,
      isLittleEndian: this.#isLittleEndian,
      expectsBulk: type === SOCKLND_CONN_BULK_IN,
    });
    this.#tx = new Transmitter(this.#context, {
      ...shared,
      stream: this.stream,
      peerNid,
      sendsChecksums: ni.tunables.enable_csum === 1,
    });
    this.#owner.released(this);
  }

  // Up.

  broken(reason: Reason, errno: number): void {
    this.#link?.broken(this, reason, errno);
  }

  zcRequested(low: number, high: number): void {
    this.#link?.zcRequested(this, low, high);
  }

  zcAcknowledged(header: MessageHeader): void {
    this.#link?.zcAcknowledged(this, header);
  }

  resumeReading(): void {
    this.#stream?.resume();
  }

  /** Closes a connection that is up, for its pair; what was under way ends. */
  shut(ending: TxEnding): void {
    this.drop();
    this.#rx?.fail();
    this.#tx?.fail(ending);
  }

  toJSON(): Record<string, unknown> {
    return {
      id: this.id,
      state: this.#state,
      type: CONN_TYPE_NAMES[this.type],
      local: this.#stream?.local,
      remote: this.#stream?.remote,
      backlogBytes: this.#tx?.backlogBytes ?? 0,
    };
  }
}
