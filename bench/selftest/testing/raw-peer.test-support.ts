import type { LnetEvent } from '../../../lnet/event.ts';
import { LNET_MD_OP_GET, LNET_MD_OP_PUT, LNET_MD_TRUNCATE, type MdHandle } from '../../../lnet/portals/md.ts';
import { type Layout, viewOf } from '../../../lnet/wire/layout.ts';
import { NID_ANY, type Nid } from '../../../lnet/wire/nid.ts';
import { LNET_PID_LUSTRE } from '../../../lnet/wire/process-id.ts';
import type { SimNet } from '../../../nals/sim/sim-net.ts';
import { type ServiceKind, SRPC_RDMA_PORTAL } from '../wire/service.ts';
import { encodeSrpc, SRPC_BODY_AT, SRPC_HDR, SRPC_MSG_BYTES, type SrpcMessage } from '../wire/srpc-message.ts';
import type { SimCore } from './sim-core.test-support.ts';

export interface AskOptions {
  readonly features?: number;
  readonly littleEndian?: boolean;
  /** Changes the encoded request. */
  readonly spoil?: (bytes: Uint8Array) => Uint8Array;
  /** Posted under the request's bulkid, for the server to read from or to write into. */
  readonly bulk?: { readonly memory: Uint8Array; readonly direction: 'toServer' | 'fromServer' };
  /** Virtual time to wait for the reply. */
  readonly waitUs?: number;
}

export interface Answer<A> {
  readonly body: A;
  readonly features: number;
  readonly bytes: Buffer;
}

type Decoded<F> = ReturnType<Layout<F>['decode']>;
type Encodable<F> = Parameters<Layout<F>['encode']>[0];

/** A peer that speaks selftest by hand: it sends any bytes as a request and sees every reply. */
export class RawPeer {
  readonly net: SimNet;
  readonly core: SimCore;
  readonly target: Nid;
  /** Events of the bulk buffers it posted, in order. */
  readonly bulkEvents: LnetEvent[] = [];
  #ids = 0x1000n;

  constructor(net: SimNet, core: SimCore, target: Nid) {
    this.net = net;
    this.core = core;
    this.target = target;
  }

  nextId(): bigint {
    return ++this.#ids;
  }

  /** Sends a request and lets time pass until the reply is there; undefined when none came. */
  ask<Q, A>(
    service: ServiceKind,
    [request, reply]: readonly [SrpcMessage<Q>, SrpcMessage<A>],
    body: Omit<Encodable<Q>, 'rpyid' | 'bulkid'> & { readonly rpyid?: bigint; readonly bulkid?: bigint },
    options: AskOptions = {},
  ): Answer<Decoded<A>> | undefined {
    const rpyid = this.nextId();
    const bulkid = options.bulk ? this.nextId() : 0n;
    const bytes = new Uint8Array(SRPC_MSG_BYTES);
    const full = { rpyid, bulkid, ...body } as Encodable<Q>;
    encodeSrpc(viewOf(bytes), request, options.features ?? 1, full, options.littleEndian ?? true);
    if (options.bulk) this.#postBulk(bulkid, options.bulk);
    const answer = this.exchange(service, options.spoil?.(bytes) ?? bytes, rpyid, options.waitUs);
    if (!answer) return undefined;
    const view = viewOf(answer);
    const { features } = SRPC_HDR.decode(view);
    return { body: reply.body.decode(view, SRPC_BODY_AT), features, bytes: answer };
  }

  /** Sends these bytes as they are; gives the whole reply, or undefined when none came. */
  exchange(service: ServiceKind, bytes: Uint8Array, rpyid: bigint, waitUs = 1_000_000): Buffer | undefined {
    const reply = new Uint8Array(SRPC_MSG_BYTES);
    const arrived: number[] = [];
    const md = this.#post(rpyid, reply, LNET_MD_OP_PUT, (event) => {
      if (event.typeName === 'PUT') arrived.push(event.mlength);
    });
    this.put(service.portal, BigInt(service.id), bytes);
    const { clock } = this.net;
    const end = clock.now() + waitUs;
    while (arrived.length === 0 && clock.next !== undefined && clock.next <= end) clock.step();
    if (md.isLive) this.core.portals.unlinkMd(md);
    return arrived[0] === undefined ? undefined : Buffer.from(reply.subarray(0, arrived[0]));
  }

  put(portal: number, matchBits: bigint, bytes: Uint8Array): void {
    const md = this.core.portals.bindMd({ memory: bytes, threshold: 1 }, true);
    this.core.operations.put({
      md,
      target: this.target,
      targetPid: LNET_PID_LUSTRE,
      self: NID_ANY,
      portal,
      matchBitsLow: Number(matchBits & 0xffffffffn),
      matchBitsHigh: Number(matchBits >> 32n),
      offset: 0,
      hdrDataLow: 0,
      hdrDataHigh: 0,
      wantsAck: false,
      isRecovery: false,
    });
  }

  #postBulk(bulkid: bigint, { memory, direction }: NonNullable<AskOptions['bulk']>): void {
    const option = direction === 'toServer' ? LNET_MD_OP_GET | LNET_MD_TRUNCATE : LNET_MD_OP_PUT;
    this.post(bulkid, memory, option);
  }

  /** Offers memory for bulk, or takes it there; what happens to it is in {@link bulkEvents}. */
  post(bulkid: bigint, memory: Uint8Array, options: number): void {
    this.#post(bulkid, memory, options, (event) => this.bulkEvents.push(event.clone()));
  }

  #post(matchBits: bigint, memory: Uint8Array, options: number, handler: (event: LnetEvent) => void): MdHandle {
    const { portals } = this.core;
    const me = portals.attachMe({ portal: SRPC_RDMA_PORTAL, nid: this.target, pid: LNET_PID_LUSTRE, matchBits });
    return portals.attachMd(me, { memory, threshold: 1, options, handler }, true);
  }
}
