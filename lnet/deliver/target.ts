import type { CoreContext } from '../core-context.ts';
import { LNET_EVENT_GET, LNET_EVENT_PUT } from '../event.ts';
import type { LnetMsg } from '../msg.ts';
import type { MatchVerdict } from '../portals/match.ts';
import { LNET_MD_ACK_DISABLE, type Md } from '../portals/md.ts';
import { LNET_MTU } from '../wire/lnet-hdr.ts';

/** A PUT at its target: lnet-semantics §5.2, up to where its payload may come. */
export function acceptPut(ctx: CoreContext, msg: LnetMsg): MatchVerdict {
  msg.rlength = msg.hdr.payloadLength;
  const verdict = ctx.portals.match(msg);
  if (verdict === 'matched') claimPut(msg);
  return verdict;
}

/** A PUT has its MD: from now on it ends in a PUT event, and perhaps in an ACK. */
export function claimPut(msg: LnetMsg): void {
  msg.eventType = LNET_EVENT_PUT;
  msg.isAckDue = !msg.hdr.hasNoHandle && ((msg.md as Md).options & LNET_MD_ACK_DISABLE) === 0;
}

/**
 * A GET at its target: lnet-semantics §5.3, step 1. A REPLY above 1 MiB would make the requester close the link, so no more
 * is taken as asked for (lnet-wire §6.1).
 */
export function acceptGet(ctx: CoreContext, msg: LnetMsg): MatchVerdict {
  msg.rlength = Math.min(msg.hdr.sinkLength, LNET_MTU);
  const verdict = ctx.portals.match(msg);
  if (verdict === 'matched') msg.eventType = LNET_EVENT_GET;
  return verdict;
}
