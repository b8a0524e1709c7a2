import type { CoreContext, OperationArgs, Operations } from '../core-context.ts';
import { EIO, ENOENT } from '../errno.ts';
import { LNET_EVENT_SEND } from '../event.ts';
import type { LnetMsg } from '../msg.ts';
import type { Md } from '../portals/md.ts';
import { LNET_MSG_GET, LNET_MSG_PUT } from '../wire/lnet-hdr.ts';

const NO_HANDLE = 0xffffffff;

/** LNetPut and LNetGet: lnet-semantics §1.5, §1.6. */
export class CoreOperations implements Operations {
  readonly #ctx: CoreContext;

  constructor(ctx: CoreContext) {
    this.#ctx = ctx;
  }

  put(args: OperationArgs): number {
    const fault = this.#faultOf(args);
    if (fault !== 0) return fault;
    const md = args.md as Md;
    const msg = this.#message(args, md, LNET_MSG_PUT);
    const { hdr } = msg;
    hdr.payloadLength = md.length;
    hdr.hdrDataLow = args.hdrDataLow;
    hdr.hdrDataHigh = args.hdrDataHigh;
    if (args.wantsAck) this.#setHandle(msg, md);
    else hdr.interfaceCookieLow = hdr.interfaceCookieHigh = hdr.objectCookieLow = hdr.objectCookieHigh = NO_HANDLE;
    msg.payload = md.iov;
    this.#submit(msg, md, args.wantsAck);
    return 0;
  }

  get(args: OperationArgs): number {
    const fault = this.#faultOf(args);
    if (fault !== 0) return fault;
    const md = args.md as Md;
    const msg = this.#message(args, md, LNET_MSG_GET);
    msg.hdr.sinkLength = md.length;
    msg.sink = md.iov;
    msg.isRecovery = args.isRecovery;
    this.#setHandle(msg, md);
    this.#submit(msg, md, false);
    return 0;
  }

  /** What fails at once, without an event and without a change of the MD. */
  #faultOf({ md: handle, target }: OperationArgs): number {
    const { failNids, portals } = this.#ctx;
    if (failNids.hits(target)) return -EIO;
    const md = handle as Md;
    const isUsable = portals.mdOfCookie(md.cookieLow, md.cookieHigh) === md && md.isBound && md.threshold !== 0;
    return isUsable ? 0 : -ENOENT;
  }

  /** A message that holds the MD, addressed as far as the caller says; the NIDs of the header are the send path's. */
  #message(args: OperationArgs, md: Md, type: number): LnetMsg {
    const msg = this.#ctx.pool.take();
    const { hdr } = msg;
    hdr.type = type;
    hdr.destPid = args.targetPid;
    hdr.srcPid = this.#ctx.pid;
    hdr.portal = args.portal;
    hdr.matchBitsLow = args.matchBitsLow;
    hdr.matchBitsHigh = args.matchBitsHigh;
    hdr.offset = args.offset;
    msg.targetNid = args.target;
    msg.targetPid = args.targetPid;
    msg.selfNid = args.self;
    msg.rlength = md.length;
    msg.md = md;
    msg.eventType = LNET_EVENT_SEND;
    md.hold();
    return msg;
  }

  #setHandle({ hdr }: LnetMsg, md: Md): void {
    hdr.interfaceCookieLow = this.#ctx.cookieLow;
    hdr.interfaceCookieHigh = this.#ctx.cookieHigh;
    hdr.objectCookieLow = md.cookieLow;
    hdr.objectCookieHigh = md.cookieHigh;
  }

  #submit(msg: LnetMsg, md: Md, wantsAck: boolean): void {
    this.#ctx.trackers.track(md, msg.hdr.type, wantsAck);
    this.#ctx.sendPath.submit(msg);
  }
}
