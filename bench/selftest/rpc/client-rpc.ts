import { EBADMSG, ECANCELED, ETIMEDOUT } from '../../../lnet/errno.ts';
import { LNET_EVENT_UNLINK, type LnetEvent } from '../../../lnet/event.ts';
import { LNET_MD_OP_GET, LNET_MD_OP_PUT, type MdHandle, type MdSpec } from '../../../lnet/portals/md.ts';
import type { Timer } from '../../../lnet/timer-wheel.ts';
import { viewOf } from '../../../lnet/wire/layout.ts';
import { NID_ANY, NID_LOOPBACK, type Nid } from '../../../lnet/wire/nid.ts';
import type { Destination } from '../wire/destination-list.ts';
import { type ServiceKind, SRPC_RDMA_PORTAL } from '../wire/service.ts';
import {
  SRPC_BULKID_AT,
  SRPC_HDR,
  SRPC_MSG_BYTES,
  SRPC_RPYID_AT,
  SRPC_STATUS_AT,
  srpcByteOrder,
} from '../wire/srpc-message.ts';
import { type EventOf, nextState, type StateOf } from './moves.ts';
import type { Resumable, RpcContext } from './rpc-context.ts';

/**
 * Life of one request, as its client sees it: selftest §4.4. SEND, reply and bulk may complete in any order; they are noted as they
 * come and looked at in this one. Every way leads through `releasing`: it lasts until LNet has given all memory back.
 */
export const CLIENT_RPC_MOVES = {
  idle: { start: 'sending' },
  sending: { sent: 'awaitingReply', failed: 'releasing' },
  awaitingReply: { accepted: 'awaitingBulk', refused: 'releasing', failed: 'releasing' },
  awaitingBulk: { moved: 'releasing', failed: 'releasing' },
  releasing: { released: 'ended' },
  ended: { told: 'idle' },
} as const;

export type ClientRpcState = StateOf<typeof CLIENT_RPC_MOVES>;

/** What one request is to do. May be used again and again. */
export interface RpcPlan {
  readonly service: ServiceKind;
  readonly target: Destination;
  /** 0: never. */
  readonly timeoutUs: number;
  /** Memory the server reads from or writes into, or null. */
  readonly bulk: { readonly memory: Uint8Array; readonly direction: 'toServer' | 'fromServer' } | null;
}

/** Learns how a request ended, and may start the next one then. */
export interface ClientRpcOwner {
  rpcEnded(rpc: ClientRpc): void;
}

/** Parts of an RPC that LNet may hold. */
const REQUEST = 1;
const REPLY = 2;
const BULK = 4;

/** One request at a time, over and over: message memory, descriptors and handlers are made once. */
export class ClientRpc implements Resumable {
  /** The message to send; its owner writes it, all but the ids. */
  readonly request: DataView;
  /** The answer, valid when {@link status} is 0. */
  readonly reply: DataView;
  /** How the last request ended: 0, or a negative errno of the transport. */
  status = 0;
  /** Byte order of the answer. */
  isReplyLittleEndian = true;
  readonly #context: RpcContext;
  readonly #owner: ClientRpcOwner;
  readonly #requestSpec: MdSpec;
  readonly #replySpec: MdSpec;
  readonly #onBulk = (event: LnetEvent): void => this.#bulkEvent(event);
  readonly #timer: Timer;
  #state: ClientRpcState = 'idle';
  #plan: RpcPlan | null = null;
  #requestMd: MdHandle | null = null;
  #replyMd: MdHandle | null = null;
  #bulkMd: MdHandle | null = null;
  /** Parts that LNet holds still. */
  #held = 0;
  #isSent = false;
  #isReplied = false;
  #isMoved = false;
  #isStarting = false;
  #isLoopback = false;

