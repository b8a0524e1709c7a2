import type { CoreContext } from '../core-context.ts';
import { LNET_EVENT_ACK, LNET_EVENT_REPLY, LNET_EVENT_SEND, type LnetEvent, type LnetEventType } from '../event.ts';
import type { LnetMsg } from '../msg.ts';
import { NID_ANY } from '../wire/nid.ts';

/** Fills in everything but `status`, `isUnlinked` and `md` from the message that caused an event: lnet-semantics §4.2. */
export function fillEvent(ctx: CoreContext, event: LnetEvent, msg: LnetMsg): void {
  const hdr = msg.hdr;
  event.type = msg.eventType as LnetEventType;
  event.msgType = hdr.type;
  event.portal = hdr.portal;
  event.matchBitsLow = hdr.matchBitsLow;
  event.matchBitsHigh = hdr.matchBitsHigh;
  event.hdrDataLow = hdr.hdrDataLow;
  event.hdrDataHigh = hdr.hdrDataHigh;
  if (msg.eventType === LNET_EVENT_SEND) {
    event.targetNid = msg.targetNid;
    event.targetPid = msg.targetPid;
    event.initiatorNid = NID_ANY;
    event.initiatorPid = ctx.pid;
    event.sourceNid = NID_ANY;
    event.sourcePid = ctx.pid;
    event.senderNid = NID_ANY;
    event.rlength = msg.rlength;
    event.mlength = msg.rlength;
    event.offset = hdr.offset;
    return;
  }
  event.targetNid = hdr.destNid;
  event.targetPid = hdr.destPid;
  event.initiatorNid = msg.initiatorNid;
  event.initiatorPid = hdr.srcPid;
  event.sourceNid = hdr.srcNid;
  event.sourcePid = hdr.srcPid;
  event.senderNid = msg.senderNid;
  event.rlength = hdr.payloadLength;
  event.mlength = msg.eventType === LNET_EVENT_ACK ? hdr.mlength : msg.mlength;
  event.offset = msg.eventType === LNET_EVENT_REPLY ? 0 : msg.offset;
}
