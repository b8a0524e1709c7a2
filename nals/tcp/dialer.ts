import { EPROTO, ESTALE, ETIMEDOUT, type Instant, type Timer, US_PER_MS } from '../../lnet/nal.ts';
import type { Conn } from './conn.ts';
import type { TcpContext } from './context.ts';
import type { Reason } from './counters.ts';
import { Dial, type DialOwner, SOURCE_PORT_MAX, SOURCE_PORT_MIN } from './dial.ts';
import type { PeerPair } from './peer-pair.ts';
import { mirrorConnType, SOCKLND_CONN_NONE } from './wire/conn-type.ts';
import { firstVersionFor, type Hello, KSOCK_PROTO_V4, type KsockVersion } from './wire/hello.ts';

/**
 * The active side of a peer pair. `dialing` opens one connection after another until the set is complete; `pausing` waits
 * after a lost race. What fails goes back to `idle`, with a time before which no attempt is made.
 */
export const DIALER_MOVES = {
  idle: { start: 'dialing' },
  dialing: { pause: 'pausing', stop: 'idle' },
  pausing: { start: 'dialing', stop: 'idle' },
} as const satisfies Record<string, Readonly<Record<string, string>>>;

export type DialerState = keyof typeof DIALER_MOVES;
export type DialerMove = 'start' | 'pause' | 'stop';

/** Attempts in one round that may follow each other without waiting: other version, restarted peer. */
const AT_ONCE_MAX = 3;

/** Refusals in a row after which a set that has each type is good enough: socklnd §3.6. */
const REFUSALS_MAX = 3;

/** Opens the connections of one peer pair, in order, and keeps the time between failed attempts: socklnd §3.2, §3.3, §3.8. */
export class Dialer implements DialOwner {
  readonly #context: TcpContext;
  readonly #pair: PeerPair;
  readonly #pause: Timer;
  #state: DialerState = 'idle';
  #dial: Dial | null = null;
  #roundBegan: Instant = 0;
  #atOnce = 0;
  #refusals = 0;
  #nextPort = SOURCE_PORT_MAX;
  /** Time until the next attempt after the last failure, 0 after a success. */
  #intervalMs = 0;
  #retryAt: Instant = 0;
  /** The peer takes no further connections; the set is as complete as it gets. */
  #isSettled = false;
  /** The version that the peer asked for when it refused ours. */
  #offered: KsockVersion | undefined;

  constructor(context: TcpContext, pair: PeerPair) {
    this.#context = context;
    this.#pair = pair;
    this.#pause = context.wheel.timer(() => this.#next());
  }

  get state(): DialerState {
    return this.#state;
  }

  /** A connection is being made or will be without further asking. */
  get isUnderWay(): boolean {
    return this.#state !== 'idle';
  }

  /** No attempt is made before this instant. */
  get retryAt(): Instant {
    return this.#retryAt;
  }

  /** Until then the time between attempts must not be forgotten. */
  get rememberUntil(): Instant {
    return this.#intervalMs === 0 ? 0 : this.#retryAt + this.#pair.ni.tunables.max_reconnectms * US_PER_MS;
  }

  /** Sees to it that missing connections are opened. False when that is not allowed yet: socklnd §3.8 rule 1. */
  wake(): boolean {
    if (this.isUnderWay) return true;
    const now = this.#context.env.clock.now();
    if (now < this.#retryAt) return false;
    if (this.#isSettled) return true;
    this.#roundBegan = now;
    this.#atOnce = 0;
    this.#refusals = 0;
    this.#nextPort = SOURCE_PORT_MAX;
    this.#next();
    return true;
  }

  /**
   * All connections of the pair are gone. The round goes on only when it is needed: a peer that closes whatever it accepted
   * would otherwise be dialled without end.
   */
  setLost(isNeeded: boolean): void {
    this.#isSettled = false;
    if (!isNeeded) this.cancel();
  }

  /** Ends the round. */
  cancel(): void {
    this.#dial?.cancel();
    this.#stop();
  }

  #move(move: DialerMove): void {
    const next = (DIALER_MOVES[this.#state] as Partial<Record<DialerMove, DialerState>>)[move];
    if (next === undefined) throw new Error(`dialer of ${this.#pair.nid}: '${move}' in state '${this.#state}'`);
    this.#state = next;
  }

  #stop(): void {
    this.#dial = null;
    this.#pause.clear();
    if (this.isUnderWay) this.#move('stop');
  }

  #next(): void {
    const { ni, nid } = this.#pair;
    const type = this.#pair.missingType();
    if (type === undefined) {
      this.#stop();
      return;
    }
    if (this.#context.env.clock.now() - this.#roundBegan > ni.timeoutUs) {
      this.#giveUp('dial_timeout', -ETIMEDOUT);
      return;
    }
    if (this.#state !== 'dialing') this.#move('start');
    this.#dial = new Dial(this.#context, {
      ni,
      peerNid: nid,
      version: this.#pair.version ?? this.#offered ?? firstVersionFor(nid.isLarge),
      type,
      firstPort: this.#nextPort,
      owner: this,
    });
    this.#dial.start();
  }

