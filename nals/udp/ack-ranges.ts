/** Which packets of the peer have arrived, and when to say so: RFC 9000 §13.2, RFC 9002 §6. */
import type { Instant } from '../../lnet/nal.ts';
import { RangeSet } from './range-set.ts';
import { readU53, UDP_ACK, UDP_ACK_RANGE, writeU53 } from './wire.ts';

/** Ranges of one ACK, the first included. */
export const ACK_RANGES_MAX = 32;

/** Ranges kept; packets below the lowest count as arrived. */
const RANGES_KEPT_MAX = 128;

/** So many packets that ask for it are acknowledged without delay: RFC 9000 §13.2.2. */
const ELICITING_MAX = 2;

/** The receiving side: what has arrived. */
export class AckRanges {
  readonly #ranges = new RangeSet();
  #largest = -1;
  #largestAt: Instant = 0;
  /** Below it everything counts as arrived. */
  #floor = 0;
  /** Packets that ask for an acknowledgement and have none. */
  #waiting = 0;
  /** The acknowledgement is to leave with the end of the turn. */
  isDue = false;
  /** When it is due at the latest; infinite when nothing waits. */
  dueAt: Instant = Number.POSITIVE_INFINITY;

  get largest(): number {
    return this.#largest;
  }

  /** Something waits to be acknowledged. */
  get isWaiting(): boolean {
    return this.#waiting > 0;
  }

  has(number: number): boolean {
    return number < this.#floor || this.#ranges.has(number);
  }

  /** A new packet. `asks`: it wants an acknowledgement; `now` and `delayUs`: for one that may wait. */
  add(number: number, asks: boolean, now: Instant, delayUs: number): void {
    const isInOrder = number === this.#largest + 1;
    this.#ranges.add(number, number + 1);
    if (number > this.#largest) {
      this.#largest = number;
      this.#largestAt = now;
    }
    if (this.#ranges.size > RANGES_KEPT_MAX) {
      this.#ranges.shift();
      this.#floor = this.#ranges.fromAt(0);
    }
    if (!asks) return;
    this.#waiting++;
    if (this.#waiting >= ELICITING_MAX || !isInOrder) this.isDue = true;
    else this.dueAt = Math.min(this.dueAt, now + delayUs);
  }

  /** Bytes of the frame's body. */
  get bodyBytes(): number {
    return UDP_ACK.size + UDP_ACK_RANGE.size * (Math.min(this.#ranges.size, ACK_RANGES_MAX) - 1);
  }

  /** Writes the frame's body; what waited is acknowledged with it. */
  write(view: DataView, at: number, now: Instant): void {
    const ranges = this.#ranges;
    let index = ranges.size - 1;
    writeU53(view, at + UDP_ACK.at.largest, this.#largest);
    view.setUint32(at + UDP_ACK.at.delayUs, Math.min(now - this.#largestAt, 0xffffffff), true);
    view.setUint32(at + UDP_ACK.at.firstCount, countOf(ranges, index), true);
    let rangeAt = at + UDP_ACK.size;
    for (let left = ACK_RANGES_MAX - 1; index > 0 && left > 0; left--, rangeAt += UDP_ACK_RANGE.size) {
      const gap = ranges.fromAt(index) - ranges.toAt(index - 1);
      index--;
      view.setUint32(rangeAt + UDP_ACK_RANGE.at.gap, Math.min(gap, 0xffffffff), true);
      view.setUint32(rangeAt + UDP_ACK_RANGE.at.count, countOf(ranges, index), true);
    }
    this.#waiting = 0;
    this.isDue = false;
    this.dueAt = Number.POSITIVE_INFINITY;
  }
}

function countOf(ranges: RangeSet, index: number): number {
  return Math.min(ranges.toAt(index) - ranges.fromAt(index), 0xffffffff);
}

/** The sending side: an ACK as it came, its ranges in ascending order. One record serves all. */
export class AckFrame {
  largest = 0;
  delayUs = 0;
  readonly #from: number[] = [];
  readonly #to: number[] = [];
  /** Range that held the last number asked for. */
  #cursor = 0;

  /** Reads a body of so many bytes. False when its numbers make no sense. */
  read(view: DataView, at: number, bytes: number): boolean {
    this.#from.length = 0;
    this.#to.length = 0;
    this.#cursor = 0;
    const extra = bytes - UDP_ACK.size;
    if (extra < 0 || extra % UDP_ACK_RANGE.size !== 0 || extra / UDP_ACK_RANGE.size >= ACK_RANGES_MAX) return false;
    this.largest = readU53(view, at + UDP_ACK.at.largest);
    this.delayUs = view.getUint32(at + UDP_ACK.at.delayUs, true);
    let to = this.largest + 1;
    let count = view.getUint32(at + UDP_ACK.at.firstCount, true);
    for (let rangeAt = at + UDP_ACK.size; ; rangeAt += UDP_ACK_RANGE.size) {
      if (count === 0 || !(to - count >= 0)) return false;
      this.#from.unshift(to - count);
      this.#to.unshift(to);
      if (rangeAt === at + bytes) return true;
      const gap = view.getUint32(rangeAt + UDP_ACK_RANGE.at.gap, true);
      if (gap === 0) return false;
      to -= count + gap;
      count = view.getUint32(rangeAt + UDP_ACK_RANGE.at.count, true);
    }
  }

  /** Whether it acknowledges a packet. To be asked in ascending order. */
  covers(number: number): boolean {
    while (this.#cursor < this.#to.length && (this.#to[this.#cursor] as number) <= number) this.#cursor++;
    return this.#cursor < this.#from.length && (this.#from[this.#cursor] as number) <= number;
  }
}
