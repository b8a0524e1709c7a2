import { BYTES, growingStruct, KEY, NAME, omittable, optional, RETIRED, struct, words } from '../buffer-kind.ts';
import { x32 } from '../field-kind.ts';
import { MD } from '../layout-buffer.ts';
import { DLM_REP, DLM_REQ } from '../lock-request.ts';
import {
  LDLM_CANCEL_REQUEST_PORTAL,
  LDLM_CB_REQUEST_PORTAL,
  MDS_READPAGE_PORTAL,
  MDS_REQUEST_PORTAL,
} from '../portal.ts';
import { LUSTRE_DLM_VERSION, LUSTRE_OBD_VERSION } from '../ptlrpc-body.ts';
import { formatsOf, type VariantRule } from '../rpc-format.ts';
import { IT, LAYOUT_INTENT, LDLM_INTENT, OST_LVB } from '../struct/ldlm.ts';
import { MDT_BODY } from '../struct/mdt-body.ts';
import { MDT_REC_CREATE } from '../struct/mdt-rec.ts';
import { QUOTA_BODY } from '../struct/server-body.ts';

const enqueue = formatsOf(LUSTRE_DLM_VERSION, MDS_REQUEST_PORTAL);
const lock = formatsOf(LUSTRE_DLM_VERSION, LDLM_CB_REQUEST_PORTAL);

/** Enqueues with intent are told apart by the intent. */
function intentOf(...values: bigint[]): VariantRule {
  return { buffer: 2, wordBytes: 8, values: values.map(Number) };
}

const body = struct(MDT_BODY);
const intent = struct(LDLM_INTENT);
const REPLY_GIST = ['dlmRep.lock', 'dlmRep.policyRes1', 'mdtBody.fid1'];

/** Older peers know only the first 40 bytes of an LVB. */
const LVB = optional(growingStruct(OST_LVB));

/** Extents (LVB in the reply), flocks, plain locks, and inode bits for readdir. */
export const LDLM_ENQUEUE = enqueue(101, 'LDLM_ENQUEUE', {
  request: { dlmReq: DLM_REQ },
  reply: { dlmRep: DLM_REP, lvb: LVB },
  gist: ['dlmReq.lock', 'dlmReq.lockFlags'],
  replyGist: ['dlmRep.lock', 'lvb.size'],
});

const GETATTR_REPLY = {
  dlmRep: DLM_REP,
  mdtBody: optional(body),
  md: optional(MD),
  acl: optional(BYTES),
  capa: RETIRED,
  secctx: optional(BYTES),
  defaultLmv: optional(MD),
  encctx: optional(BYTES),
} as const;

/** Lookup and getattr, by name. */
export const LDLM_ENQUEUE_GETATTR = enqueue(101, 'LDLM_ENQUEUE IT_GETATTR', {
  variant: intentOf(IT.LOOKUP, IT.GETATTR, IT.LOOKUP | IT.GETATTR),
  request: { dlmReq: DLM_REQ, intent, mdtBody: body, capa: RETIRED, name: NAME, secctxName: omittable(BYTES) },
  reply: GETATTR_REPLY,
  gist: ['intent.opc', 'mdtBody.fid1', 'name'],
  replyGist: REPLY_GIST,
});

export const LDLM_ENQUEUE_OPEN = enqueue(101, 'LDLM_ENQUEUE IT_OPEN', {
  variant: intentOf(IT.OPEN, IT.OPEN | IT.CREAT),
  isModifying: true,
  request: {
    dlmReq: DLM_REQ,
    intent,
    rec: struct(MDT_REC_CREATE),
    capa1: RETIRED,
    capa2: RETIRED,
    name: optional(NAME),
    eadata: optional(MD),
    secctxName: optional(BYTES),
    secctx: optional(BYTES),
    selinuxPol: optional(BYTES),
    encctx: optional(BYTES),
  },
  reply: {
    dlmRep: DLM_REP,
    mdtBody: optional(body),
    md: optional(MD),
    acl: optional(BYTES),
    capa1: RETIRED,
    capa2: RETIRED,
    niobufInline: optional(BYTES),
    secctx: optional(BYTES),
    encctx: optional(BYTES),
    defaultLmv: optional(MD),
  },
  gist: ['intent.opc', 'rec.fid1', 'name', 'rec.fid2', 'rec.flagsLow'],
  replyGist: [...REPLY_GIST, 'mdtBody.openHandle'],
});

