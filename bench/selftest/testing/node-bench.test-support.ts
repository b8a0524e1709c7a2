import { SelftestNode } from '../node/selftest-node.ts';
import type { NodeOptions } from '../node/node-options.ts';
import { RpcContext } from '../rpc/rpc-context.ts';
import { LST_BRW_CHECK_FULL, LST_BRW_READ } from '../wire/brw-message.ts';
import { BATCH_REPLY, BATCH_REQUEST } from '../wire/batch-message.ts';
import { type Destination, destinationAt, encodeDestinations } from '../wire/destination-list.ts';
import { SERVICES } from '../wire/service.ts';
import {
  DEBUG_REPLY,
  DEBUG_REQUEST,
  MAKE_SESSION_REPLY,
  MAKE_SESSION_REQUEST,
  REMOVE_SESSION_REPLY,
  REMOVE_SESSION_REQUEST,
} from '../wire/session-message.ts';
import type { SessionId } from '../wire/session-id.ts';
import { STAT_REPLY, STAT_REQUEST } from '../wire/stat-message.ts';
import { SRPC_MSG_BYTES } from '../wire/srpc-message.ts';
import { type BrwParams, encodeBrwParams, encodePingParams, TEST_REPLY, TEST_REQUEST } from '../wire/test-message.ts';
import { copyFromIov } from '../../../lnet/iov.ts';
import { LNET_RESERVED_PORTAL } from '../../../lnet/peer/reserved-portal.ts';
import { LNET_PROTO_PING_MAGIC } from '../../../lnet/wire/ping-info.ts';
import { LNET_MSG_ACK, LNET_MSG_GET, LNET_MSG_NAMES, LNET_MSG_PUT } from '../../../lnet/wire/lnet-hdr.ts';
import { LNET_PID_LUSTRE } from '../../../lnet/wire/process-id.ts';
import { type Nid, parseNid } from '../../../lnet/wire/nid.ts';
import { SimNet, type SimNetOptions } from '../../../nals/sim/sim-net.ts';
import { type AskOptions, RawPeer } from './raw-peer.test-support.ts';
import { introduce, SimCore } from './sim-core.test-support.ts';

export const CONSOLE_NID = '10.77.0.11@tcp';

/** A session of the console that {@link CONSOLE_NID} stands for. */
export function sidOf(stamp: number): SessionId {
  return { nid: 0x000200000a4d000bn, stamp: BigInt(stamp) };
}

export interface TestRequest {
  readonly sid: SessionId;
  readonly bid: bigint;
  readonly service: number;
  readonly loop: number;
  readonly concur: number;
  readonly isClient: number;
  readonly stopOnError: number;
  readonly params: Uint8Array;
  /** Their number is `ndest`. */
  readonly destinations: readonly Nid[];
}

/** A console by hand, towards one node. */
export class HandConsole extends RawPeer {
  makeSession(
    sid: SessionId,
    { name = 'test', force = 0, ...options }: AskOptions & { name?: string; force?: number } = {},
  ) {
    const messages = [MAKE_SESSION_REQUEST, MAKE_SESSION_REPLY] as const;
    return this.body(this.ask(SERVICES.makeSession, messages, { sid, name, force }, options));
  }

  removeSession(sid: SessionId, options?: AskOptions) {
    return this.body(
      this.ask(SERVICES.removeSession, [REMOVE_SESSION_REQUEST, REMOVE_SESSION_REPLY], { sid }, options),
    );
  }

  debug(sid: SessionId, options?: AskOptions) {
    return this.body(this.ask(SERVICES.debug, [DEBUG_REQUEST, DEBUG_REPLY], { sid, flags: 0 }, options));
  }

  stat(sid: SessionId, options?: AskOptions) {
    return this.body(this.ask(SERVICES.stat, [STAT_REQUEST, STAT_REPLY], { sid, type: 0 }, options));
  }

  batch(sid: SessionId, bid: bigint, opc: number, { testidx = 0, arg = 0 } = {}, options?: AskOptions) {
    const body = { sid, bid, opc, testidx, arg };
    return this.body(this.ask(SERVICES.batch, [BATCH_REQUEST, BATCH_REPLY], body, options));
  }

  /** Adds a test instance: a ping client of one unit and one loop unless told otherwise. */
  addTest(request: Partial<TestRequest> & Pick<TestRequest, 'sid'>, options: AskOptions = {}) {
    const { destinations = [], ...fields } = request;
    const list = new Uint8Array(destinations.length === 0 ? 0 : destinationAt(destinations.length - 1) + 12);
    encodeDestinations(
      destinations.map((nid): Destination => ({ nid, pid: LNET_PID_LUSTRE })),
      list,
    );
    const body = {
      bid: 1n,
      service: SERVICES.ping.id,
      loop: 1,
      concur: 1,
      isClient: 1,
      stopOnError: 1,
      params: encodePingParams(),
      ...fields,
      ndest: destinations.length,
    };
    const bulk = list.length > 0 ? { bulk: { memory: list, direction: 'toServer' } as const } : {};
    return this.body(this.ask(SERVICES.test, [TEST_REQUEST, TEST_REPLY], body, { ...bulk, ...options }));
  }

