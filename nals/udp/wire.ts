/**
 * Packets and frames of LNet over UDP, version 1: docs/spec/udp.md. All integers little-endian. Offsets and packet numbers
 * are u64 on the wire and numbers below 2^53 here, so that nothing is allocated per packet.
 */
import { layout, u8, u16, u32, u64, unused } from '../../lnet/wire/layout.ts';
import { nid16Kind } from '../../lnet/wire/nid.ts';

/** Version of the protocol that this package speaks: udp §2. */
export const UDP_VERSION = 1;

/** Kinds of packets: udp §2. */
export const PACKET_INIT = 1;
export const PACKET_RETRY = 2;
export const PACKET_ACCEPT = 3;
export const PACKET_REFUSE = 4;
export const PACKET_DATA = 5;
export const PACKET_RESET = 6;
export const PACKET_PROBE = 7;

/** Kinds of frames in a DATA packet: udp §3. */
export const FRAME_PADDING = 0;
export const FRAME_PING = 1;
export const FRAME_ACK = 2;
export const FRAME_DATA = 3;
export const FRAME_WINDOW = 4;
export const FRAME_CLOSE = 5;

/** Flag of a DATA frame: its sender has nothing more to send now, so do not delay the acknowledgement. */
export const DATA_IS_LAST = 1;

/** Reasons of REFUSE: udp §2.3. */
export const REFUSE_NO_NID = 1;
export const REFUSE_NOT_ACCEPTING = 2;
export const REFUSE_VERSION = 3;
export const REFUSE_BUSY = 4;

/** Bytes of an INIT, padded with zeros: an answer is never longer than what asked for it. */
export const INIT_BYTES = 1_200;

/** Bytes of a RESET, and least bytes of a packet that is answered with one. */
export const RESET_BYTES = 32;

/** Bytes at the start of a packet that stay the same in all versions; RESET quotes them. */
export const STABLE_BYTES = 12;

/** Head of every packet. `connId` is the id that the receiver of the packet chose; 0 in INIT, REFUSE, RESET and PROBE. */
export const UDP_PACKET = layout('udp_packet', 20, 'udp §2', {
  version: u8,
  type: u8,
  unused: unused(2),
  connId: u64,
  packetNumber: u64,
});

/** Body of INIT and ACCEPT. */
export const UDP_OPEN = layout('udp_open', 76, 'udp §2.1', {
  ownConnId: u64,
  srcNid: nid16Kind,
  dstNid: nid16Kind,
  incarnation: u64,
  window: u64,
  pid: u32,
  datagramBytesMax: u32,
  ackDelayMaxMs: u16,
  tokenBytes: u16,
});

/** Body of RETRY; the token follows. */
export const UDP_RETRY = layout('udp_retry', 16, 'udp §2.2', {
  ownConnId: u64,
  tokenBytes: u16,
  unused: unused(6),
});

/** Body of REFUSE; one byte for each version that is spoken follows. */
export const UDP_REFUSE = layout('udp_refuse', 16, 'udp §2.3', {
  ownConnId: u64,
  reason: u32,
  versions: u32,
});

/** Body of RESET. */
export const UDP_RESET = layout('udp_reset', 12, 'udp §2.4', {
  version: u8,
  type: u8,
  unused: unused(2),
  connId: u64,
});

/** Head of every frame. */
export const UDP_FRAME = layout('udp_frame', 4, 'udp §3', { kind: u8, flags: u8, bodyBytes: u16 });

/** Body of ACK; up to 31 further ranges follow. */
export const UDP_ACK = layout('udp_ack', 16, 'udp §3.1', { largest: u64, delayUs: u32, firstCount: u32 });

/** A further range of an ACK, downwards: `gap` packets that are missing, then `count` that are there. */
export const UDP_ACK_RANGE = layout('udp_ack_range', 8, 'udp §3.1', { gap: u32, count: u32 });

/** Start of the body of DATA; bytes of the stream follow. */
export const UDP_DATA = layout('udp_data', 8, 'udp §3.2', { offset: u64 });

/** Body of WINDOW. */
export const UDP_WINDOW = layout('udp_window', 8, 'udp §3.3', { offset: u64 });

/** Body of CLOSE. */
export const UDP_CLOSE = layout('udp_close', 4, 'udp §3.4', { errno: u32 });

/** Before the LNet header of each message in the stream. */
export const UDP_RECORD = layout('udp_record', 4, 'udp §4', { form: u8, unused: unused(3) });

const U32_SPAN = 0x1_0000_0000;

/** Reads a u64 as a number; NaN, which fails every comparison, from 2^53 on. */
export function readU53(view: DataView, at: number): number {
  const high = view.getUint32(at + 4, true);
  return high < 0x20_0000 ? high * U32_SPAN + view.getUint32(at, true) : Number.NaN;
}

export function writeU53(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % U32_SPAN, true);
  view.setUint32(at + 4, Math.floor(value / U32_SPAN), true);
}
