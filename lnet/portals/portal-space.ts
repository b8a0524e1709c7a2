import type { CoreContext, PortalSpace } from '../core-context.ts';
import { EINVAL, ENOENT, errnoName } from '../errno.ts';
import { LnetError } from '../error-code.ts';
import type { LocalNi } from '../local-ni.ts';
import { type LnetMsg, MsgQueue } from '../msg.ts';
import { isU64 } from '../wire/lnet-hdr.ts';
import { NID_ANY } from '../wire/nid.ts';
import { EventRecords } from './event-records.ts';
import { type MatchVerdict, matchMe } from './match.ts';
import { checkMdSpec, iovOf } from './md-spec.ts';
import { MdTable } from './md-table.ts';
import { LNET_MD_THRESH_INF, type Md, type MdHandle, type MdSpec } from './md.ts';
import { LNET_PID_ANY, Me, type MeSpec } from './me.ts';
import { MAX_PORTALS, Portal } from './portal.ts';

/** Most PUTs of a node that wait on lazy portals. */
export const DELAYED_MAX = 16_384;

/** The portals of a node with their match entries, and all its memory descriptors. lnet-semantics §2, §3. */
export class CorePortals implements PortalSpace {
  readonly #ctx: CoreContext;
  readonly #portals = Array.from({ length: MAX_PORTALS }, (_, index) => new Portal(index));
  readonly #mds = new MdTable();
  readonly #events: EventRecords;
  readonly #delayedMax: number;
  #delayedCount = 0;
  /** PUTs that waited and go on (or, without MD, are dropped) as soon as the call that brought their MD is done. */
  readonly #ready = new MsgQueue();
  /** PUTs that waited and are being dropped because their NI closes. */
  readonly #leaving = new MsgQueue();

  constructor(ctx: CoreContext, limits: { readonly delayedMax: number } = { delayedMax: DELAYED_MAX }) {
    this.#ctx = ctx;
    this.#events = new EventRecords(ctx);
    this.#delayedMax = limits.delayedMax;
  }

  /** Memory descriptors whose handle resolves. */
  get mdCount(): number {
    return this.#mds.size;
  }

  /** PUTs that wait on lazy portals. */
  get delayedCount(): number {
    return this.#delayedCount;
  }

  attachMe(spec: MeSpec): Me {
    const portal = this.#portalOf(spec.portal);
    if (!isU64(spec.matchBits) || !isU64(spec.ignoreBits ?? 0n))
      throw misuse('match bits and ignore bits are numbers of 64 bits');
    const me = new Me({ ...spec, nid: spec.nid ?? NID_ANY, pid: spec.pid ?? LNET_PID_ANY });
    portal.insert(me, spec.position ?? 'after');
    return me;
  }

  attachMd(me: Me, spec: MdSpec, unlinksWhenExhausted: boolean): MdHandle {
    if (me.list === null) throw misuse('the match entry is gone', 'attach a new one');
    if (me.md !== null) throw misuse('the match entry has a memory descriptor already', 'unlink that one first');
    const portal = this.#portalOf(me.portal);
    let md: Md;
    try {
      md = this.#createMd(spec, false, unlinksWhenExhausted);
    } catch (error) {
      portal.remove(me);
      throw error;
    }
    md.me = me;
    me.md = md;
    if (portal.delayed.size > 0) this.#offer(portal, me, md);
    return md;
  }

  bindMd(spec: MdSpec, unlinksWhenExhausted: boolean): MdHandle {
    return this.#createMd(spec, true, unlinksWhenExhausted);
  }

