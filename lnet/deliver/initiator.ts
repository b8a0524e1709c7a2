import type { CoreContext } from '../core-context.ts';
import type { DropReason } from '../counters.ts';
import { LNET_EVENT_ACK, LNET_EVENT_REPLY } from '../event.ts';
import type { LnetMsg } from '../msg.ts';
import { LNET_MD_TRUNCATE, type Md } from '../portals/md.ts';

/** A REPLY at the initiator of its GET: lnet-semantics §5.4. Lands at the start of the memory; a short one is a success. */
export function acceptReply(ctx: CoreContext, msg: LnetMsg): 'matched' | DropReason {
  const md = mdOf(ctx, msg);
  if (typeof md === 'string') return md;
  const { payloadLength } = msg.hdr;
  if (payloadLength > md.length && (md.options & LNET_MD_TRUNCATE) === 0) return 'reply_too_long';
  msg.mlength = Math.min(payloadLength, md.length);
  return hold(msg, md, LNET_EVENT_REPLY);
}

/** An ACK at the initiator of its PUT: lnet-semantics §5.5. */
export function acceptAck(ctx: CoreContext, msg: LnetMsg): 'matched' | DropReason {
  const md = mdOf(ctx, msg);
  return typeof md === 'string' ? md : hold(msg, md, LNET_EVENT_ACK);
}

/** The MD that awaits a response, or why there is none. Only the handle counts: who answers is not compared with who was asked. */
function mdOf(ctx: CoreContext, { hdr }: LnetMsg): Md | DropReason {
  if (hdr.interfaceCookieLow !== ctx.cookieLow || hdr.interfaceCookieHigh !== ctx.cookieHigh) return 'foreign_cookie';
  const md = ctx.portals.mdOfCookie(hdr.objectCookieLow, hdr.objectCookieHigh);
  if (!md) return 'unknown_handle';
  if (md.threshold === 0) return 'inactive_handle';
  return md.isBound ? md : 'not_bound';
}

function hold(msg: LnetMsg, md: Md, eventType: number): 'matched' {
  md.hold();
  msg.md = md;
  msg.eventType = eventType;
  return 'matched';
}
