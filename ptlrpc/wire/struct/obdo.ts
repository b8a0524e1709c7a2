import { type DecodedBy, layout, u32, u64, unused } from '../../../lnet/wire/layout.ts';
import { bits, cookie, list, s64, x64 } from '../field-kind.ts';
import { ostId } from './fid.ts';
import { OBD_MD } from './md-valid.ts';

/** Bits of `flags`; bits 12 to 16 name the kind of checksum (mds-ost §4.4). */
export const OBD_FL = {
  DELORPHAN: 0x4,
  RECREATE_OBJS: 0x20,
  NO_PRJQUOTA: 0x80,
  NO_USRQUOTA: 0x100,
  NO_GRPQUOTA: 0x200,
  CREATE_CROW: 0x400,
  SRVLOCK: 0x800,
  SHRINK_GRANT: 0x20000,
  RECOV_RESEND: 0x80000,
  NOSPC_BLK: 0x100000,
  FLUSH: 0x200000,
  SHORT_IO: 0x400000,
  ROOT_SQUASH: 0x800000,
  ROOT_PRJQUOTA: 0x1000000,
} as const;

/**
 * Attributes of an object; an ost_body is one obdo. Several fields have a second meaning in reads and writes: `blocks` dirty
 * bytes, `mode` bytes still wanted, `nlink` the checksum (or the mode of a fallocate), `misc` bytes dropped, `dataVersion`
 * grant used; in PUNCH, FALLOCATE and SYNC `size` and `blocks` are start and end.
 */
export const OBDO = layout('obdo', 208, 'mds-ost §1.2', {
  valid: bits(u64, OBD_MD),
  oi: ostId,
  parentSeq: x64,
  size: u64,
  mtime: s64,
  atime: s64,
  ctime: s64,
  blocks: u64,
  grant: u64,
  blksize: u32,
  mode: u32,
  uid: u32,
  gid: u32,
  flags: bits(u32, OBD_FL),
  nlink: u32,
  parentOid: u32,
  misc: u32,
  ioepoch: u64,
  stripeIdx: u32,
  parentVer: u32,
  handle: cookie,
  layoutStripeSize: u32,
  layoutStripeCount: u32,
  layoutCompStart: u64,
  layoutCompEnd: u64,
  layoutCompId: u32,
  layoutVersion: u32,
  uidHigh: u32,
  gidHigh: u32,
  dataVersion: u64,
  projid: u32,
  padding: unused(20),
});
export type Obdo = DecodedBy<typeof OBDO>;

/** The object of a read or write. The high half of `maxBrw` is the most bulk chunks, minus one. */
export const OBD_IOOBJ = layout('obd_ioobj', 24, 'mds-ost §1.3', { oid: ostId, maxBrw: u32, bufcnt: u32 });

/** OBD_BRW_*. */
export const OBD_BRW = {
  READ: 0x1,
  WRITE: 0x2,
  NDELAY: 0x4,
  SYNC: 0x8,
  CHECK: 0x10,
  FROM_GRANT: 0x20,
  GRANTED: 0x40,
  NOCACHE: 0x80,
  NOQUOTA: 0x100,
  SRVLOCK: 0x200,
  ASYNC: 0x400,
  MEMALLOC: 0x800,
  OVER_USRQUOTA: 0x1000,
  OVER_GRPQUOTA: 0x2000,
  SOFT_SYNC: 0x4000,
  OVER_PRJQUOTA: 0x8000,
  ROOT_PRJQUOTA: 0x10000,
  RDMA_ONLY: 0x20000,
  SYS_RESOURCE: 0x40000,
  COMPRESSED: 0x80000,
  SPECULATIVE_COMPR: 0x100000,
} as const;

/** One extent of a read or write. */
export const NIOBUF_REMOTE = layout('niobuf_remote', 16, 'mds-ost §1.3', {
  offset: u64,
  len: u32,
  flags: bits(u32, OBD_BRW),
});

/** OS_STATFS_*. */
export const OS_STATFS = {
  DEGRADED: 0x1,
  READONLY: 0x2,
  NOCREATE: 0x4,
  ENOSPC: 0x20,
  ENOINO: 0x40,
  SUM: 0x100,
  NONROT: 0x200,
} as const;

/** Space and inodes of a target. */
export const OBD_STATFS = layout('obd_statfs', 144, 'mds-ost §1.4', {
  type: x64,
  blocks: u64,
  bfree: u64,
  bavail: u64,
  files: u64,
  ffree: u64,
  fsid: list(u64, 5),
  bsize: u32,
  namelen: u32,
  maxbytes: u64,
  state: bits(u32, OS_STATFS),
  fprecreated: u32,
  granted: u32,
  spare: list(u32, 7),
});
