/**
 * The shell around the core: opens and closes NALs, turns operations into promises. What a program holds as "a node". It
 * still starts no timer and opens no socket itself: NALs, clock and randomness are given to it.
 */
import type { Clock } from './clock.ts';
import { type NetPlan, nalNameOf, type NodePlan } from './config/plan.ts';
import { EINVAL, ENOENT, ESHUTDOWN } from './errno.ts';
import { LnetError } from './error-code.ts';
import { type DiscoverOptions, discoverNode, type PeerReport, type PingOptions, pingNode } from './inquiry.ts';
import { LnetCore } from './lnet-core.ts';
import type { LocalNi, NetTunables } from './local-ni.ts';
import type { Nal, NalFactory, NalNi, NalNiOptions } from './nal.ts';
import type { MdHandle, MdSpec } from './portals/md.ts';
import type { Me, MeSpec } from './portals/me.ts';
import type { Random } from './random.ts';
import { type LiveRequests, type RequestKind, type RequestResult, runRequest } from './request.ts';
import { type NidLike, nidOf, type PutOptions, requestOf, type TransferOptions } from './transfer.ts';
import { formatNet, LOLND, lndOf, type NetId, netOf } from './wire/net.ts';
import { NID_LOOPBACK, type Nid } from './wire/nid.ts';

/** What a node is made of. */
export interface NodeOptions {
  readonly plan: NodePlan;
  /** Drivers by NAL name; `lo` is always needed. */
  readonly nals: Readonly<Record<string, NalFactory>>;
  readonly clock: Clock;
  readonly random: Random;
  /** Explanations for a person. Default: none. */
  readonly log?: (level: 'info' | 'warn', text: string) => void;
}

/** A running LNet node. Several can live in one process; they share nothing. */
export class LnetNode {
  readonly core: LnetCore;
  readonly #nals: ReadonlyMap<string, Nal>;
  readonly #accept: NodePlan['accept'];
  readonly #acceptPort: number;
  readonly #requests: LiveRequests = new Set();
  #closing: Promise<void> | undefined;

  private constructor(core: LnetCore, nals: ReadonlyMap<string, Nal>, plan: NodePlan) {
    this.core = core;
    this.#nals = nals;
    this.#accept = plan.accept;
    this.#acceptPort = plan.acceptPort;
  }

  /**
   * Starts a node: all nets of the plan are open and it answers pings when the promise resolves. Rejects with
   * {@link LnetError}; nothing stays open then.
   */
  static async start(options: NodeOptions): Promise<LnetNode> {
    const { plan, clock, random } = options;
    const core = new LnetCore({ clock, random, log: options.log ?? silent, settings: plan.settings });
    const nals = new Map(
      Object.entries(options.nals).map(([name, factory]) => [
        name,
        factory({ clock, random, upcalls: core.upcalls, pid: core.pid, log: core.log }),
      ]),
    );
    const node = new LnetNode(core, nals, plan);
    try {
      await node.#openLoopback();
      for (const net of plan.nets) await node.addNet(net);
      for (const peer of plan.peers) core.configurePeer(peer);
      for (const route of plan.routes) core.addRoute(route);
      core.start();
      return node;
    } catch (error) {
      await node.close();
      throw error;
    }
  }

  /** All NIs, `0@lo` first. */
  get nis(): readonly LocalNi[] {
    return this.core.locals.all;
  }

  /** First NID that is not the loopback, or undefined. */
  get nid(): Nid | undefined {
    return this.core.locals.all.find((ni) => !ni.isLoopback)?.nid;
  }

  get nals(): readonly Nal[] {
    return [...this.#nals.values()];
  }

  async #openLoopback(): Promise<void> {
    await this.addNet({
      net: netOf(LOLND, 0),
      interfaces: [{ interfaceName: 'lo', nid: NID_LOOPBACK }],
      tunables: { peerTimeoutS: 0, peerCredits: 0, peerBufferCredits: 0, credits: 0 },
      lndTunables: {},
    });
  }