  constructor(context: RpcContext, owner: ClientRpcOwner) {
    const request = new Uint8Array(SRPC_MSG_BYTES);
    const reply = new Uint8Array(SRPC_MSG_BYTES);
    this.#context = context;
    this.#owner = owner;
    this.request = viewOf(request);
    this.reply = viewOf(reply);
    this.#requestSpec = { memory: request, threshold: 1, handler: (event) => this.#requestEvent(event) };
    this.#replySpec = {
      memory: reply,
      threshold: 1,
      options: LNET_MD_OP_PUT,
      handler: (event) => this.#replyEvent(event),
    };
    this.#timer = context.core.wheel.timer(() => this.#expire());
  }

  get state(): ClientRpcState {
    return this.#state;
  }

  /** Status that the server answered with, 0 or a positive errno. Meaningful when {@link status} is 0. */
  get replyStatus(): number {
    return this.reply.getUint32(SRPC_STATUS_AT, this.isReplyLittleEndian);
  }

  get replyFeatures(): number {
    return this.reply.getUint32(SRPC_HDR.at.features, this.isReplyLittleEndian);
  }

  /** Posts the buffers for answer and bulk, then sends. The owner hears of the end once, not before this returns. */
  start(plan: RpcPlan): void {
    this.#move('start');
    const { core, ids } = this.#context;
    this.#plan = plan;
    this.status = 0;
    this.#isSent = false;
    this.#isReplied = false;
    this.#isMoved = plan.bulk === null;
    this.#isStarting = true;
    // LNet takes the short way for the literal 0@lo only (lnet-semantics §6).
    this.#isLoopback = core.locals.isOwnNid(plan.target.nid);
    const nid = this.#isLoopback ? NID_LOOPBACK : plan.target.nid;

    ids.advance();
    const { low, high } = ids;
    this.request.setUint32(SRPC_RPYID_AT, low, true);
    this.request.setUint32(SRPC_RPYID_AT + 4, high, true);
    this.#replyMd = this.#post(nid, plan.target.pid, this.#replySpec, REPLY);
    if (plan.bulk) {
      ids.advance();
      this.request.setUint32(SRPC_BULKID_AT, ids.low, true);
      this.request.setUint32(SRPC_BULKID_AT + 4, ids.high, true);
      const options = plan.bulk.direction === 'toServer' ? LNET_MD_OP_GET : LNET_MD_OP_PUT;
      const spec = { memory: plan.bulk.memory, threshold: 1, options, handler: this.#onBulk };
      this.#bulkMd = this.#post(nid, plan.target.pid, spec, BULK);
    }
    this.#held |= REQUEST;
    this.#requestMd = core.portals.bindMd(this.#requestSpec, true);
    if (plan.timeoutUs > 0) this.#timer.set(core.clock.now() + plan.timeoutUs);
    const errno = core.operations.put({
      md: this.#requestMd,
      target: nid,
      targetPid: plan.target.pid,
      self: NID_ANY,
      portal: plan.service.portal,
      matchBitsLow: plan.service.id,
      matchBitsHigh: 0,
      offset: 0,
      hdrDataLow: 0,
      hdrDataHigh: 0,
      wantsAck: false,
      isRecovery: false,
    });
    if (errno !== 0) this.#fail(errno);
    this.#isStarting = false;
  }

  /** Ends a request that is under way with this status (negative errno); does nothing to one that has ended. */
  abort(errno: number): void {
    if (this.#state !== 'idle') this.#fail(errno);
  }

  /** @internal The end was put off until control had left the core. */
  resume(): void {
    this.#tell();
  }

  #post(nid: Nid, pid: number, spec: MdSpec, part: number): MdHandle {
    const { core, ids } = this.#context;
    this.#held |= part;
    const me = core.portals.attachMe({ portal: SRPC_RDMA_PORTAL, nid, pid, matchBits: ids.value, position: 'local' });
    return core.portals.attachMd(me, spec, true);
  }

  #requestEvent(event: LnetEvent): void {
    if (this.#isGood(event, REQUEST)) {
      this.#isSent = true;
      this.#context.counters.rpcsSent++;
    }
    this.#advance();
  }

  #replyEvent(event: LnetEvent): void {
    if (this.#isGood(event, REPLY)) {
      if (event.mlength === SRPC_MSG_BYTES) this.#isReplied = true;
      else this.#fail(-EBADMSG);
    }
    this.#advance();
  }

  #bulkEvent(event: LnetEvent): void {
    if (this.#isGood(event, BULK)) {
      const { bulk } = this.#plan as RpcPlan;
      // A server may pull less than is offered: a console without BULK_LEN offers whole pages (selftest §5.2).
      if (bulk?.direction === 'toServer' || event.mlength === bulk?.memory.length) this.#isMoved = true;
      else this.#fail(-EBADMSG);
    }
    this.#advance();
  }

  /** Notes what an event gives back; false when it tells of a failure, which ends the request. */
  #isGood(event: LnetEvent, part: number): boolean {
    // What LNet says of memory that was taken back is the echo of that, and no error of its own.
    if (this.#state !== 'releasing') this.#context.note(event);
    if (event.isUnlinked) this.#held &= ~part;
    if (event.status === 0 && event.type !== LNET_EVENT_UNLINK) return true;
    this.#fail(event.status === 0 ? -ECANCELED : event.status);
    return false;
  }

  #expire(): void {
    if (this.#state === 'releasing' || this.#state === 'ended') return;
    this.#context.counters.rpcsExpired++;
    this.#fail(-ETIMEDOUT);
  }

  #fail(errno: number): void {
    if (this.#state === 'releasing' || this.#state === 'ended') return;
    this.status = errno;
    this.#move('failed');
    this.#release();
    this.#advance();
  }

  /** Takes back every part that LNet still holds. What is busy comes back with its last event. */
  #release(): void {
    const { portals } = this.#context.core;
    if ((this.#held & REQUEST) !== 0 && this.#requestMd?.isLive) portals.unlinkMd(this.#requestMd);
    if ((this.#held & REPLY) !== 0 && this.#replyMd?.isLive) portals.unlinkMd(this.#replyMd);
    if ((this.#held & BULK) !== 0 && this.#bulkMd?.isLive) portals.unlinkMd(this.#bulkMd);
  }

  /** Looks at what has completed, in the order of selftest §4.4. */
  #advance(): void {
    if (this.#state === 'sending' && this.#isSent) this.#move('sent');
    if (this.#state === 'awaitingReply' && this.#isReplied) this.#judgeReply();
    if (this.#state === 'awaitingBulk' && this.#isMoved) this.#move('moved');
    if (this.#state !== 'releasing' || this.#held !== 0) return;
    this.#move('released');
    this.#timer.clear();
    if (this.#isStarting || this.#isLoopback) this.#context.later(this);
    else this.#tell();
  }

  #judgeReply(): void {
    const order = srpcByteOrder(this.reply);
    this.isReplyLittleEndian = order !== 'big';
    const type = this.reply.getUint32(SRPC_HDR.at.type, this.isReplyLittleEndian);
    if (order === undefined || type !== this.#plan?.service.reply.type) {
      this.#fail(-EBADMSG);
    } else if (this.#plan.bulk && this.replyStatus !== 0) {
      // The server moves nothing when it answers with an error.
      this.#move('refused');
      this.#release();
    } else {
      this.#move('accepted');
    }
  }

  #tell(): void {
    this.#move('told');
    this.#owner.rpcEnded(this);
  }

  #move(event: EventOf<typeof CLIENT_RPC_MOVES>): void {
    this.#state = nextState(CLIENT_RPC_MOVES, this.#state, event, 'selftest client RPC');
  }
}
