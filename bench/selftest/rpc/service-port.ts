import { EPROTO } from '../../../lnet/errno.ts';
import { LNET_EVENT_UNLINK, type LnetEvent } from '../../../lnet/event.ts';
import { layout, u32 } from '../../../lnet/wire/layout.ts';
import { LST_FEATS_MASK } from '../wire/feature.ts';
import type { ServiceKind } from '../wire/service.ts';
import {
  encodeSrpc,
  SRPC_HDR,
  SRPC_MSG_BYTES,
  SRPC_MSG_MAGIC,
  SRPC_MSG_VERSION,
  srpcByteOrder,
} from '../wire/srpc-message.ts';
import { RequestBuffer, REQUESTS_PER_BUFFER } from './request-buffer.ts';
import type { Resumable, RpcContext } from './rpc-context.ts';
import type { RpcDropReason } from './rpc-counters.ts';
import { ServerRpc, type ServerRpcOwner } from './server-rpc.ts';

/** The beginning that all replies share. */
const STATUS_ONLY = layout('srpc_reply', 4, 'selftest §2', { status: u32 });

/** What serves the requests of one service. */
export interface ServiceHandler<N> extends Pick<ServerRpcOwner<N>, 'serve' | 'bulkEnded'> {
  /** A note for one more request record. */
  newNote(): N;
}

export interface ServicePortSpec<N> {
  readonly service: ServiceKind;
  readonly handler: ServiceHandler<N>;
  /** Most requests begun and not ended; further ones wait. */
  readonly activeMax: number;
  /**
   * Requests that may wait, about. Beyond it the lazy portal holds them back, and with them everything behind them on their
   * connection: a client's answer to a GET of ours too, so the bound is far above what clients keep in flight.
   */
  readonly waitingMax: number;
  /**
   * Requests are not begun within LNet's own call, but after it, when LNet has counted their message: a stat counts the
   * request that asks for it (selftest §3.4). Costs a turn of the loop, so test services do without.
   */
  readonly isDeferred: boolean;
}

/** Where the requests of one service arrive, wait and are served in order of arrival. */
export class ServicePort<N> implements ServerRpcOwner<N>, Resumable {
  readonly #context: RpcContext;
  readonly #spec: ServicePortSpec<N>;
  /** Two at first: one takes requests while those in the other wait to begin. */
  readonly #buffers: RequestBuffer[] = [];
  readonly #buffersMax: number;
  readonly #free: ServerRpc<N>[] = [];
  /** Not begun, in order of arrival; bounded, since a buffer with such a request is not posted again. */
  readonly #waiting: ServerRpc<N>[] = [];
  readonly #active = new Set<ServerRpc<N>>();
  readonly #onRequest = (event: LnetEvent): void => this.#requestEvent(event);
  #isBeginning = false;
  #onIdle: (() => void) | null = null;

  constructor(context: RpcContext, spec: ServicePortSpec<N>) {
    this.#context = context;
    this.#spec = spec;
    this.#buffersMax = Math.max(2, Math.ceil(spec.waitingMax / REQUESTS_PER_BUFFER));
  }

  open(): void {
    for (let count = 0; count < 2; count++) this.#addBuffer();
  }

