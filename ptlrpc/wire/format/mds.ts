import { s32, x32 } from '../field-kind.ts';
import { BYTES, KEY, NAME, omittable, optional, RETIRED, struct, structs, words } from '../buffer-kind.ts';
import { BATCH_REPLY_BUFFER, BATCH_REQUEST_BUFFER } from '../batch.ts';
import { MD } from '../layout-buffer.ts';
import { DLM_REQ } from '../lock-request.ts';
import { MDS_BULK_PORTAL, MDS_IO_PORTAL, MDS_READPAGE_PORTAL, MDS_REQUEST_PORTAL, OUT_PORTAL } from '../portal.ts';
import { LUSTRE_MDS_VERSION } from '../ptlrpc-body.ts';
import { formatsOf, type VariantRule } from '../rpc-format.ts';
import { LU_FID } from '../struct/fid.ts';
import { CLOSE_DATA, MDT_BODY, MDT_IOEPOCH } from '../struct/mdt-body.ts';
import {
  MDT_REC_CREATE,
  MDT_REC_LINK,
  MDT_REC_REINT,
  MDT_REC_RENAME,
  MDT_REC_SETATTR,
  MDT_REC_SETXATTR,
  MDT_REC_UNLINK,
  REINT_CREATE,
  REINT_LINK,
  REINT_MIGRATE,
  REINT_RENAME,
  REINT_RESYNC,
  REINT_RMENTRY,
  REINT_SETATTR,
  REINT_SETXATTR,
  REINT_UNLINK,
} from '../struct/mdt-rec.ts';
import { OBD_STATFS } from '../struct/obdo.ts';
import { HSM_PROGRESS, HSM_REQUEST, HSM_USER_ITEM, HSM_USER_STATE, OBD_QUOTACTL } from '../struct/server-body.ts';

const mds = formatsOf(LUSTRE_MDS_VERSION, MDS_REQUEST_PORTAL);

const body = struct(MDT_BODY);

const GETATTR_REPLY = {
  mdtBody: body,
  md: optional(MD),
  acl: optional(BYTES),
  capa1: RETIRED,
  capa2: RETIRED,
  encctx: optional(BYTES),
} as const;

const GETATTR_REPLY_GIST = ['mdtBody.fid1', 'mdtBody.mode', 'mdtBody.size'];

export const MDS_GETATTR = mds(33, 'MDS_GETATTR', {
  portal: MDS_READPAGE_PORTAL,
  request: { mdtBody: body, capa: RETIRED },
  reply: GETATTR_REPLY,
  gist: ['mdtBody.fid1'],
  replyGist: GETATTR_REPLY_GIST,
});

export const MDS_GETATTR_NAME = mds(34, 'MDS_GETATTR_NAME', {
  request: { mdtBody: body, capa: RETIRED, name: NAME },
  reply: GETATTR_REPLY,
  gist: ['mdtBody.fid1', 'name'],
  replyGist: GETATTR_REPLY_GIST,
});

/** What most replies to changes hold. */
const CHANGE_REPLY = {
  mdtBody: body,
  md: optional(MD),
  logcookies: optional(BYTES),
  capa1: RETIRED,
  capa2: RETIRED,
} as const;

/** `closeData` and the words behind it come with an intent close only. */
export const MDS_CLOSE = mds(35, 'MDS_CLOSE', {
  portal: MDS_READPAGE_PORTAL,
  isModifying: true,
  request: {
    mdtEpoch: struct(MDT_IOEPOCH),
    rec: struct(MDT_REC_SETATTR),
    capa: RETIRED,
    closeData: omittable(struct(CLOSE_DATA)),
    ids: omittable(words(x32)),
  },
  reply: CHANGE_REPLY,
  gist: ['rec.fid', 'rec.valid', 'mdtEpoch.openHandle'],
  replyGist: ['mdtBody.valid'],
});

/** Requests of MDS_REINT are told apart by the first word of their record. */
function recordOf(...values: number[]): VariantRule {
  return { buffer: 1, wordBytes: 4, values };
}

export const MDS_REINT_SETATTR = mds(36, 'MDS_REINT SETATTR', {
  variant: recordOf(REINT_SETATTR),
  isModifying: true,
  request: {
    rec: struct(MDT_REC_SETATTR),
    capa: RETIRED,
    mdtEpoch: optional(struct(MDT_IOEPOCH)),
    eadata: optional(MD),
    logcookies: optional(BYTES),
    dlmReq: optional(DLM_REQ),
  },
  reply: { mdtBody: body, md: optional(MD), acl: optional(BYTES), capa1: RETIRED, capa2: RETIRED },
  gist: ['rec.fid', 'rec.valid'],
  replyGist: ['mdtBody.valid'],
});