  #createMd(spec: MdSpec, isBound: boolean, unlinksWhenExhausted: boolean): Md {
    const iov = iovOf(spec);
    const length = checkMdSpec(spec, iov, isBound);
    return this.#mds.create(spec, iov, length, isBound, unlinksWhenExhausted);
  }

  unlinkMd(handle: MdHandle): void {
    const md = handle as Md;
    if (this.#mds.find(md.cookieLow, md.cookieHigh) !== md) {
      throw new LnetError('ERR_LNET_NOT_FOUND', {
        errno: -ENOENT,
        message: `${errnoName(ENOENT)}: the memory descriptor was unlinked already, or is not of this node`,
      });
    }
    md.isAborted = true;
    if (md.tracker) this.#ctx.trackers.cancel(md);
    this.#detach(md);
    if (md.useCount === 0) this.#events.deliverUnlink(md);
  }

  setLazy(portal: number): void {
    this.#portalOf(portal).isLazy = true;
  }

  clearLazy(index: number): void {
    const portal = this.#portalOf(index);
    portal.isLazy = false;
    for (let left = portal.delayed.size; left > 0; left--) {
      const msg = portal.delayed.shift();
      if (!msg) return;
      this.#delayedCount--;
      this.#ctx.delivery.dropHeld(msg, 'lazy_cleared');
    }
  }

  mdOfCookie(low: number, high: number): Md | undefined {
    return this.#mds.find(low, high);
  }

  match(msg: LnetMsg): MatchVerdict {
    const portal = this.#portals[msg.hdr.portal];
    if (!portal) return 'no_portal';
    const verdict = portal.match(msg, this.#ctx.peers);
    if (verdict === 'matched') this.#unlinkIfExhausted(msg.md as Md);
    else if (verdict === 'delayed') {
      if (this.#delayedCount === this.#delayedMax) return 'lazy_limit';
      this.#delayedCount++;
      portal.delayed.push(msg);
    }
    return verdict;
  }

  forget(msg: LnetMsg): void {
    if (this.#portals[msg.hdr.portal]?.delayed.remove(msg)) this.#delayedCount--;
    else if (!this.#ready.remove(msg)) this.#leaving.remove(msg);
  }

  release(md: Md): boolean {
    md.useCount--;
    const isLast = md.isUnlinkable;
    const isIdle = md.useCount === 0 && md.threshold === LNET_MD_THRESH_INF;
    if (md.tracker && (isLast || isIdle)) this.#ctx.trackers.cancel(md);
    if (isLast && !md.isZombie) this.#detach(md);
    return isLast;
  }

  dropWaiting(ni: LocalNi): void {
    for (const portal of this.#portals) {
      for (let left = portal.delayed.size; left > 0; left--) {
        const msg = portal.delayed.shift() as LnetMsg;
        if (msg.ni === ni) this.#leave(msg, this.#leaving);
        else portal.delayed.push(msg);
      }
    }
    for (let msg = this.#leaving.shift(); msg; msg = this.#leaving.shift())
      this.#ctx.delivery.dropHeld(msg, 'lazy_ni_closed');
  }

  /** Offers a new MD to the PUTs that wait on its portal: lnet-semantics §2.6. */
  #offer(portal: Portal, me: Me, md: Md): void {
    for (let left = portal.delayed.size; left > 0; left--) {
      const msg = portal.delayed.shift() as LnetMsg;
      const result = matchMe(me, msg, this.#ctx.peers);
      if (result === 'matched') this.#unlinkIfExhausted(md);
      if (result === 'missed') portal.delayed.push(msg);
      else this.#leave(msg, this.#ready);
    }
    const { delivery } = this.#ctx;
    for (let msg = this.#ready.shift(); msg; msg = this.#ready.shift()) {
      if (msg.md) delivery.resumeHeld(msg);
      else delivery.dropHeld(msg, 'lazy_too_long');
    }
  }

  /** A PUT that was taken from its portal's queue waits no more. */
  #leave(msg: LnetMsg, queue: MsgQueue): void {
    this.#delayedCount--;
    queue.push(msg);
  }

  /** Step 10 of lnet-semantics §2.3. */
  #unlinkIfExhausted(md: Md): void {
    if (md.unlinksWhenExhausted && md.isExhausted) this.#detach(md);
  }

  /** Starts the end of an MD: its handle resolves no more, its match entry is free of it. */
  #detach(md: Md): void {
    md.isZombie = true;
    this.#mds.remove(md);
    const me = md.me;
    if (!me) return;
    md.me = null;
    me.md = null;
    if (me.unlinksWithMd) this.#portalOf(me.portal).remove(me);
  }

  #portalOf(index: number): Portal {
    const portal = this.#portals[index];
    if (!portal) throw misuse(`portal ${index} is outside 0..${MAX_PORTALS - 1}`);
    return portal;
  }
}

function misuse(what: string, hint?: string): LnetError {
  return new LnetError('ERR_LNET_BAD_ARGUMENT', {
    errno: -EINVAL,
    message: `${errnoName(EINVAL)}: ${what}`,
    ...(hint === undefined ? {} : { hint }),
  });
}
