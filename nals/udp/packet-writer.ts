import type { AckRanges } from './ack-ranges.ts';
import { viewOf } from '../../lnet/wire/layout.ts';
import type { Instant } from '../../lnet/nal.ts';
import { DATAGRAM_BYTES_MAX } from './pmtu.ts';
import {
  FRAME_ACK,
  FRAME_CLOSE,
  FRAME_DATA,
  FRAME_PADDING,
  FRAME_PING,
  FRAME_WINDOW,
  UDP_CLOSE,
  UDP_DATA,
  UDP_FRAME,
  UDP_PACKET,
  UDP_VERSION,
  UDP_WINDOW,
  writeU53,
} from './wire.ts';

/** Heads up to this length are cut once and used again. */
const HEADS_KEPT = 512;

/** Bytes of a DATA frame before its part of the stream. */
export const DATA_HEAD_BYTES = UDP_FRAME.size + UDP_DATA.size;

/** An id of a connection: two u32 halves, so that no bigint is made per packet. */
export interface ConnId {
  readonly low: number;
  readonly high: number;
}

/**
 * Puts one packet together: heads and small payloads in its own memory, large payloads as views of their sender's. One for a
 * socket: a packet is given to the system, which has read it, before the next one begins.
 */
export class PacketWriter {
  readonly #staging = new Uint8Array(DATAGRAM_BYTES_MAX);
  readonly #view = viewOf(this.#staging);
  readonly #heads: Uint8Array[] = [];
  /** What to send, once {@link end} was called. Valid until the next {@link begin}. */
  readonly segments: Uint8Array[] = [];
  #at = 0;
  /** End of what {@link segments} already shows of the staging. */
  #cutAt = 0;
  #outsideBytes = 0;

  /** Length of the packet so far. */
  get bytes(): number {
    return this.#at + this.#outsideBytes;
  }

  begin(type: number, connId: ConnId, packetNumber: number): void {
    this.segments.length = 0;
    this.#cutAt = 0;
    this.#outsideBytes = 0;
    const view = this.#view;
    view.setUint32(0, UDP_VERSION | (type << 8), true);
    view.setUint32(UDP_PACKET.at.connId, connId.low, true);
    view.setUint32(UDP_PACKET.at.connId + 4, connId.high, true);
    writeU53(view, UDP_PACKET.at.packetNumber, packetNumber);
    this.#at = UDP_PACKET.size;
  }

  /** So many bytes of the packet's own memory, to be written by the caller: `view` from the given place on. */
  reserve(bytes: number): number {
    const at = this.#at;
    this.#at += bytes;
    return at;
  }

  get view(): DataView {
    return this.#view;
  }

  ping(): void {
    this.#frame(FRAME_PING, 0, 0);
  }

  /** Fills up with zeros to a length. Does nothing when the packet has it or no frame fits in between. */
  padTo(bytes: number): void {
    const missing = bytes - this.bytes - UDP_FRAME.size;
    if (missing < 0) return;
    this.#frame(FRAME_PADDING, 0, missing);
    this.#staging.fill(0, this.#at, this.#at + missing);
    this.#at += missing;
  }

  ack(ranges: AckRanges, now: Instant): void {
    const bytes = ranges.bodyBytes;
    this.#frame(FRAME_ACK, 0, bytes);
    ranges.write(this.#view, this.#at, now);
    this.#at += bytes;
  }

  window(offset: number): void {
    this.#frame(FRAME_WINDOW, 0, UDP_WINDOW.size);
    writeU53(this.#view, this.#at, offset);
    this.#at += UDP_WINDOW.size;
  }

  close(errno: number): void {
    this.#frame(FRAME_CLOSE, 0, UDP_CLOSE.size);
    this.#view.setUint32(this.#at, Math.abs(errno), true);
    this.#at += UDP_CLOSE.size;
  }

  /** Begins a DATA frame, the last of its packet; `bytes` of the stream must follow through {@link copy} and {@link show}. */
  data(flags: number, offset: number, bytes: number): void {
    this.#frame(FRAME_DATA, flags, UDP_DATA.size + bytes);
    writeU53(this.#view, this.#at, offset);
    this.#at += UDP_DATA.size;
  }

  /** Copies bytes into the packet. */
  copy(bytes: Uint8Array): void {
    this.#staging.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Lets the packet show bytes of other memory, which must stay as it is until the packet has left. */
  show(bytes: Uint8Array): void {
    this.#cut();
    this.segments.push(bytes);
    this.#outsideBytes += bytes.length;
  }

  end(): void {
    this.#cut();
  }

  #cut(): void {
    if (this.#cutAt === this.#at) return;
    this.segments.push(this.#cutAt === 0 ? this.#head(this.#at) : this.#staging.subarray(this.#cutAt, this.#at));
    this.#cutAt = this.#at;
  }

  /** Most packets of bulk data begin with heads of the same few lengths. */
  #head(bytes: number): Uint8Array {
    if (bytes >= HEADS_KEPT) return this.#staging.subarray(0, bytes);
    this.#heads[bytes] ??= this.#staging.subarray(0, bytes);
    return this.#heads[bytes];
  }

  #frame(kind: number, flags: number, bodyBytes: number): void {
    const at = this.#at;
    this.#view.setUint32(at, kind | (flags << 8) | (bodyBytes << 16), true);
    this.#at = at + UDP_FRAME.size;
  }

  /** Bytes that an ACK frame takes. */
  static ackBytes(ranges: AckRanges): number {
    return UDP_FRAME.size + ranges.bodyBytes;
  }

  static readonly windowBytes = UDP_FRAME.size + UDP_WINDOW.size;
}