/** mkdir, mknod and symlink; for the last `eadata` is the target. */
export const MDS_REINT_CREATE = mds(36, 'MDS_REINT CREATE', {
  variant: recordOf(REINT_CREATE),
  isModifying: true,
  request: {
    rec: struct(MDT_REC_CREATE),
    capa: RETIRED,
    name: NAME,
    eadata: optional(MD),
    dlmReq: optional(DLM_REQ),
    secctxName: optional(BYTES),
    secctx: optional(BYTES),
    selinuxPol: optional(BYTES),
    encctx: optional(BYTES),
  },
  reply: { mdtBody: body, capa: RETIRED, md: omittable(MD) },
  gist: ['rec.fid1', 'name', 'rec.fid2', 'rec.mode'],
  replyGist: ['mdtBody.fid1'],
});

export const MDS_REINT_LINK = mds(36, 'MDS_REINT LINK', {
  variant: recordOf(REINT_LINK),
  isModifying: true,
  request: {
    rec: struct(MDT_REC_LINK),
    capa1: RETIRED,
    capa2: RETIRED,
    name: NAME,
    dlmReq: optional(DLM_REQ),
    selinuxPol: optional(BYTES),
  },
  reply: { mdtBody: body },
  gist: ['rec.fid1', 'rec.fid2', 'name'],
});

export const MDS_REINT_UNLINK = mds(36, 'MDS_REINT UNLINK', {
  variant: recordOf(REINT_UNLINK, REINT_RMENTRY),
  isModifying: true,
  request: {
    rec: struct(MDT_REC_UNLINK),
    capa: RETIRED,
    name: NAME,
    dlmReq: optional(DLM_REQ),
    selinuxPol: optional(BYTES),
  },
  reply: CHANGE_REPLY,
  gist: ['rec.fid1', 'name', 'rec.fid2'],
  replyGist: ['mdtBody.valid'],
});

const RENAME_REQUEST = {
  rec: struct(MDT_REC_RENAME),
  capa1: RETIRED,
  capa2: RETIRED,
  name: NAME,
  newName: NAME,
  dlmReq: optional(DLM_REQ),
  selinuxPol: optional(BYTES),
} as const;

const RENAME_GIST = ['rec.fid1', 'name', 'rec.fid2', 'newName'];

export const MDS_REINT_RENAME = mds(36, 'MDS_REINT RENAME', {
  variant: recordOf(REINT_RENAME),
  otherPortals: [MDS_IO_PORTAL],
  isModifying: true,
  request: RENAME_REQUEST,
  reply: CHANGE_REPLY,
  gist: RENAME_GIST,
});

export const MDS_REINT_MIGRATE = mds(36, 'MDS_REINT MIGRATE', {
  variant: recordOf(REINT_MIGRATE),
  otherPortals: [MDS_IO_PORTAL],
  isModifying: true,
  request: {
    ...RENAME_REQUEST,
    mdtEpoch: optional(struct(MDT_IOEPOCH)),
    closeData: optional(struct(CLOSE_DATA)),
    eadata: optional(MD),
  },
  reply: CHANGE_REPLY,
  gist: RENAME_GIST,
});

export const MDS_REINT_SETXATTR = mds(36, 'MDS_REINT SETXATTR', {
  variant: recordOf(REINT_SETXATTR),
  isModifying: true,
  request: {
    rec: struct(MDT_REC_SETXATTR),
    capa: RETIRED,
    name: NAME,
    eadata: optional(BYTES),
    dlmReq: optional(DLM_REQ),
    selinuxPol: optional(BYTES),
  },
  reply: { mdtBody: body },
  gist: ['rec.fid', 'name'],
});

export const MDS_REINT_RESYNC = mds(36, 'MDS_REINT RESYNC', {
  variant: recordOf(REINT_RESYNC),
  isModifying: true,
  request: { rec: struct(MDT_REC_REINT), dlmReq: optional(DLM_REQ) },
  reply: { mdtBody: body },
  gist: ['rec.fid1'],
});

export const MDS_READPAGE = mds(37, 'MDS_READPAGE', {
  portal: MDS_READPAGE_PORTAL,
  bulkPortal: MDS_BULK_PORTAL,
  request: { mdtBody: body, capa: RETIRED },
  reply: { mdtBody: body },
  gist: ['mdtBody.fid1', 'mdtBody.size', 'mdtBody.nlink'],
});

export const MDS_GET_ROOT = mds(40, 'MDS_GET_ROOT', {
  request: { mdtBody: body, name: omittable(NAME) },
  reply: { mdtBody: body, capa: RETIRED },
  gist: ['name'],
  replyGist: ['mdtBody.fid1'],
});