  /** Takes the buffers back and ends all requests; calls `onIdle` once LNet holds nothing of this service any more. */
  close(onIdle: () => void): void {
    this.#onIdle = onIdle;
    for (const buffer of this.#buffers) buffer.close();
    this.abortAll();
    this.#noteIdle();
  }

  /** Ends every request of this service without reply: selftest §6.4. */
  abortAll(): void {
    for (const rpc of this.#waiting.splice(0)) {
      const { buffer } = rpc;
      rpc.abort();
      buffer?.begun();
    }
    for (const rpc of this.#active) rpc.abort();
  }

  serve(rpc: ServerRpc<N>): boolean {
    if (rpc.request.getUint32(rpc.at + SRPC_HDR.at.version, rpc.isLittleEndian) === SRPC_MSG_VERSION)
      return this.#spec.handler.serve(rpc);
    encodeSrpc(rpc.reply, { type: this.#spec.service.reply.type, body: STATUS_ONLY }, LST_FEATS_MASK, {
      status: EPROTO,
    });
    rpc.answer();
    return true;
  }

  bulkEnded(rpc: ServerRpc<N>, errno: number): void {
    this.#spec.handler.bulkEnded(rpc, errno);
  }

  rpcEnded(rpc: ServerRpc<N>): void {
    this.#active.delete(rpc);
    this.#free.push(rpc);
    this.#beginWaiting();
    this.#noteIdle();
  }

  #requestEvent(event: LnetEvent): void {
    const buffer = event.md.user as RequestBuffer;
    const isLast = event.isUnlinked;
    this.#context.note(event);
    if (event.type !== LNET_EVENT_UNLINK) this.#arrived(buffer, event);
    if (!isLast) return;
    buffer.unlinked();
    if (!this.#onIdle && !this.#buffers.some((other) => other.isPosted)) this.#addBuffer();
    this.#noteIdle();
  }

  #addBuffer(): void {
    if (this.#buffers.length === this.#buffersMax) return;
    const buffer = new RequestBuffer(this.#context, this.#spec.service, this.#onRequest);
    this.#buffers.push(buffer);
    buffer.open();
  }

  #noteIdle(): void {
    if (!this.#onIdle || this.#active.size > 0 || this.#buffers.some((buffer) => buffer.isPosted)) return;
    const onIdle = this.#onIdle;
    this.#onIdle = null;
    onIdle();
  }

  #arrived(buffer: RequestBuffer, event: LnetEvent): void {
    this.#context.counters.rpcsRcvd++;
    const verdict = this.#judge(buffer.view, event);
    if (verdict !== 'little' && verdict !== 'big') {
      this.#context.counters.drop(verdict);
      return;
    }
    const rpc = this.#free.pop() ?? this.#newRpc();
    rpc.arrived(buffer, event, verdict === 'little');
    buffer.pending++;
    this.#waiting.push(rpc);
    if (this.#spec.isDeferred) this.#context.later(this);
    else this.#beginWaiting();
  }

  /** @internal */
  resume(): void {
    this.#beginWaiting();
  }

  /** Byte order of a request, or why it gets no reply: selftest §4.5 rule 1. */
  #judge(view: DataView, event: LnetEvent): 'little' | 'big' | RpcDropReason {
    if (event.status !== 0) return 'event_error';
    if (event.mlength !== SRPC_MSG_BYTES) return 'bad_length';
    const order = srpcByteOrder(view, event.offset);
    if (order === undefined) return 'bad_magic';
    const type = view.getUint32(event.offset + SRPC_HDR.at.type, order === 'little');
    return type === this.#spec.service.request.type ? order : 'bad_type';
  }

  /** A record whose reply holds what all replies of the service have in common. */
  #newRpc(): ServerRpc<N> {
    const rpc = new ServerRpc(this.#context, this, this.#spec.handler.newNote());
    rpc.reply.setUint32(SRPC_HDR.at.magic, SRPC_MSG_MAGIC, true);
    rpc.reply.setUint32(SRPC_HDR.at.version, SRPC_MSG_VERSION, true);
    rpc.reply.setUint32(SRPC_HDR.at.type, this.#spec.service.reply.type, true);
    return rpc;
  }

  /** Begins with as many waiting requests as the limits allow. A request may end while it is begun, and others may come. */
  #beginWaiting(): void {
    if (this.#isBeginning) return;
    this.#isBeginning = true;
    while (this.#active.size < this.#spec.activeMax) {
      const rpc = this.#waiting.shift();
      if (!rpc) break;
      const { buffer } = rpc;
      this.#active.add(rpc);
      if (!rpc.begin()) {
        this.#active.delete(rpc);
        this.#waiting.unshift(rpc);
        break;
      }
      buffer?.begun();
    }
    this.#isBeginning = false;
  }
}
