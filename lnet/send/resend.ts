import type { Instant } from '../clock.ts';
import type { CoreContext } from '../core-context.ts';
import { ESHUTDOWN } from '../errno.ts';
import { HEALTH_OK } from '../health-status.ts';
import type { MonitorTask } from '../monitor.ts';
import { type LnetMsg, MsgQueue } from '../msg.ts';
import type { Network } from '../network.ts';

/**
 * Messages that failed and are sent again: lnet-semantics §11.4. They leave from the monitor, not from the end of the attempt
 * before, so that a NAL which fails at once cannot make the two call each other.
 */
export class ResendQueue implements MonitorTask {
  readonly name = 'resends';
  readonly #core: CoreContext;
  readonly #network: Network;
  readonly #queue = new MsgQueue();

  constructor(core: CoreContext, network: Network) {
    this.#core = core;
    this.#network = network;
  }

  get size(): number {
    return this.#queue.size;
  }

  /** Takes over a message that has given its credits back. */
  push(msg: LnetMsg): void {
    msg.retryCount++;
    msg.isCommitted = false;
    msg.ni = null;
    msg.peerNi = null;
    this.#queue.push(msg);
    this.#network.monitor.wake(this.#core.clock.now());
  }

  nextDue(now: Instant): Instant | undefined {
    return this.#queue.size > 0 ? now : undefined;
  }

  run(): void {
    for (let left = this.#queue.size; left > 0; left--) {
      const msg = this.#queue.shift() as LnetMsg;
      this.#core.counters.resend_count++;
      this.#core.sendPath.submit(msg);
    }
  }

  /** The node stops: nothing is sent again. */
  stop(): void {
    for (let msg = this.#queue.shift(); msg; msg = this.#queue.shift())
      this.#core.delivery.finalize(msg, -ESHUTDOWN, HEALTH_OK);
  }
}
