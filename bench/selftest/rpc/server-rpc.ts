import { ECANCELED, EINTR } from '../../../lnet/errno.ts';
import { LNET_EVENT_REPLY, LNET_EVENT_SEND, LNET_EVENT_UNLINK, type LnetEvent } from '../../../lnet/event.ts';
import { LNET_MD_TRACK_RESPONSE, type MdHandle, type MdSpec } from '../../../lnet/portals/md.ts';
import { viewOf } from '../../../lnet/wire/layout.ts';
import { NID_ANY, type Nid } from '../../../lnet/wire/nid.ts';
import { SRPC_RDMA_PORTAL } from '../wire/service.ts';
import { SRPC_BODY_AT, SRPC_HDR, SRPC_MSG_BYTES } from '../wire/srpc-message.ts';
import { type EventOf, nextState, type StateOf } from './moves.ts';
import type { RpcContext } from './rpc-context.ts';
import type { RpcDropReason } from './rpc-counters.ts';
import type { RequestBuffer } from './request-buffer.ts';

/** Life of one request, as its server sees it: selftest §4.5. */
export const SERVER_RPC_MOVES = {
  free: { arrived: 'waiting' },
  waiting: { begun: 'handling', dropped: 'free' },
  handling: { deferred: 'waiting', bulkStarted: 'moving', answered: 'replying', dropped: 'free' },
  moving: { moved: 'handling' },
  replying: { sent: 'free' },
} as const;

export type ServerRpcState = StateOf<typeof SERVER_RPC_MOVES>;

/** Where a request is served, and where its record goes back to. Every request is answered or dropped, now or later. */
export interface ServerRpcOwner<N> {
  /** Begins with a request. False: not now, ask again when another one has ended. */
  serve(rpc: ServerRpc<N>): boolean;
  /** The bulk that `serve` started is over: 0 or a negative errno. */
  bulkEnded(rpc: ServerRpc<N>, errno: number): void;
  /** Nothing of the request is left. */
  rpcEnded(rpc: ServerRpc<N>): void;
}

/** One request being served. Pooled by its service: reply memory, descriptors' specs and handlers are made once. */
export class ServerRpc<N> {
  /** The reply to send, zero but for what its service writes. */
  readonly reply: DataView;
  /** Memory in which the request stands, from `at` on, until {@link begin} has given true. */
  buffer: RequestBuffer | null = null;
  at = 0;
  isLittleEndian = true;
  features = 0;
  peerNid: Nid = NID_ANY;
  peerPid = 0;
  /** Own NID that the request was addressed to: everything goes out from it. */
  selfNid: Nid = NID_ANY;
  /** Bytes that the bulk moved. */
  bulkBytes = 0;
  /** What its service needs to remember; lives as long as the record and serves one request after the other. */
  readonly note: N;
  readonly #context: RpcContext;
  readonly #owner: ServerRpcOwner<N>;
  readonly #replySpec: MdSpec;
  readonly #onBulk = (event: LnetEvent): void => this.#bulkEvent(event);
  #state: ServerRpcState = 'free';
  #md: MdHandle | null = null;
  #rpyidLow = 0;
  #rpyidHigh = 0;
  #bulkErrno = 0;
  #isPull = false;
  #isAborted = false;

  constructor(context: RpcContext, owner: ServerRpcOwner<N>, note: N) {
    const reply = new Uint8Array(SRPC_MSG_BYTES);
    this.reply = viewOf(reply);
    this.note = note;
    this.#context = context;
    this.#owner = owner;
    this.#replySpec = { memory: reply, threshold: 1, handler: (event) => this.#replyEvent(event) };
  }

  get state(): ServerRpcState {
    return this.#state;
  }

  /** The memory as bytes. */
  get request(): DataView {
    return (this.buffer as RequestBuffer).view;
  }

  /** Takes over a request that passed the first checks. */
  arrived(buffer: RequestBuffer, event: LnetEvent, isLittleEndian: boolean): void {
    this.#move('arrived');
    const { view } = buffer;
    this.buffer = buffer;
    this.at = event.offset;
    this.isLittleEndian = isLittleEndian;
    this.features = view.getUint32(this.at + SRPC_HDR.at.features, isLittleEndian);
    this.peerNid = event.sourceNid;
    this.peerPid = event.sourcePid;
    this.selfNid = event.targetNid;
    const rpyidAt = this.at + SRPC_BODY_AT;
    this.#rpyidLow = view.getUint32(isLittleEndian ? rpyidAt : rpyidAt + 4, isLittleEndian);
    this.#rpyidHigh = view.getUint32(isLittleEndian ? rpyidAt + 4 : rpyidAt, isLittleEndian);
    this.#isAborted = false;
  }

