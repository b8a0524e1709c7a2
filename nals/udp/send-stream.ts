import { HEALTH_OK, type HealthStatus, type Iov, type NalTx, type NalUpcalls } from '../../lnet/nal.ts';
import { viewOf } from '../../lnet/wire/layout.ts';
import { LNET_HDR16_BYTES, type LnetHdrForm, lnetHdrBytes } from '../../lnet/wire/lnet-hdr.ts';
import type { PacketWriter } from './packet-writer.ts';
import { RangeSet } from './range-set.ts';
import { UDP_RECORD } from './wire.ts';

/** A piece up to this length is copied into the packet, which is cheaper than a segment; a longer one is sent from its own memory. */
const GATHER_MAX = 512;

/** How what was accepted ends when its link is gone. */
export interface StreamEnding {
  /** For messages of which nothing has left. */
  readonly unsent: { readonly errno: number; readonly health: HealthStatus };
  /** For those of which something was sent, all of it perhaps. */
  readonly underWay: { readonly errno: number; readonly health: HealthStatus };
}

/** Header form of a message: the small one wherever it fits. udp §4. */
function formOf(tx: NalTx): LnetHdrForm {
  return tx.hdr.needsLargeForm ? 16 : 4;
}

function headBytesOf(tx: NalTx): number {
  return UDP_RECORD.size + lnetHdrBytes(formOf(tx));
}

/**
 * The sending half of a link: messages as ranges of one ordered stream. Bytes are read from their sender's memory whenever a
 * packet needs them, also for the second time, so that nothing is copied and nothing kept.
 */
export class SendStream {
  readonly #upcalls: NalUpcalls;
  /** Messages not wholly acknowledged, through `nalNext`; `nalNote` is the offset at which each begins. */
  #first: NalTx | null = null;
  #last: NalTx | null = null;
  /** Message that the last packet ended in: where the next one most likely begins. */
  #cursor: NalTx | null = null;
  #end = 0;
  /** What lies below was sent at least once. */
  #sentTo = 0;
  readonly #lost = new RangeSet();
  /** Everything below is acknowledged; what is above stands in the set. */
  #acknowledgedTo = 0;
  readonly #acknowledged = new RangeSet();
  /** Offset up to which the peer lets us send. */
  peerWindow = 0;
  /** Range of the next packet: see {@link next}. */
  from = 0;
  to = 0;
  readonly #head = new Uint8Array(UDP_RECORD.size + LNET_HDR16_BYTES);
  readonly #headView = viewOf(this.#head);
  /** Message whose head stands in {@link #head}. */
  #encoded: NalTx | null = null;

  constructor(upcalls: NalUpcalls) {
    this.#upcalls = upcalls;
  }

