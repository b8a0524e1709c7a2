import type { CoreContext } from '../core-context.ts';
import type { DropReason } from '../counters.ts';
import type { LocalNi } from '../local-ni.ts';
import type { NalRx } from '../nal.ts';
import { LNET_MSG_ACK, LNET_MSG_GET, LNET_MSG_REPLY, LNET_MTU, type LnetHdr } from '../wire/lnet-hdr.ts';
import { NID_ANY, NID_LOOPBACK } from '../wire/nid.ts';
import { WireError } from '../wire/wire-error.ts';

/** Decodes the header of an arrival. False when a NID of it cannot exist. */
export function decodeHdr(hdr: LnetHdr, ni: LocalNi, rx: NalRx): boolean {
  try {
    hdr.decode(rx.view, rx.hdrAt, rx.form, ni.nid, rx.fromNid);
    return true;
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}

/**
 * Why a message is refused or dropped for its header alone, or null: lnet-semantics §5.1, checks 1 to 9 in their order. Beyond
 * them, a source that nobody can have is refused: an answer to it would end in this node.
 */
export function faultOfHdr(ctx: CoreContext, ni: LocalNi, hdr: LnetHdr): DropReason | null {
  const { type, payloadLength, destNid, srcNid } = hdr;
  if (type > LNET_MSG_REPLY) return 'refused_bad_type';
  if ((type === LNET_MSG_ACK || type === LNET_MSG_GET) && payloadLength > 0) return 'refused_unexpected_payload';
  if (payloadLength > LNET_MTU) return 'refused_too_long';
  if (destNid !== ni.nid) {
    if (destNid.net === ni.nid.net) return 'refused_not_sent_directly';
    if (ctx.locals.isOwnNid(destNid)) return 'refused_wrong_own_nid';
    if (ctx.forwarder === null) return 'not_routing';
  }
  if (srcNid === NID_ANY || (srcNid === NID_LOOPBACK && !ni.isLoopback)) return 'refused_bad_header';
  if (ctx.failNids.hits(srcNid)) return 'simulated_failure';
  return null;
}
