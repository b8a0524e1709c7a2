import type { CoreContext } from '../core-context.ts';
import { ECANCELED, EIO, ESHUTDOWN, ETIMEDOUT } from '../errno.ts';
import { HEALTH_LOCAL_ERROR, HEALTH_OK, HEALTH_REMOTE_ERROR } from '../health-status.ts';
import type { LocalNi } from '../local-ni.ts';
import { type LnetMsg, MsgQueue } from '../msg.ts';
import type { PeerNi } from '../peer/peer-ni.ts';
import { LNET_HDR4_BYTES } from '../wire/lnet-hdr.ts';

/**
 * Send credits: lnet-semantics §7. A counter below zero says how many messages wait; each of them owns the credit that it waits
 * for. A message that waits for its peer holds no credit of the NI. First come, first served, per queue.
 */
export class Credits {
  readonly #core: CoreContext;
  /** Messages whose turn has come. One loop serves them, so that a row of failures does not grow the stack. */
  readonly #ready = new MsgQueue();
  #isServing = false;

  constructor(core: CoreContext) {
    this.#core = core;
  }

  /** Takes the credits of a message whose NI and next hop are chosen and hands it to the NAL, at once or in its turn. */
  take(msg: LnetMsg): void {
    const ni = msg.ni as LocalNi;
    // Its user may have unlinked the MD while it waited for discovery, for a resend or for credits: lnet-semantics §7.2 step 3.
    if (msg.md?.isAborted) {
      this.#fail(msg, -ECANCELED);
      return;
    }
    const peerNi = msg.peerNi as PeerNi;
    if (!msg.hasPeerCredit) {
      msg.hasPeerCredit = true;
      peerNi.queuedBytes += bytesOf(msg);
      if (--peerNi.credits < peerNi.creditsMin) peerNi.creditsMin = peerNi.credits;
      if (peerNi.credits < 0) {
        peerNi.waiting.push(msg);
        return;
      }
    }
    if (!msg.hasNiCredit) {
      msg.hasNiCredit = true;
      if (--ni.credits < ni.creditsMin) ni.creditsMin = ni.credits;
      if (ni.credits < 0) {
        ni.waiting.push(msg);
        return;
      }
    }
    this.transmit(msg, ni);
  }

  /** Hands a message to the NAL. A failure at once is final: lnet-semantics §0.2. */
  transmit(msg: LnetMsg, ni: LocalNi): void {
    msg.isCommitted = true;
    const errno = ni.link.send(msg);
    if (errno === 0) return;
    msg.isResendBarred = true;
    this.#core.delivery.finalize(msg, errno, errno === -EIO ? HEALTH_REMOTE_ERROR : HEALTH_LOCAL_ERROR);
  }

  /** Gives back what a message holds, the NI's credit first; whoever waits longest for each proceeds. */
  give(msg: LnetMsg): void {
    const { ni, peerNi } = msg;
    if (msg.hasNiCredit && ni) {
      msg.hasNiCredit = false;
      if (++ni.credits <= 0) this.#call(ni.waiting);
    }
    if (msg.hasPeerCredit && peerNi) {
      msg.hasPeerCredit = false;
      peerNi.queuedBytes -= bytesOf(msg);
      if (++peerNi.credits <= 0) this.#call(peerNi.waiting);
    }
    if (this.#ready.size > 0) this.#serve();
  }

  /** Fails everything that waits to leave through an NI. */
  failWaiting(ni: LocalNi, errno: number): void {
    const failed = new MsgQueue();
    for (let msg = ni.waiting.shift(); msg; msg = ni.waiting.shift()) {
      msg.hasNiCredit = false;
      ni.credits++;
      failed.push(msg);
    }
    for (const peer of this.#core.peers.peers()) {
      for (const peerNi of peer.peerNis()) {
        if (peerNi.nid.net === ni.nid.net) takeWaiting(peerNi, ni, failed);
      }
    }
    for (let msg = failed.shift(); msg; msg = failed.shift()) this.#fail(msg, errno);
  }

  #call(waiting: MsgQueue): void {
    const head = waiting.shift();
    if (head) this.#ready.push(head);
  }

  #serve(): void {
    if (this.#isServing) return;
    this.#isServing = true;
    try {
      for (let msg = this.#ready.shift(); msg; msg = this.#ready.shift()) this.#proceed(msg);
    } finally {
      this.#isServing = false;
    }
  }

  /** The turn of a message that waited: what may have changed meanwhile is looked at first (lnet-semantics §7.2 step 1). */
  #proceed(msg: LnetMsg): void {
    if (!msg.isForwarded && this.#core.clock.now() > msg.deadline) {
      msg.peerNi?.dropped.add(msg.hdr.type);
      this.#core.delivery.countDrop(msg.ni, msg.hdr.type, msg.hdr.payloadLength, 'send_deadline');
      this.#fail(msg, -ETIMEDOUT);
    } else if (msg.ni?.isStopping) this.#fail(msg, -ESHUTDOWN);
    else this.take(msg);
  }

  /** Ends a message by the core's own decision: no NAL is to blame, so nothing is sent again. */
  #fail(msg: LnetMsg, errno: number): void {
    this.#core.delivery.finalize(msg, errno, HEALTH_OK);
  }
}

/** What a message adds to its next hop's queue: lnet-semantics §7.2 step 4. */
function bytesOf(msg: LnetMsg): number {
  return msg.hdr.payloadLength + LNET_HDR4_BYTES;
}

/** Takes out of a peer NI's queue what would leave through this NI. */
function takeWaiting(peerNi: PeerNi, ni: LocalNi, into: MsgQueue): void {
  for (let left = peerNi.waiting.size; left > 0; left--) {
    const msg = peerNi.waiting.shift() as LnetMsg;
    if (msg.ni !== ni) {
      peerNi.waiting.push(msg);
      continue;
    }
    msg.hasPeerCredit = false;
    peerNi.credits++;
    peerNi.queuedBytes -= bytesOf(msg);
    into.push(msg);
  }
}