  queue(tx: NalTx): void {
    tx.nalNote = this.#end;
    tx.nalNext = null;
    if (this.#last) this.#last.nalNext = tx;
    else this.#first = tx;
    this.#last = tx;
    this.#end += headBytesOf(tx) + tx.hdr.payloadLength;
  }

  /** Some message is not over. */
  get isBusy(): boolean {
    return this.#first !== null;
  }

  /** Something may be sent now, as far as the peer is concerned. */
  get isReady(): boolean {
    return this.#lost.size > 0 || this.#sentTo < Math.min(this.#end, this.peerWindow);
  }

  /** Something waits for nothing but the peer's window. */
  get isStalled(): boolean {
    return this.#sentTo < this.#end && this.#sentTo >= this.peerWindow;
  }

  /** Chooses what the next packet carries, lost ranges first: `from`..`to`, at most `room` bytes. */
  next(room: number): void {
    if (this.#lost.size > 0) {
      this.from = this.#lost.fromAt(0);
      this.to = Math.min(this.#lost.toAt(0), this.from + room);
      this.#lost.remove(this.from, this.to);
      return;
    }
    this.from = this.#sentTo;
    this.to = Math.min(this.#end, this.peerWindow, this.from + room);
    this.#sentTo = this.to;
  }

  /** Writes the chosen range into a packet. */
  write(writer: PacketWriter): void {
    let at = this.from;
    let tx = this.#messageAt(at);
    while (at < this.to && tx) {
      const headBytes = headBytesOf(tx);
      const payloadAt = tx.nalNote + headBytes;
      const end = payloadAt + tx.hdr.payloadLength;
      if (at < payloadAt) {
        this.#encode(tx, headBytes);
        const upTo = Math.min(payloadAt, this.to);
        writer.copy(this.#head.subarray(at - tx.nalNote, upTo - tx.nalNote));
        at = upTo;
      }
      if (at < this.to && at < end) {
        const upTo = Math.min(end, this.to);
        writePayload(writer, tx.payload, tx.payloadOffset + at - payloadAt, upTo - at);
        at = upTo;
      }
      this.#cursor = tx;
      tx = tx.nalNext;
    }
  }

  /** A range has arrived at the peer. */
  acknowledged(from: number, to: number): void {
    this.#lost.remove(from, to);
    this.#acknowledged.add(Math.max(from, this.#acknowledgedTo), to);
    if (this.#acknowledged.size > 0 && this.#acknowledged.fromAt(0) <= this.#acknowledgedTo) {
      this.#acknowledgedTo = this.#acknowledged.toAt(0);
      this.#acknowledged.shift();
    }
  }

  /** A range is to be sent again, unless it has arrived in another packet. */
  lost(from: number, to: number): void {
    for (let at = Math.max(from, this.#acknowledgedTo); at < to; ) {
      at = this.#acknowledged.firstMissing(at);
      const end = this.#acknowledged.firstPresent(at, to);
      this.#lost.add(at, end);
      at = Math.max(end, at + 1);
    }
  }

  /** Reports the messages that have arrived whole. Gives their number. */
  reportSent(): number {
    let count = 0;
    for (let tx = this.#first; tx; tx = this.#first) {
      if (tx.nalNote + headBytesOf(tx) + tx.hdr.payloadLength > this.#acknowledgedTo) break;
      this.#unlinkFirst(tx);
      count++;
      this.#upcalls.sent(tx, 0, HEALTH_OK);
    }
    return count;
  }

  /** The link is gone: everything that was accepted ends. Gives its number. */
  fail(ending: StreamEnding): number {
    this.#lost.clear();
    this.#acknowledged.clear();
    let count = 0;
    for (let tx = this.#first; tx; tx = this.#first) {
      const { errno, health } = tx.nalNote >= this.#sentTo ? ending.unsent : ending.underWay;
      this.#unlinkFirst(tx);
      count++;
      this.#upcalls.sent(tx, errno, health);
    }
    return count;
  }

  #unlinkFirst(tx: NalTx): void {
    this.#first = tx.nalNext;
    if (!this.#first) this.#last = null;
    if (this.#cursor === tx) this.#cursor = null;
    if (this.#encoded === tx) this.#encoded = null;
    tx.nalNext = null;
  }

  #messageAt(offset: number): NalTx | null {
    let tx = this.#cursor && this.#cursor.nalNote <= offset ? this.#cursor : this.#first;
    while (tx?.nalNext && tx.nalNext.nalNote <= offset) tx = tx.nalNext;
    return tx;
  }

  #encode(tx: NalTx, headBytes: number): void {
    if (this.#encoded === tx) return;
    this.#encoded = tx;
    this.#head.fill(0, 0, UDP_RECORD.size);
    const form = formOf(tx);
    this.#head[UDP_RECORD.at.form] = form;
    tx.hdr.encode(this.#headView, headBytes - lnetHdrBytes(form), form);
  }
}

/** Puts `bytes` of scattered memory from `offset` on into a packet. */
function writePayload(writer: PacketWriter, iov: Iov, offset: number, bytes: number): void {
  let skip = offset;
  let left = bytes;
  for (const fragment of iov) {
    if (left === 0) return;
    if (skip >= fragment.length) {
      skip -= fragment.length;
      continue;
    }
    const take = Math.min(fragment.length - skip, left);
    const part = skip === 0 && take === fragment.length ? fragment : fragment.subarray(skip, skip + take);
    if (take > GATHER_MAX) writer.show(part);
    else writer.copy(part);
    left -= take;
    skip = 0;
  }
}
