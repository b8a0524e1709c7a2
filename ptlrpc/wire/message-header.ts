import { layout, u32, unused } from '../../lnet/wire/layout.ts';
import { bits, x32 } from './field-kind.ts';

/** Header of every message; `bufcount` buffer lengths follow, then the buffers. In the sender's byte order. */
export const LUSTRE_MSG = layout('lustre_msg_v2', 32, 'ptlrpc §1.1', {
  bufcount: u32,
  secflvr: x32,
  magic: x32,
  repsize: u32,
  cksum: x32,
  flags: bits(u32, { AT_SUPPORT: 0x1, CKSUM_INCOMPAT18: 0x2 }),
  opc: u32,
  padding3: unused(4),
});

export const LUSTRE_MSG_MAGIC_V2 = 0x0bd00bd3;
const LUSTRE_MSG_MAGIC_V2_SWABBED = 0xd30bd00b;

/** Most buffers of a message. */
export const LUSTRE_MSG_BUFFERS_MAX = 32;

/** Most bytes of one buffer and of a whole message: ptlrpc §1.2 rule 5. */
export const LUSTRE_MSG_BYTES_MAX = 1_024_000;

/** `flags`: the sender understands early replies (ptlrpc §1.3). */
export const MSGHDR_AT_SUPPORT = 0x1;
/** `flags`: the modern checksum convention. */
export const MSGHDR_CKSUM_INCOMPAT18 = 0x2;

/** `n` rounded up to a multiple of 8. */
export function r8(n: number): number {
  return Math.ceil(n / 8) * 8;
}

/** Bytes of the header of a message with this many buffers. */
export function messageHeaderBytes(bufferCount: number): number {
  return r8(LUSTRE_MSG.size + 4 * bufferCount);
}

/** Why bytes are no message; each is also the name of a counter. */
export type MessageFault = 'short' | 'bad_magic' | 'bad_value' | 'bad_length';

/** Whether the message at `at` was written in little-endian order; anything but the swapped magic reads as such. */
export function isLittleEndianMessage(view: DataView, at = 0): boolean {
  return view.getUint32(at + LUSTRE_MSG.at.magic, true) !== LUSTRE_MSG_MAGIC_V2_SWABBED;
}

/**
 * The checks of ptlrpc §1.2, in its order, on `length` received bytes at `at`, of which the view must hold at least the
 * header and buffer lengths. Undefined when they form a message: then every buffer lies within `length`. Allocates nothing.
 */
export function messageFault(view: DataView, at: number, length: number): MessageFault | undefined {
  const viewEnd = Math.min(view.byteLength - at, length);
  if (viewEnd < LUSTRE_MSG.size) return 'short';
  const littleEndian = isLittleEndianMessage(view, at);
  if (view.getUint32(at + LUSTRE_MSG.at.magic, littleEndian) !== LUSTRE_MSG_MAGIC_V2) return 'bad_magic';
  const bufferCount = view.getUint32(at, littleEndian);
  if (bufferCount < 1 || bufferCount > LUSTRE_MSG_BUFFERS_MAX) return 'bad_value';
  let end = messageHeaderBytes(bufferCount);
  if (viewEnd < end) return 'short';
  for (let i = 0; i < bufferCount; i++) {
    const padded = r8(view.getUint32(at + LUSTRE_MSG.size + 4 * i, littleEndian));
    if (padded > LUSTRE_MSG_BYTES_MAX) return 'bad_length';
    end += padded;
  }
  return end > length || end > LUSTRE_MSG_BYTES_MAX ? 'bad_length' : undefined;
}
