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
import { RequestBuffer } from './request-buffer.ts';
import type { RpcContext } from './rpc-context.ts';
import type { RpcDropReason } from './rpc-counters.ts';
import { ServerRpc, type ServerRpcOwner } from './server-rpc.ts';

/** The beginning that all replies share. */
const STATUS_ONLY = layout('srpc_reply', 4, 'selftest §2', { status: u32 });

/** Buffers posted for each service: while one waits for its requests to begin, the other takes new ones. */
const BUFFERS = 2;

/** What serves the requests of one service. */
export interface ServiceHandler<N> extends Pick<ServerRpcOwner<N>, 'serve' | 'bulkEnded'> {
  /** A note for one more request record. */
  newNote(): N;
}

/** Where the requests of one service arrive, wait and are served, at most `activeMax` at a time. */
export class ServicePort<N> implements ServerRpcOwner<N> {
  readonly service: ServiceKind;
  readonly #context: RpcContext;
  readonly #handler: ServiceHandler<N>;
  readonly #activeMax: number;
  readonly #buffers: readonly RequestBuffer[];
  readonly #free: ServerRpc<N>[] = [];
  /** Not begun, in order of arrival; bounded, since a buffer with such a request is not posted again. */
  readonly #waiting: ServerRpc<N>[] = [];
  readonly #active = new Set<ServerRpc<N>>();
  #isBeginning = false;
  #onIdle: (() => void) | null = null;

  constructor(context: RpcContext, service: ServiceKind, handler: ServiceHandler<N>, activeMax: number) {
    this.service = service;
    this.#context = context;
    this.#handler = handler;
    this.#activeMax = activeMax;
    const onEvent = (event: LnetEvent): void => this.#requestEvent(event);
    this.#buffers = Array.from({ length: BUFFERS }, () => new RequestBuffer(context, service, onEvent));
  }

  /** Requests begun and not ended. */
  get activeCount(): number {
    return this.#active.size;
  }

  open(): void {
    for (const buffer of this.#buffers) buffer.open();
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
      return this.#handler.serve(rpc);
    encodeSrpc(rpc.reply, { type: this.service.reply.type, body: STATUS_ONLY }, LST_FEATS_MASK, { status: EPROTO });
    rpc.answer();
    return true;
  }

  bulkEnded(rpc: ServerRpc<N>, errno: number): void {
    this.#handler.bulkEnded(rpc, errno);
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
    this.#noteIdle();
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
    this.#beginWaiting();
  }

  /** Byte order of a request, or why it gets no reply: selftest §4.5 rule 1. */
  #judge(view: DataView, event: LnetEvent): 'little' | 'big' | RpcDropReason {
    if (event.status !== 0) return 'event_error';
    if (event.mlength !== SRPC_MSG_BYTES) return 'bad_length';
    const order = srpcByteOrder(view, event.offset);
    if (order === undefined) return 'bad_magic';
    const type = view.getUint32(event.offset + SRPC_HDR.at.type, order === 'little');
    return type === this.service.request.type ? order : 'bad_type';
  }

  /** A record whose reply holds what all replies of the service have in common. */
  #newRpc(): ServerRpc<N> {
    const rpc = new ServerRpc(this.#context, this, this.#handler.newNote());
    rpc.reply.setUint32(SRPC_HDR.at.magic, SRPC_MSG_MAGIC, true);
    rpc.reply.setUint32(SRPC_HDR.at.version, SRPC_MSG_VERSION, true);
    rpc.reply.setUint32(SRPC_HDR.at.type, this.service.reply.type, true);
    return rpc;
  }

  /** Begins with as many waiting requests as the limits allow. A request may end while it is begun, and others may come. */
  #beginWaiting(): void {
    if (this.#isBeginning) return;
    this.#isBeginning = true;
    while (this.#active.size < this.#activeMax) {
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
