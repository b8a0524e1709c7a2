import type { PeerDirectory } from '../core-context.ts';
import type { DropReason } from '../counters.ts';
import type { LnetMsg } from '../msg.ts';
import { LNET_MSG_PUT } from '../wire/lnet-hdr.ts';
import { NID_ANY } from '../wire/nid.ts';
import { LNET_MD_MANAGE_REMOTE, LNET_MD_MAX_SIZE, LNET_MD_OP_GET, LNET_MD_OP_PUT, LNET_MD_TRUNCATE } from './md.ts';
import { LNET_PID_ANY, type Me } from './me.ts';

/** What became of a message at one match entry. Any but `missed` ends the search. */
export type MatchResult = 'matched' | 'missed' | 'too_long' | 'offset_beyond';

/** What became of a message at its portal: delivered, kept until an MD comes, or dropped for a reason. */
export type MatchVerdict = 'matched' | 'delayed' | DropReason;

/**
 * Tries one message at one match entry: lnet-semantics §2.3, tests 1 to 9 in their order. When it matches, the message holds the
 * MD and knows where in it (`md`, `offset`, `mlength`). What follows for an MD that is used up (step 10) is the caller's.
 */
export function matchMe(me: Me, msg: LnetMsg, peers: PeerDirectory): MatchResult {
  const md = me.md;
  if (md === null || md.isExhausted) return 'missed';
  const hdr = msg.hdr;
  const operation = hdr.type === LNET_MSG_PUT ? LNET_MD_OP_PUT : LNET_MD_OP_GET;
  if ((md.options & operation) === 0) return 'missed';
  if (((me.matchBitsLow ^ hdr.matchBitsLow) & ~me.ignoreBitsLow) !== 0) return 'missed';
  if (((me.matchBitsHigh ^ hdr.matchBitsHigh) & ~me.ignoreBitsHigh) !== 0) return 'missed';
  if (me.pid !== LNET_PID_ANY && me.pid !== hdr.srcPid) return 'missed';
  const initiator = msg.initiatorNid;
  if (me.nid !== NID_ANY && me.nid !== initiator && !peers.areOnePeer(me.nid, initiator)) return 'missed';

  const offset = (md.options & LNET_MD_MANAGE_REMOTE) === 0 ? md.localOffset : hdr.offset;
  if (offset > md.length) return 'offset_beyond';
  let room = md.length - offset;
  // A remote-managed offset can leave less than max_size: then the memory's end counts, which 2.17.0 does not check.
  if ((md.options & LNET_MD_MAX_SIZE) !== 0 && md.maxSize < room) room = md.maxSize;
  let mlength = msg.rlength;
  if (mlength > room) {
    if ((md.options & LNET_MD_TRUNCATE) === 0) return 'too_long';
    mlength = room;
  }

  md.hold();
  md.localOffset = offset + mlength;
  msg.md = md;
  msg.offset = offset;
  msg.mlength = mlength;
  return 'matched';
}
