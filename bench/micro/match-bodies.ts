import type { PeerDirectory } from '../../lnet/core-context.ts';
import { LnetMsg } from '../../lnet/msg.ts';
import { LNET_MD_MANAGE_REMOTE, LNET_MD_OP_PUT, LNET_MD_THRESH_INF, Md } from '../../lnet/portals/md.ts';
import { LNET_PID_ANY, Me } from '../../lnet/portals/me.ts';
import { Portal } from '../../lnet/portals/portal.ts';
import { LNET_MSG_PUT } from '../../lnet/wire/lnet-hdr.ts';
import { NID_ANY, parseNid } from '../../lnet/wire/nid.ts';
import { LNET_PID_LUSTRE } from '../../lnet/wire/process-id.ts';
import type { Bodies, Body } from './body.ts';

/** How the entries of a portal select: by all of initiator and bits, by all bits of any initiator, or by some bits. */
export const MATCH_KINDS = ['unique', 'wildcard', 'ignoring'] as const;
export const MATCH_COUNTS = [1, 100, 10_000] as const;

const PORTAL = 5;
const initiator = parseNid('192.168.1.10@tcp');

/** Nobody has more than one NID here. */
const noPeers: PeerDirectory = {
  ofSender: () => undefined,
  ofTarget: () => undefined,
  find: () => undefined,
  primaryOf: (nid) => nid,
  areOnePeer: () => false,
  peers: () => [].values(),
};

function entry(kind: (typeof MATCH_KINDS)[number], matchBits: bigint): Me {
  const isUnique = kind === 'unique';
  const me = new Me({
    portal: PORTAL,
    nid: isUnique ? initiator : NID_ANY,
    pid: isUnique ? LNET_PID_LUSTRE : LNET_PID_ANY,
    matchBits,
    ignoreBits: kind === 'ignoring' ? 0xffn : 0n,
  });
  const spec = {
    memory: new Uint8Array(64),
    options: LNET_MD_OP_PUT | LNET_MD_MANAGE_REMOTE,
    threshold: LNET_MD_THRESH_INF,
  };
  me.md = new Md(spec, [spec.memory], spec.memory.length, false, false, Number(matchBits), 0);
  return me;
}

/** A PUT that finds the last of `count` entries. */
function matching(kind: (typeof MATCH_KINDS)[number], count: number): Body {
  const portal = new Portal(PORTAL);
  for (let i = 1; i <= count; i++) portal.insert(entry(kind, BigInt(i) << 8n), 'after');
  const msg = new LnetMsg();
  msg.hdr.type = LNET_MSG_PUT;
  msg.hdr.portal = PORTAL;
  msg.hdr.srcPid = LNET_PID_LUSTRE;
  msg.hdr.matchBitsLow = count << 8;
  msg.initiatorNid = initiator;
  msg.rlength = 64;
  return () => {
    if (portal.match(msg, noPeers) !== 'matched') throw new Error('the entry was not found');
    (msg.md as Md).useCount = 0;
    return msg.md;
  };
}

export const MATCH_BODIES: Bodies = Object.fromEntries(
  MATCH_KINDS.flatMap((kind) => MATCH_COUNTS.map((count) => [`match ${kind} ${count}`, () => matching(kind, count)])),
);
