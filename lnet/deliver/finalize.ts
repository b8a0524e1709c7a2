import type { AnswerLimit } from './answer-limit.ts';
import type { CoreContext } from '../core-context.ts';
import { ETIMEDOUT } from '../errno.ts';
import type { HealthStatus } from '../health-status.ts';
import { type LnetMsg, MsgQueue } from '../msg.ts';
import { EventRecords } from '../portals/event-records.ts';
import type { Md } from '../portals/md.ts';
import { LNET_MSG_GET, LNET_MSG_PUT, LNET_MSG_REPLY } from '../wire/lnet-hdr.ts';
import { fillEvent } from './event-of-msg.ts';
import { ackOf } from './respond.ts';

/** The common end of every message: lnet-semantics §5.7. */
export class Finalizer {
  readonly #ctx: CoreContext;
  readonly #events: EventRecords;
  readonly #answers: AnswerLimit;
  /**
   * Messages whose end came while another one's was under way, such as from an event handler that sent something over loopback.
   * They wait their turn, so that handlers do not run inside each other and a chain of them does not grow the stack.
   */
  readonly #pending = new MsgQueue();
  #isEnding = false;

  constructor(ctx: CoreContext, answers: AnswerLimit) {
    this.#ctx = ctx;
    this.#answers = answers;
    this.#events = new EventRecords(ctx);
  }

  /** Ends a message, unless health decides that it is sent again. */
  finalize(msg: LnetMsg, errno: number, health: HealthStatus): void {
    msg.status = errno;
    msg.health = health;
    if (this.#ctx.health.judge(msg)) return;
    if (this.#isEnding) {
      this.#pending.push(msg);
      return;
    }
    this.#isEnding = true;
    try {
      for (let ending: LnetMsg | null = msg; ending; ending = this.#pending.shift()) this.#end(ending);
    } finally {
      this.#isEnding = false;
    }
  }

  #end(msg: LnetMsg): void {
    if (msg.md) this.#detach(msg, msg.md);
    const ack = msg.isAckDue && msg.status === 0 ? ackOf(this.#ctx, msg) : null;
    if (ack) this.#answers.begin(ack, msg.peerNi);
    this.#complete(msg);
    if (ack) this.#ctx.sendPath.submit(ack);
  }

  /** Lets go of the MD and tells its user. A GET's event belongs to the REPLY that answers it. */
  #detach(msg: LnetMsg, md: Md): void {
    const isLast = this.#ctx.portals.release(md);
    if (md.isAborted && msg.status === 0) msg.status = -ETIMEDOUT;
    if (!md.handler) return;
    const event = this.#events.take();
    fillEvent(this.#ctx, event, msg.request ?? msg);
    event.md = md;
    event.status = msg.status;
    event.isUnlinked = isLast;
    this.#events.deliver(md, event);
  }

  #complete(msg: LnetMsg): void {
    this.#ctx.sendPath.returnCredits(msg);
    this.#answers.end(msg);
    if (msg.status === 0) this.#count(msg);
    const { request, status } = msg;
    this.#ctx.pool.give(msg);
    if (!request) return;
    request.status = status;
    this.#complete(request);
  }

  /** lnet-semantics §14. */
  #count(msg: LnetMsg): void {
    const { counters } = this.#ctx;
    const { type } = msg.hdr;
    if (msg.rx) {
      counters.recv_count++;
      if (type !== LNET_MSG_GET) counters.recv_length += msg.mlength;
      msg.ni?.received.add(type);
      msg.peerNi?.received.add(type);
    } else {
      counters.send_count++;
      if (type === LNET_MSG_PUT || type === LNET_MSG_REPLY) counters.send_length += msg.hdr.payloadLength;
      msg.ni?.sent.add(type);
      msg.peerNi?.sent.add(type);
    }
  }
}
