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
  TimerWheel,
} from '../../lnet/nal.ts';
import { addressFormOf } from '../../lnet/wire/net.ts';
import { LNET_MTU } from '../../lnet/wire/lnet-hdr.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import { UDP_COUNTERS } from './counters.ts';
import type { DatagramHost } from './datagram.ts';
import { NodeDatagramHost } from './datagram-socket.ts';
import { Endpoint, type UdpContext } from './endpoint.ts';
import { openTunables, UDP_TUNABLES } from './tunables.ts';
import { UdpNi } from './udp-ni.ts';

/** A socket that NIs share; usable once it is opened. */
interface Shared {
  readonly endpoint: Endpoint;
  readonly opened: Promise<void>;
}

/** LNet over UDP: docs/spec/udp.md. */
export class UdpNal implements Nal {
  readonly name = 'udp';
  readonly caps: NalCaps = {
    payloadBytesMax: LNET_MTU,
    segmentsMax: LNET_MAX_IOV,
    rma: 'none',
    families: ['ipv4', 'ipv6'],
    ordering: 'peer',
  };
  readonly tunables = UDP_TUNABLES;
  readonly counterNames = UDP_COUNTERS;
  readonly #context: UdpContext;
  readonly #nis = new Set<Nid>();
  /** By address and port. NIs that differ in nothing but their net share one. */
  readonly #endpoints = new Map<string, Shared>();

  constructor(env: NalEnv, host: DatagramHost) {
    this.#context = { env, host, wheel: new TimerWheel(env.clock) };
  }

  get description(): string {
    return `LNet over UDP, ${this.#context.host.description}`;
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
    this.#nis.add(nid);
    try {
      return await this.#open(options);
    } catch (error) {
      this.#nis.delete(nid);
      throw error;
    }
  }

  async #open(options: NalNiOptions): Promise<NalNi> {
    const address = options.nid.addressText;
    const port = options.acceptPort;
    const { sockbuf_kb } = openTunables(options.tunables);
    const key = `${address} ${port}`;
    let shared = this.#endpoints.get(key);
    if (!shared) {
      const endpoint = new Endpoint(this.#context);
      shared = { endpoint, opened: endpoint.open({ address, port, bufferBytes: sockbuf_kb * 1024 }) };
      this.#endpoints.set(key, shared);
    }
    const { endpoint, opened } = shared;
    try {
      await opened;
    } catch (error) {
      this.#endpoints.delete(key);
      throw bindError(options, error);
    }
    const ni = new UdpNi(this, endpoint, options);
    endpoint.add(ni);
    return ni;
  }

  /** An NI has closed its links. Resolves when its address is free, if it was the last one there. */
  async niClosed(ni: UdpNi, endpoint: Endpoint): Promise<void> {
    this.#nis.delete(ni.nid);
    endpoint.remove(ni);
    if (endpoint.nis.size > 0) return;
    for (const [key, shared] of this.#endpoints) if (shared.endpoint === endpoint) this.#endpoints.delete(key);
    await endpoint.close();
  }
}

function bindError({ nid, acceptPort }: NalNiOptions, cause: unknown): LnetError {
  const { errno, code } = cause as NodeJS.ErrnoException;
  const hints: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another process has it; choose another accept_port, or stop it',
    EACCES: 'ports below 1024 need root or CAP_NET_BIND_SERVICE; choose an accept_port above 1023',
    EADDRNOTAVAIL: 'no interface of this machine has the address',
  };
  const known = { EADDRINUSE, EACCES, EADDRNOTAVAIL }[code ?? ''];
  const status = known ?? Math.abs(errno ?? EINVAL);
  const hint = hints[code ?? ''];
  return new LnetError('ERR_LNET_LISTEN', {
    errno: -status,
    message: `cannot bind UDP ${nid.addressText} port ${acceptPort} for ${nid}: ${errnoText(status)}`,
    ...(hint === undefined ? {} : { hint }),
    nids: [String(nid)],
    cause,
  });
}

/** The UDP driver of one node: {@link NalFactory}. */
export function createUdpNal(env: NalEnv): Nal {
  return new UdpNal(env, new NodeDatagramHost());
}
