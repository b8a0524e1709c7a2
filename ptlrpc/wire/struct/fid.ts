import { type DecodedBy, layout, u32, u64 } from '../../../lnet/wire/layout.ts';
import { hex, nested, type NestedKind, type ShownKind, x32, x64 } from '../field-kind.ts';

/** Names an object for ever. */
export const LU_FID = layout('lu_fid', 16, 'mds-ost §1.1', { seq: u64, oid: u32, ver: u32 });
export type LuFid = DecodedBy<typeof LU_FID>;

/** `[0x200000007:0x1:0x0]`. */
export function showFid({ seq, oid, ver }: LuFid): string {
  return `[${hex(seq)}:${hex(oid)}:${hex(ver)}]`;
}

/** A FID inside a record. */
export const fid: NestedKind<LuFid> & ShownKind<LuFid> = { ...nested(LU_FID), show: showFid };

/**
 * Id of an object on an OST, in one of two encodings: with `oid` and `ver` 0 the first word is the legacy object id,
 * otherwise the three are a FID. Read as a FID both have one rule for the byte order.
 */
export const OST_ID = layout('ost_id', 16, 'mds-ost §1.1', { seqOrId: u64, oid: u32, ver: u32 });
export type OstId = DecodedBy<typeof OST_ID>;

/** `[0x280000401:0x2:0x0]`, or `id 7` in the legacy encoding. */
export function showOstId({ seqOrId, oid, ver }: OstId): string {
  return oid === 0 && ver === 0 ? `id ${seqOrId}` : showFid({ seq: seqOrId, oid, ver });
}

/** An object id inside a record. */
export const ostId: NestedKind<OstId> & ShownKind<OstId> = { ...nested(OST_ID), show: showOstId };

/** Which target owns a range of sequences, `end` exclusive. */
export const LU_SEQ_RANGE = layout('lu_seq_range', 24, 'mds-ost §1.1', {
  start: x64,
  end: x64,
  index: u32,
  flags: x32,
});
