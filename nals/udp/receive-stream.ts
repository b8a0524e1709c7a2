import { copyIntoIov, EIO, iovBytes, type NalNi, type NalUpcalls, RX_PLACE, RX_WAIT } from '../../lnet/nal.ts';
import { viewOf } from '../../lnet/wire/layout.ts';
import { LNET_HDR4, LNET_HDR16, LNET_HDR16_BYTES, LNET_MTU, lnetHdrBytes } from '../../lnet/wire/lnet-hdr.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import type { UdpCounters } from './counters.ts';
import { type HeldBudget, HeldPieces } from './held-pieces.ts';
import { RangeSet } from './range-set.ts';
import { UdpRx } from './udp-rx.ts';
import { UDP_RECORD } from './wire.ts';

/** The window is announced anew when it has grown by this part of itself. */
const WINDOW_STEPS = 4;

/** What became of a DATA frame. */
export const DATA_TAKEN = 0;
/** No memory to hold it: the packet must not be acknowledged. */
export const DATA_NO_ROOM = 1;
/** Beyond the window: the peer breaks the rules. */
export const DATA_BEYOND_WINDOW = 2;

/** What a stream needs of its link. */
export interface ReceiveOwner {
  /** The stream makes no sense, or the core refused it: close the link. */
  streamBroken(reason: 'broken_record' | 'broken_too_long' | 'broken_by_lnet'): void;
  /** The core's answer to a waiting message has come: records behind it are to be read, and the window may open. */
  streamResumed(): void;
}

/**
 * The receiving half of a link. Bytes of the message that the core has answered go from the datagram straight to their
 * place, at any offset of it; everything else is held until its turn. One message at a time is in the core's hands.
 */
export class ReceiveStream {
  readonly #upcalls: NalUpcalls;
  readonly #owner: ReceiveOwner;
  readonly #counters: UdpCounters;
  readonly #windowBytes: number;
  readonly #held: HeldPieces;
  /** Everything below has arrived; what is above stands in the set. */
  #arrivedTo = 0;
  readonly #ahead = new RangeSet();
  #state: 'head' | 'placing' | 'waiting' | 'over' = 'head';
  /** Head of the record under way: how much of it is there and how long it is, as far as known. */
  readonly #head = new Uint8Array(UDP_RECORD.size + LNET_HDR16_BYTES);
  readonly #view = viewOf(this.#head);
  readonly #rx: UdpRx;
  #headHave = 0;
  #headNeed: number = UDP_RECORD.size;
  /** Offset at which the record begins, then where its payload begins and ends. */
  #recordAt = 0;
  #payloadAt = 0;
  #messageEnd = 0;
  #placedBytes = 0;
  #isReading = false;
  /** Offset that the peer was last told. */
  #announced: number;

  constructor(options: {
    readonly ni: NalNi;
    readonly upcalls: NalUpcalls;
    readonly owner: ReceiveOwner;
    readonly counters: UdpCounters;
    readonly budget: HeldBudget;
    readonly windowBytes: number;
  }) {
    this.#upcalls = options.upcalls;
    this.#owner = options.owner;
    this.#counters = options.counters;
    this.#windowBytes = options.windowBytes;
    this.#announced = options.windowBytes;
    this.#held = new HeldPieces(options.budget);
    this.#rx = new UdpRx(options.ni, this, this.#view, UDP_RECORD.size);
  }

  /** Who its messages come from. */
  setPeer(nid: Nid, pid: number): void {
    this.#rx.fromNid = nid;
    this.#rx.fromPid = pid;
  }

  get heldBytes(): number {
    return this.#held.heldBytes;
  }

