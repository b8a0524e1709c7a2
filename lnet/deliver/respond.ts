import type { CoreContext } from '../core-context.ts';
import type { LnetMsg } from '../msg.ts';
import type { Md } from '../portals/md.ts';
import { LNET_MSG_ACK, LNET_MSG_REPLY } from '../wire/lnet-hdr.ts';

/** The ACK of a PUT that was received: lnet-semantics §5.6. The PUT may end before it is sent. */
export function ackOf(ctx: CoreContext, put: LnetMsg): LnetMsg {
  const ack = answerTo(ctx, put, LNET_MSG_ACK);
  ack.hdr.matchBitsLow = put.hdr.matchBitsLow;
  ack.hdr.matchBitsHigh = put.hdr.matchBitsHigh;
  ack.hdr.mlength = put.mlength;
  return ack;
}

/** The REPLY to a GET. Both end together, with the GET event of the memory that it was taken from. */
export function replyOf(ctx: CoreContext, get: LnetMsg): LnetMsg {
  const md = get.md as Md;
  const reply = answerTo(ctx, get, LNET_MSG_REPLY);
  reply.request = get;
  reply.md = md;
  reply.payload = md.iov;
  reply.payloadOffset = get.offset;
  reply.mlength = get.mlength;
  reply.hdr.payloadLength = get.mlength;
  return reply;
}

/** Goes from the NID that was asked to the one that asked, used as they are, and back through the router it came from. */
function answerTo(ctx: CoreContext, request: LnetMsg, type: number): LnetMsg {
  const asked = request.hdr;
  const answer = ctx.pool.take();
  const hdr = answer.hdr;
  hdr.type = type;
  hdr.destNid = asked.srcNid;
  hdr.destPid = asked.srcPid;
  hdr.srcNid = asked.destNid;
  hdr.srcPid = ctx.pid;
  hdr.interfaceCookieLow = asked.interfaceCookieLow;
  hdr.interfaceCookieHigh = asked.interfaceCookieHigh;
  hdr.objectCookieLow = asked.objectCookieLow;
  hdr.objectCookieHigh = asked.objectCookieHigh;
  answer.targetNid = asked.srcNid;
  answer.targetPid = asked.srcPid;
  answer.selfNid = asked.destNid;
  answer.via = asked.srcNid.net === asked.destNid.net ? null : request.peerNi;
  answer.token = request.token;
  answer.isResponse = true;
  return answer;
}
