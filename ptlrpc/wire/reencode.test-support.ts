import { encodeBuffers } from './buffer-list.ts';
import { encodeMessage } from './message.ts';
import { encodeBody } from './ptlrpc-body.ts';
import { buffersOf, type RpcMessage } from './rpc-message.ts';

/** A decoded message, written again from its values; buffers that its format does not know are taken as they are. */
export function reencode({ message, body, isRequest, format, values }: RpcMessage, littleEndian = true): Uint8Array {
  const list = format && values ? buffersOf(format, isRequest) : {};
  const known = Math.min(Object.keys(list).length, message.bufferCount - 1);
  const buffers = encodeBuffers(list, (values ?? {}) as never, { count: known, littleEndian });
  const extra = message.bufferLengths.slice(1 + known).map((_, i) => message.buffer(1 + known + i) as Uint8Array);
  return encodeMessage([encodeBody(body, littleEndian), ...buffers, ...extra], message.header, littleEndian);
}
