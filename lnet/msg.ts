import { HEALTH_OK, type HealthStatus } from './health-status.ts';
import { EMPTY_IOV, type Iov } from './iov.ts';
import type { LocalNi } from './local-ni.ts';
import type { NalRx, NalTx } from './nal.ts';
import type { PeerNi } from './peer/peer-ni.ts';
import type { Md } from './portals/md.ts';
import { LnetHdr } from './wire/lnet-hdr.ts';
import { NID_ANY, type Nid } from './wire/nid.ts';

/**
 * One message in progress, in either direction. Pooled; every field has one shape for life. A sent message is the NAL's
 * {@link NalTx} at the same time, so that nothing is wrapped on the way down.
 */
export class LnetMsg implements NalTx {
  readonly hdr = new LnetHdr();

  // NalTx: what the NAL sees.
  nextHop: Nid = NID_ANY;
  nextHopPid = 0;
  payload: Iov = EMPTY_IOV;
  payloadOffset = 0;
  sink: Iov = EMPTY_IOV;
  token: unknown = undefined;
  nalNext: NalTx | null = null;
  nalNote = 0;

  /** NI that carries it: chosen by selection for a send, the receiving one for an arrival. */
  ni: LocalNi | null = null;
  /** Send: next hop whose credits it takes. Arrival: the link sender. */
  peerNi: PeerNi | null = null;
  /** Arrival: what the NAL reports as placed, and valid until then. Null in a message that is sent, and only there. */
  rx: NalRx | null = null;
  /** In use: the pool handed it out and has not got it back. */
  isLive = false;

  /** Send: target as the caller gave it, kept for events and for resends. */
  targetNid: Nid = NID_ANY;
  targetPid = 0;
  /** Send: source the caller fixed, ANY when selection is free. Responses always fix it. */
  selfNid: Nid = NID_ANY;
  /** Response to a routed request: the peer NI the request came from (lnet-semantics §5.6). */
  via: PeerNi | null = null;
  /** ACK or REPLY: the peer NI whose request it answers, for as long as it counts among that one's answers. */
  asker: PeerNi | null = null;
  /** REPLY being sent: the GET that it answers. Both end together. */
  request: LnetMsg | null = null;
  /** Arrival: NID of the last hop, and the primary NID of the header's source. */
  senderNid: Nid = NID_ANY;
  initiatorNid: Nid = NID_ANY;

  /** MD that this message holds, whose event it produces. */
  md: Md | null = null;
  /** Event that finalization delivers: LNET_EVENT_*; 0: none. */
  eventType = 0;
  /** Offset in the MD, bytes accepted, bytes asked for. */
  offset = 0;
  mlength = 0;
  rlength = 0;

  /** Arrival of a PUT whose initiator wants an ACK that the MD allows. */
  isAckDue = false;
  /** Arrival that was answered with RX_WAIT and not resumed yet. */
  isHeld = false;
  /** Recovery ping: never resent, non-MR path. */
  isRecovery = false;
  /** No resend, whatever the status: immediate failure, cancelled MD, shutdown, fixed by the caller. */
  isResendBarred = false;
  /** ACK or REPLY. */
  isResponse = false;
  /** Being forwarded by a router; neither originated nor consumed here. */
  isForwarded = false;
  /** True from the moment the NAL took it until it reported the end. */
  isCommitted = false;
  hasPeerCredit = false;
  hasNiCredit = false;
  retryCount = 0;
  /** How often it waited for its peer's discovery. */
  discoveryCount = 0;
  /** Past this a queued local message is dropped: lnet-semantics §11.6. */
  deadline = 0;
  /** Final status, while finalization is under way. */
  status = 0;
  health: HealthStatus = HEALTH_OK;
  /** Link of whichever queue it waits in (credits, discovery, resend, delayed). */
  next: LnetMsg | null = null;

  /** Back to the state of a new message. */
  reset(): void {
    this.hdr.reset();
    this.nextHop = NID_ANY;
    this.nextHopPid = 0;
    this.payload = EMPTY_IOV;
    this.payloadOffset = 0;
    this.sink = EMPTY_IOV;
    this.token = undefined;
    this.nalNext = null;
    this.nalNote = 0;
    this.ni = null;
    this.peerNi = null;
    this.rx = null;
    this.targetNid = NID_ANY;
    this.targetPid = 0;
    this.selfNid = NID_ANY;
    this.via = null;
    this.asker = null;
    this.request = null;
    this.senderNid = NID_ANY;
    this.initiatorNid = NID_ANY;
    this.md = null;
    this.eventType = 0;
    this.offset = 0;
    this.mlength = 0;
    this.rlength = 0;
    this.isAckDue = false;
    this.isHeld = false;
    this.isRecovery = false;
    this.isResendBarred = false;
    this.isResponse = false;
    this.isForwarded = false;
    this.isCommitted = false;
    this.hasPeerCredit = false;
    this.hasNiCredit = false;
    this.retryCount = 0;
    this.discoveryCount = 0;
    this.deadline = 0;
    this.status = 0;
    this.health = HEALTH_OK;
    this.next = null;
  }
}

/** Most messages a pool keeps for reuse. */
const POOL_MAX = 4096;

/** Keeps finished messages for the next ones. */
export class MsgPool {
  readonly #free: LnetMsg[] = [];
  /** Messages handed out and not returned: `msgs_alloc`. */
  live = 0;
  /** High-water mark of {@link live}: `msgs_max`. */
  liveMax = 0;

  take(): LnetMsg {
    this.live++;
    if (this.live > this.liveMax) this.liveMax = this.live;
    const msg = this.#free.pop() ?? new LnetMsg();
    msg.isLive = true;
    return msg;
  }

  /** Only the end of a message calls this, once. */
  give(msg: LnetMsg): void {
    if (!msg.isLive) throw new Error('a message ended twice');
    msg.isLive = false;
    this.live--;
    msg.reset();
    if (this.#free.length < POOL_MAX) this.#free.push(msg);
  }
}

/** FIFO of messages through {@link LnetMsg.next}; a message stands in one at most. */
export class MsgQueue {
  #first: LnetMsg | null = null;
  #last: LnetMsg | null = null;
  size = 0;

  get first(): LnetMsg | null {
    return this.#first;
  }

  push(msg: LnetMsg): void {
    msg.next = null;
    if (this.#last) this.#last.next = msg;
    else this.#first = msg;
    this.#last = msg;
    this.size++;
  }

  shift(): LnetMsg | null {
    const msg = this.#first;
    if (!msg) return null;
    this.#first = msg.next;
    if (!this.#first) this.#last = null;
    msg.next = null;
    this.size--;
    return msg;
  }

  /** Takes a message out wherever it stands. False when it is not here. */
  remove(msg: LnetMsg): boolean {
    let previous: LnetMsg | null = null;
    for (let at = this.#first; at; previous = at, at = at.next) {
      if (at !== msg) continue;
      if (previous) previous.next = at.next;
      else this.#first = at.next;
      if (this.#last === at) this.#last = previous;
      at.next = null;
      this.size--;
      return true;
    }
    return false;
  }
}
