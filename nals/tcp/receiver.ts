import {
  EIO,
  EMPTY_IOV,
  EPROTO,
  type Iov,
  type NalNi,
  type NalRx,
  RX_PLACE,
  RX_WAIT,
  sliceIov,
} from '../../lnet/nal.ts';
import { viewOf } from '../../lnet/wire/layout.ts';
import { LNET_HDR16, LNET_HDR4, type LnetHdrForm, lnetHdrBytes } from '../../lnet/wire/lnet-hdr.ts';
import { type Nid, nid4Kind, writeNid16 } from '../../lnet/wire/nid.ts';
import { LNET_PID_USERFLAG } from '../../lnet/wire/process-id.ts';
import type { TcpContext } from './context.ts';
import type { Reason, TcpCounters } from './counters.ts';
import { STAGING_BYTES, STAGING_HEADROOM } from './rx-staging.ts';
import type { TurnTask } from './stream.ts';
import { CHECKSUM_START, updateChecksum } from './wire/checksum.ts';
import { hdrFormOf, KSOCK_PROTO_V1, KSOCK_PROTO_V2, type KsockVersion } from './wire/hello.ts';
import {
  KSOCK_MSG,
  KSOCK_MSG_LNET,
  KSOCK_MSG_NOOP,
  MESSAGE_HEADER_BYTES,
  MessageHeader,
} from './wire/message-header.ts';

/** Largest single read into an MD: larger ones serialise the two ends of a connection (nal-rdma-and-limits §3.1). */
export const DIRECT_READ_MAX = 131_072;

/** Memory in pieces below this is read into through staging; so is the rest of a small payload, with what follows it. */
const DIRECT_READ_MIN = 4_096;

/**
 * After a payload of this size only the next header is read into staging, so that no payload comes with it. Below, a copy out of
 * staging costs less than the second read (measured: 0.12 against 0.29 CPU seconds per GB at 24 KB, equal at 48 KB).
 */
const BULK_MIN = STAGING_BYTES;

/** Copies below this are faster as a loop than as a call with a view of its own. */
const LOOP_COPY_MAX = 64;

/** Target while the core has not said where the payload goes: little, since what lands in it will be copied. */
const WAIT_READ = 64;

/** What a message is at: between messages, its payload, waiting for the core, its unwanted rest; or the connection is gone. */
type Phase = 'header' | 'payload' | 'wait' | 'discard' | 'over';

/** What the connection does about what it received. */
export interface ReceiverLink {
  /** A message asks for an acknowledgement of this cookie: socklnd §7.2. */
  zcRequested(low: number, high: number): void;
  /** A message acknowledges something: socklnd §7.3. */
  zcAcknowledged(header: MessageHeader): void;
  /** The peer broke a rule. The link closes itself, which calls {@link Receiver.fail}. */
  broken(reason: Reason, errno: number): void;
  /** Reading goes on after {@link Receiver.received} has answered false. */
  resumeReading(): void;
}

/** What a receiver is told about its connection. */
export interface ReceiverOptions {
  readonly link: ReceiverLink;
  readonly ni: NalNi;
  readonly fromNid: Nid;
  readonly fromPid: number;
  readonly version: KsockVersion;
  readonly isLittleEndian: boolean;
  readonly expectsBulk: boolean;
  readonly linkId: number;
  readonly counters: TcpCounters;
}

/**
 * The receiving half of a connection that is up: cuts the stream into messages, asks the core where each payload goes and
 * makes it land there (socklnd §4.3). Headers and small payloads arrive in staging, several messages per read; larger
 * payloads are read into the memory of the core's answer. It is the {@link NalRx} of the message being received.
 */
export class Receiver implements NalRx, TurnTask {
  readonly ni: NalNi;
  readonly fromNid: Nid;
  readonly fromPid: number;
  readonly form: LnetHdrForm;
  readonly token: unknown = undefined;
  view: DataView;
  hdrAt = 0;
  iov: Iov = EMPTY_IOV;
  iovOffset = 0;
  wantedBytes = 0;
  coreSlot: unknown = undefined;