  /**
   * Opens the NIs of a net, or adds NIs to it. All or none: when one fails, those opened by this call are closed again.
   * Throws {@link LnetError} ERR_LNET_EXISTS for a NID this node has, ERR_LNET_BAD_CONFIG for a net without driver,
   * ERR_LNET_DOWN once the node is closing.
   */
  async addNet(plan: NetPlan): Promise<void> {
    if (this.#closing) throw downError();
    const name = plan.nal ?? nalNameOf(plan.net);
    const nal = name === undefined ? undefined : this.#nals.get(name);
    if (!nal) {
      throw new LnetError('ERR_LNET_BAD_CONFIG', {
        errno: -EINVAL,
        message: `net ${formatNet(plan.net)} needs the driver '${name ?? lndOf(plan.net)}', which this node does not have`,
        hint: `it has ${[...this.#nals.keys()].join(', ')}`,
      });
    }
    const opened: LocalNi[] = [];
    try {
      for (const { nid, interfaceName } of plan.interfaces) {
        const { net, tunables } = plan;
        if (!nid.isLoopback) this.core.locals.checkAdd({ net, nid, interfaceName, tunables });
        const link = await nal.openNi(this.#niOptions(plan, nid, interfaceName));
        opened.push(await this.#adopt(link, net, tunables));
      }
    } catch (error) {
      for (const ni of opened) await this.#removeNi(ni);
      throw error;
    }
  }

  /** Gives an opened NI to the core, or closes it: much can have happened while it was being opened. */
  async #adopt(link: NalNi, net: NetId, tunables: NetTunables): Promise<LocalNi> {
    try {
      if (this.#closing) throw downError();
      return this.core.addNi(net, link, tunables);
    } catch (error) {
      await link.close();
      throw error;
    }
  }

  #niOptions(plan: NetPlan, nid: Nid, interfaceName: string): NalNiOptions {
    return { nid, interfaceName, accept: this.#accept, acceptPort: this.#acceptPort, tunables: plan.lndTunables };
  }

  /** Closes the NIs of a net, or one of them. Their peers and routes go with the last one. */
  async removeNet(net: NetId, interfaceName?: string): Promise<void> {
    const leaving = (this.core.locals.netOf(net)?.nis ?? []).filter(
      (ni) => interfaceName === undefined || ni.link.interfaceName === interfaceName,
    );
    if (leaving.length === 0) {
      throw new LnetError('ERR_LNET_NOT_FOUND', {
        errno: -ENOENT,
        message: `no NI on ${formatNet(net)}${interfaceName === undefined ? '' : ` over ${interfaceName}`}`,
      });
    }
    for (const ni of leaving) await this.#removeNi(ni);
  }

  async #removeNi(ni: LocalNi): Promise<void> {
    this.core.locals.remove(ni.nid);
    await ni.link.close();
  }

  /** Ends everything: pending operations fail with -ESHUTDOWN, links are closed. Calling it again waits for the same end. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.core.stop();
    for (const release of this.#requests) release();
    for (const ni of this.core.locals.all.toReversed()) await ni.link.close();
    this.core.release();
  }

  /** See {@link CoreContext.portals}. */
  attachMe(spec: MeSpec): Me {
    return this.core.portals.attachMe(spec);
  }

  /** Gives an ME its memory. On any error the ME is gone. */
  attachMd(me: Me, spec: MdSpec, unlinksWhenExhausted = true): MdHandle {
    return this.core.portals.attachMd(me, spec, unlinksWhenExhausted);
  }

  /** Memory for PUT or GET of one's own. */
  bindMd(spec: MdSpec, unlinksWhenExhausted = true): MdHandle {
    return this.core.portals.bindMd(spec, unlinksWhenExhausted);
  }

  unlinkMd(md: MdHandle): void {
    this.core.portals.unlinkMd(md);
  }

  /**
   * Sends up to 1 MiB into a memory descriptor of the target. Resolves when the target acknowledged it (or, with `ack:
   * false`, when the NAL is done with the memory). Rejects with {@link LnetError}; the memory is the caller's again then too.
   */
  put(options: PutOptions): Promise<RequestResult> {
    const kind = options.ack === false ? 'put' : 'put-ack';
    return this.#transfer(kind, options);
  }

  /** Fetches from a memory descriptor of the target into `memory`. Resolves with the bytes that came. */
  get(options: TransferOptions): Promise<RequestResult> {
    return this.#transfer('get', options);
  }

  async #transfer(kind: RequestKind, options: PutOptions): Promise<RequestResult> {
    return await runRequest(this.core, kind, requestOf(options), this.#requests);
  }

  /**
   * LNet ping: asks a node for its NIDs. Works as the first message on a fresh link. Rejects with ERR_LNET_TIMED_OUT after
   * `timeoutMs` (default 1000), ERR_LNET_PROTOCOL for an answer that is no ping info. lnet-semantics §1.9.
   */
  async ping(target: NidLike, options: PingOptions = {}): Promise<PeerReport> {
    return await pingNode(this.core, this.#requests, nidOf(target), options);
  }

  /**
   * Discovers a peer: pings it, merges its NIDs, pushes our own to it. Rejects with ERR_LNET_UNREACHABLE or ERR_LNET_TIMED_OUT
   * when it does not answer. lnet-semantics §10.
   */
  async discover(target: NidLike, options: DiscoverOptions = {}): Promise<PeerReport> {
    return await discoverNode(this.core, nidOf(target), options);
  }
}

const silent = (): void => {};

function downError(): LnetError {
  return new LnetError('ERR_LNET_DOWN', { errno: -ESHUTDOWN, message: 'the node is closed or about to be' });
}
