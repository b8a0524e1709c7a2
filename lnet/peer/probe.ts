import type { CoreContext } from '../core-context.ts';
import { ETIMEDOUT } from '../errno.ts';
import { LNET_EVENT_SEND, LNET_EVENT_UNLINK, type LnetEvent } from '../event.ts';
import { LNET_MD_TRACK_RESPONSE, LNET_MD_TRUNCATE, type MdHandle } from '../portals/md.ts';
import { LNET_PID_LUSTRE } from '../portals/me.ts';
import type { Nid } from '../wire/nid.ts';
import { LNET_RESERVED_PORTAL, PING_MATCHBITS_HIGH, PING_MATCHBITS_LOW } from './reserved-portal.ts';

export interface ProbeOptions {
  /** A ping gets the other node's info, a push hands over one's own: lnet-wire §7.1. */
  readonly kind: 'ping' | 'push';
  /** Ping: where the info lands. Push: the info. */
  readonly memory: Uint8Array;
  readonly target: Nid;
  /** NI to send from, or NID_ANY. */
  readonly self: Nid;
  /** Must reach this very NID, is not sent again. */
  readonly isRecovery?: boolean;
}

/** How a probe ended: 0 and the REPLY or ACK, or a negative errno. The event is valid during the call only. */
export type ProbeEnd = (errno: number, answer: LnetEvent | null) => void;

/**
 * One ping or push and its memory descriptor: lnet-semantics §10.4, last table. It ends exactly once, unless it is cancelled:
 * with the answer, the error of the send, or -ETIMEDOUT when the response tracker gave up. A send that went well says nothing.
 */
export class Probe {
  readonly #core: CoreContext;
  readonly #options: ProbeOptions;
  #end: ProbeEnd | null;
  #md: MdHandle | null = null;

  constructor(core: CoreContext, options: ProbeOptions, end: ProbeEnd) {
    this.#core = core;
    this.#options = options;
    this.#end = end;
  }

  /** Sends it. The end may come before this returns. */
  start(): void {
    const { kind, memory, target, self, isRecovery } = this.#options;
    const md = this.#core.portals.bindMd(
      {
        memory,
        threshold: 2,
        options: LNET_MD_TRACK_RESPONSE | (kind === 'ping' ? LNET_MD_TRUNCATE : 0),
        handler: (event) => this.#on(event),
      },
      true,
    );
    this.#md = md;
    const errno = this.#core.operations[kind === 'ping' ? 'get' : 'put']({
      md,
      target,
      targetPid: LNET_PID_LUSTRE,
      self,
      portal: LNET_RESERVED_PORTAL,
      matchBitsLow: PING_MATCHBITS_LOW,
      matchBitsHigh: PING_MATCHBITS_HIGH,
      offset: 0,
      hdrDataLow: 0,
      hdrDataHigh: 0,
      wantsAck: true,
      isRecovery: isRecovery ?? false,
    });
    if (errno !== 0) this.#finish(errno, null);
  }

  /** Gives it up; its end is not reported. Not from within an event handler of its own. */
  cancel(): void {
    this.#end = null;
    if (this.#md?.isLive) this.#core.portals.unlinkMd(this.#md);
  }

  #on(event: LnetEvent): void {
    if (event.type === LNET_EVENT_UNLINK) this.#finish(-ETIMEDOUT, null);
    else if (event.type !== LNET_EVENT_SEND) this.#finish(event.status, event.status === 0 ? event : null);
    else if (event.status !== 0) this.#finish(event.status, null);
  }

  #finish(errno: number, answer: LnetEvent | null): void {
    const end = this.#end;
    this.#end = null;
    // A failed send leaves the MD in place, and a handler must not unlink its own: lnet-semantics §3.5, §4.6.
    if (errno !== 0) this.#core.clock.alarm(this.#core.clock.now(), () => this.cancel());
    end?.(errno, answer);
  }
}
