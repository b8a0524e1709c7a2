import type { CoreContext, Delivery } from '../core-context.ts';
import type { DropReason } from '../counters.ts';
import { ENOENT, EPROTO, ESHUTDOWN } from '../errno.ts';
import { HEALTH_OK, HEALTH_REMOTE_ERROR, type HealthStatus } from '../health-status.ts';
import { EMPTY_IOV } from '../iov.ts';
import type { LocalNi } from '../local-ni.ts';
import type { LnetMsg } from '../msg.ts';
import { type NalRx, RX_PLACE, RX_WAIT } from '../nal.ts';
import type { PeerNi } from '../peer/peer-ni.ts';
import type { MatchVerdict } from '../portals/match.ts';
import type { Md } from '../portals/md.ts';
import { LNET_MSG_GET, LNET_MSG_PUT, LNET_MSG_REPLY } from '../wire/lnet-hdr.ts';
import { AnswerLimit } from './answer-limit.ts';
import { DropLog } from './drop-log.ts';
import { Finalizer } from './finalize.ts';
import { acceptAck, acceptReply } from './initiator.ts';
import { decodeHdr, faultOfHdr } from './parse.ts';
import { replyOf } from './respond.ts';
import { acceptGet, acceptPut, claimPut } from './target.ts';

/** Arrival and end of messages: lnet-semantics §5. */
export class CoreDelivery implements Delivery {
  readonly #ctx: CoreContext;
  readonly #finalizer: Finalizer;
  readonly #log: DropLog;
  readonly #answers = new AnswerLimit();

  constructor(ctx: CoreContext) {
    this.#ctx = ctx;
    this.#finalizer = new Finalizer(ctx, this.#answers);
    this.#log = new DropLog(ctx);
  }

  arrived(ni: LocalNi, rx: NalRx): number {
    const msg = this.#ctx.pool.take();
    msg.ni = ni;
    msg.rx = rx;
    msg.token = rx.token;
    msg.senderNid = rx.fromNid;
    rx.coreSlot = msg;
    if (!decodeHdr(msg.hdr, ni, rx)) return this.#discard(msg, 'refused_bad_header');
    const fault = faultOfHdr(this.#ctx, ni, msg.hdr) ?? this.#identify(ni, rx, msg);
    if (fault !== null) return this.#discard(msg, fault);
    if (msg.hdr.destNid !== ni.nid) return this.#forward(msg);
    const verdict = this.#answers.admits(msg) ? this.#accept(msg) : 'answer_limit';
    if (verdict === 'matched') {
      place(msg);
      return RX_PLACE;
    }
    if (verdict !== 'delayed') return this.#discard(msg, verdict);
    msg.isHeld = true;
    return RX_WAIT;
  }

  /** Checks 12 to 14 of lnet-semantics §5.1: who sent it, and who is the initiator. */
  #identify(ni: LocalNi, rx: NalRx, msg: LnetMsg): DropReason | null {
    const ctx = this.#ctx;
    if (!ctx.isRunning) return 'refused_stopping';
    const { srcNid, destNid } = msg.hdr;
    if (ni.isLoopback) {
      msg.initiatorNid = srcNid;
      return null;
    }
    const peerNi = ctx.peers.ofSender(ni, rx.fromNid);
    if (!peerNi) return 'peer_limit';
    msg.peerNi = peerNi;
    if (destNid === ni.nid && this.#isAsymmetric(msg, peerNi)) return 'asymmetric_route';
    ctx.health.heardFrom(ni, peerNi, srcNid);
    msg.initiatorNid = srcNid === peerNi.nid ? peerNi.peerNet.peer.primaryNid : ctx.peers.primaryOf(srcNid);
    return null;
  }

  /** lnet-semantics §8.9. */
  #isAsymmetric({ hdr }: LnetMsg, sender: PeerNi): boolean {
    const { settings, sendPath } = this.#ctx;
    if (settings.values.drop_asym_route === 0 || hdr.srcNid.net === sender.nid.net) return false;
    return !sendPath.hasRouteThrough(hdr.srcNid.net, sender.peerNet.peer);
  }