  /**
   * Takes the bytes `from`..`to` of a datagram, which stand at `offset` of the stream: {@link DATA_TAKEN} or another verdict.
   * {@link read} must follow.
   */
  receive(offset: number, datagram: Uint8Array, from: number, to: number): number {
    const end = offset + to - from;
    if (!(end <= this.#announced)) return DATA_BEYOND_WINDOW;
    const shift = from - offset;
    let verdict = DATA_TAKEN;
    let fresh = 0;
    for (let at = Math.max(offset, this.#arrivedTo); at < end; ) {
      at = this.#ahead.firstMissing(at);
      if (at >= end) break;
      const next = this.#ahead.firstPresent(at, end);
      if (this.#take(at, datagram, at + shift, next + shift)) fresh += next - at;
      else verdict = DATA_NO_ROOM;
      at = next;
    }
    this.#counters.rx_duplicate_bytes += verdict === DATA_TAKEN ? to - from - fresh : 0;
    return verdict;
  }

  /** Places or holds bytes of which none has arrived before. False when there is no room. */
  #take(offset: number, datagram: Uint8Array, from: number, to: number): boolean {
    let at = offset;
    let start = from;
    if (this.#state === 'placing' && at < this.#messageEnd) {
      const count = Math.min(to - from, this.#messageEnd - at);
      this.#place(at, datagram, from, count);
      this.#arrived(at, at + count);
      at += count;
      start += count;
    }
    if (start === to) return true;
    // What is next in line will be read at once, so that it needs no room.
    const isNext = at === this.#arrivedTo && this.#state !== 'waiting';
    if (!isNext && !this.#held.hasRoomFor(to - start, this.#windowBytes)) {
      this.#counters.dropped_no_room++;
      return false;
    }
    this.#held.hold(at, viewOfPart(datagram, start, to - start));
    this.#arrived(at, at + to - start);
    return true;
  }

  #arrived(from: number, to: number): void {
    if (from !== this.#arrivedTo) {
      this.#ahead.add(from, to);
      return;
    }
    this.#arrivedTo = to;
    if (this.#ahead.size > 0 && this.#ahead.fromAt(0) <= to) {
      this.#arrivedTo = this.#ahead.toAt(0);
      this.#ahead.shift();
    }
  }

  /** Copies `count` bytes of a datagram to their place: the one copy, which is the transfer. */
  #place(at: number, datagram: Uint8Array, from: number, count: number): void {
    const rx = this.#rx;
    const offset = at - this.#payloadAt;
    const wanted = Math.max(0, Math.min(rx.wantedBytes - offset, count));
    if (wanted > 0) copyIntoIov(viewOfPart(datagram, from, wanted), rx.iov, rx.iovOffset + offset);
    this.#counters.rx_discarded_bytes += count - wanted;
    this.#placedBytes += count;
  }

  /** Goes through the stream as far as it has arrived and the core lets it. Not to be called from within the core's calls. */
  read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (this.#state === 'placing' ? this.#finish() : this.#state === 'head' && this.#readHead());
    } finally {
      this.#isReading = false;
    }
  }

  /** The message is in place: reports it. False while it is not. */
  #finish(): boolean {
    if (this.#payloadAt + this.#placedBytes < this.#messageEnd) return false;
    this.#recordAt = this.#messageEnd;
    this.#headHave = 0;
    this.#headNeed = UDP_RECORD.size;
    this.#state = 'head';
    this.#upcalls.placed(this.#rx, 0);
    return true;
  }

  /** Collects the head of a record and, once it is whole, asks the core. False when there is nothing to go on with. */
  #readHead(): boolean {
    while (this.#headHave < this.#headNeed) {
      const piece = this.#held.first;
      if (!piece || piece.at !== this.#recordAt + this.#headHave) return false;
      const count = Math.min(piece.bytes.length, this.#headNeed - this.#headHave);
      this.#head.set(piece.bytes.subarray(0, count), this.#headHave);
      this.#headHave += count;
      this.#held.consume(count);
      if (this.#headHave === UDP_RECORD.size && this.#headNeed === UDP_RECORD.size) {
        const form = this.#head[UDP_RECORD.at.form];
        if (form !== 4 && form !== 16) return this.#break('broken_record');
        this.#rx.reset(form);
        this.#headNeed += lnetHdrBytes(form);
      }
    }
    return this.#offer();
  }

  #offer(): boolean {
    const rx = this.#rx;
    const lengthAt = (rx.form === 4 ? LNET_HDR4 : LNET_HDR16).at.payloadLength;
    const length = this.#view.getUint32(UDP_RECORD.size + lengthAt, true);
    if (length > LNET_MTU) return this.#break('broken_too_long');
    this.#payloadAt = this.#recordAt + this.#headNeed;
    this.#messageEnd = this.#payloadAt + length;
    this.#placedBytes = 0;
    this.#counters.rx_messages++;
    const verdict = this.#upcalls.arrived(rx);
    if (verdict < 0) return this.#break('broken_by_lnet');
    if (this.#isOver) {
      this.#upcalls.placed(rx, -EIO);
      return false;
    }
    if (verdict === RX_WAIT) {
      this.#counters.rx_waits++;
      this.#state = 'waiting';
      return false;
    }
    if (verdict !== RX_PLACE) throw new RangeError(`${verdict} is not a verdict`);
    this.#beginPlacing(length);
    return true;
  }

  #beginPlacing(length: number): void {
    const rx = this.#rx;
    if (rx.wantedBytes > length) throw new RangeError(`${rx.wantedBytes} bytes wanted of ${length}`);
    if (iovBytes(rx.iov) < rx.iovOffset + rx.wantedBytes)
      throw new RangeError(`${rx.wantedBytes} bytes wanted in less memory`);
    this.#state = 'placing';
    for (let piece = this.#held.first; piece && piece.at < this.#messageEnd; piece = this.#held.first) {
      const count = Math.min(piece.bytes.length, this.#messageEnd - piece.at);
      this.#place(piece.at, piece.bytes, 0, count);
      this.#held.consume(count);
    }
  }

  /** The core has set its answer at last; records behind this message are read later, outside its call. */
  resume(): void {
    if (this.#isOver) return;
    if (this.#state !== 'waiting') throw new Error(`resume() of a message from ${this.#rx.fromNid} that does not wait`);
    this.#beginPlacing(this.#messageEnd - this.#payloadAt);
    this.#finish();
    this.#owner.streamResumed();
  }

  /** What the core has taken: the window goes this far ahead of it. */
  get #consumedTo(): number {
    if (this.#state === 'placing') return Math.min(this.#arrivedTo, this.#messageEnd);
    return this.#recordAt + this.#headHave;
  }

  /** The peer is to be told a new window. */
  get isWindowDue(): boolean {
    return this.#consumedTo + this.#windowBytes - this.#announced >= this.#windowBytes / WINDOW_STEPS;
  }

  /** The offset up to which the peer may send, to be told it now. */
  announce(): number {
    this.#announced = Math.max(this.#announced, this.#consumedTo + this.#windowBytes);
    return this.#announced;
  }

  /** The link is gone: what is held is forgotten, and the message in the core's hands reported as failed. */
  fail(): void {
    const isOpen = this.#state === 'placing' || this.#state === 'waiting';
    this.#state = 'over';
    this.#held.clear();
    this.#ahead.clear();
    if (!isOpen) return;
    this.#counters.rx_interrupted++;
    this.#upcalls.placed(this.#rx, -EIO);
  }

  get #isOver(): boolean {
    return this.#state === 'over';
  }

  #break(reason: 'broken_record' | 'broken_too_long' | 'broken_by_lnet'): false {
    this.#owner.streamBroken(reason);
    return false;
  }
}

/** As `subarray`, which for the runtime's own buffers takes several times as long. */
function viewOfPart(bytes: Uint8Array, from: number, count: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + from, count);
}
