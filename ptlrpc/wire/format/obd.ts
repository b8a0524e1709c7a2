import { u32 } from '../../../lnet/wire/layout.ts';
import {
  BYTES,
  diskStruct,
  fixedText,
  growingStruct,
  NAME,
  omittable,
  optional,
  struct,
  word,
} from '../buffer-kind.ts';
import { cookie } from '../field-kind.ts';
import {
  FLD_REQUEST_PORTAL,
  MDS_BULK_PORTAL,
  MDS_READPAGE_PORTAL,
  MDS_REQUEST_PORTAL,
  MGS_BULK_PORTAL,
  MGS_REQUEST_PORTAL,
  OST_REQUEST_PORTAL,
  OUT_PORTAL,
  SEQ_CONTROLLER_PORTAL,
  SEQ_DATA_PORTAL,
  SEQ_METADATA_PORTAL,
} from '../portal.ts';
import { LUSTRE_LOG_VERSION, LUSTRE_MDS_VERSION, LUSTRE_MGS_VERSION, LUSTRE_OBD_VERSION } from '../ptlrpc-body.ts';
import { formatsOf } from '../rpc-format.ts';
import { OBD_CONNECT_DATA } from '../struct/connect-data.ts';
import { LU_SEQ_RANGE } from '../struct/fid.ts';
import { LLOG_LOG_HDR, LLOGD_BODY } from '../struct/llog.ts';
import { MDT_BODY } from '../struct/mdt-body.ts';
import { MGS_CONFIG_BODY, MGS_CONFIG_RES, MGS_TARGET_INFO } from '../struct/mgs.ts';
import { IDX_INFO, LFSCK_REPLY, LFSCK_REQUEST, QUOTA_BODY } from '../struct/server-body.ts';

const obd = formatsOf(LUSTRE_OBD_VERSION, undefined);
const llog = formatsOf(LUSTRE_LOG_VERSION, undefined);
const mgs = formatsOf(LUSTRE_MGS_VERSION, MGS_REQUEST_PORTAL);
const mds = formatsOf(LUSTRE_MDS_VERSION, MDS_READPAGE_PORTAL);

/** Bytes of a UUID buffer: ptlrpc §10.9. */
const UUID_BYTES = 39;

const CONNECT = {
  request: {
    tgtuuid: fixedText(UUID_BYTES),
    cluuid: fixedText(UUID_BYTES),
    conn: word(cookie),
    cdata: growingStruct(OBD_CONNECT_DATA),
    selinuxPol: optional(BYTES),
  },
  reply: { cdata: growingStruct(OBD_CONNECT_DATA) },
  gist: ['tgtuuid', 'cluuid'],
} as const;

export const OST_CONNECT = obd(8, 'OST_CONNECT', { ...CONNECT, portal: OST_REQUEST_PORTAL });
export const OST_DISCONNECT = obd(9, 'OST_DISCONNECT', { portal: OST_REQUEST_PORTAL });
export const MDS_CONNECT = obd(38, 'MDS_CONNECT', {
  ...CONNECT,
  portal: MDS_REQUEST_PORTAL,
  otherPortals: [OUT_PORTAL],
});
export const MDS_DISCONNECT = obd(39, 'MDS_DISCONNECT', { portal: MDS_REQUEST_PORTAL });
export const MGS_CONNECT = obd(250, 'MGS_CONNECT', { ...CONNECT, portal: MGS_REQUEST_PORTAL });
export const MGS_DISCONNECT = obd(251, 'MGS_DISCONNECT', { portal: MGS_REQUEST_PORTAL });
export const OBD_PING = obd(400, 'OBD_PING');
export const OBD_IDX_READ = obd(403, 'OBD_IDX_READ', {
  portal: MDS_READPAGE_PORTAL,
  bulkPortal: MDS_BULK_PORTAL,
  request: { idxInfo: struct(IDX_INFO) },
  reply: { idxInfo: struct(IDX_INFO) },
  gist: ['idxInfo.fid'],
});
export const SEC_CTX_INIT = obd(801, 'SEC_CTX_INIT');
export const SEC_CTX_INIT_CONT = obd(802, 'SEC_CTX_INIT_CONT');
export const SEC_CTX_FINI = obd(803, 'SEC_CTX_FINI');
export const LFSCK_NOTIFY = obd(1101, 'LFSCK_NOTIFY', {
  portal: OUT_PORTAL,
  otherPortals: [OST_REQUEST_PORTAL],
  request: { lfsckRequest: struct(LFSCK_REQUEST) },
});
export const LFSCK_QUERY = obd(1102, 'LFSCK_QUERY', {
  portal: OUT_PORTAL,
  otherPortals: [OST_REQUEST_PORTAL],
  request: { lfsckRequest: struct(LFSCK_REQUEST) },
  reply: { lfsckReply: struct(LFSCK_REPLY) },
});