export const MDS_STATFS = mds(41, 'MDS_STATFS', {
  request: { mdtBody: omittable(body) },
  reply: { obdStatfs: struct(OBD_STATFS) },
  replyGist: ['obdStatfs.blocks', 'obdStatfs.bavail', 'obdStatfs.bsize'],
});

export const MDS_SYNC = mds(44, 'MDS_SYNC', {
  request: { mdtBody: body, capa: RETIRED },
  reply: { mdtBody: body },
  gist: ['mdtBody.fid1'],
});

export const MDS_SET_INFO = mds(46, 'MDS_SET_INFO', {
  request: { key: KEY, value: BYTES, mdtBody: omittable(body) },
  gist: ['key'],
});

export const MDS_QUOTACTL = mds(48, 'MDS_QUOTACTL', {
  request: { obdQuotactl: struct(OBD_QUOTACTL) },
  reply: { obdQuotactl: struct(OBD_QUOTACTL), quotaIter: optional(BYTES) },
});

export const MDS_GETXATTR = mds(49, 'MDS_GETXATTR', {
  portal: MDS_READPAGE_PORTAL,
  request: {
    mdtBody: body,
    capa: RETIRED,
    name: optional(NAME),
    eadata: optional(BYTES),
    selinuxPol: optional(BYTES),
  },
  reply: { mdtBody: body, eadata: optional(BYTES) },
  gist: ['mdtBody.fid1', 'name'],
  replyGist: ['mdtBody.eadatasize'],
});

export const MDS_GET_INFO = mds(53, 'MDS_GET_INFO', {
  request: { key: KEY, value: optional(BYTES) },
  reply: { value: BYTES },
  gist: ['key'],
});

export const MDS_HSM_STATE_GET = mds(54, 'MDS_HSM_STATE_GET', {
  request: { mdtBody: body, capa: RETIRED },
  reply: { mdtBody: body, hsmUserState: struct(HSM_USER_STATE) },
  gist: ['mdtBody.fid1'],
});

export const MDS_HSM_STATE_SET = mds(55, 'MDS_HSM_STATE_SET', {
  isModifying: true,
  request: { mdtBody: body, capa: RETIRED, hsmStateSet: BYTES },
  gist: ['mdtBody.fid1'],
});

export const MDS_HSM_ACTION = mds(56, 'MDS_HSM_ACTION', {
  request: { mdtBody: body, capa: RETIRED },
  reply: { mdtBody: body, hsmCurrentAction: BYTES },
  gist: ['mdtBody.fid1'],
});

export const MDS_HSM_PROGRESS = mds(57, 'MDS_HSM_PROGRESS', {
  isModifying: true,
  request: { mdtBody: body, hsmProgress: struct(HSM_PROGRESS) },
});

export const MDS_HSM_REQUEST = mds(58, 'MDS_HSM_REQUEST', {
  isModifying: true,
  request: {
    mdtBody: body,
    hsmRequest: struct(HSM_REQUEST),
    hsmUserItems: structs(HSM_USER_ITEM),
    data: optional(BYTES),
  },
});

export const MDS_HSM_CT_REGISTER = mds(59, 'MDS_HSM_CT_REGISTER', {
  request: { mdtBody: body, archiveIds: omittable(words(x32)) },
});

export const MDS_HSM_CT_UNREGISTER = mds(60, 'MDS_HSM_CT_UNREGISTER', { request: { mdtBody: body } });

export const MDS_SWAP_LAYOUTS = mds(61, 'MDS_SWAP_LAYOUTS', {
  isModifying: true,
  request: { mdtBody: body, swapLayouts: BYTES, capa1: RETIRED, capa2: RETIRED, dlmReq: optional(DLM_REQ) },
  gist: ['mdtBody.fid1', 'mdtBody.fid2'],
});

export const MDS_RMFID = mds(62, 'MDS_RMFID', {
  isModifying: true,
  request: { mdtBody: body, fids: structs(LU_FID), capa1: RETIRED, capa2: RETIRED },
  reply: { mdtBody: body, fids: structs(LU_FID), rcs: words(s32) },
});

export const MDS_BATCH = mds(63, 'MDS_BATCH', {
  portal: OUT_PORTAL,
  bulkPortal: MDS_BULK_PORTAL,
  isModifying: true,
  request: { header: BATCH_REQUEST_BUFFER, buffers: BYTES },
  reply: { replies: BATCH_REPLY_BUFFER },
  gist: ['header.messages'],
  replyGist: ['replies.messages'],
});

export const MDS_HSM_DATA_VERSION = mds(64, 'MDS_HSM_DATA_VERSION', {
  isModifying: true,
  request: { mdtBody: body },
  gist: ['mdtBody.fid1'],
});