  readonly #context: TcpContext;
  readonly #link: ReceiverLink;
  readonly #linkId: number;
  readonly #counters: TcpCounters;
  readonly #version: KsockVersion;
  readonly #isLittleEndian: boolean;
  readonly #isSubstituted: boolean;
  readonly #prefixBytes: number;
  readonly #headBytes: number;
  readonly #message = new MessageHeader();

  #phase: Phase = 'header';
  #expectsBulk: boolean;
  /** The target handed out last is memory of the core, not staging. */
  #isDirect = false;
  #partial: Uint8Array | null = null;
  #partialBytes = 0;
  /** What staging held behind the message that waits. */
  #held: Uint8Array | null = null;
  /** Wanted payload bytes still to come, and where the next one goes. */
  #left = 0;
  #fragment = 0;
  #fragmentAt = 0;
  #payloadLength = 0;
  #discardLeft = 0;
  #checksum = 0;
  #checksumExpected = 0;
  #tappedHead: Uint8Array | null = null;
  /** Nothing has been received. */
  isUntouched = true;

  constructor(context: TcpContext, options: ReceiverOptions) {
    this.#context = context;
    this.#link = options.link;
    this.#linkId = options.linkId;
    this.#counters = options.counters;
    this.ni = options.ni;
    this.fromNid = options.fromNid;
    this.fromPid = options.fromPid;
    this.view = context.staging.view;
    this.form = hdrFormOf(options.version);
    this.#version = options.version;
    this.#isLittleEndian = options.isLittleEndian;
    this.#isSubstituted = options.fromPid >= LNET_PID_USERFLAG;
    this.#prefixBytes = options.version === KSOCK_PROTO_V1 ? 0 : MESSAGE_HEADER_BYTES;
    this.#headBytes = this.#prefixBytes + lnetHdrBytes(this.form);
    this.#expectsBulk = options.expectsBulk;
  }

  /** True from the first byte of a message to its last. */
  get isMidMessage(): boolean {
    return this.#phase !== 'header' || this.#partialBytes > 0;
  }

