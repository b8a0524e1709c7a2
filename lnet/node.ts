/**
 * The shell around the core: opens and closes NALs, turns operations into promises. What a program holds as "a node". It
 * still starts no timer and opens no socket itself: NALs, clock and randomness are given to it.
 */
import type { Clock } from './clock.ts';
import { type NetPlan, nalNameOf, type NodePlan } from './config/plan.ts';
import { EINVAL, ENOENT, ENOMEM, EPROTO, ETIMEDOUT, errnoText } from './errno.ts';
import { LnetError } from './error-code.ts';
import type { Iov } from './iov.ts';
import { LnetCore } from './lnet-core.ts';
import type { LocalNi } from './local-ni.ts';
import type { Nal, NalFactory, NalNiOptions } from './nal.ts';
import type { MdHandle, MdSpec } from './portals/md.ts';
import type { Me, MeSpec } from './portals/me.ts';
import type { Random } from './random.ts';
import { runRequest, type RequestKind, type RequestOptions, type RequestResult } from './request.ts';
import { formatNet, LOLND, lndOf, type NetId, netOf } from './wire/net.ts';
import { u64High, u64Low } from './wire/lnet-hdr.ts';
import { NID_ANY, NID_LOOPBACK, type Nid, parseNid } from './wire/nid.ts';
import { LNET_PID_LUSTRE } from './wire/process-id.ts';
import { decodePingInfo } from './wire/ping-info.ts';
import { LNET_PROTO_PING_MATCHBITS, LNET_RESERVED_PORTAL } from './peer/reserved-portal.ts';
import { LNET_PEER_MULTI_RAIL, type Peer } from './peer/peer.ts';

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

/** A NID as the API takes it: parsed, or its text. */
export type NidLike = Nid | string;

/** A PUT or GET with a promise. */
export interface TransferOptions {
  /** At most 1 MiB, in one piece or in fragments. Must stay untouched until the promise settles. */
  readonly memory: Uint8Array | Iov;
  readonly target: NidLike;
  readonly portal: number;
  readonly matchBits: bigint;
  /** Offset in the target's memory descriptor, honoured if that is remote-managed. Default 0. */
  readonly offset?: number;
  /** Local NID to send from; default: the core chooses. */
  readonly self?: NidLike;
  /** Process id of the target; default 12345. */
  readonly pid?: number;
  readonly signal?: AbortSignal;
}

export interface PutOptions extends TransferOptions {
  /** 64 bits delivered with the target's event. Default 0. */
  readonly hdrData?: bigint;
  /** Wait for the target's acknowledgement. Default true. */
  readonly ack?: boolean;
}

/** What a node said of itself, or what is known of it. */
export interface PeerReport {
  /** NID that names the peer; undefined when the peer table knows nothing of it. */
  readonly primaryNid: Nid | undefined;
  readonly isMultiRail: boolean;
  readonly nids: readonly Nid[];
}

/** Room for the answer to a ping: what the kernel's `lnetctl ping` offers (lnet-wire §7.1). */
const PING_REPLY_BYTES_MAX = 3960;