  #accept(msg: LnetMsg): MatchVerdict {
    switch (msg.hdr.type) {
      case LNET_MSG_PUT:
        return acceptPut(this.#ctx, msg);
      case LNET_MSG_GET:
        return acceptGet(this.#ctx, msg);
      case LNET_MSG_REPLY:
        return acceptReply(this.#ctx, msg);
      default:
        return acceptAck(this.#ctx, msg);
    }
  }

  #forward(msg: LnetMsg): number {
    msg.isForwarded = true;
    return this.#ctx.forwarder?.arrived(msg) ?? this.#discard(msg, 'not_routing');
  }

  placed(rx: NalRx, errno: number): void {
    const msg = rx.coreSlot as LnetMsg | null;
    if (msg === null) return;
    if (msg.isForwarded) this.#ctx.forwarder?.placed(msg, errno);
    else if (msg.isHeld) this.#lose(msg, errno);
    // A GET has no payload: it is whole, and its REPLY may find another link.
    else if (msg.hdr.type === LNET_MSG_GET) this.#reply(msg);
    else this.#finalizer.finalize(msg, errno, errno === 0 ? HEALTH_OK : HEALTH_REMOTE_ERROR);
  }

  #reply(get: LnetMsg): void {
    const reply = replyOf(this.#ctx, get);
    this.#answers.begin(reply, get.peerNi);
    this.#ctx.sendPath.submit(reply);
  }

  /** The link of a waiting PUT broke. One that has its MD already, but was not resumed yet, ends in an event. */
  #lose(msg: LnetMsg, errno: number): void {
    this.#ctx.portals.forget(msg);
    if (msg.md) claimPut(msg);
    else this.#countDropOf(msg, 'lazy_link_lost');
    this.#finalizer.finalize(msg, errno, HEALTH_REMOTE_ERROR);
  }

  resumeHeld(msg: LnetMsg): void {
    claimPut(msg);
    place(msg);
    msg.isHeld = false;
    msg.rx?.resume();
  }

  dropHeld(msg: LnetMsg, reason: DropReason): void {
    const rx = msg.rx as NalRx;
    this.#countDropOf(msg, reason);
    throwAway(rx);
    this.#finalizer.finalize(msg, -ENOENT, HEALTH_OK);
    rx.resume();
  }

  finalize(msg: LnetMsg, errno: number, health: HealthStatus): void {
    this.#finalizer.finalize(msg, errno, health);
  }

  countDrop(ni: LocalNi | null, type: number, payloadLength: number, reason: DropReason): void {
    const { counters, drops } = this.#ctx;
    drops[reason]++;
    counters.drop_count++;
    counters.drop_length += payloadLength;
    ni?.dropped.add(type);
  }

  #countDropOf(msg: LnetMsg, reason: DropReason): void {
    this.#log.tell(msg, reason);
    this.countDrop(msg.ni, msg.hdr.type, msg.hdr.payloadLength, reason);
  }

  /** An arrival that never became a message here: refused, so that its link is closed, or dropped with its payload. */
  #discard(msg: LnetMsg, reason: DropReason): number {
    throwAway(msg.rx as NalRx);
    const isRefused = reason.startsWith('refused_');
    if (isRefused) {
      this.#log.tell(msg, reason);
      this.#ctx.drops[reason]++;
    } else this.#countDropOf(msg, reason);
    this.#ctx.pool.give(msg);
    if (!isRefused) return RX_PLACE;
    return reason === 'refused_stopping' ? -ESHUTDOWN : -EPROTO;
  }
}

/** Where the payload of a message lands, and all that is wanted of it. A GET's `mlength` is that of its REPLY. */
function place(msg: LnetMsg): void {
  const rx = msg.rx as NalRx;
  rx.iov = (msg.md as Md).iov;
  rx.iovOffset = msg.offset;
  rx.wantedBytes = msg.hdr.type === LNET_MSG_GET ? 0 : msg.mlength;
}

function throwAway(rx: NalRx): void {
  rx.iov = EMPTY_IOV;
  rx.iovOffset = 0;
  rx.wantedBytes = 0;
  rx.coreSlot = null;
}
