import { type DecodedBy, layout, u16, u32, u64, u8, viewOf } from '../../../lnet/wire/layout.ts';
import { WireError } from '../../../lnet/wire/wire-error.ts';
import { bits, nested, text, x32 } from '../field-kind.ts';
import { ostId } from './fid.ts';

/** First word of a layout EA; all of it is little-endian, whatever the message (mds-ost §1.9). */
export const LOV_MAGIC_V1 = 0x0bd10bd0;
export const LOV_MAGIC_V3 = 0x0bd30bd0;
export const LOV_MAGIC_SPECIFIC = 0x0bd50bd0;
export const LOV_MAGIC_COMP_V1 = 0x0bd60bd0;
export const LOV_MAGIC_FOREIGN = 0x0bd70bd0;

/** First word of a directory layout EA: master, stripe, and what users set as default. */
export const LMV_MAGIC_V1 = 0x0cd20cd0;
export const LMV_MAGIC_STRIPE = 0x0cd40cd0;
export const LMV_USER_MAGIC = 0x0cd30cd0;

/** Bits of `pattern`. */
export const LOV_PATTERN = {
  RAID0: 0x1,
  MDT: 0x100,
  OVERSTRIPING: 0x200,
  FOREIGN: 0x400,
  F_HOLE: 0x40000000,
  F_RELEASED: 0x80000000,
} as const;

/** The id in a layout: neither of the encodings of an ost_id. */
export const LMM_OI = layout('lmm_oi', 16, 'mds-ost §1.9', { oid: u64, seq: u64 });

const LOV_FIELDS = {
  magic: x32,
  pattern: bits(u32, LOV_PATTERN),
  oi: nested(LMM_OI),
  stripeSize: u32,
  stripeCount: u16,
  layoutGen: u16,
} as const;

/** Head of the layout of a plain file; objects follow. */
export const LOV_MDS_MD_V1 = layout('lov_mds_md_v1', 32, 'mds-ost §1.9', LOV_FIELDS);

/** The same with the name of a pool. */
export const LOV_MDS_MD_V3 = layout('lov_mds_md_v3', 48, 'mds-ost §1.9', { ...LOV_FIELDS, poolName: text(16) });

/** One object of a layout. */
export const LOV_OST_DATA_V1 = layout('lov_ost_data_v1', 24, 'mds-ost §1.9', {
  ostOi: ostId,
  ostGen: u32,
  ostIdx: u32,
});

/** Head of a composite layout; entries follow, then the layouts of the components. */
export const LOV_COMP_MD_V1 = layout('lov_comp_md_v1', 32, 'mds-ost §1.9', {
  magic: x32,
  size: u32,
  layoutGen: u32,
  flags: u16,
  entryCount: u16,
  mirrorCount: u16,
  ecCount: u8,
  padding3: u8,
  padding1: u32,
  padding2: u64,
});

/** One component. `end` is exclusive; `offset` counts from the start of the composite. */
export const LOV_COMP_MD_ENTRY_V1 = layout('lov_comp_md_entry_v1', 48, 'mds-ost §1.9', {
  id: x32,
  flags: bits(u32, {
    STALE: 0x1,
    PREF_RD: 0x2,
    PREF_WR: 0x4,
    OFFLINE: 0x8,
    INIT: 0x10,
    NOSYNC: 0x20,
    EXTENSION: 0x40,
    PARITY: 0x80,
    COMPRESS: 0x100,
    PARTIAL: 0x200,
    NOCOMPR: 0x400,
  }),
  start: u64,
  end: u64,
  offset: u32,
  size: u32,
  layoutGen: u32,
  timestamp: u64,
  dstripeCount: u8,
  cstripeCount: u8,
  comprType: u8,
  comprLevel: u8,
});

/** Layout of a striped directory; the FIDs of its stripes follow. */
export const LMV_MDS_MD_V1 = layout('lmv_mds_md_v1', 56, 'mds-ost §1.10', {
  magic: x32,
  stripeCount: u32,
  masterMdtIndex: u32,
  hashType: x32,
  layoutVersion: u32,
  migrateOffset: u32,
  migrateHash: x32,
  padding2: u32,
  padding3: u64,
  poolName: text(16),
});