  // DialOwner: socklnd §3.2.

  replied(dial: Dial, conn: Conn, hello: Hello): void {
    const pair = this.#pair;
    if (hello.srcNid !== pair.nid || hello.srcPid !== pair.pid) this.#reject(conn, 'dial_wrong_peer');
    else if (hello.type === SOCKLND_CONN_NONE) this.#refused(dial, conn, hello);
    else if (pair.contradicts(hello)) {
      conn.drop();
      pair.ni.counters.dial_stale++;
      pair.closeAll('broken_stale', -ESTALE);
      this.#again('dial_stale', -ESTALE);
    } else if (mirrorConnType(hello.type) !== dial.type) this.#reject(conn, 'dial_wrong_type');
    else {
      this.#nextPort = dial.port > SOURCE_PORT_MIN ? dial.port - 1 : SOURCE_PORT_MAX;
      this.#intervalMs = 0;
      this.#retryAt = 0;
      this.#refusals = 0;
      this.#offered = undefined;
      // What duplicates a connection that the peer made meanwhile is kept: closing it would look like a loss to the peer.
      pair.ni.counters.connections_opened++;
      pair.adopt(conn, hello, dial.type);
      this.#next();
    }
  }

  failed(_dial: Dial, reason: Reason, errno: number): void {
    this.#giveUp(reason, errno);
  }

  #reject(conn: Conn, reason: Reason): void {
    conn.drop();
    this.#giveUp(reason, -EPROTO);
  }

  /** "Not this time": another version, or later. */
  #refused(dial: Dial, conn: Conn, hello: Hello): void {
    const pair = this.#pair;
    conn.drop();
    if (hello.version !== dial.version) {
      pair.ni.counters.dial_other_version++;
      // Large NIDs exist in version 4 only.
      if (pair.nid.isLarge && hello.version !== KSOCK_PROTO_V4) this.#giveUp('dial_bad_reply', -EPROTO);
      else {
        this.#offered = hello.version;
        this.#again('dial_bad_reply', -EPROTO);
      }
      return;
    }
    pair.ni.counters.dial_lost_race++;
    if (++this.#refusals >= REFUSALS_MAX && pair.hasEachType) {
      this.#isSettled = true;
      this.#stop();
      return;
    }
    this.#dial = null;
    this.#move('pause');
    this.#pause.set(this.#context.env.clock.now() + pair.ni.tunables.min_reconnectms * US_PER_MS);
  }

  /** Tries once more without waiting, unless the peer keeps asking for it. */
  #again(reason: Reason, errno: number): void {
    if (++this.#atOnce > AT_ONCE_MAX) this.#giveUp(reason, errno);
    else this.#next();
  }

  #giveUp(reason: Reason, errno: number): void {
    const { min_reconnectms, max_reconnectms } = this.#pair.ni.tunables;
    this.#intervalMs = Math.min(Math.max(this.#intervalMs * 2, min_reconnectms), max_reconnectms);
    this.#retryAt = this.#context.env.clock.now() + this.#intervalMs * US_PER_MS;
    this.#stop();
    this.#pair.ni.counters[reason]++;
    this.#pair.dialFailed(reason, errno);
  }
}