  /** The body of an answer with its features beside it. */
  body<A extends object>(answer: { readonly body: A; readonly features: number } | undefined) {
    return answer && { ...answer.body, features: answer.features };
  }
}

export interface Served {
  readonly core: SimCore;
  readonly context: RpcContext;
  readonly node: SelftestNode;
}

export interface Bench {
  readonly net: SimNet;
  /** Serving nodes, .12, .13 and so on. */
  readonly nodes: readonly Served[];
  /** A console by hand towards the first node. */
  readonly peer: HandConsole;
  /** The same console towards node `index`. */
  console(index: number): HandConsole;
}

/** A simulated network with a console made by hand at .11 and nodes that serve, at .12 and following. */
export async function bench(
  options: {
    readonly nodes?: number;
    readonly node?: Partial<NodeOptions>;
    readonly net?: Partial<SimNetOptions>;
  } = {},
): Promise<Bench> {
  const net = new SimNet({ seed: 1, ...options.net });
  const hand = await SimCore.open(net, CONSOLE_NID);
  const nodes: Served[] = [];
  for (let index = 0; index < (options.nodes ?? 1); index++) nodes.push(await serve(net, nidAt(index), options.node));
  await introduce(net, [hand, ...nodes.map(({ core }) => core)]);
  const console = (index: number): HandConsole => new HandConsole(net, hand, parseNid(nidAt(index)));
  return { net, nodes, peer: console(0), console };
}

/** NID of node `index`. */
export function nidAt(index: number): string {
  return `10.77.0.${12 + index}@tcp`;
}

/** One more node that serves. */
export async function serve(net: SimNet, nid: string, options?: Partial<NodeOptions>): Promise<Served> {
  return serveOn(await SimCore.open(net, nid), options);
}

export function serveOn(core: SimCore, options?: Partial<NodeOptions>): Served {
  const context = new RpcContext(core);
  const node = new SelftestNode(context, options);
  node.open();
  return { core, context, node };
}

/** A message as the tap of {@link tapped} saw it. */
export interface Sent {
  readonly from: string;
  readonly to: string;
  /** PUT, GET, ACK or REPLY. */
  readonly kind: string;
  readonly portal: number;
  readonly matchBits: bigint;
  readonly wantsAck: boolean;
  readonly length: number;
  readonly payload: Buffer;
}

function isPingInfo(bytes: Buffer): boolean {
  return bytes.length >= 4 && bytes.readUInt32LE(0) === LNET_PROTO_PING_MAGIC;
}

/** Collects what these cores send, in order, but for what LNet sends for itself. */
export function tapped(...cores: readonly SimCore[]): Sent[] {
  const sent: Sent[] = [];
  for (const core of cores) {
    core.tap = ({ hdr, payload, payloadOffset }) => {
      const bytes = Buffer.alloc(Math.min(hdr.payloadLength, SRPC_MSG_BYTES));
      copyFromIov(payload, payloadOffset, bytes.length, bytes, 0);
      const isRequest = hdr.type === LNET_MSG_PUT || hdr.type === LNET_MSG_GET;
      const isOwnOfLnet = isRequest ? hdr.portal === LNET_RESERVED_PORTAL : isPingInfo(bytes);
      if (hdr.type === LNET_MSG_ACK || isOwnOfLnet) return;
      sent.push({
        from: String(hdr.srcNid),
        to: String(hdr.destNid),
        kind: LNET_MSG_NAMES[hdr.type] as string,
        portal: hdr.portal,
        matchBits: (BigInt(hdr.matchBitsHigh) << 32n) | BigInt(hdr.matchBitsLow),
        wantsAck: hdr.type === LNET_MSG_PUT && hdr.interfaceCookieLow !== 0xffffffff,
        length: hdr.type === LNET_MSG_GET ? hdr.sinkLength : hdr.payloadLength,
        payload: bytes,
      });
    };
  }
  return sent;
}

/** Parameters of a brw test, as a TEST request with BULK_LEN carries them. */
export function brwParams(params: Partial<BrwParams>): Uint8Array {
  return encodeBrwParams({ opc: LST_BRW_READ, flags: LST_BRW_CHECK_FULL, length: 4096, offset: 0, ...params }, 1);
}

/** Lets time pass until the batch on this node has come to rest. */
export function rest({ net, nodes }: Bench, bid = 1n, index = 0): void {
  const { node } = nodes[index] as Served;
  net.runUntil(() => node.sessions.current?.batchOf(bid)?.isRunning !== true, `batch ${bid} at rest`);
}
