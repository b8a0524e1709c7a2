import type { CoreContext, LocalNis } from './core-context.ts';
import { EEXIST, EINVAL, ENOENT, ENOSPC, ESHUTDOWN, EUSERS } from './errno.ts';
import { LnetError } from './error-code.ts';
import { LocalNet, LocalNi, type NetTunables } from './local-ni.ts';
import type { NalNi } from './nal.ts';
import type { Network } from './network.ts';
import { formatNet, LOLND, lndOf, type NetId, netOf } from './wire/net.ts';
import type { Nid } from './wire/nid.ts';

/** Loopback takes no credits and is always up: lnet-semantics §6. */
const LOOPBACK_TUNABLES: NetTunables = { peerTimeoutS: 0, peerCredits: 0, peerBufferCredits: 0, credits: 0 };

/** What an NI to be added would be. */
export interface NiRequest {
  readonly net: NetId;
  readonly nid: Nid;
  readonly interfaceName: string;
  /** Counts for the first NI of a net only: later ones share its credits. */
  readonly tunables: NetTunables;
}

/** Own nets and NIs: lnet-semantics §1.9, §7.1. Loopback is opened first and stays. */
export class LocalNiTable implements LocalNis {
  readonly nets: LocalNet[] = [];
  readonly all: LocalNi[] = [];
  version = 0;
  readonly #core: CoreContext;
  readonly #network: Network;
  readonly #byNet = new Map<NetId, LocalNet>();
  readonly #byNid = new Map<Nid, LocalNi>();
  readonly #byLink = new Map<NalNi, LocalNi>();

  constructor(core: CoreContext, network: Network) {
    this.#core = core;
    this.#network = network;
  }

  get loopback(): LocalNi {
    const first = this.all[0];
    if (!first) throw new Error('the loopback NI is not open yet');
    return first;
  }

  get realCount(): number {
    return this.all.length - 1;
  }

  netOf(net: NetId): LocalNet | undefined {
    return this.#byNet.get(net);
  }

  niOf(nid: Nid): LocalNi | undefined {
    return this.#byNid.get(nid);
  }

  isOwnNid(nid: Nid): boolean {
    return this.#byNid.has(nid);
  }

  /** The NI that a NAL's upcall is about; undefined once it was removed. */
  ofLink(link: NalNi): LocalNi | undefined {
    return this.#byLink.get(link);
  }

  /** Adds `0@lo`. Before any other NI. */
  openLoopback(link: NalNi): LocalNi {
    return this.#insert(netOf(LOLND, 0), link, LOOPBACK_TUNABLES);
  }

  /**
   * Throws {@link LnetError} when an NI cannot be added, so that nothing has to be opened to find out: -EEXIST for a known NID or
   * interface, -EUSERS when routes lead to the net, -ENOSPC beyond `max_interfaces`, -EINVAL without credits.
   */
  checkAdd(request: NiRequest): void {
    const { net, nid, interfaceName, tunables } = request;
    const where = `${nid} on ${interfaceName}`;
    const known = this.#byNet.get(net);
    const max = this.#core.settings.values.max_interfaces;
    if (lndOf(net) === LOLND) throw refusal('ERR_LNET_BAD_NID', EINVAL, `${nid}: loopback is always there`, nid);
    if (this.#byNid.has(nid) || known?.nis.some((ni) => ni.link.interfaceName === interfaceName))
      throw refusal('ERR_LNET_EXISTS', EEXIST, `${where} is a local NI already`, nid);
    if (!known && this.#network.routes.leadTo(net))
      throw refusal('ERR_LNET_EXISTS', EUSERS, `${formatNet(net)} is reached through routes; delete them first`, nid);
    if (this.all.length >= max)
      throw refusal('ERR_LNET_LIMIT', ENOSPC, `${where}: ${max} interfaces are the limit (max_interfaces)`, nid);
    if (tunables.credits <= 0 || tunables.peerCredits <= 0)
      throw refusal('ERR_LNET_BAD_ARGUMENT', EINVAL, `${where}: credits and peer_credits must be above 0`, nid);
  }

  /** Adds an opened NI; its net is made with the first one. Throws as {@link checkAdd}. */
  add(net: NetId, link: NalNi, tunables: NetTunables): LocalNi {
    this.checkAdd({ net, nid: link.nid, interfaceName: link.interfaceName, tunables });
    const isNewNet = !this.#byNet.has(net);
    const ni = this.#insert(net, link, tunables);
    if (isNewNet) this.#network.peers.netAdded(ni.net);
    this.#core.pingInfo.rebuild();
    return ni;
  }

  /**
   * Takes an NI out; closing its link is the caller's. What waits for it fails with -ESHUTDOWN. With the last NI goes the net,
   * with its peer NIs and the routes through gateways on it. Throws {@link LnetError}: -EINVAL for loopback, -ENOENT when unknown.
   */
  remove(nid: Nid): LocalNi {
    if (nid.isLoopback) throw refusal('ERR_LNET_BAD_NID', EINVAL, `${nid} cannot be removed`, nid);
    const ni = this.#byNid.get(nid);
    if (!ni) throw refusal('ERR_LNET_NOT_FOUND', ENOENT, `${nid} is no NID of this node`, nid);
    const { net } = ni;
    ni.isStopping = true;
    net.nis.splice(net.nis.indexOf(ni), 1);
    this.#byNid.delete(nid);
    this.#byLink.delete(ni.link);
    if (net.nis.length === 0) {
      this.nets.splice(this.nets.indexOf(net), 1);
      this.#byNet.delete(net.net);
    }
    this.#list();
    this.#core.sendPath.failWaiting(ni, -ESHUTDOWN);
    this.#core.portals.dropWaiting(ni);
    if (net.nis.length === 0) {
      this.#network.routes.netRemoved(net.net);
      this.#network.peers.netRemoved(net.net);
    }
    this.#core.pingInfo.rebuild();
    return ni;
  }

  #insert(netId: NetId, link: NalNi, tunables: NetTunables): LocalNi {
    let net = this.#byNet.get(netId);
    if (!net) {
      net = new LocalNet(netId, tunables);
      this.nets.push(net);
      this.#byNet.set(netId, net);
    }
    const ni = new LocalNi(net, link);
    net.nis.push(ni);
    this.#byNid.set(ni.nid, ni);
    this.#byLink.set(link, ni);
    this.#list();
    return ni;
  }

  #list(): void {
    this.all.length = 0;
    for (const net of this.nets) this.all.push(...net.nis);
    this.version++;
  }
}

function refusal(
  code: ConstructorParameters<typeof LnetError>[0],
  errno: number,
  message: string,
  nid: Nid,
): LnetError {
  return new LnetError(code, { errno: -errno, message, nids: [String(nid)] });
}
