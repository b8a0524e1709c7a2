import { layout, u32, u64, unused } from '../../../lnet/wire/layout.ts';
import { bits, cookie, named, s64, x32 } from '../field-kind.ts';
import { fid } from './fid.ts';
import { OBD_MD } from './md-valid.ts';
import { LUSTRE_FL, mode } from './mdt-body.ts';

/** First word of a record: what MDS_REINT does (mds-ost §0.5). */
export const REINT_SETATTR = 1;
export const REINT_CREATE = 2;
export const REINT_LINK = 3;
export const REINT_UNLINK = 4;
export const REINT_RENAME = 5;
export const REINT_OPEN = 6;
export const REINT_SETXATTR = 7;
export const REINT_RMENTRY = 8;
export const REINT_MIGRATE = 9;
export const REINT_RESYNC = 10;

const REINT_NAMES = {
  SETATTR: REINT_SETATTR,
  CREATE: REINT_CREATE,
  LINK: REINT_LINK,
  UNLINK: REINT_UNLINK,
  RENAME: REINT_RENAME,
  OPEN: REINT_OPEN,
  SETXATTR: REINT_SETXATTR,
  RMENTRY: REINT_RMENTRY,
  MIGRATE: REINT_MIGRATE,
  RESYNC: REINT_RESYNC,
};

/** mds_op_bias (mds-ost §1.7). */
export const MDS_BIAS = {
  CROSS_REF: 0x2,
  PERM_BYPASS: 0x8,
  QUOTA_IGNORE: 0x20,
  KEEP_ORPHAN: 0x80,
  RECOV_OPEN: 0x100,
  DATA_MODIFIED: 0x200,
  CREATE_VOLATILE: 0x400,
  OWNEROVERRIDE: 0x800,
  HSM_RELEASE: 0x1000,
  CLOSE_MIGRATE: 0x2000,
  CLOSE_LAYOUT_SWAP: 0x4000,
  CLOSE_LAYOUT_MERGE: 0x8000,
  CLOSE_RESYNC_DONE: 0x10000,
  CLOSE_LAYOUT_SPLIT: 0x20000,
  TRUNC_KEEP_LEASE: 0x40000,
  PCC_ATTACH: 0x80000,
  CLOSE_UPDATE_TIMES: 0x100000,
  SETSTRIPE_CREATE: 0x200000,
  FID_OP: 0x400000,
  MIGRATE_NSONLY: 0x800000,
  CREATE_DEFAULT_LMV: 0x1000000,
  CLOSE_LAYOUT_SWAP_HSM: 0x2000000,
} as const;

/** MDS_ATTR_*: which attributes a setattr changes (mds-ost §1.7). */
export const MDS_ATTR = {
  MODE: 0x1n,
  UID: 0x2n,
  GID: 0x4n,
  SIZE: 0x8n,
  ATIME: 0x10n,
  MTIME: 0x20n,
  CTIME: 0x40n,
  ATIME_SET: 0x80n,
  MTIME_SET: 0x100n,
  FORCE: 0x200n,
  ATTR_FLAG: 0x400n,
  KILL_SUID: 0x800n,
  KILL_SGID: 0x1000n,
  CTIME_SET: 0x2000n,
  FROM_OPEN: 0x4000n,
  BLOCKS: 0x8000n,
  PROJID: 0x10000n,
  LSIZE: 0x20000n,
  LBLOCKS: 0x40000n,
  OVERRIDE: 0x2000000n,
} as const;

/** Open and create flags, low word: MDS_FMODE_* and MDS_OPEN_* (mds-ost §1.7). */
export const MDS_OPEN_LOW = {
  FMODE_READ: 0x1,
  FMODE_WRITE: 0x2,
  FMODE_EXEC: 0x4,
  CREATED: 0x8,
  FMODE_EXECUTE: 0x10,
  CREAT: 0x40,
  EXCL: 0x80,
  NOCTTY: 0x100,
  TRUNC: 0x200,
  APPEND: 0x400,
  NONBLOCK: 0x800,
  SYNC: 0x1000,
  LARGEFILE: 0x8000,
  DIRECTORY: 0x10000,
  NOFOLLOW: 0x20000,
  BY_FID: 0x800000,
  DELAY_CREATE: 0x1000000,
  OWNEROVERRIDE: 0x2000000,
  LOCK: 0x20000000,
  HAS_EA: 0x40000000,
  HAS_OBJS: 0x80000000,
} as const;