/** A running LNet node. Several can live in one process; they share nothing. */
export class LnetNode {
  readonly core: LnetCore;
  readonly #nals: ReadonlyMap<string, Nal>;
  readonly #accept: NodePlan['accept'];
  readonly #acceptPort: number;
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
   * Throws {@link LnetError} ERR_LNET_EXISTS for a NID this node has, ERR_LNET_BAD_CONFIG for a net without driver.
   */
  async addNet(plan: NetPlan): Promise<void> {
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
        opened.push(this.core.addNi(net, await nal.openNi(this.#niOptions(plan, nid, interfaceName)), tunables));
      }
    } catch (error) {
      for (const ni of opened) await this.#removeNi(ni);
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
    return this.#transfer(kind, options, options.hdrData ?? 0n);
  }

  /** Fetches from a memory descriptor of the target into `memory`. Resolves with the bytes that came. */
  get(options: TransferOptions): Promise<RequestResult> {
    return this.#transfer('get', options, 0n);
  }

  #transfer(kind: RequestKind, options: TransferOptions, hdrData: bigint): Promise<RequestResult> {
    const request: RequestOptions = {
      memory: options.memory,
      target: toNid(options.target),
      targetPid: options.pid ?? LNET_PID_LUSTRE,
      self: options.self === undefined ? NID_ANY : toNid(options.self),
      portal: options.portal,
      matchBitsLow: u64Low(options.matchBits),
      matchBitsHigh: u64High(options.matchBits),
      offset: options.offset ?? 0,
      hdrDataLow: u64Low(hdrData),
      hdrDataHigh: u64High(hdrData),
      signal: options.signal,
    };
    return runRequest(this.core, kind, request);
  }

  /**
   * LNet ping: asks a node for its NIDs. Works as the first message on a fresh link. Rejects with ERR_LNET_TIMED_OUT after
   * `timeoutMs` (default 1000), ERR_LNET_PROTOCOL for an answer that is no ping info. lnet-semantics §1.9.
   */
  async ping(
    target: NidLike,
    options: { timeoutMs?: number; source?: NidLike; signal?: AbortSignal } = {},
  ): Promise<PeerReport> {
    const nid = toNid(target);
    const timeoutMs = options.timeoutMs ?? 1000;
    const memory = new Uint8Array(PING_REPLY_BYTES_MAX);
    const deadline = new AbortController();
    const alarm = this.core.clock.alarm(this.core.clock.now() + timeoutMs * 1000, () => deadline.abort());
    const abort = (): void => deadline.abort();
    options.signal?.addEventListener('abort', abort, { once: true });
    try {
      const { mlength } = await this.get({
        memory,
        target: nid,
        portal: LNET_RESERVED_PORTAL,
        matchBits: LNET_PROTO_PING_MATCHBITS,
        signal: deadline.signal,
        ...(options.source === undefined ? {} : { self: options.source }),
      });
      const nids = nidsOf(nid, memory.subarray(0, mlength));
      return reportOf(this.core.peers.find(nid)?.peerNet.peer, nids);
    } catch (error) {
      if (deadline.signal.aborted && !options.signal?.aborted) {
        throw new LnetError('ERR_LNET_TIMED_OUT', {
          errno: -ETIMEDOUT,
          message: `failed to ping ${nid}: ${errnoText(ETIMEDOUT)}`,
          hint: `no answer within ${timeoutMs} ms`,
          nids: [String(nid)],
          isRetryable: true,
          cause: error,
        });
      }
      throw error;
    } finally {
      alarm.cancel();
      options.signal?.removeEventListener('abort', abort);
    }
  }

  /** Discovers a peer: pings it, merges its NIDs, pushes our own to it. lnet-semantics §10. */
  async discover(target: NidLike, options: { force?: boolean; signal?: AbortSignal } = {}): Promise<PeerReport> {
    const nid = toNid(target);
    const known = this.core.peers.ofTarget(nid);
    if (!known) throw discoveryError(nid, -ENOMEM);
    const errno = await new Promise<number>((resolve, reject) => {
      const { signal } = options;
      signal?.throwIfAborted();
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      this.core.discovery.rediscover(known.peerNet.peer, options.force === true, resolve);
    });
    if (errno !== 0) throw discoveryError(nid, errno);
    const peer = this.core.peers.find(nid)?.peerNet.peer;
    return reportOf(peer, peer ? Array.from(peer.peerNis(), (ni) => ni.nid) : []);
  }
}

const silent = (): void => {};

function toNid(nid: NidLike): Nid {
  return typeof nid === 'string' ? parseNid(nid) : nid;
}

function reportOf(peer: Peer | undefined, nids: readonly Nid[]): PeerReport {
  return { primaryNid: peer?.primaryNid, isMultiRail: peer?.has(LNET_PEER_MULTI_RAIL) ?? false, nids };
}

function nidsOf(nid: Nid, bytes: Uint8Array): Nid[] {
  try {
    const result = decodePingInfo(bytes);
    if (result.kind === 'truncated') throw new Error(`it is ${result.needBytes} bytes long, ${bytes.length} came`);
    return result.info.entries.map((entry) => entry.nid);
  } catch (cause) {
    throw new LnetError('ERR_LNET_PROTOCOL', {
      errno: -EPROTO,
      message: `failed to ping ${nid}: ${errnoText(EPROTO)}`,
      hint: 'its answer is no ping info',
      nids: [String(nid)],
      cause,
    });
  }
}

function discoveryError(nid: Nid, errno: number): LnetError {
  return new LnetError(errno === -ETIMEDOUT ? 'ERR_LNET_TIMED_OUT' : 'ERR_LNET_UNREACHABLE', {
    errno,
    message: `failed to discover ${nid}: ${errnoText(errno)}`,
    nids: [String(nid)],
    isRetryable: true,
  });
}
