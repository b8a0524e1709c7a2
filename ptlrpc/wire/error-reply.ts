import { encodeMessage } from './message.ts';
import { EMPTY_BODY, encodeBody, PTL_RPC_MSG_ERR, PTL_RPC_MSG_REPLY, type PtlrpcBody } from './ptlrpc-body.ts';

const EPERM = 1;
const ENOENT = 2;
const EACCES = 13;
const EINVAL = 22;
const ENOSPC = 28;
const EROFS = 30;
const EINPROGRESS = 115;
const EDQUOT = 122;

/** Statuses with which a reply of a body only keeps the type of a reply: ptlrpc §1.9 rule 2. */
const KEEPS_REPLY_TYPE: ReadonlySet<number> = new Set(
  [ENOSPC, EACCES, EPERM, ENOENT, EINPROGRESS, EDQUOT, EROFS].map((errno) => -errno),
);

/** The type of a reply that holds nothing but this negative status. */
export function errorReplyType(status: number): number {
  return KEEPS_REPLY_TYPE.has(status) ? PTL_RPC_MSG_REPLY : PTL_RPC_MSG_ERR;
}

/** What an error reply tells; `opc` is 0 when the request's body could not be read. */
export type ErrorReply = Pick<PtlrpcBody, 'status'> & Partial<PtlrpcBody>;

/** Writes the reply of a request that failed before its reply was packed: 224 bytes, body only (ptlrpc §1.9). */
export function encodeErrorReply(error: ErrorReply): Uint8Array {
  return encodeMessage([encodeBody({ ...EMPTY_BODY, ...error, type: errorReplyType(error.status) })]);
}

/** The result that a client takes from a reply: an error without a negative status is -EINVAL (ptlrpc §1.9 rule 6). */
export function replyStatus({ type, status }: Pick<PtlrpcBody, 'type' | 'status'>): number {
  return type === PTL_RPC_MSG_ERR && status >= 0 ? -EINVAL : status;
}
