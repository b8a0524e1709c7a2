import { BYTES, KEY, optional, omittable, RETIRED, struct, structs, words } from '../buffer-kind.ts';
import { s32 } from '../field-kind.ts';
import { DLM_REQ } from '../lock-request.ts';
import {
  MDS_IO_PORTAL,
  MDS_REQUEST_PORTAL,
  OST_BULK_PORTAL,
  OST_CREATE_PORTAL,
  OST_IO_PORTAL,
  OST_REQUEST_PORTAL,
} from '../portal.ts';
import { LUSTRE_OST_VERSION } from '../ptlrpc-body.ts';
import { formatsOf } from '../rpc-format.ts';
import { NIOBUF_REMOTE, OBD_IOOBJ, OBD_STATFS, OBDO } from '../struct/obdo.ts';
import { OBD_QUOTACTL } from '../struct/server-body.ts';

const ost = formatsOf(LUSTRE_OST_VERSION, OST_REQUEST_PORTAL);

const obdo = struct(OBDO);

/** A request of attributes only. */
const ATTRIBUTES = {
  request: { ostBody: obdo, capa: RETIRED },
  reply: { ostBody: obdo },
  gist: ['ostBody.oi', 'ostBody.valid'],
  replyGist: ['ostBody.size', 'ostBody.valid'],
} as const;

const IO_REQUEST = {
  ostBody: obdo,
  ioobj: struct(OBD_IOOBJ),
  niobufs: structs(NIOBUF_REMOTE),
  capa: RETIRED,
  shortIo: optional(BYTES),
} as const;

const IO_GIST = ['ioobj.oid', 'ioobj.bufcnt', 'niobufs.0.offset', 'niobufs.0.len'];

export const OST_GETATTR = ost(1, 'OST_GETATTR', ATTRIBUTES);
export const OST_SETATTR = ost(2, 'OST_SETATTR', { ...ATTRIBUTES, isModifying: true });

/** A status above 0 is the number of bytes read. */
export const OST_READ = ost(3, 'OST_READ', {
  portal: OST_IO_PORTAL,
  otherPortals: [MDS_IO_PORTAL],
  bulkPortal: OST_BULK_PORTAL,
  request: IO_REQUEST,
  reply: { ostBody: obdo, shortIo: optional(BYTES) },
  gist: IO_GIST,
});

/** `rcs` holds one result for each niobuf. */
export const OST_WRITE = ost(4, 'OST_WRITE', {
  portal: OST_IO_PORTAL,
  otherPortals: [MDS_IO_PORTAL],
  bulkPortal: OST_BULK_PORTAL,
  isModifying: true,
  request: IO_REQUEST,
  reply: { ostBody: obdo, rcs: words(s32) },
  gist: IO_GIST,
  replyGist: ['ostBody.valid'],
});

export const OST_CREATE = ost(5, 'OST_CREATE', {
  portal: OST_CREATE_PORTAL,
  isModifying: true,
  request: { ostBody: obdo },
  reply: { ostBody: obdo },
  gist: ['ostBody.oi', 'ostBody.flags'],
  replyGist: ['ostBody.oi'],
});

export const OST_DESTROY = ost(6, 'OST_DESTROY', {
  portal: OST_IO_PORTAL,
  isModifying: true,
  request: { ostBody: obdo, dlmReq: optional(DLM_REQ), capa: RETIRED },
  reply: { ostBody: obdo },
  gist: ['ostBody.oi'],
});

export const OST_GET_INFO = ost(7, 'OST_GET_INFO', {
  request: { key: KEY, value: omittable(BYTES) },
  reply: { value: BYTES },
  gist: ['key'],
});

export const OST_PUNCH = ost(10, 'OST_PUNCH', { ...ATTRIBUTES, portal: OST_IO_PORTAL, isModifying: true });

export const OST_STATFS = ost(13, 'OST_STATFS', {
  portal: OST_CREATE_PORTAL,
  reply: { obdStatfs: struct(OBD_STATFS) },
  replyGist: ['obdStatfs.blocks', 'obdStatfs.bavail', 'obdStatfs.bsize'],
});

export const OST_SYNC = ost(16, 'OST_SYNC', ATTRIBUTES);

/** Only the key `grant_shrink` is answered, with an ost_body. */
export const OST_SET_INFO = ost(17, 'OST_SET_INFO', {
  request: { key: KEY, value: BYTES },
  reply: { ostBody: omittable(obdo) },
  gist: ['key'],
});

export const OST_QUOTACTL = ost(19, 'OST_QUOTACTL', {
  request: { obdQuotactl: struct(OBD_QUOTACTL) },
  reply: { obdQuotactl: struct(OBD_QUOTACTL), quotaIter: optional(BYTES) },
});

export const OST_LADVISE = ost(21, 'OST_LADVISE', {
  portal: OST_IO_PORTAL,
  request: { ostBody: obdo, ladviseHdr: BYTES, ladvise: BYTES },
  reply: { ostBody: obdo },
  gist: ['ostBody.oi'],
});

export const OST_FALLOCATE = ost(22, 'OST_FALLOCATE', { ...ATTRIBUTES, portal: OST_IO_PORTAL, isModifying: true });

export const OST_SEEK = ost(23, 'OST_SEEK', {
  otherPortals: [MDS_REQUEST_PORTAL],
  request: { ostBody: obdo },
  reply: { ostBody: obdo },
  gist: ['ostBody.oi', 'ostBody.size'],
  replyGist: ['ostBody.size'],
});
