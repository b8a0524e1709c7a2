import { type Instant, US_PER_S } from '../clock.ts';
import type { CoreContext, ResponseTrackers } from '../core-context.ts';
import type { MonitorTask } from '../monitor.ts';
import type { Network } from '../network.ts';
import type { PeerNi } from '../peer/peer-ni.ts';
import { LNET_MD_NO_TRACK_RESPONSE, LNET_MD_TRACK_RESPONSE, type Md } from '../portals/md.ts';
import { LNET_MSG_PUT } from '../wire/lnet-hdr.ts';

/** Watches one MD for the response it is owed: lnet-semantics §3.7. */
export interface ResponseTracker {
  readonly md: Md | null;
  deadline: Instant;
  nextHop: PeerNi | null;
}

/** A tracker in its list, oldest deadline first; or in the pool, through `next`. */
class Entry implements ResponseTracker {
  md: Md | null = null;
  deadline = 0;
  nextHop: PeerNi | null = null;
  previous: Entry | null = null;
  next: Entry | null = null;
}

/** Values of `response_tracking`: lnet-semantics §3.7. */
const TRACK_GETS = 1;
const TRACK_PUTS = 2;
const TRACK_ALL = 3;

/** Trackers that the pool keeps. */
const POOL_MAX = 4096;

/**
 * All trackers of a node: lnet-semantics §3.7, §11.7. One timeout serves them all, so the list is ordered by deadline by itself:
 * starting, renewing and cancelling cost the same whatever their number.
 */
export class ResponseTrackerList implements ResponseTrackers, MonitorTask {
  readonly name = 'response trackers';
  readonly #core: CoreContext;
  readonly #network: Network;
  #first: Entry | null = null;
  #last: Entry | null = null;
  #free: Entry | null = null;
  #freeCount = 0;
  #nextScan: Instant | undefined = undefined;
  live = 0;

  constructor(core: CoreContext, network: Network) {
    this.#core = core;
    this.#network = network;
  }

  track(md: Md, msgType: number, wantsAck: boolean): void {
    if (!this.#isTracked(md, msgType, wantsAck)) return;
    const now = this.#core.clock.now();
    let entry = md.tracker as Entry | null;
    if (entry) this.#unlink(entry);
    else {
      entry = this.#take(md);
      md.tracker = entry;
      this.live++;
    }
    entry.deadline = now + this.#timeoutUs;
    this.#append(entry);
    if (this.#nextScan === undefined) {
      this.#nextScan = now + this.#timeoutUs / 2;
      this.#network.monitor.wake(this.#nextScan);
    }
  }

  setNextHop(md: Md, peerNi: PeerNi): void {
    if (md.tracker) md.tracker.nextHop = peerNi;
  }

  cancel(md: Md): void {
    const entry = md.tracker as Entry | null;
    if (!entry) return;
    md.tracker = null;
    this.live--;
    this.#unlink(entry);
    entry.md = null;
    entry.nextHop = null;
    if (this.#freeCount === POOL_MAX) return;
    this.#freeCount++;
    entry.next = this.#free;
    this.#free = entry;
  }

  nextDue(): Instant | undefined {
    return this.#nextScan;
  }

  run(now: Instant): void {
    for (let entry = this.#first; entry && entry.deadline <= now; entry = this.#first) this.#expire(entry);
    this.#nextScan = this.#first ? now + this.#timeoutUs / 2 : undefined;
  }

  /** The node stops: what still waits for a response gets none. */
  stop(): void {
    for (let entry = this.#first; entry; entry = this.#first) this.#core.portals.unlinkMd(entry.md as Md);
  }

  get #timeoutUs(): number {
    return this.#core.settings.values.transaction_timeout * US_PER_S;
  }

  /** The rules of lnet-semantics §3.7, first that applies. */
  #isTracked(md: Md, msgType: number, wantsAck: boolean): boolean {
    const isPut = msgType === LNET_MSG_PUT;
    if (isPut && !wantsAck) return false;
    if ((md.options & LNET_MD_NO_TRACK_RESPONSE) !== 0) return false;
    if ((md.options & LNET_MD_TRACK_RESPONSE) !== 0) return true;
    const tracking = this.#core.settings.values.response_tracking;
    return tracking === TRACK_ALL || tracking === (isPut ? TRACK_PUTS : TRACK_GETS);
  }

  /** The unlink gives the MD's user an UNLINK event, or -ETIMEDOUT on the operation that is still under way. */
  #expire(entry: Entry): void {
    const { md, nextHop } = entry;
    this.#core.counters.response_timeout_count++;
    this.#core.portals.unlinkMd(md as Md);
    if (nextHop) this.#network.health.responseMissed(nextHop);
  }

  #take(md: Md): Entry {
    const entry = this.#free ?? new Entry();
    if (this.#free) {
      this.#free = entry.next;
      this.#freeCount--;
    }
    entry.md = md;
    return entry;
  }

  #append(entry: Entry): void {
    entry.previous = this.#last;
    entry.next = null;
    if (this.#last) this.#last.next = entry;
    else this.#first = entry;
    this.#last = entry;
  }

  #unlink(entry: Entry): void {
    if (entry.previous) entry.previous.next = entry.next;
    else this.#first = entry.next;
    if (entry.next) entry.next.previous = entry.previous;
    else this.#last = entry.previous;
    entry.previous = null;
    entry.next = null;
  }
}
