import { type BufferList, type BufferValues, encodeBuffers } from './buffer-list.ts';
import { encodeMessage, type MessageOptions } from './message.ts';
import {
  EMPTY_BODY,
  encodeBody,
  PTL_RPC_MSG_REPLY,
  PTL_RPC_MSG_REQUEST,
  PTLRPC_MSG_VERSION,
  type PtlrpcBody,
} from './ptlrpc-body.ts';
import type { RpcFormat } from './rpc-format.ts';

/** How a message is written beyond its values. */
export interface RpcOptions extends MessageOptions {
  /** Buffers after the body, when it must be another number than the format says. */
  readonly bufferCount?: number;
  readonly littleEndian?: boolean;
}

/** The body without what the format says. */
export type BodyValues = Partial<Omit<PtlrpcBody, 'type' | 'version' | 'opc'>>;

/** Writes a request: type, version and opcode are the format's. */
export function encodeRequest<Q extends BufferList, P extends BufferList>(
  format: RpcFormat<Q, P>,
  body: BodyValues,
  values: BufferValues<Q>,
  options: RpcOptions = {},
): Uint8Array {
  const version = format.version | PTLRPC_MSG_VERSION;
  return encode(
    { ...EMPTY_BODY, ...body, type: PTL_RPC_MSG_REQUEST, version, opc: format.opc },
    format.request,
    values,
    options,
  );
}

/** Writes a reply with all its buffers, also one of a failure that came after they were packed (ptlrpc §1.9 rule 1). */
export function encodeReply<Q extends BufferList, P extends BufferList>(
  format: RpcFormat<Q, P>,
  body: BodyValues,
  values: BufferValues<P>,
  options: RpcOptions = {},
): Uint8Array {
  return encode({ ...EMPTY_BODY, ...body, type: PTL_RPC_MSG_REPLY, opc: format.opc }, format.reply, values, options);
}

function encode<F extends BufferList>(
  body: PtlrpcBody,
  list: F,
  values: BufferValues<F>,
  options: RpcOptions,
): Uint8Array {
  const { littleEndian = true, bufferCount } = options;
  const count = bufferCount === undefined ? {} : { count: bufferCount };
  const buffers = encodeBuffers(list, values, { littleEndian, ...count });
  return encodeMessage([encodeBody(body, littleEndian), ...buffers], options, littleEndian);
}
