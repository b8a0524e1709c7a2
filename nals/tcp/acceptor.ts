import { ETIMEDOUT, US_PER_S } from '../../lnet/nal.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import { LNET_PID_USERFLAG } from '../../lnet/wire/process-id.ts';
import { nidOfText } from '../../lnet/wire/nid.ts';
import { Conn, type HandshakeOwner } from './conn.ts';
import type { TcpContext } from './context.ts';
import type { Reason } from './counters.ts';
import type { Endpoint, StreamSink } from './stream.ts';
import type { TcpNal } from './tcp-nal.ts';
import type { TcpNi } from './tcp-ni.ts';
import { mirrorConnType } from './wire/conn-type.ts';
import { encodeVersionAnswer } from './wire/connreq.ts';
import { encodeUnsupportedVersion, type Hello, KSOCK_PROTO_V4 } from './wire/hello.ts';

/** Highest source port that a `secure` acceptor takes: socklnd §1.2. */
const SECURE_PORT_MAX = 1023;

/** Handshakes of accepted connections under way at one listener, in all and from one address. */
export const HANDSHAKES_MAX = 512;
export const HANDSHAKES_PER_SOURCE_MAX = 64;

/** Connections of one NI beyond which others may make no more. */
export const CONNECTIONS_MAX = 16_384;

/**
 * One listener: takes connections for every NID of this node (socklnd §1.4), each handshake on its own so that a silent peer
 * holds up nobody. Serves as many NIs as have its address.
 */
export class Acceptor implements HandshakeOwner {
  readonly #context: TcpContext;
  readonly #nal: TcpNal;
  /** The NI that it was opened for: counts what names no NI. */
  readonly #first: TcpNi;
  readonly #isSecure: boolean;
  readonly #handshakes = new Map<Conn, { readonly source: string; ni: TcpNi | null }>();
  readonly #perSource = new Map<string, number>();

  constructor(context: TcpContext, nal: TcpNal, first: TcpNi, isSecure: boolean) {
    this.#context = context;
    this.#nal = nal;
    this.#first = first;
    this.#isSecure = isSecure;
  }

  /** Handshakes under way. */
  get handshakes(): number {
    return this.#handshakes.size;
  }

  /** {@link ListenOptions.accept}. */
  accept(remote: Endpoint): StreamSink | null {
    const refusal = this.#refusalOf(remote);
    if (refusal) {
      this.#first.counters[refusal]++;
      return null;
    }
    if (this.#handshakes.size >= HANDSHAKES_MAX) this.#dropOldest();
    const conn = new Conn(this.#context, {
      id: this.#nal.nextConnId(),
      role: 'acceptor',
      owner: this,
      partTimeoutUs: this.#first.tunables.accept_timeout * US_PER_S,
    });
    this.#handshakes.set(conn, { source: remote.address, ni: null });
    this.#perSource.set(remote.address, this.#fromSource(remote) + 1);
    return conn;
  }

  #refusalOf(remote: Endpoint): Reason | undefined {
    if (this.#isSecure && remote.port > SECURE_PORT_MAX) return 'refused_insecure_port';
    if (this.#fromSource(remote) >= HANDSHAKES_PER_SOURCE_MAX) return 'refused_source_limit';
    return undefined;
  }

  /**
   * Makes room for a newcomer. A good peer has finished its handshake in milliseconds; what has been silent for longest is most
   * likely none, and would otherwise keep everybody out for as long as it likes.
   */
  #dropOldest(): void {
    const [oldest] = this.#handshakes.keys();
    if (oldest) this.#drop(oldest, 'refused_handshake_limit');
  }

  #fromSource(remote: Endpoint): number {
    return this.#perSource.get(remote.address) ?? 0;
  }

  /** Ends the handshakes for one NI, or all of them. */
  close(ni?: TcpNi): void {
    for (const [conn, handshake] of this.#handshakes)
      if (ni === undefined || handshake.ni === ni) this.#drop(conn, 'refused_stopping');
  }

  // HandshakeOwner.

  requested(conn: Conn, nid: Nid): void {
    const ni = this.#nal.niOf(nid);
    const handshake = this.#handshakes.get(conn);
    if (ni && handshake) handshake.ni = ni;
    else this.#drop(conn, 'refused_unknown_nid');
  }

  greeted(conn: Conn, hello: Hello): void {
    const ni = this.#niOf(conn);
    const type = mirrorConnType(hello.type);
    const { address, port } = conn.remote;
    const isUser = port > SECURE_PORT_MAX;
    const nid = isUser ? nidOfText(ni.nid.net, address) : hello.srcNid;
    // No node of another net can be at the other end, nor nobody (ANY) or this node itself (0@lo).
    if (nid?.net !== ni.nid.net) this.#drop(conn, 'refused_hello_nid');
    else if (type === undefined) this.#drop(conn, 'refused_hello_type');
    else if (hello.version !== KSOCK_PROTO_V4 && (ni.nid.isLarge || nid.isLarge)) {
      // Versions before 4 cannot name these NIDs.
      this.faulted(conn, 'refused_hello_version', true);
    } else if (ni.connectionCount >= CONNECTIONS_MAX) this.#drop(conn, 'refused_connection_limit');
    else ni.pairOf(nid, isUser ? (port | LNET_PID_USERFLAG) >>> 0 : hello.srcPid).greeted(conn, hello, type);
  }

  faulted(conn: Conn, reason: Reason, answersVersion: boolean): void {
    if (!answersVersion) {
      this.#drop(conn, reason);
      return;
    }
    const ni = this.#niOf(conn);
    ni.counters[reason]++;
    const isRequest = conn.state === 'request';
    const self = { nid: ni.nid, pid: this.#context.env.pid, incarnation: ni.incarnation };
    conn.answer(isRequest ? encodeVersionAnswer() : encodeUnsupportedVersion(self, conn.remote.address.includes(':')));
  }

  ended(conn: Conn, errno: number): void {
    this.#drop(conn, errno === -ETIMEDOUT ? 'refused_timeout' : 'refused_closed');
  }

  released(conn: Conn): void {
    const handshake = this.#handshakes.get(conn);
    if (!handshake) return;
    this.#handshakes.delete(conn);
    const left = (this.#perSource.get(handshake.source) ?? 1) - 1;
    if (left > 0) this.#perSource.set(handshake.source, left);
    else this.#perSource.delete(handshake.source);
  }

  /** Connectors only. */
  opened(): void {}

  /** The NI that the peer asked for; the listener's own before it has asked. */
  #niOf(conn: Conn): TcpNi {
    return this.#handshakes.get(conn)?.ni ?? this.#first;
  }

  #drop(conn: Conn, reason: Reason): void {
    if (conn.state !== 'closing') this.#niOf(conn).counters[reason]++;
    conn.drop();
  }
}
