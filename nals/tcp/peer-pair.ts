import {
  EINVAL,
  EIO,
  EPROTO,
  ESTALE,
  ETIMEDOUT,
  HEALTH_LOCAL_ERROR,
  HEALTH_NETWORK_TIMEOUT,
  type Instant,
  type NalTx,
  type Timer,
  US_PER_S,
} from '../../lnet/nal.ts';
import { compareNids, type Nid } from '../../lnet/wire/nid.ts';
import { LNET_PID_USERFLAG } from '../../lnet/wire/process-id.ts';
import type { Conn, LinkOwner } from './conn.ts';
import type { TcpContext } from './context.ts';
import type { Reason } from './counters.ts';
import { Dialer } from './dialer.ts';
import { ConnSet } from './select.ts';
import type { TcpNi } from './tcp-ni.ts';
import { failureText } from './failure-text.ts';
import { endingOf, healthOfUnsent } from './tx-ending.ts';
import { TxQueue } from './tx-queue.ts';
import {
  type ConnType,
  SOCKLND_CONN_BULK_IN,
  SOCKLND_CONN_BULK_OUT,
  SOCKLND_CONN_CONTROL,
  SOCKLND_CONN_NONE,
} from './wire/conn-type.ts';
import { encodeHello, type Hello, KSOCK_PROTO_V1, KSOCK_PROTO_V3, type KsockVersion } from './wire/hello.ts';
import { MESSAGE_HEADER_BYTES, type MessageHeader } from './wire/message-header.ts';
import { lnetHdrBytes } from '../../lnet/wire/lnet-hdr.ts';
import { readZcAck } from './wire/zc-cookies.ts';

/** Connections of one type that a peer may open: socklnd §3.6. */
export const CONNS_PER_TYPE_MAX = 127;

/** Attempts in a row that are refused because we are connecting too: a third refusal can crash a 2.17.0 peer (socklnd §3.6). */
const RACES_MAX = 2;

/** A keepalive is not repeated sooner, microseconds: socklnd §8.2. */
const KEEPALIVE_GAP_US = 10 * US_PER_S;

/**
 * Everything between one local NI and one process of a remote NID: version and incarnation, the connections as one unit, what
 * waits for one. socklnd, introduction: "peer pair".
 */
export class PeerPair implements LinkOwner {
  readonly ni: TcpNi;
  readonly nid: Nid;
  readonly pid: number;
  readonly #context: TcpContext;
  readonly #conns = new ConnSet();
  readonly #waiting = new TxQueue();
  /** Null for a peer that came from an unprivileged port: nobody connects back to one (socklnd §11). */
  readonly #dialer: Dialer | null;
  readonly #scan: Timer;
  #version: KsockVersion | undefined;
  #incarnation = 0n;
  /** Bytes before the payload of a message. */
  #headBytes = 0;
  /** This side has begun to open connections, and opens what is missing: socklnd §3.3. */
  #opensMissing = false;
  #isIncomplete = false;
  #races = 0;
  #lastKeepalive: Instant = 0;
  /** A failure to connect has been told to the log, and no success since. */
  #isFailureTold = false;

  constructor(context: TcpContext, ni: TcpNi, nid: Nid, pid: number) {
    this.#context = context;
    this.ni = ni;
    this.nid = nid;
    this.pid = pid;
    this.#dialer = pid >= LNET_PID_USERFLAG ? null : new Dialer(context, this);
    this.#scan = context.wheel.timer(() => this.#look());
  }

  /** Protocol version of its connections; undefined while there is none. */
  get version(): KsockVersion | undefined {
    return this.#version;
  }

  get conns(): readonly Conn[] {
    return this.#conns.all;
  }

  get hasEachType(): boolean {
    return [SOCKLND_CONN_CONTROL, SOCKLND_CONN_BULK_IN, SOCKLND_CONN_BULK_OUT].every(
      (type) => this.#conns.count(type as ConnType) > 0,
    );
  }

  // Sending.

