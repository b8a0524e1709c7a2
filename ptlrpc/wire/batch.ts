import { layout, u32, unused, viewOf } from '../../lnet/wire/layout.ts';
import { WireError } from '../../lnet/wire/wire-error.ts';
import type { BufferKind } from './buffer-kind.ts';
import { x32 } from './field-kind.ts';
import { LustreMessage } from './message.ts';
import type { ValueTree } from './value-tree.ts';

/** First words of the parts of a batch, as 2.17 sends them. */
export const BUT_HEADER_MAGIC = 0xbadf0001;
export const BUT_REQUEST_MAGIC = 0xbade0001;
export const BUT_REPLY_MAGIC = 0x00ad0001;

/** Head of a batch that travels in the request itself; the sub-requests follow. */
export const BUT_HEADER = layout('but_header', 24, 'ptlrpc §10.1', {
  magic: x32,
  count: u32,
  inlineLength: u32,
  replySize: u32,
  updateCount: u32,
  padding: unused(4),
});

/** Before the sub-requests, and before the sub-replies; each is a message of its own without body. */
export const BATCH_HEAD = layout('batch_update', 8, 'ptlrpc §10.1', { magic: x32, count: u32 });

/** Sub-messages read at most: more than fit into the largest buffer is a lie. */
const SUB_MESSAGES_MAX = 4096;

/** `header`: the bytes, of which {@link subMessages} reads the parts. */
export const BATCH_REQUEST_BUFFER: BufferKind<Uint8Array> = {
  name: 'batch',
  length: '32 at least',
  layouts: [BUT_HEADER, BATCH_HEAD],
  decode(bytes, littleEndian) {
    const { magic } = BUT_HEADER.decode(viewOf(bytes), 0, littleEndian);
    if (magic !== BUT_HEADER_MAGIC) throw new WireError('bad_magic', 'batch begins with a foreign magic');
    return bytes;
  },
  encode: (value) => value,
  show: (value) => showBatch(value, BUT_HEADER.size),
};

/** The reply to a batch, as bytes. */
export const BATCH_REPLY_BUFFER: BufferKind<Uint8Array> = {
  name: 'batch_reply',
  length: '8 at least',
  layouts: [BATCH_HEAD],
  decode(bytes, littleEndian) {
    const { magic } = BATCH_HEAD.decode(viewOf(bytes), 0, littleEndian);
    if (magic !== BUT_REPLY_MAGIC) throw new WireError('bad_magic', 'batch reply begins with a foreign magic');
    return bytes;
  },
  encode: (value) => value,
  show: (value) => showBatch(value, 0),
};

/**
 * The sub-messages of a batch: requests after a header ({@link BUT_HEADER}), or replies from the first byte on. `isCut` stops at
 * the first that is not whole. Throws {@link WireError} when they do not lie within the bytes.
 */
export function subMessages(bytes: Uint8Array, headBytes: number, isCut = false): LustreMessage[] {
  const view = viewOf(bytes);
  const { count } = BATCH_HEAD.decode(view, headBytes);
  if (count > SUB_MESSAGES_MAX) throw new WireError('bad_value', `batch claims ${count} sub-messages`);
  const messages: LustreMessage[] = [];
  let at = headBytes + BATCH_HEAD.size;
  for (let i = 0; i < count; i++) {
    let message: LustreMessage;
    try {
      message = LustreMessage.read(bytes.subarray(at));
    } catch (error) {
      if (isCut && error instanceof WireError) break;
      throw error;
    }
    messages.push(message);
    at += message.usedBytes;
  }
  return messages;
}

function showBatch(bytes: Uint8Array, headBytes: number): ValueTree {
  try {
    const messages = subMessages(bytes, headBytes, true);
    return [
      ['messages', String(messages.length)],
      ...messages.map((message, i) => {
        const lengths = message.bufferLengths.join(' ');
        return [String(i), `opc or result ${message.header.opc | 0}, buffers ${lengths}`] as const;
      }),
    ];
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return error.message;
  }
}