  /** Its turn has come. False when its service cannot begin with it now. */
  begin(): boolean {
    this.#move('begun');
    if (this.#owner.serve(this)) return true;
    this.#move('deferred');
    return false;
  }

  /** PUTs to the client's bulk buffer; the service hears of the end through `bulkEnded`. */
  push(memory: Uint8Array, bulkidLow: number, bulkidHigh: number): void {
    this.#isPull = false;
    this.#startBulk({ memory, threshold: 1, handler: this.#onBulk }, bulkidLow, bulkidHigh);
  }

  /** GETs from the client's bulk buffer; the service hears of the end through `bulkEnded`. */
  pull(memory: Uint8Array, bulkidLow: number, bulkidHigh: number): void {
    this.#isPull = true;
    // The tracker ends the wait for a client that has died, whatever the node's own setting says.
    const options = LNET_MD_TRACK_RESPONSE;
    this.#startBulk({ memory, threshold: 2, options, handler: this.#onBulk }, bulkidLow, bulkidHigh);
  }

  /** Sends the reply. */
  answer(): void {
    this.#move('answered');
    const md = this.#context.core.portals.bindMd(this.#replySpec, true);
    this.#md = md;
    const errno = this.#context.core.operations.put(this.#args(md, this.#rpyidLow, this.#rpyidHigh));
    if (errno !== 0) this.#context.core.portals.unlinkMd(md);
  }

  /** Ends the request without reply. */
  drop(reason: RpcDropReason): void {
    this.#context.counters.drop(this.#isAborted ? 'aborted' : reason);
    this.#move('dropped');
    this.#owner.rpcEnded(this);
  }

  /** Ends the request without reply, whatever it is at; one that is moving data or replying ends when LNet lets go. */
  abort(): void {
    if (this.#state === 'free' || this.#isAborted) return;
    this.#isAborted = true;
    if (this.#state === 'waiting' || this.#state === 'handling') this.drop('aborted');
    else if (this.#md?.isLive) this.#context.core.portals.unlinkMd(this.#md);
  }

  #startBulk(spec: MdSpec, bulkidLow: number, bulkidHigh: number): void {
    this.#move('bulkStarted');
    const { portals, operations } = this.#context.core;
    this.bulkBytes = 0;
    this.#bulkErrno = 0;
    const md = portals.bindMd(spec, true);
    this.#md = md;
    const args = this.#args(md, bulkidLow, bulkidHigh);
    const errno = this.#isPull ? operations.get(args) : operations.put(args);
    if (errno === 0) return;
    this.#bulkErrno = errno;
    portals.unlinkMd(md);
  }

  #bulkEvent(event: LnetEvent): void {
    if (!this.#isAborted) this.#context.note(event);
    if (event.status !== 0) this.#bulkErrno ||= event.status;
    else if (event.type === LNET_EVENT_UNLINK) this.#bulkErrno ||= -ECANCELED;
    else if (event.type === (this.#isPull ? LNET_EVENT_REPLY : LNET_EVENT_SEND)) this.bulkBytes = event.mlength;
    if (event.isUnlinked) {
      this.#md = null;
      this.#move('moved');
      if (this.#bulkErrno === 0) this.#countBulk();
      this.#owner.bulkEnded(this, this.#isAborted ? -EINTR : this.#bulkErrno);
    } else if (event.status !== 0) {
      // A GET that could not be sent keeps its descriptor: no REPLY will use it up.
      this.#context.unlinkLater(event.md);
    }
  }

  #countBulk(): void {
    const { counters } = this.#context;
    if (this.#isPull) counters.bulkGet += this.bulkBytes;
    else counters.bulkPut += this.bulkBytes;
  }

  #replyEvent(event: LnetEvent): void {
    if (!this.#isAborted) this.#context.note(event);
    if (this.#isAborted) this.#context.counters.drop('aborted');
    else if (event.status !== 0 || event.type === LNET_EVENT_UNLINK) this.#context.counters.drop('reply_failed');
    this.#md = null;
    this.#move('sent');
    this.#owner.rpcEnded(this);
  }

  #args(md: MdHandle, matchBitsLow: number, matchBitsHigh: number) {
    return {
      md,
      target: this.peerNid,
      targetPid: this.peerPid,
      self: this.selfNid,
      portal: SRPC_RDMA_PORTAL,
      matchBitsLow,
      matchBitsHigh,
      offset: 0,
      hdrDataLow: 0,
      hdrDataHigh: 0,
      wantsAck: false,
      isRecovery: false,
    };
  }

  #move(event: EventOf<typeof SERVER_RPC_MOVES>): void {
    this.#state = nextState(SERVER_RPC_MOVES, this.#state, event, 'selftest server RPC');
  }
}
