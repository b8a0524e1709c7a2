import { type DecodedBy, layout, u16, u32, u64, unused, viewOf } from '../../lnet/wire/layout.ts';
import { WireError } from '../../lnet/wire/wire-error.ts';
import { bits, cookie, list, named, s32, text, x32 } from './field-kind.ts';
import type { LustreMessage } from './message.ts';

/** `type`: ptlrpc §1.5. */
export const PTL_RPC_MSG_REQUEST = 4711;
export const PTL_RPC_MSG_ERR = 4712;
export const PTL_RPC_MSG_REPLY = 4713;

/** Low half of `version`; any other is refused. The high half names the subsystem (ptlrpc §1.6). */
export const PTLRPC_MSG_VERSION = 0x0003;

/** High half of `version`: ptlrpc §1.6. */
export const LUSTRE_OBD_VERSION = 0x0001_0000;
export const LUSTRE_MDS_VERSION = 0x0002_0000;
export const LUSTRE_OST_VERSION = 0x0003_0000;
export const LUSTRE_DLM_VERSION = 0x0004_0000;
export const LUSTRE_LOG_VERSION = 0x0005_0000;
export const LUSTRE_MGS_VERSION = 0x0006_0000;

/** `flags`: ptlrpc §1.7. */
export const MSG_RESENT = 0x2;
export const MSG_REPLAY = 0x4;
export const MSG_REQ_REPLAY_DONE = 0x40;
export const MSG_LOCK_REPLAY_DONE = 0x80;
export const MSG_CLIENT_BANNED = 0x100;
export const MSG_PACK_UID_GID = 0x200;
export const MSG_PACK_PROJID = 0x400;

/** `opFlags`, of CONNECT only: ptlrpc §1.8. */
export const MSG_CONNECT_RECOVERING = 0x1;
export const MSG_CONNECT_RECONNECT = 0x2;
export const MSG_CONNECT_REPLAYABLE = 0x4;
export const MSG_CONNECT_LIBCLIENT = 0x10;
export const MSG_CONNECT_INITIAL = 0x20;
export const MSG_CONNECT_NEXT_VER = 0x80;
export const MSG_CONNECT_TRANSNO = 0x100;

const MSG_FLAGS = {
  LAST_REPLAY: 0x1,
  RESENT: MSG_RESENT,
  REPLAY: MSG_REPLAY,
  AT_SUPPORT: 0x8,
  DELAY_REPLAY: 0x10,
  VERSION_REPLAY: 0x20,
  REQ_REPLAY_DONE: MSG_REQ_REPLAY_DONE,
  LOCK_REPLAY_DONE: MSG_LOCK_REPLAY_DONE,
  CLIENT_BANNED: MSG_CLIENT_BANNED,
  PACK_UID_GID: MSG_PACK_UID_GID,
  PACK_PROJID: MSG_PACK_PROJID,
};

const MSG_CONNECT_FLAGS = {
  RECOVERING: MSG_CONNECT_RECOVERING,
  RECONNECT: MSG_CONNECT_RECONNECT,
  REPLAYABLE: MSG_CONNECT_REPLAYABLE,
  LIBCLIENT: MSG_CONNECT_LIBCLIENT,
  INITIAL: MSG_CONNECT_INITIAL,
  NEXT_VER: MSG_CONNECT_NEXT_VER,
  TRANSNO: MSG_CONNECT_TRANSNO,
};

/** Everything of the body but the job id: what a peer of version 2 sends. */
const FIELDS_V2 = {
  handle: cookie,
  type: named(u32, { request: PTL_RPC_MSG_REQUEST, error: PTL_RPC_MSG_ERR, reply: PTL_RPC_MSG_REPLY }),
  version: x32,
  opc: u32,
  status: s32,
  lastXid: u64,
  tag: u16,
  padding0: unused(2),
  projid: u32,
  lastCommitted: u64,
  transno: u64,
  flags: bits(u32, MSG_FLAGS),
  opFlags: bits(u32, MSG_CONNECT_FLAGS),
  connCnt: u32,
  timeout: u32,
  serviceTime: u32,
  limit: u32,
  slv: u64,
  preVersions: list(u64, 4),
  mbits: u64,
  padding64: unused(16),
  uid: u32,
  gid: u32,
} as const;

/** The body as version 2 had it, without job id. Accepted, never sent. */
export const PTLRPC_BODY_V2 = layout('ptlrpc_body_v2', 152, 'ptlrpc §1.4', FIELDS_V2);

/** Buffer 0 of every message. */
export const PTLRPC_BODY = layout('ptlrpc_body_v3', 184, 'ptlrpc §1.4', { ...FIELDS_V2, jobid: text(32) });

/** The decoded body. */
export type PtlrpcBody = DecodedBy<typeof PTLRPC_BODY>;

/** A body in which everything is zero but type and version. */
export const EMPTY_BODY: PtlrpcBody = {
  handle: 0n,
  type: PTL_RPC_MSG_REQUEST,
  version: PTLRPC_MSG_VERSION,
  opc: 0,
  status: 0,
  lastXid: 0n,
  tag: 0,
  projid: 0,
  lastCommitted: 0n,
  transno: 0n,
  flags: 0,
  opFlags: 0,
  connCnt: 0,
  timeout: 0,
  serviceTime: 0,
  limit: 0,
  slv: 0n,
  preVersions: [0n, 0n, 0n, 0n],
  mbits: 0n,
  uid: 0,
  gid: 0,
  jobid: '',
};

/** Reads buffer 0. Throws {@link WireError}: shorter than version 2's, or not of format 3. */
export function readBody(message: LustreMessage): PtlrpcBody {
  const bytes = message.buffer(0) ?? new Uint8Array(0);
  if (bytes.length < PTLRPC_BODY_V2.size)
    throw new WireError('short', `ptlrpc_body of ${bytes.length} bytes, ${PTLRPC_BODY_V2.size} are needed`);
  const body: PtlrpcBody =
    bytes.length < PTLRPC_BODY.size
      ? { ...PTLRPC_BODY_V2.decode(viewOf(bytes), 0, message.littleEndian), jobid: '' }
      : PTLRPC_BODY.decode(viewOf(bytes), 0, message.littleEndian);
  if ((body.version & 0xffff) !== PTLRPC_MSG_VERSION)
    throw new WireError('bad_version', `ptlrpc_body of format ${body.version & 0xffff}`);
  return body;
}

/** Writes a body; always the 184 bytes of version 3. */
export function encodeBody(body: PtlrpcBody, littleEndian = true): Uint8Array {
  const bytes = new Uint8Array(PTLRPC_BODY.size);
  PTLRPC_BODY.encode(body, viewOf(bytes), 0, littleEndian);
  return bytes;
}