export const LLOG_ORIGIN_HANDLE_CREATE = llog(501, 'LLOG_ORIGIN_HANDLE_CREATE', {
  request: { llogdBody: struct(LLOGD_BODY), name: optional(NAME), mdtBody: optional(struct(MDT_BODY)) },
  reply: { llogdBody: struct(LLOGD_BODY) },
  gist: ['name'],
  replyGist: ['llogdBody.logid.id'],
});
const NEXT_BLOCK = {
  request: { llogdBody: struct(LLOGD_BODY) },
  reply: { llogdBody: struct(LLOGD_BODY), eadata: BYTES },
  gist: ['llogdBody.index', 'llogdBody.curOffset'],
  replyGist: ['llogdBody.savedIndex', 'llogdBody.curOffset'],
} as const;
export const LLOG_ORIGIN_HANDLE_NEXT_BLOCK = llog(502, 'LLOG_ORIGIN_HANDLE_NEXT_BLOCK', NEXT_BLOCK);
export const LLOG_ORIGIN_HANDLE_READ_HEADER = llog(503, 'LLOG_ORIGIN_HANDLE_READ_HEADER', {
  request: { llogdBody: struct(LLOGD_BODY) },
  reply: { llogLogHdr: diskStruct(LLOG_LOG_HDR) },
  replyGist: ['llogLogHdr.tgtuuid', 'llogLogHdr.count'],
});
export const LLOG_ORIGIN_HANDLE_PREV_BLOCK = llog(508, 'LLOG_ORIGIN_HANDLE_PREV_BLOCK', NEXT_BLOCK);

export const MGS_TARGET_REG = mgs(253, 'MGS_TARGET_REG', {
  request: { mgsTargetInfo: struct(MGS_TARGET_INFO), nidlist: omittable(BYTES) },
  reply: { mgsTargetInfo: struct(MGS_TARGET_INFO) },
  gist: ['mgsTargetInfo.svname'],
});
export const MGS_SET_INFO = mgs(255, 'MGS_SET_INFO', {
  request: { mgsSendParam: fixedText(1024) },
  reply: { mgsSendParam: fixedText(1024) },
  gist: ['mgsSendParam'],
});
export const MGS_CONFIG_READ = mgs(256, 'MGS_CONFIG_READ', {
  bulkPortal: MGS_BULK_PORTAL,
  request: { mgsConfigBody: struct(MGS_CONFIG_BODY) },
  reply: { mgsConfigRes: struct(MGS_CONFIG_RES) },
  gist: ['mgsConfigBody.name', 'mgsConfigBody.type'],
  replyGist: ['mgsConfigRes.offset', 'mgsConfigRes.size'],
});

export const QUOTA_DQACQ = mds(601, 'QUOTA_DQACQ', {
  request: { quotaBody: struct(QUOTA_BODY) },
  reply: { quotaBody: struct(QUOTA_BODY) },
});
const RANGE_QUERY = {
  request: { opc: word(u32), range: struct(LU_SEQ_RANGE) },
  reply: { range: struct(LU_SEQ_RANGE) },
  gist: ['opc', 'range.start'],
  replyGist: ['range.start', 'range.end', 'range.index'],
} as const;
/** `opc`: 0 allocates a super sequence, 1 a sequence for a client. */
export const SEQ_QUERY = mds(700, 'SEQ_QUERY', {
  ...RANGE_QUERY,
  portal: SEQ_METADATA_PORTAL,
  otherPortals: [SEQ_DATA_PORTAL, SEQ_CONTROLLER_PORTAL],
});
/** `opc`: 0 creates, 1 deletes, 2 looks up. */
export const FLD_QUERY = mds(900, 'FLD_QUERY', { ...RANGE_QUERY, portal: FLD_REQUEST_PORTAL });
export const FLD_READ = mds(901, 'FLD_READ', {
  portal: FLD_REQUEST_PORTAL,
  request: { range: struct(LU_SEQ_RANGE) },
  reply: { data: BYTES },
});
export const OUT_UPDATE = mds(1000, 'OUT_UPDATE', {
  portal: OUT_PORTAL,
  bulkPortal: MDS_BULK_PORTAL,
  isModifying: true,
  request: { outUpdateHeader: BYTES, updateBuf: BYTES },
  reply: { objectUpdateReply: BYTES },
});