  /** {@link NalNi.send} for this peer. */
  send(tx: NalTx): number {
    const conn = this.#carrierOf(tx);
    if (conn) {
      if (conn.tx.form === 4 && tx.hdr.needsLargeForm) {
        this.ni.counters.tx_nid_too_large++;
        return -EINVAL;
      }
      conn.tx.queue(tx);
      if (this.#isIncomplete) this.#dialer?.wake();
      return 0;
    }
    if (!this.#dialer || (!this.#dialer.isUnderWay && this.#context.env.clock.now() < this.#dialer.retryAt)) {
      this.ni.counters.tx_unreachable++;
      this.#forgetIfIdle();
      return -EIO;
    }
    tx.nalNote = this.#context.env.clock.now();
    this.#waiting.push(tx);
    this.#opensMissing = true;
    this.#watch();
    this.#dialer.wake();
    return 0;
  }

  #carrierOf(tx: NalTx): Conn | null {
    const { min_bulk, round_robin } = this.ni.tunables;
    const isSmall = this.#headBytes + tx.hdr.payloadLength < min_bulk;
    return this.#conns.pick(isSmall ? 'small' : 'bulk', round_robin === 1);
  }

  /** Takes what waited for a connection to those that may carry it: socklnd §6 rule 3. */
  #sendWaiting(): void {
    const kept: NalTx[] = [];
    for (let tx = this.#waiting.shift(); tx; tx = this.#waiting.shift()) {
      const conn = this.#carrierOf(tx);
      if (!conn) kept.push(tx);
      else if (conn.tx.form === 4 && tx.hdr.needsLargeForm) {
        this.ni.counters.tx_nid_too_large++;
        this.#context.env.upcalls.sent(tx, -EINVAL, HEALTH_LOCAL_ERROR);
      } else conn.tx.queue(tx);
    }
    for (const tx of kept) this.#waiting.push(tx);
  }

  #failWaiting(errno: number): void {
    const health = healthOfUnsent(errno);
    for (let tx = this.#waiting.shift(); tx; tx = this.#waiting.shift()) {
      this.ni.counters.tx_failed++;
      this.#context.env.upcalls.sent(tx, errno, health);
    }
  }

  // Establishing.

  /** Type of the connection to open next, or undefined when none is missing: socklnd §3.3. */
  missingType(): ConnType | undefined {
    if (this.#conns.count(SOCKLND_CONN_CONTROL) === 0) return SOCKLND_CONN_CONTROL;
    if (this.ni.nal.isUnprivileged) return undefined;
    const inward = this.#conns.count(SOCKLND_CONN_BULK_IN);
    const outward = this.#conns.count(SOCKLND_CONN_BULK_OUT);
    const wanted = this.ni.tunables.conns_per_peer;
    if (inward <= outward && inward < wanted) return SOCKLND_CONN_BULK_IN;
    if (outward < wanted) return SOCKLND_CONN_BULK_OUT;
    return inward < wanted ? SOCKLND_CONN_BULK_IN : undefined;
  }

  /** The HELLO belongs to another version or incarnation than the connections there are: socklnd §3.4. */
  contradicts(hello: Hello): boolean {
    return (
      this.#version !== undefined && (this.#version !== hello.version || this.#incarnation !== hello.srcIncarnation)
    );
  }

  /** The peer has connected and sent its HELLO; `type` is in own view. socklnd §3.1 steps 7 to 10. */
  greeted(conn: Conn, hello: Hello, type: ConnType): void {
    const { counters } = this.ni;
    const isRace = this.#dialer?.state === 'dialing' && compareNids(this.nid, this.ni.nid) < 0;
    if (isRace && this.#races < RACES_MAX) {
      this.#races++;
      this.#refuse(conn, hello, 'refused_race');
    } else if (this.contradicts(hello)) {
      this.closeAll('broken_stale', -ESTALE);
      this.#refuse(conn, hello, 'refused_stale');
    } else if (conn.remote.address !== conn.local.address && this.#conns.count(type) >= CONNS_PER_TYPE_MAX) {
      this.#refuse(conn, hello, 'refused_duplicate');
    } else {
      counters.connections_accepted++;
      conn.send(this.#reply(hello, type));
      this.adopt(conn, hello, type);
    }
  }

  #refuse(conn: Conn, hello: Hello, reason: Reason): void {
    this.ni.counters[reason]++;
    conn.answer(this.#reply(hello, SOCKLND_CONN_NONE));
    this.#forgetIfIdle();
  }

  #reply(hello: Hello, type: number): Uint8Array {
    return encodeHello({
      version: hello.version,
      srcNid: this.ni.nid,
      dstNid: this.nid,
      srcPid: this.#context.env.pid,
      dstPid: hello.dstPid,
      srcIncarnation: this.ni.incarnation,
      dstIncarnation: hello.dstIncarnation,
      type,
    });
  }

  /** Takes a connection whose handshake succeeded, in either direction. */
  adopt(conn: Conn, hello: Hello, type: ConnType): void {
    const version = hello.version;
    this.#version = version;
    this.#incarnation = hello.srcIncarnation;
    this.#headBytes = (version === KSOCK_PROTO_V1 ? 0 : MESSAGE_HEADER_BYTES) + lnetHdrBytes(version === 4 ? 16 : 4);
    this.#races = 0;
    this.#isFailureTold = false;
    conn.establish({ owner: this, ni: this.ni, peerNid: this.nid, peerPid: this.pid, version, type });
    this.#conns.add(conn, version);
    this.#isIncomplete = this.#opensMissing && this.missingType() !== undefined;
    this.#watch();
    this.#sendWaiting();
  }

  /** A round of connecting has failed: socklnd §3.8. */
  dialFailed(reason: Reason, errno: number): void {
    this.#tellFailure(reason, errno);
    this.#failWaiting(errno);
    this.#reportIfDown(reason);
  }

  #tellFailure(reason: Reason, errno: number): void {
    if (this.#isFailureTold) return;
    this.#isFailureTold = true;
    this.ni.tellFailure(failureText(this.nid, reason, errno));
  }

  // Messages of the peer about the link itself.

  zcRequested(conn: Conn, low: number, high: number): void {
    const carrier = this.#conns.pick('noop', false) ?? conn;
    if (carrier.tx.queueNoop(0, 0, low, high)) this.ni.counters.zc_acks_sent++;
    else this.broken(conn, 'broken_zc_flood', -EPROTO);
  }

  /** We never ask for one, so that every acknowledged cookie is unknown: socklnd §7.3. */
  zcAcknowledged(conn: Conn, header: MessageHeader): void {
    const ack = readZcAck(header, this.#version ?? KSOCK_PROTO_V3);
    if (ack.kind === 'keepalive') this.ni.counters.keepalives_received++;
    else this.broken(conn, 'broken_zc_ack', -EPROTO);
  }

  // The end.

  /** One connection is lost: the set is one unit (socklnd §10). */
  broken(conn: Conn, reason: Reason, errno: number): void {
    if (reason === 'broken_closed' && this.#isDroppedDuplicate(conn)) {
      this.ni.counters.duplicates_dropped++;
      this.ni.counters.connections_closed++;
      this.#conns.remove(conn);
      conn.shut(endingOf(reason, errno));
    } else this.closeAll(reason, errno);
  }

  /**
   * After both sides connected at once, a kernel drops the one of its own connections that duplicates ours, right after the
   * handshake, and keeps the others (socklnd §3.5). So do we.
   */
  #isDroppedDuplicate(conn: Conn): boolean {
    return (
      conn.isAccepted && conn.isUnused && this.#conns.all.some((other) => !other.isAccepted && other.type === conn.type)
    );
  }

  /** Closes all connections; what was under way on them ends. */
  closeAll(reason: Reason, errno: number): void {
    // All leave the set before the first one reports: what is sent again in a report must not choose one of them.
    const conns = this.#conns.clear();
    if (conns.length === 0) return;
    this.#version = undefined;
    this.#isIncomplete = false;
    this.#dialer?.setLost(reason === 'broken_stale' || this.#waiting.first !== null);
    this.#opensMissing = this.#dialer?.isUnderWay ?? false;
    this.ni.counters[reason]++;
    this.ni.counters.connections_closed += conns.length;
    const ending = endingOf(reason, errno);
    for (const conn of conns) conn.shut(ending);
    this.#reportIfDown(reason);
  }

  /** The NI closes. */
  stop(errno: number): void {
    this.#scan.clear();
    this.#dialer?.cancel();
    this.closeAll('broken_stopped', errno);
    this.#failWaiting(errno);
  }

  /** No connection is left and none is being made: the NID is down, with all its processes (socklnd §3.8 rule 5). */
  #reportIfDown(reason: Reason): void {
    if (this.#conns.size > 0 || this.#dialer?.isUnderWay) return;
    this.#forgetIfIdle();
    if (reason === 'broken_stopped' || reason === 'broken_sibling') return;
    // Nobody has to be there for a process that a header named; a kernel closes the others' connections all the same.
    if (reason.startsWith('dial_') && this.ni.isConnectedTo(this.nid)) return;
    this.ni.counters.peers_lost++;
    this.#context.env.upcalls.peerDown(this.ni, this.nid);
    this.ni.closeOthers(this);
  }

  #forgetIfIdle(): void {
    if (this.#conns.size > 0 || this.#waiting.first || this.#dialer?.isUnderWay) return;
    const isRemembered = this.#dialer && this.#context.env.clock.now() < this.#dialer.rememberUntil;
    if (isRemembered && this.ni.hasRoomToRemember) {
      this.#watch();
      return;
    }
    this.#scan.clear();
    this.ni.forget(this);
  }

  // Timeouts: socklnd §8.

  #watch(): void {
    if (this.#scan.at === undefined) this.#scan.set(this.#context.env.clock.now() + this.ni.timeoutUs / 4);
  }

  /** Visits the pair every quarter of the timeout. */
  #look(): void {
    const now = this.#context.env.clock.now();
    const overdue = now - this.ni.timeoutUs;
    this.#watch();
    for (const conn of this.#conns.all) {
      const receivingSince = conn.receivingSince;
      if (receivingSince !== undefined && receivingSince <= overdue) {
        this.closeAll('broken_rx_timeout', -ETIMEDOUT);
        break;
      }
      const writingSince = conn.tx.writingSince;
      if (writingSince !== undefined && writingSince <= overdue) {
        this.closeAll('broken_tx_timeout', -ETIMEDOUT);
        break;
      }
    }
    for (let tx = this.#waiting.first; tx && tx.nalNote <= overdue; tx = this.#waiting.first) {
      this.#waiting.shift();
      this.ni.counters.tx_wait_timeout++;
      this.#context.env.upcalls.sent(tx, -ETIMEDOUT, HEALTH_NETWORK_TIMEOUT);
    }
    this.#keepAlive(now);
    this.#forgetIfIdle();
  }

  #keepAlive(now: Instant): void {
    const { keepalive } = this.ni.tunables;
    if (keepalive === 0 || this.#version === undefined || this.#version < KSOCK_PROTO_V3) return;
    const moved = Math.max(...this.#conns.all.map((conn) => Math.max(conn.lastHeard, conn.lastWritten)));
    if (now - moved < keepalive * US_PER_S || now - this.#lastKeepalive < KEEPALIVE_GAP_US) return;
    const conn = this.#conns.pick('noop', false);
    if (!conn || conn.tx.backlogBytes > 0) return;
    this.#lastKeepalive = now;
    this.ni.counters.keepalives_sent++;
    conn.tx.queueNoop(0, 0, 1, 0);
  }

  toJSON(): Record<string, unknown> {
    return {
      nid: this.nid,
      pid: this.pid,
      version: this.#version ?? null,
      connecting: this.#dialer?.isUnderWay ?? false,
      connections: this.#conns.all,
    };
  }
}
