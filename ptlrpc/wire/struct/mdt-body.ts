import { type DecodedBy, layout, u32, u64, unused } from '../../../lnet/wire/layout.ts';
import { bits, cookie, list, s64, type ShownKind, x32 } from '../field-kind.ts';
import { fid } from './fid.ts';
import { OBD_MD } from './md-valid.ts';

/** LUSTRE_*_FL: inode flags (mds-ost §1.6). */
export const LUSTRE_FL = {
  UNRM: 0x2,
  COMPR: 0x4,
  SYNC: 0x8,
  IMMUTABLE: 0x10,
  APPEND: 0x20,
  NODUMP: 0x40,
  NOATIME: 0x80,
  NOCOMPR: 0x400,
  INDEX: 0x1000,
  ORPHAN: 0x2000,
  JOURNAL_DATA: 0x4000,
  DIRSYNC: 0x10000,
  TOPDIR: 0x20000,
  EXTENTS: 0x80000,
  VERITY: 0x100000,
  ENCRYPT: 0x800000,
  INLINE_DATA: 0x10000000,
  PROJINHERIT: 0x20000000,
  CASEFOLD: 0x40000000,
} as const;

/** A mode, in octal as `ls` and `chmod` take it. */
export const mode: ShownKind<number> = { ...u32, show: (value) => `0${value.toString(8)}` };

/**
 * Attributes of a file, and what a by-FID or by-name request asks for. In READPAGE `size` is the first hash, `nlink` the
 * bytes wanted and `mode` LUDA_* bits.
 */
export const MDT_BODY = layout('mdt_body', 216, 'mds-ost §1.6', {
  fid1: fid,
  fid2: fid,
  openHandle: cookie,
  valid: bits(u64, OBD_MD),
  size: u64,
  mtime: s64,
  atime: s64,
  ctime: s64,
  blocks: u64,
  version: u64,
  tState: u64,
  fsuid: u32,
  fsgid: u32,
  capability: x32,
  mode,
  uid: u32,
  gid: u32,
  flags: bits(u32, LUSTRE_FL),
  rdev: u32,
  nlink: u32,
  layoutGen: u32,
  suppgid: x32,
  eadatasize: u32,
  aclsize: u32,
  maxMdsize: u32,
  unused3: unused(4),
  uidHigh: u32,
  gidHigh: u32,
  projid: u32,
  domSize: u64,
  domBlocks: u64,
  btime: s64,
  padding: unused(16),
});
export type MdtBody = DecodedBy<typeof MDT_BODY>;

/** The open handle of a close. */
export const MDT_IOEPOCH = layout('mdt_ioepoch', 24, 'mds-ost §1.7', {
  openHandle: cookie,
  padding: unused(16),
});

/** What a close with intent carries. The union holds the ids of a resync, a mirror, an archive or a data version. */
export const CLOSE_DATA = layout('close_data', 96, 'mds-ost §1.7', {
  handle: cookie,
  fid,
  dataVersion: u64,
  union: list(u32, 16),
});
