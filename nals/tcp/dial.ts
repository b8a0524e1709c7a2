import { EACCES, EADDRINUSE, EADDRNOTAVAIL, ECONNRESET, EPROTO, ETIMEDOUT } from '../../lnet/nal.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import { Conn, type HandshakeOwner } from './conn.ts';
import type { TcpContext } from './context.ts';
import type { Reason } from './counters.ts';
import type { TcpNi } from './tcp-ni.ts';
import { type ConnType, SOCKLND_CONN_CONTROL } from './wire/conn-type.ts';
import { encodeConnreq } from './wire/connreq.ts';
import { encodeHello, type Hello, type KsockVersion } from './wire/hello.ts';

/** Source ports that a `secure` acceptor takes, tried from the highest down: socklnd §1.1. */
export const SOURCE_PORT_MAX = 1023;
export const SOURCE_PORT_MIN = 512;

/** What a peer pair wants of one dial. */
export interface DialOptions {
  readonly ni: TcpNi;
  readonly peerNid: Nid;
  readonly version: KsockVersion;
  readonly type: ConnType;
  /** Highest source port to try. */
  readonly firstPort: number;
  readonly owner: DialOwner;
}

export interface DialOwner {
  /** The peer's HELLO has come; the owner establishes or drops the connection. */
  replied(dial: Dial, conn: Conn, hello: Hello): void;
  /** The attempt is over, its connection closed. */
  failed(dial: Dial, reason: Reason, errno: number): void;
}

/**
 * One attempt to connect: finds a source port, sends request and HELLO in one write, waits for the reply. A process that may
 * not use ports below 1024 finds that out here, once, and takes any port from then on (socklnd §11).
 */
export class Dial implements HandshakeOwner {
  readonly version: KsockVersion;
  readonly type: ConnType;
  readonly #context: TcpContext;
  readonly #options: DialOptions;
  #port: number;
  #conn: Conn | null = null;

  constructor(context: TcpContext, options: DialOptions) {
    this.#context = context;
    this.#options = options;
    this.version = options.version;
    this.type = options.type;
    this.#port = options.firstPort;
  }

  /** Source port that it came to use, or tries now; 0: any above 1023. */
  get port(): number {
    return this.#port;
  }

  start(): void {
    const { ni, peerNid } = this.#options;
    const { host } = this.#context;
    if (ni.nal.isUnprivileged) {
      // Opened from such a port each connection is a peer of its own: only one makes sense (socklnd §11).
      if (this.type !== SOCKLND_CONN_CONTROL) return this.#fail('dial_failed', -EACCES);
      if (peerNid.isLarge && !host.isOwnAddress(peerNid.addressText)) return this.#fail('dial_unsafe_ipv6', -EACCES);
      this.#port = 0;
    }
    const conn = new Conn(this.#context, {
      id: ni.nal.nextConnId(),
      role: 'connector',
      owner: this,
      partTimeoutUs: ni.timeoutUs,
    });
    this.#conn = conn;
    conn.dialled = host.connect(
      {
        from: ni.nid.addressText,
        fromPort: this.#port,
        to: peerNid.addressText,
        toPort: ni.port,
        socket: ni.socketOptions,
      },
      conn,
    );
  }

  /** Gives up: the NI closes. */
  cancel(): void {
    this.#conn?.drop();
  }

  opened(conn: Conn): void {
    const { ni, peerNid } = this.#options;
    const hello = encodeHello({
      version: this.version,
      srcNid: ni.nid,
      dstNid: peerNid,
      srcPid: this.#context.env.pid,
      dstPid: 0,
      srcIncarnation: ni.incarnation,
      dstIncarnation: 0n,
      type: this.type,
    });
    conn.send(Buffer.concat([encodeConnreq(peerNid), hello]));
  }

  greeted(conn: Conn, hello: Hello): void {
    this.#options.owner.replied(this, conn, hello);
  }

  faulted(conn: Conn): void {
    conn.drop();
    this.#fail('dial_bad_reply', -EPROTO);
  }

  ended(conn: Conn, errno: number): void {
    const { state, hasAnswer } = conn;
    conn.drop();
    if (errno === -ETIMEDOUT) this.#fail('dial_timeout', errno);
    else if (state === 'dialing') this.#notOpened(errno);
    else {
      const isSilent = !hasAnswer && this.#port === 0;
      this.#fail(isSilent ? 'dial_insecure_port' : 'dial_closed', errno === 0 ? -ECONNRESET : errno);
    }
  }

  /** Acceptors only. */
  requested(): void {}

  released(): void {
    this.#conn = null;
  }

  #notOpened(errno: number): void {
    const { nal } = this.#options.ni;
    if (this.#port !== 0 && errno === -EACCES) {
      nal.foundUnprivileged();
      this.start();
    } else if (this.#port > SOURCE_PORT_MIN && (errno === -EADDRINUSE || errno === -EADDRNOTAVAIL)) {
      this.#port--;
      this.start();
    } else this.#fail('dial_failed', errno === -EADDRNOTAVAIL && this.#port !== 0 ? -EADDRINUSE : errno);
  }

  #fail(reason: Reason, errno: number): void {
    this.#options.owner.failed(this, reason, errno);
  }
}
