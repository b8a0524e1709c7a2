import { layout, raw, u32, u64 } from '../../../lnet/wire/layout.ts';
import { bits, list, named, nested, s32, s64, text, x32, x64 } from '../field-kind.ts';

/** Type of a log's header, and of the records that matter to clients. */
export const LLOG_HDR_MAGIC = 0x10645539;
export const LLOG_PAD_MAGIC = 0x10600000;
export const OBD_CFG_REC = 0x10620000;

/** Size of a log header and of the blocks that records are read in. */
export const LLOG_CHUNK_BYTES = 8192;

/** Name of a log, opaque to clients. */
export const LLOG_LOGID = layout('llog_logid', 20, 'mds-ost §1.12', { id: u64, seq: u64, ogen: u32 });

/** A position in a log. */
export const LLOGD_BODY = layout('llogd_body', 48, 'ptlrpc §10.4', {
  logid: nested(LLOG_LOGID),
  ctxtIdx: u32,
  llhFlags: bits(u32, { CATALOG: 0x2, PLAIN: 0x4 }),
  index: u32,
  savedIndex: u32,
  len: u32,
  curOffset: u64,
});

/** Before every record. Logs are little-endian, whatever the message. */
export const LLOG_REC_HDR = layout('llog_rec_hdr', 16, 'mds-ost §1.12', {
  len: u32,
  index: u32,
  type: named(x32, { HDR: LLOG_HDR_MAGIC, PAD: LLOG_PAD_MAGIC, CFG: OBD_CFG_REC }),
  id: u32,
});

/** After every record: repeats length and index. */
export const LLOG_REC_TAIL = layout('llog_rec_tail', 8, 'mds-ost §1.12', { len: u32, index: u32 });

/** The first block of a log. Bit i of the bitmap tells that record i is live. */
export const LLOG_LOG_HDR = layout('llog_log_hdr', 8192, 'mds-ost §1.12', {
  hdr: nested(LLOG_REC_HDR),
  timestamp: s64,
  count: u32,
  bitmapOffset: u32,
  size: u32,
  flags: bits(u32, { CATALOG: 0x2, PLAIN: 0x4 }),
  catIdx: u32,
  tgtuuid: text(40),
  reserved: u32,
  bitmap: raw(8096),
  tail: nested(LLOG_REC_TAIL),
});

/** Payload of a configuration record; buffer lengths follow, then the buffers, each padded to 8. */
export const LUSTRE_CFG = layout('lustre_cfg', 32, 'mds-ost §1.12', {
  version: x32,
  command: named(u32, {
    ATTACH: 0xcf001,
    DETACH: 0xcf002,
    SETUP: 0xcf003,
    CLEANUP: 0xcf004,
    ADD_UUID: 0xcf005,
    DEL_UUID: 0xcf006,
    MOUNTOPT: 0xcf007,
    DEL_MOUNTOPT: 0xcf008,
    SET_TIMEOUT: 0xcf009,
    ADD_CONN: 0xcf00b,
    LOV_ADD_OBD: 0xcf00d,
    LOV_DEL_OBD: 0xcf00e,
    PARAM: 0xcf00f,
    MARKER: 0xcf010,
    ADD_MDC: 0xcf014,
    DEL_MDC: 0xcf015,
    LOV_ADD_INA: 0xce013,
    SPTLRPC_CONF: 0xce016,
    POOL_NEW: 0xce020,
    POOL_ADD: 0xce021,
    POOL_REM: 0xce022,
    POOL_DEL: 0xce023,
    SET_LDLM_TIMEOUT: 0xce030,
    SET_PARAM: 0xce032,
  }),
  num: u32,
  flags: x32,
  nid: x64,
  nal: u32,
  bufcount: u32,
});

/** Begins and ends a group of records. Behind the NUL of the texts may be left-overs, so they are kept as bytes. */
export const CFG_MARKER = layout('cfg_marker', 160, 'mds-ost §1.12', {
  step: u32,
  flags: bits(u32, { START: 1, END: 2, SKIP: 4, UPGRADE146: 8, EXCLUDE: 16 }),
  vers: x32,
  padding: u32,
  createtime: s64,
  canceltime: s64,
  tgtname: raw(64),
  comment: raw(64),
});

/** Descriptor in the SETUP record of a lov. */
export const LOV_DESC = layout('lov_desc', 88, 'mds-ost §1.12', {
  tgtCount: u32,
  activeTgtCount: x32,
  defaultStripeCount: s32,
  pattern: x32,
  defaultStripeSize: u64,
  defaultStripeOffset: s64,
  padding0: u32,
  qosMaxage: u32,
  padding1: list(u32, 2),
  uuid: text(40),
});

/** Descriptor in the SETUP record of an lmv. */
export const LMV_DESC = layout('lmv_desc', 88, 'mds-ost §1.12', {
  tgtCount: u32,
  activeTgtCount: u32,
  defaultStripeCount: u32,
  pattern: x32,
  defaultHashSize: u64,
  padding1: u64,
  padding2: u32,
  qosMaxage: u32,
  padding3: list(u32, 2),
  uuid: text(40),
});
