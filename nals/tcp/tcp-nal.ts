import {
  EACCES,
  EADDRINUSE,
  EADDRNOTAVAIL,
  EEXIST,
  EINVAL,
  errnoText,
  LNET_MAX_IOV,
  LnetError,
  type Nal,
  type NalCaps,
  type NalEnv,
  type NalNi,
  type NalNiOptions,
  type NalTap,
  TimerWheel,
} from '../../lnet/nal.ts';
import { addressFormOf } from '../../lnet/wire/net.ts';
import { LNET_MTU } from '../../lnet/wire/lnet-hdr.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import { Acceptor } from './acceptor.ts';
import type { TcpContext } from './context.ts';
import { TCP_COUNTERS } from './counters.ts';
import { RxStaging } from './rx-staging.ts';
import { NodeTcpHost } from './socket.ts';
import type { TcpHost } from './stream.ts';
import { TcpNi } from './tcp-ni.ts';
import { TCP_TUNABLES } from './tunables.ts';
import { TxBatchPool } from './tx-batch.ts';

/** A listener and the NIs that it serves: those with its address. */
interface Listening {
  readonly acceptor: Acceptor;
  readonly nis: Set<TcpNi>;
  readonly close: () => void;
}

/** socklnd over TCP connections. */
export class TcpNal implements Nal {
  readonly name = 'tcp';
  readonly caps: NalCaps = {
    payloadBytesMax: LNET_MTU,
    segmentsMax: LNET_MAX_IOV,
    rma: 'none',
    families: ['ipv4', 'ipv6'],
    ordering: 'connection',
  };
  readonly tunables = TCP_TUNABLES;
  readonly counterNames = TCP_COUNTERS;
  readonly #context: TcpContext;
  readonly #nis = new Map<Nid, TcpNi>();
  readonly #listeners = new Map<string, Listening>();
  #isUnprivileged = false;
  #conns = 0;

  constructor(env: NalEnv, host: TcpHost) {
    this.#context = {
      env,
      host,
      wheel: new TimerWheel(env.clock),
      staging: new RxStaging(),
      batches: new TxBatchPool(),
      tap: null,
    };
  }

  get description(): string {
    return `socklnd over ${this.#context.host.description}`;
  }

  get tap(): NalTap | null {
    return this.#context.tap;
  }

  set tap(tap: NalTap | null) {
    this.#context.tap = tap;
  }

  /** This process may not use source ports below 1024. */
  get isUnprivileged(): boolean {
    return this.#isUnprivileged;
  }

  /** A dial has found that out. */
  foundUnprivileged(): void {
    if (this.#isUnprivileged) return;
    this.#isUnprivileged = true;
    this.#context.env.log(
      'warn',
      'this process may not use source ports below 1024: it connects from higher ones, which kernel nodes take only with ' +
        'accept=all, and opens one connection per peer; CAP_NET_BIND_SERVICE lifts this',
    );
  }

  nextConnId(): number {
    return ++this.#conns;
  }

  niOf(nid: Nid): TcpNi | undefined {
    return this.#nis.get(nid);
  }

  async openNi(options: NalNiOptions): Promise<NalNi> {
    const { nid } = options;
    const form = addressFormOf(nid.lnd);
    if (form !== 'ip' && form !== 'ip4')
      throw new LnetError('ERR_LNET_BAD_NID', { errno: -EINVAL, message: `${nid} has no IP address to listen on` });
    if (this.#nis.has(nid))
      throw new LnetError('ERR_LNET_EXISTS', {
        errno: -EEXIST,
        message: `${nid} is open already`,
        nids: [String(nid)],
      });
    const ni = new TcpNi(this.#context, this, options);
    this.#nis.set(nid, ni);
    try {
      if (options.accept !== 'none') await this.#listen(ni, options.accept === 'secure');
    } catch (error) {
      await ni.close();
      throw error;
    }
    return ni;
  }

  async #listen(ni: TcpNi, isSecure: boolean): Promise<void> {
    const address = ni.nid.addressText;
    const key = `${address} ${ni.port}`;
    const known = this.#listeners.get(key);
    if (known) {
      known.nis.add(ni);
      return;
    }
    const acceptor = new Acceptor(this.#context, this, ni, isSecure);
    let close: () => void;
    try {
      close = await this.#context.host.listen({
        address,
        port: ni.port,
        backlog: ni.tunables.accept_backlog,
        socket: ni.socketOptions,
        accept: (_local, remote) => acceptor.accept(remote),
      });
    } catch (error) {
      throw listenError(ni, error);
    }
    this.#listeners.set(key, { acceptor, nis: new Set([ni]), close });
  }

  /** An NI closes: its listener goes with the last one that has its address. */
  niClosed(ni: TcpNi): void {
    this.#nis.delete(ni.nid);
    for (const [key, { acceptor, nis, close }] of this.#listeners) {
      acceptor.close(ni);
      if (!nis.delete(ni) || nis.size > 0) continue;
      this.#listeners.delete(key);
      close();
      acceptor.close();
    }
  }
}

function listenError(ni: TcpNi, cause: unknown): LnetError {
  const { errno, code } = cause as NodeJS.ErrnoException;
  const hints: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another process listens there; choose another accept_port, or stop it',
    EACCES: 'ports below 1024 need root or CAP_NET_BIND_SERVICE; choose an accept_port above 1023',
    EADDRNOTAVAIL: 'no interface of this machine has the address',
  };
  const known = { EADDRINUSE, EACCES, EADDRNOTAVAIL }[code ?? ''];
  const status = known ?? Math.abs(errno ?? EINVAL);
  const hint = hints[code ?? ''];
  return new LnetError('ERR_LNET_LISTEN', {
    errno: -status,
    message: `cannot listen on ${ni.nid.addressText} port ${ni.port} for ${ni.nid}: ${errnoText(status)}`,
    ...(hint === undefined ? {} : { hint }),
    nids: [String(ni.nid)],
    cause,
  });
}

/** The socklnd driver of one node: {@link NalFactory}. */
export function createTcpNal(env: NalEnv): Nal {
  return new TcpNal(env, new NodeTcpHost());
}