export const LDLM_ENQUEUE_CREATE = enqueue(101, 'LDLM_ENQUEUE IT_CREAT', {
  variant: intentOf(IT.CREAT),
  isModifying: true,
  request: {
    dlmReq: DLM_REQ,
    intent,
    rec: struct(MDT_REC_CREATE),
    capa: RETIRED,
    name: NAME,
    eadata: optional(MD),
    secctxName: optional(BYTES),
    secctx: optional(BYTES),
    selinuxPol: optional(BYTES),
    encctx: optional(BYTES),
  },
  reply: GETATTR_REPLY,
  gist: ['rec.fid1', 'name', 'rec.fid2'],
  replyGist: REPLY_GIST,
});

/** All extended attributes at once: names each with a NUL, values one after another, and their lengths. */
export const LDLM_ENQUEUE_GETXATTR = enqueue(101, 'LDLM_ENQUEUE IT_GETXATTR', {
  variant: intentOf(IT.GETXATTR),
  request: { dlmReq: DLM_REQ, intent, mdtBody: body, capa: RETIRED, selinuxPol: optional(BYTES) },
  reply: {
    dlmRep: DLM_REP,
    mdtBody: optional(body),
    md: optional(MD),
    acl: optional(BYTES),
    names: optional(BYTES),
    values: optional(BYTES),
    lengths: optional(words(x32)),
  },
  gist: ['mdtBody.fid1'],
  replyGist: REPLY_GIST,
});

/** The layout is the LVB of the reply. */
export const LDLM_ENQUEUE_LAYOUT = enqueue(101, 'LDLM_ENQUEUE IT_LAYOUT', {
  variant: intentOf(IT.LAYOUT),
  request: { dlmReq: DLM_REQ, intent, layoutIntent: struct(LAYOUT_INTENT), eadata: optional(MD) },
  reply: { dlmRep: DLM_REP, lvb: optional(MD) },
  gist: ['dlmReq.lock', 'layoutIntent.opc'],
  replyGist: ['dlmRep.lock', 'lvb'],
});

export const LDLM_ENQUEUE_QUOTA = enqueue(101, 'LDLM_ENQUEUE IT_QUOTA', {
  portal: MDS_READPAGE_PORTAL,
  variant: intentOf(IT.QUOTA_DQACQ, IT.QUOTA_CONN),
  request: { dlmReq: DLM_REQ, intent, quotaBody: struct(QUOTA_BODY) },
  reply: { dlmRep: DLM_REP, lvb: optional(BYTES), quotaBody: optional(struct(QUOTA_BODY)) },
  gist: ['dlmReq.lock'],
  replyGist: ['dlmRep.lock'],
});

const LOCK_GIST = ['dlmReq.lock', 'dlmReq.handles'];

export const LDLM_CONVERT = lock(102, 'LDLM_CONVERT', {
  portal: LDLM_CANCEL_REQUEST_PORTAL,
  request: { dlmReq: DLM_REQ },
  reply: { dlmRep: DLM_REP },
  gist: LOCK_GIST,
  replyGist: ['dlmRep.lock'],
});

export const LDLM_CANCEL = lock(103, 'LDLM_CANCEL', {
  portal: LDLM_CANCEL_REQUEST_PORTAL,
  request: { dlmReq: DLM_REQ },
  gist: ['dlmReq.lockCount', 'dlmReq.handles'],
});

export const LDLM_BL_CALLBACK = lock(104, 'LDLM_BL_CALLBACK', { request: { dlmReq: DLM_REQ }, gist: LOCK_GIST });

export const LDLM_CP_CALLBACK = lock(105, 'LDLM_CP_CALLBACK', {
  request: { dlmReq: DLM_REQ, lvb: LVB },
  gist: LOCK_GIST,
});

export const LDLM_GL_CALLBACK = lock(106, 'LDLM_GL_CALLBACK', {
  request: { dlmReq: DLM_REQ, glDesc: omittable(BYTES) },
  reply: { lvb: LVB },
  gist: LOCK_GIST,
  replyGist: ['lvb.size', 'lvb.mtime'],
});

export const LDLM_SET_INFO = formatsOf(LUSTRE_OBD_VERSION, LDLM_CB_REQUEST_PORTAL)(107, 'LDLM_SET_INFO', {
  request: { key: KEY, value: BYTES },
  gist: ['key'],
});
