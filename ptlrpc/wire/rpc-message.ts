import { WireError } from '../../lnet/wire/wire-error.ts';
import { type BufferList, readRecordedBuffers } from './buffer-list.ts';
import { FORMATS } from './formats.ts';
import { LustreMessage } from './message.ts';
import { PTL_RPC_MSG_ERR, PTL_RPC_MSG_REPLY, PTL_RPC_MSG_REQUEST, type PtlrpcBody, readBody } from './ptlrpc-body.ts';
import type { RpcFormat } from './rpc-format.ts';

/** Bits of `secflvr` that name the policy: 0 null, 1 plain, 2 gss (ptlrpc §9.1). Only the first leaves messages open. */
const SECURITY_POLICY_MASK = 0xf;

/** One message of an RPC with everything that can be told of it: for tools and tests, not for the delivery path. */
export interface RpcMessage {
  readonly message: LustreMessage;
  readonly body: PtlrpcBody;
  readonly isRequest: boolean;
  /** Undefined for an opcode that nobody knows, and for a reply that could be of several variants. */
  readonly format: RpcFormat | undefined;
  /** The buffers that its format declares; undefined without format, and for an error reply of a body only. */
  readonly values: Readonly<Record<string, unknown>> | undefined;
  /** Names of buffers of which the recording holds the beginning only. */
  readonly cut: readonly string[];
}

/**
 * Reads a message and its buffers. A reply needs the format of its request, when that was seen. Throws {@link WireError} when the
 * bytes form no message, or one in a security wrapper, or its buffers are not what the format says.
 */
export function readRpcMessage(bytes: Uint8Array, wholeBytes?: number, requestFormat?: RpcFormat): RpcMessage {
  const message = LustreMessage.read(bytes, wholeBytes);
  const policy = message.header.secflvr & SECURITY_POLICY_MASK;
  if (policy !== 0) throw new WireError('bad_value', `message is wrapped by security policy ${policy}`);
  const body = readBody(message);
  const isRequest = body.type === PTL_RPC_MSG_REQUEST;
  if (!isRequest && body.type !== PTL_RPC_MSG_REPLY && body.type !== PTL_RPC_MSG_ERR)
    throw new WireError('bad_type', `ptlrpc_body of type ${body.type}`);
  const format = isRequest ? FORMATS.ofRequest(message, body) : (requestFormat ?? FORMATS.ofLoneReply(body));
  if (!format || isBodyOnly(message, isRequest))
    return { message, body, isRequest, format, values: undefined, cut: [] };
  return { message, body, isRequest, format, ...readRecordedBuffers(buffersOf(format, isRequest), message) };
}

/** The buffers of one direction. */
export function buffersOf(format: RpcFormat, isRequest: boolean): BufferList {
  return isRequest ? format.request : format.reply;
}

/** Early replies, and errors that arose before the handler packed its reply, hold nothing but the body: ptlrpc §1.9. */
function isBodyOnly(message: LustreMessage, isRequest: boolean): boolean {
  return !isRequest && message.bufferCount === 1;
}