/** Default layout of new directories. */
export const LMV_USER_MD = layout('lmv_user_md', 48, 'mds-ost §1.10', {
  magic: x32,
  stripeCount: u32,
  stripeOffset: x32,
  hashType: x32,
  type: u32,
  maxInherit: u8,
  maxInheritRr: u8,
  padding1: u16,
  padding2: u64,
  poolName: text(16),
});

/** One object of a file. */
export type LovObject = DecodedBy<typeof LOV_OST_DATA_V1>;

/** The layout of a plain file, or of one component. */
export interface LovPlain {
  readonly kind: 'plain';
  readonly head: DecodedBy<typeof LOV_MDS_MD_V1>;
  /** Undefined in version 1. */
  readonly poolName: string | undefined;
  readonly objects: readonly LovObject[];
}

/** A composite layout. */
export interface LovComposite {
  readonly kind: 'composite';
  readonly head: DecodedBy<typeof LOV_COMP_MD_V1>;
  readonly components: readonly {
    readonly entry: DecodedBy<typeof LOV_COMP_MD_ENTRY_V1>;
    readonly layout: LovPlain;
  }[];
}

/** Reads the layout EA of a file. Throws {@link WireError} when the bytes are none, or when a count leads out of them. */
export function decodeLayoutEa(bytes: Uint8Array): LovPlain | LovComposite {
  const view = viewOf(bytes);
  if (bytes.length < 4) throw new WireError('short', `layout EA of ${bytes.length} bytes has no magic`);
  return view.getUint32(0, true) === LOV_MAGIC_COMP_V1 ? decodeComposite(bytes) : decodePlain(bytes, true);
}

function decodePlain(bytes: Uint8Array, hasObjects: boolean): LovPlain {
  const view = viewOf(bytes);
  const head = LOV_MDS_MD_V1.decode(view);
  if (head.magic !== LOV_MAGIC_V1 && head.magic !== LOV_MAGIC_V3)
    throw new WireError('bad_magic', 'layout EA begins with a foreign magic');
  const isV3 = head.magic === LOV_MAGIC_V3;
  const poolName = isV3 ? LOV_MDS_MD_V3.decode(view).poolName : undefined;
  let at = isV3 ? LOV_MDS_MD_V3.size : LOV_MDS_MD_V1.size;
  const count = hasObjects ? head.stripeCount : 0;
  if (at + count * LOV_OST_DATA_V1.size > bytes.length)
    throw new WireError('bad_length', `layout EA of ${bytes.length} bytes has no room for ${count} objects`);
  const objects: LovObject[] = [];
  for (let i = 0; i < count; i++, at += LOV_OST_DATA_V1.size) objects.push(LOV_OST_DATA_V1.decode(view, at));
  return { kind: 'plain', head, poolName, objects };
}

const LCME_FL_INIT = 0x10;

function decodeComposite(bytes: Uint8Array): LovComposite {
  const view = viewOf(bytes);
  const head = LOV_COMP_MD_V1.decode(view);
  if (head.size > bytes.length)
    throw new WireError('bad_length', `composite layout claims ${head.size} of ${bytes.length} bytes`);
  const components: LovComposite['components'][number][] = [];
  for (let i = 0; i < head.entryCount; i++) {
    const entry = LOV_COMP_MD_ENTRY_V1.decode(view, LOV_COMP_MD_V1.size + i * LOV_COMP_MD_ENTRY_V1.size);
    if (entry.offset + entry.size > head.size)
      throw new WireError('bad_length', `component ${i} ends at ${entry.offset + entry.size} of ${head.size} bytes`);
    const blob = bytes.subarray(entry.offset, entry.offset + entry.size);
    components.push({ entry, layout: decodePlain(blob, (entry.flags & LCME_FL_INIT) !== 0) });
  }
  return { kind: 'composite', head, components };
}

/** Writes the layout of a plain file. */
export function encodeLovPlain({ head, poolName, objects }: LovPlain): Uint8Array {
  const headBytes = poolName === undefined ? LOV_MDS_MD_V1.size : LOV_MDS_MD_V3.size;
  const bytes = new Uint8Array(headBytes + objects.length * LOV_OST_DATA_V1.size);
  const view = viewOf(bytes);
  if (poolName === undefined) LOV_MDS_MD_V1.encode(head, view);
  else LOV_MDS_MD_V3.encode({ ...head, poolName }, view);
  for (const [i, object] of objects.entries())
    LOV_OST_DATA_V1.encode(object, view, headBytes + i * LOV_OST_DATA_V1.size);
  return bytes;
}
