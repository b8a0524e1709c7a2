import { type DecodedBy, viewOf } from '../../lnet/wire/layout.ts';
import { WireError } from '../../lnet/wire/wire-error.ts';
import {
  isLittleEndianMessage,
  LUSTRE_MSG,
  LUSTRE_MSG_BUFFERS_MAX,
  LUSTRE_MSG_BYTES_MAX,
  LUSTRE_MSG_MAGIC_V2,
  type MessageFault,
  messageFault,
  messageHeaderBytes,
  r8,
} from './message-header.ts';

/** What a sender chooses in the header; the rest follows from the buffers. */
export interface MessageOptions {
  readonly secflvr?: number;
  readonly repsize?: number;
  readonly cksum?: number;
  readonly flags?: number;
  /** Batched sub-messages only: opcode, or result. */
  readonly opc?: number;
}

const FAULT_TEXT: Readonly<Record<MessageFault, string>> = {
  short: 'is cut before the end of its header',
  bad_magic: 'begins with a foreign magic',
  bad_value: `has no buffer, or more than ${LUSTRE_MSG_BUFFERS_MAX}`,
  bad_length: 'has buffers that do not fit into it',
};

/** One message, checked: its header and its buffers, in place. */
export class LustreMessage {
  readonly bytes: Uint8Array;
  /** Bytes that the message had on the network; more than `bytes` when a capture kept only its beginning. */
  readonly wholeBytes: number;
  readonly littleEndian: boolean;
  readonly header: DecodedBy<typeof LUSTRE_MSG>;
  /** Length of each buffer, without padding. */
  readonly bufferLengths: readonly number[];
  /** Bytes that the header and its buffers take; what follows them is no part of the message. */
  readonly usedBytes: number;
  readonly #starts: readonly number[];

  private constructor(bytes: Uint8Array, wholeBytes: number) {
    const view = viewOf(bytes);
    this.bytes = bytes;
    this.wholeBytes = wholeBytes;
    this.littleEndian = isLittleEndianMessage(view);
    this.header = LUSTRE_MSG.decode(view, 0, this.littleEndian);
    this.bufferLengths = Array.from({ length: this.header.bufcount }, (_, i) =>
      view.getUint32(LUSTRE_MSG.size + 4 * i, this.littleEndian),
    );
    const starts: number[] = [];
    let end = messageHeaderBytes(this.header.bufcount);
    for (const length of this.bufferLengths) {
      starts.push(end);
      end += r8(length);
    }
    this.#starts = starts;
    this.usedBytes = end;
  }

  /**
   * Reads a message. Of one that was cut when it was recorded, `wholeBytes` says how long it was. Throws
   * {@link WireError} for what ptlrpc §1.2 calls invalid.
   */
  static read(bytes: Uint8Array, wholeBytes = bytes.length): LustreMessage {
    const fault = messageFault(viewOf(bytes), 0, wholeBytes);
    if (fault) throw new WireError(fault, `message of ${wholeBytes} bytes ${FAULT_TEXT[fault]}`);
    return new LustreMessage(bytes, wholeBytes);
  }

  get bufferCount(): number {
    return this.bufferLengths.length;
  }

  /** The bytes of buffer `index`, without padding, not copied; undefined when the message has no such buffer. */
  buffer(index: number): Uint8Array | undefined {
    const start = this.#starts[index];
    const length = this.bufferLengths[index];
    if (start === undefined || length === undefined) return undefined;
    return this.bytes.subarray(start, start + length);
  }

  /** True when the recording ends inside buffer `index` or before it. */
  isCut(index: number): boolean {
    return (this.buffer(index)?.length ?? 0) < (this.bufferLengths[index] ?? 0);
  }
}

/** Bytes of a message with buffers of these lengths. */
export function messageBytes(bufferLengths: readonly number[]): number {
  return bufferLengths.reduce((sum, length) => sum + r8(length), messageHeaderBytes(bufferLengths.length));
}

/** Writes a message; padding is zero. Throws RangeError for a number or size of buffers that no peer would read. */
export function encodeMessage(
  buffers: readonly Uint8Array[],
  options: MessageOptions = {},
  littleEndian = true,
): Uint8Array {
  const lengths = buffers.map((buffer) => buffer.length);
  const size = messageBytes(lengths);
  if (buffers.length < 1 || buffers.length > LUSTRE_MSG_BUFFERS_MAX)
    throw new RangeError(`a message has 1..${LUSTRE_MSG_BUFFERS_MAX} buffers, not ${buffers.length}`);
  if (size > LUSTRE_MSG_BYTES_MAX)
    throw new RangeError(`a message has at most ${LUSTRE_MSG_BYTES_MAX} bytes, not ${size}`);
  const bytes = new Uint8Array(size);
  const view = viewOf(bytes);
  const { secflvr = 0, repsize = 0, cksum = 0, flags = 0, opc = 0 } = options;
  const magic = LUSTRE_MSG_MAGIC_V2;
  LUSTRE_MSG.encode({ bufcount: buffers.length, secflvr, magic, repsize, cksum, flags, opc }, view, 0, littleEndian);
  let at = messageHeaderBytes(buffers.length);
  for (const [i, buffer] of buffers.entries()) {
    view.setUint32(LUSTRE_MSG.size + 4 * i, buffer.length, littleEndian);
    bytes.set(buffer, at);
    at += r8(buffer.length);
  }
  return bytes;
}