/** The same, high word. */
export const MDS_OPEN_HIGH = {
  NORESTORE: 0x2,
  VOLATILE: 0x8,
  LEASE: 0x10,
  RELEASE: 0x20,
  RESYNC: 0x40,
  PCC: 0x80,
  WITH_FID: 0x100,
  DEFAULT_LMV: 0x200,
} as const;

/** The caller, at the head of every record. */
const CALLER = {
  opcode: named(u32, REINT_NAMES),
  cap: x32,
  fsuid: u32,
  fsuidHigh: u32,
  fsgid: u32,
  fsgidHigh: u32,
  suppgid1: x32,
  suppgid1High: u32,
  suppgid2: x32,
  suppgid2High: u32,
} as const;

/** Record of an open and of a create. `fid1` is the parent, `fid2` the FID that the client chose. */
export const MDT_REC_CREATE = layout('mdt_rec_create', 136, 'mds-ost §1.7', {
  ...CALLER,
  fid1: fid,
  fid2: fid,
  openHandleOld: cookie,
  time: s64,
  rdev: u64,
  ioepoch: u64,
  padding1: unused(8),
  mode,
  bias: bits(u32, MDS_BIAS),
  flagsLow: bits(u32, MDS_OPEN_LOW),
  flagsHigh: bits(u32, MDS_OPEN_HIGH),
  umask: mode,
  padding4: unused(4),
});

/** Record of a setattr and of a close. */
export const MDT_REC_SETATTR = layout('mdt_rec_setattr', 136, 'mds-ost §1.7', {
  ...CALLER,
  fid,
  valid: bits(u64, MDS_ATTR),
  uid: u32,
  gid: u32,
  size: u64,
  blocks: u64,
  mtime: s64,
  atime: s64,
  ctime: s64,
  attrFlags: bits(u32, LUSTRE_FL),
  mode,
  bias: bits(u32, MDS_BIAS),
  projid: u32,
  padding4: unused(8),
});

/** Record of an unlink. `fid1` is the parent, `fid2` the child when it is known. */
export const MDT_REC_UNLINK = layout('mdt_rec_unlink', 136, 'mds-ost §1.7', {
  ...CALLER,
  fid1: fid,
  fid2: fid,
  time: s64,
  padding2: unused(32),
  bias: bits(u32, MDS_BIAS),
  mode,
  padding6: unused(16),
});

/** Record of a link. `fid1` is the existing file, `fid2` the directory. */
export const MDT_REC_LINK = layout('mdt_rec_link', 136, 'mds-ost §1.7', {
  ...CALLER,
  fid1: fid,
  fid2: fid,
  time: s64,
  padding1: unused(32),
  bias: bits(u32, MDS_BIAS),
  padding5: unused(20),
});

/** Record of a rename. `fid1` is the source directory, `fid2` the target directory. */
export const MDT_REC_RENAME = layout('mdt_rec_rename', 136, 'mds-ost §1.7', {
  ...CALLER,
  fid1: fid,
  fid2: fid,
  time: s64,
  padding1: unused(32),
  bias: bits(u32, MDS_BIAS),
  mode,
  padding5: unused(16),
});

/** Record of a setxattr. */
export const MDT_REC_SETXATTR = layout('mdt_rec_setxattr', 136, 'mds-ost §1.7', {
  ...CALLER,
  fid,
  padding1: unused(16),
  valid: bits(u64, OBD_MD),
  time: s64,
  padding5: unused(24),
  size: u32,
  flags: bits(u32, { CREATE: 1, REPLACE: 2 }),
  padding8: unused(16),
});

/** What all records share; of a resync no more is known. */
export const MDT_REC_REINT = layout('mdt_rec_reint', 136, 'mds-ost §1.7', {
  ...CALLER,
  fid1: fid,
  padding: unused(80),
});
