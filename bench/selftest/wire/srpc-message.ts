import { type Layout, layout, u32 } from '../../../lnet/wire/layout.ts';

/** First word of every request and reply, in the sender's byte order. */
export const SRPC_MSG_MAGIC = 0xeeb0f00d;
export const SRPC_MSG_VERSION = 1;

/** Every request and every reply, bytes: selftest §2. */
export const SRPC_MSG_BYTES = 160;

export const SRPC_HDR = layout('srpc_msg_hdr', 24, 'selftest §2', {
  magic: u32,
  version: u32,
  type: u32,
  reserved0: u32,
  reserved1: u32,
  features: u32,
});

/** Where the body starts. */
export const SRPC_BODY_AT = SRPC_HDR.size;

/** Body offsets that all messages share: requests begin with `rpyid` (and `bulkid`), replies with `status`. */
export const SRPC_RPYID_AT = SRPC_BODY_AT;
export const SRPC_BULKID_AT = SRPC_BODY_AT + 8;
export const SRPC_STATUS_AT = SRPC_BODY_AT;

/** One message type: its number and the layout of its body. */
export interface SrpcMessage<F> {
  readonly type: number;
  readonly body: Layout<F>;
}

export function srpcMessage<F>(type: number, body: Layout<F>): SrpcMessage<F> {
  return { type, body };
}

/** Byte order of the sender of the message at `at`, or undefined when its magic is wrong in both. */
export function srpcByteOrder(view: DataView, at = 0): 'little' | 'big' | undefined {
  const magic = view.getUint32(at + SRPC_HDR.at.magic, true);
  if (magic === SRPC_MSG_MAGIC) return 'little';
  return view.getUint32(at + SRPC_HDR.at.magic, false) === SRPC_MSG_MAGIC ? 'big' : undefined;
}

/** Writes a whole message; every byte that no field names becomes zero. We send little-endian; tests also the other order. */
export function encodeSrpc<F>(
  view: DataView,
  message: SrpcMessage<F>,
  features: number,
  body: Parameters<Layout<F>['encode']>[0],
  littleEndian = true,
): void {
  new Uint8Array(view.buffer, view.byteOffset, SRPC_MSG_BYTES).fill(0);
  const hdr = {
    magic: SRPC_MSG_MAGIC,
    version: SRPC_MSG_VERSION,
    type: message.type,
    reserved0: 0,
    reserved1: 0,
    features,
  };
  SRPC_HDR.encode(hdr, view, 0, littleEndian);
  message.body.encode(body, view, SRPC_BODY_AT, littleEndian);
}