  /** Where the next bytes of the stream must land. */
  target(): Uint8Array {
    this.#isDirect = false;
    const { staging } = this.#context;
    switch (this.#phase) {
      case 'payload': {
        const run = this.#contiguous(Math.min(this.#left, DIRECT_READ_MAX));
        const isBulkTail = this.#expectsBulk && run === this.#left;
        if (run < DIRECT_READ_MIN && !isBulkTail) return staging.target(this.#expectsBulk ? this.#left : STAGING_BYTES);
        this.#isDirect = true;
        const fragment = this.iov[this.#fragment] as Uint8Array;
        return new Uint8Array(fragment.buffer, fragment.byteOffset + this.#fragmentAt, run);
      }
      case 'header':
        return staging.target(this.#expectsBulk ? this.#headBytes - this.#partialBytes : STAGING_BYTES);
      case 'wait':
        return staging.target(WAIT_READ);
      default:
        return staging.target(STAGING_BYTES);
    }
  }

  /** So many bytes have landed at the start of the last target. False: the core makes a message wait, or all is over. */
  received(count: number): boolean {
    this.isUntouched = false;
    this.#counters.rx_reads++;
    this.#counters.rx_bytes += count;
    if (this.#isDirect) this.#placedDirectly(count);
    else {
      const { bytes, view } = this.#context.staging;
      let at = STAGING_HEADROOM;
      if (this.#partialBytes > 0) {
        at -= this.#partialBytes;
        bytes.set((this.#partial as Uint8Array).subarray(0, this.#partialBytes), at);
        this.#partialBytes = 0;
      }
      this.#consume(bytes, view, at, STAGING_HEADROOM + count);
    }
    return this.#phase !== 'wait' && this.#phase !== 'over';
  }

  /** {@link NalRx.resume}. The messages behind this one come later: the core is not to be asked from inside. */
  resume(): void {
    if (this.#phase !== 'wait') return;
    const held = this.#held ?? EMPTY;
    this.#beginPayload();
    const count = Math.min(this.#left, held.length);
    this.#held = count < held.length ? held.subarray(count) : null;
    if (count > 0) this.#placeCopy(held, 0, count);
    if (this.#left === 0) this.#endPayload();
    if (this.#held) this.#context.host.atTurnEnd(this);
    else if (this.#isReading()) this.#link.resumeReading();
  }

  /** Goes on with what was held behind a message that waited. */
  endTurn(): void {
    const held = this.#held;
    if (!held) return;
    this.#held = null;
    this.#consume(held, viewOf(held), 0, held.length);
    if (this.#isReading()) this.#link.resumeReading();
  }

  /** The connection is gone: the message being received, if any, is reported as broken. */
  fail(): void {
    const hasMessage = this.#phase === 'payload' || this.#phase === 'wait';
    this.#phase = 'over';
    this.#held = null;
    if (!hasMessage) return;
    this.#counters.rx_interrupted++;
    this.#context.env.upcalls.placed(this, -EIO);
  }

  #isReading(): boolean {
    return this.#phase !== 'wait' && this.#phase !== 'over';
  }

  /** Works through bytes of the stream until they are used up or something must be waited for. */
  #consume(bytes: Uint8Array, view: DataView, from: number, end: number): void {
    let at = from;
    for (;;) {
      switch (this.#phase) {
        case 'header': {
          const taken = this.#takeHead(bytes, view, at, end);
          if (taken === 0) return;
          at += taken;
          break;
        }
        case 'payload': {
          const count = Math.min(this.#left, end - at);
          if (count > 0) this.#placeCopy(bytes, at, count);
          at += count;
          if (this.#left > 0) return;
          this.#endPayload();
          break;
        }
        case 'discard': {
          const count = Math.min(this.#discardLeft, end - at);
          at += count;
          this.#discardLeft -= count;
          if (this.#discardLeft > 0) return;
          this.#phase = 'header';
          break;
        }
        case 'wait':
          // Bytes held before need no second copy: nothing overwrites them.
          if (at < end)
            this.#held = bytes === this.#context.staging.bytes ? bytes.slice(at, end) : bytes.subarray(at, end);
          return;
        default:
          return;
      }
    }
  }

  /** Takes one message up to its payload. Gives the bytes taken; 0 when there is less than a header, which is kept. */
  #takeHead(bytes: Uint8Array, view: DataView, at: number, end: number): number {
    const have = end - at;
    if (have === 0) return 0;
    if (this.#prefixBytes > 0) {
      if (have < this.#prefixBytes) return this.#keep(bytes, at, end);
      const message = this.#message;
      message.decode(view, at, this.#isLittleEndian);
      if (message.type === KSOCK_MSG_NOOP) {
        this.#takeNoop(bytes, view, at);
        return this.#prefixBytes;
      }
      if (message.type !== KSOCK_MSG_LNET) {
        this.#link.broken('broken_message_type', -EPROTO);
        return 0;
      }
    }
    if (have < this.#headBytes) return this.#keep(bytes, at, end);
    this.#takeLnet(bytes, view, at);
    return this.#headBytes;
  }

  #takeNoop(bytes: Uint8Array, view: DataView, at: number): void {
    const message = this.#message;
    this.#tapHead(bytes, at, MESSAGE_HEADER_BYTES);
    this.#tapEnd(MESSAGE_HEADER_BYTES);
    if (message.csum !== 0 && this.#version === KSOCK_PROTO_V2) {
      this.#beginChecksum(bytes, view, at, MESSAGE_HEADER_BYTES);
      if (this.#checksum !== this.#checksumExpected) {
        this.#link.broken('broken_checksum', -EIO);
        return;
      }
    }
    if (message.hasZcAck) this.#link.zcAcknowledged(message);
  }

  #takeLnet(bytes: Uint8Array, view: DataView, at: number): void {
    const hdrAt = at + this.#prefixBytes;
    const message = this.#message;
    this.#counters.rx_messages++;
    this.#payloadLength = view.getUint32(hdrAt + (this.form === 4 ? LNET_HDR4 : LNET_HDR16).at.payloadLength, true);
    this.#expectsBulk = this.#payloadLength >= BULK_MIN;
    this.#checksumExpected = 0;
    this.#tapHead(bytes, at, this.#headBytes);
    if (this.#prefixBytes > 0) {
      if (message.hasZcAck) {
        this.#link.zcAcknowledged(message);
        if (this.#phase === 'over') return;
      }
      if (message.csum !== 0 && this.#version === KSOCK_PROTO_V2) this.#beginChecksum(bytes, view, at, this.#headBytes);
    }
    if (this.#isSubstituted) this.#substituteSource(view, hdrAt);
    this.view = view;
    this.hdrAt = hdrAt;
    this.iov = EMPTY_IOV;
    this.iovOffset = 0;
    this.wantedBytes = 0;
    const verdict = this.#context.env.upcalls.arrived(this);
    if (this.#phase === 'over') {
      // The core closed the NI while it looked at the header; a message that it took must be reported all the same.
      if (verdict >= 0) this.#context.env.upcalls.placed(this, -EIO);
    } else if (verdict === RX_PLACE) this.#beginPayload();
    else if (verdict === RX_WAIT) {
      this.#counters.rx_waits++;
      this.#phase = 'wait';
    } else this.#link.broken('broken_message', verdict);
  }

  /**
   * A peer on an unprivileged port is who its connection says, not who it claims to be: socklnd §11. A source on another net
   * is left alone: such a message was routed, and its answer could not find back otherwise.
   */
  #substituteSource(view: DataView, hdrAt: number): void {
    if (this.form === 4) {
      const at = hdrAt + LNET_HDR4.at.srcNid;
      if (nid4Kind.read(view, at, true).net !== this.ni.nid.net) return;
      nid4Kind.write(view, at, this.fromNid, true);
      view.setUint32(hdrAt + LNET_HDR4.at.srcPid, this.fromPid, true);
      return;
    }
    const at = hdrAt + LNET_HDR16.at.srcNid;
    if (view.getUint8(at + 1) !== this.ni.nid.lnd || view.getUint16(at + 2) !== (this.ni.nid.net & 0xffff)) return;
    writeNid16(view, at, this.fromNid);
    view.setUint32(hdrAt + LNET_HDR16.at.srcPid, this.fromPid, true);
  }

  /** Keeps the beginning of a header until the rest comes. */
  #keep(bytes: Uint8Array, at: number, end: number): 0 {
    this.#partial ??= new Uint8Array(STAGING_HEADROOM);
    this.#partial.set(bytes.subarray(at, end));
    this.#partialBytes = end - at;
    return 0;
  }

  /** The core has said where the payload goes. */
  #beginPayload(): void {
    if (this.wantedBytes > this.#payloadLength)
      throw new RangeError(`${this.wantedBytes} bytes wanted of a payload of ${this.#payloadLength}`);
    this.#phase = 'payload';
    this.#left = this.wantedBytes;
    this.#discardLeft = this.#payloadLength - this.wantedBytes;
    this.#counters.rx_discarded_bytes += this.#discardLeft;
    if (this.#discardLeft > 0) this.#checksumExpected = 0;
    this.#fragment = 0;
    this.#fragmentAt = 0;
    if (this.#left > 0) this.#advance(this.iovOffset);
  }

  /** The wanted payload is in place: it is acknowledged before the core may spend time on it (socklnd §4.3, §7.2). */
  #endPayload(): void {
    if (this.#checksumExpected !== 0 && this.#checksum !== this.#checksumExpected) {
      this.#link.broken('broken_checksum', -EIO);
      return;
    }
    this.#phase = this.#discardLeft > 0 ? 'discard' : 'header';
    this.#tapEnd(this.#headBytes + this.#payloadLength);
    const message = this.#message;
    if (this.#prefixBytes > 0 && message.wantsZcAck)
      this.#link.zcRequested(message.zcCookie0Low, message.zcCookie0High);
    this.#context.env.upcalls.placed(this, 0);
  }

  #placedDirectly(count: number): void {
    if (this.#checksumExpected !== 0) {
      const fragment = this.iov[this.#fragment] as Uint8Array;
      const placed = new Uint8Array(fragment.buffer, fragment.byteOffset + this.#fragmentAt, count);
      this.#checksum = updateChecksum(this.#checksum, placed);
    }
    this.#advance(count);
    this.#left -= count;
    if (this.#left === 0) this.#endPayload();
  }

  /** Copies payload that arrived in staging to its place. */
  #placeCopy(bytes: Uint8Array, from: number, count: number): void {
    this.#counters.rx_copied_bytes += count;
    if (this.#checksumExpected !== 0)
      this.#checksum = updateChecksum(this.#checksum, bytes.subarray(from, from + count));
    this.#left -= count;
    for (let at = from, left = count; left > 0; ) {
      const fragment = this.iov[this.#fragment] as Uint8Array;
      const take = Math.min(fragment.length - this.#fragmentAt, left);
      if (take > LOOP_COPY_MAX) fragment.set(bytes.subarray(at, at + take), this.#fragmentAt);
      else for (let i = 0; i < take; i++) fragment[this.#fragmentAt + i] = bytes[at + i] as number;
      this.#advance(take);
      at += take;
      left -= take;
    }
  }

  /** Moves the place of the next byte on; it stands inside a fragment unless the memory ends there. */
  #advance(count: number): void {
    let at = this.#fragmentAt + count;
    for (
      let fragment = this.iov[this.#fragment];
      fragment && at >= fragment.length;
      fragment = this.iov[this.#fragment]
    ) {
      at -= fragment.length;
      this.#fragment++;
    }
    this.#fragmentAt = at;
  }

  /** Bytes, at most `most`, that lie behind each other in memory from the place of the next byte on. */
  #contiguous(most: number): number {
    let fragment = this.iov[this.#fragment] as Uint8Array;
    let run = fragment.length - this.#fragmentAt;
    for (let index = this.#fragment + 1; run < most; index++) {
      const next = this.iov[index];
      if (!next || next.buffer !== fragment.buffer || next.byteOffset !== fragment.byteOffset + fragment.length) break;
      run += next.length;
      fragment = next;
    }
    return Math.min(run, most);
  }

  #beginChecksum(bytes: Uint8Array, view: DataView, at: number, length: number): void {
    this.#checksumExpected = this.#message.csum;
    view.setUint32(at + KSOCK_MSG.at.csum, 0, true);
    this.#checksum = updateChecksum(CHECKSUM_START, bytes.subarray(at, at + length));
  }

  #tapHead(bytes: Uint8Array, at: number, length: number): void {
    this.#tappedHead = this.#context.tap ? bytes.slice(at, at + length) : null;
  }

  #tapEnd(bytes: number): void {
    const head = this.#tappedHead;
    if (!head) return;
    this.#tappedHead = null;
    const segments = [head];
    if (bytes > head.length) sliceIov(this.iov, this.iovOffset, this.wantedBytes, segments);
    this.#context.tap?.frame('in', this.ni, this.fromNid, this.#linkId, segments, bytes);
  }
}

const EMPTY = new Uint8Array(0);
