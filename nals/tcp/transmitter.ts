import {
  copyFromIov,
  HEALTH_OK,
  type HealthStatus,
  type Instant,
  type NalNi,
  type NalTx,
  sliceIov,
} from '../../lnet/nal.ts';
import { type LnetHdrForm, lnetHdrBytes } from '../../lnet/wire/lnet-hdr.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import type { TcpContext } from './context.ts';
import type { TcpCounters } from './counters.ts';
import type { Stream, TurnTask } from './stream.ts';
import type { TxBatch } from './tx-batch.ts';
import { TxQueue } from './tx-queue.ts';
import { CHECKSUM_START, updateChecksum } from './wire/checksum.ts';
import { hdrFormOf, KSOCK_PROTO_V1, KSOCK_PROTO_V2, type KsockVersion } from './wire/hello.ts';
import {
  KSOCK_MSG,
  KSOCK_MSG_NOOP,
  MESSAGE_HEADER_BYTES,
  MessageHeader,
  writeLnetHeader,
} from './wire/message-header.ts';

/** A payload up to this size is copied behind its header; a larger one goes out from its own memory. */
export const GATHER_MAX = 1_024;

/** With so much queued a write does not wait for the end of the turn. */
const EAGER_BYTES = 65_536;

/** A batch takes no further message that is not gathered once it has this many bytes. */
const BATCH_BYTES = 1_048_576;

/** Segments of one write; the system takes 1024 at a time. */
const SEGMENTS_MAX = 768;

/** Writes given to the runtime at once: one is under way, the other follows without waiting for a turn of the loop. */
const WRITES_MAX = 2;

/** NOOPs that may wait: a peer is owed so many only if it does not read. */
export const NOOPS_MAX = 1_024;

export interface TransmitterOptions {
  readonly stream: Stream;
  readonly ni: NalNi;
  readonly peerNid: Nid;
  readonly version: KsockVersion;
  readonly linkId: number;
  readonly counters: TcpCounters;
  readonly sendsChecksums: boolean;
}

/** How a connection's unfinished transmissions end. */
export interface TxEnding {
  /** For those of which nothing has left. */
  readonly unsent: { readonly errno: number; readonly health: HealthStatus };
  /** For those whose write is under way: part of them may have arrived. */
  readonly underWay: { readonly errno: number; readonly health: HealthStatus };
}

/**
 * The sending half of a connection that is up. Messages leave in the order in which they were queued, as many per vectored
 * write as have gathered: small ones copied behind each other, large ones from their own memory (nal-rdma-and-limits §5.2).
 * A message is reported as sent when its write is over, which is when its memory is free again.
 */
export class Transmitter implements TurnTask {
  readonly form: LnetHdrForm;
  readonly #context: TcpContext;
  readonly #stream: Stream;
  readonly #ni: NalNi;
  readonly #peerNid: Nid;
  readonly #linkId: number;
  readonly #counters: TcpCounters;
  readonly #sendsChecksums: boolean;
  readonly #prefixBytes: number;
  readonly #headBytes: number;
  readonly #queue = new TxQueue();
  /** NOOPs to send, four words each: halves of both cookies, low first. */
  readonly #noops: number[] = [];
  readonly #noop = new MessageHeader();
  /** Writes under way, oldest first. */
  #firstBatch: TxBatch | null = null;
  #lastBatch: TxBatch | null = null;
  #writes = 0;
  #queuedBytes = 0;
  #backlogBytes = 0;
  #isTurnAwaited = false;
  #isOver = false;
  /** Nothing has been queued. */
  isUntouched = true;

  constructor(context: TcpContext, options: TransmitterOptions) {
    this.#context = context;
    this.#stream = options.stream;
    this.#ni = options.ni;
    this.#peerNid = options.peerNid;
    this.#linkId = options.linkId;
    this.#counters = options.counters;
    this.#sendsChecksums = options.sendsChecksums && options.version === KSOCK_PROTO_V2;
    this.form = hdrFormOf(options.version);
    this.#prefixBytes = options.version === KSOCK_PROTO_V1 ? 0 : MESSAGE_HEADER_BYTES;
    this.#headBytes = this.#prefixBytes + lnetHdrBytes(this.form);
  }

  /** Bytes accepted and not yet taken by the kernel. */
  get backlogBytes(): number {
    return this.#backlogBytes;
  }

  /** When the oldest write under way began, or undefined when there is none. */
  get writingSince(): Instant | undefined {
    return this.#firstBatch?.writtenAt;
  }

  /** Queues a message. The caller has made sure that its NIDs fit the form. */
  queue(tx: NalTx): void {
    const bytes = this.#headBytes + tx.hdr.payloadLength;
    this.#queue.push(tx);
    this.#queuedBytes += bytes;
    this.#backlogBytes += bytes;
    this.#schedule();
  }

  /** Queues a NOOP with these cookies. False when too many wait already: the peer asks and does not read. */
  queueNoop(cookie0Low: number, cookie0High: number, cookie1Low: number, cookie1High: number): boolean {
    if (this.#noops.length === NOOPS_MAX * 4) return false;
    this.#noops.push(cookie0Low, cookie0High, cookie1Low, cookie1High);
    this.#queuedBytes += MESSAGE_HEADER_BYTES;
    this.#backlogBytes += MESSAGE_HEADER_BYTES;
    this.#schedule();
    return true;
  }

  endTurn(): void {
    this.#isTurnAwaited = false;
    this.#flush();
  }

  /** The oldest write is over. */
  written(): void {
    const batch = this.#firstBatch;
    if (!batch) return;
    this.#firstBatch = batch.next;
    if (!batch.next) this.#lastBatch = null;
    this.#writes--;
    this.#backlogBytes -= batch.bytes;
    this.#counters.tx_messages += batch.messageCount;
    this.#counters.tx_bytes += batch.bytes;
    const { upcalls } = this.#context.env;
    for (let tx = batch.messages.shift(); tx; tx = batch.messages.shift()) upcalls.sent(tx, 0, HEALTH_OK);
    this.#context.batches.give(batch);
    this.#flush();
  }

  /** The connection is gone, its stream destroyed: everything accepted ends. */
  fail(ending: TxEnding): void {
    this.#isOver = true;
    const { upcalls } = this.#context.env;
    for (let batch = this.#firstBatch; batch; ) {
      const following: TxBatch | null = batch.next;
      for (let tx = batch.messages.shift(); tx; tx = batch.messages.shift()) {
        this.#counters.tx_failed++;
        upcalls.sent(tx, ending.underWay.errno, ending.underWay.health);
      }
      this.#context.batches.give(batch);
      batch = following;
    }
    this.#firstBatch = null;
    this.#lastBatch = null;
    for (let tx = this.#queue.shift(); tx; tx = this.#queue.shift()) {
      this.#counters.tx_failed++;
      upcalls.sent(tx, ending.unsent.errno, ending.unsent.health);
    }
  }

  /** What is queued leaves at once when it is much, with the rest of the turn otherwise, and behind the write under way at the latest. */
  #schedule(): void {
    this.isUntouched = false;
    if (this.#writes === 0 && this.#queuedBytes >= EAGER_BYTES) this.#flush();
    else if (!this.#isTurnAwaited && this.#writes < WRITES_MAX) {
      this.#isTurnAwaited = true;
      this.#context.host.atTurnEnd(this);
    }
  }

  #flush(): void {
    while (!this.#isOver && this.#queuedBytes > 0 && this.#writes < WRITES_MAX) {
      const batch = this.#context.batches.take();
      this.#fill(batch);
      batch.writtenAt = this.#context.env.clock.now();
      if (this.#lastBatch) this.#lastBatch.next = batch;
      else this.#firstBatch = batch;
      this.#lastBatch = batch;
      this.#writes++;
      this.#queuedBytes -= batch.bytes;
      this.#counters.tx_writes++;
      this.#stream.write(batch.segments);
    }
  }

  /** Moves as much as fits from the queues into a batch: at least one message. */
  #fill(batch: TxBatch): void {
    this.#fillNoops(batch);
    for (let tx = this.#queue.first; tx; tx = this.#queue.first) {
      const length = tx.hdr.payloadLength;
      if (length <= GATHER_MAX) {
        if (batch.room < this.#headBytes + length) break;
        this.#queue.shift();
        this.#gather(batch, tx, length);
      } else {
        if (batch.room < this.#headBytes || (batch.bytes > 0 && batch.bytes + length > BATCH_BYTES)) break;
        if (batch.segments.length > 0 && batch.segments.length + tx.payload.length > SEGMENTS_MAX) break;
        this.#queue.shift();
        this.#scatter(batch, tx, length);
      }
      batch.messages.push(tx);
      batch.messageCount++;
    }
    batch.cut();
  }

  #fillNoops(batch: TxBatch): void {
    const noop = this.#noop;
    noop.type = KSOCK_MSG_NOOP;
    const words = Math.min(this.#noops.length, Math.floor(batch.room / MESSAGE_HEADER_BYTES) * 4);
    for (let word = 0; word < words; word += 4) {
      const at = batch.take(MESSAGE_HEADER_BYTES);
      noop.zcCookie0Low = this.#noops[word] as number;
      noop.zcCookie0High = this.#noops[word + 1] as number;
      noop.zcCookie1Low = this.#noops[word + 2] as number;
      noop.zcCookie1High = this.#noops[word + 3] as number;
      noop.encode(batch.view, at);
      if (this.#sendsChecksums) this.#sealStaged(batch, at, MESSAGE_HEADER_BYTES);
      this.#tapStaged(batch, at, MESSAGE_HEADER_BYTES);
      batch.bytes += MESSAGE_HEADER_BYTES;
    }
    if (words > 0) this.#noops.splice(0, words);
  }

  /** Header and payload into staging. */
  #gather(batch: TxBatch, tx: NalTx, length: number): void {
    const at = this.#encodeHead(batch, tx);
    if (length > 0) {
      copyFromIov(tx.payload, tx.payloadOffset, length, batch.staging, batch.take(length));
      this.#counters.tx_copied_bytes += length;
    }
    if (this.#sendsChecksums) this.#sealStaged(batch, at, this.#headBytes + length);
    this.#tapStaged(batch, at, this.#headBytes + length);
    batch.bytes += this.#headBytes + length;
  }

  /** Header into staging, payload as segments of its own. */
  #scatter(batch: TxBatch, tx: NalTx, length: number): void {
    const at = this.#encodeHead(batch, tx);
    batch.cut();
    const firstSegment = batch.segments.length;
    sliceIov(tx.payload, tx.payloadOffset, length, batch.segments);
    if (this.#sendsChecksums) {
      let checksum = updateChecksum(CHECKSUM_START, batch.staging.subarray(at, at + this.#headBytes));
      for (let i = firstSegment; i < batch.segments.length; i++)
        checksum = updateChecksum(checksum, batch.segments[i] as Uint8Array);
      batch.view.setUint32(at + KSOCK_MSG.at.csum, checksum, true);
    }
    const bytes = this.#headBytes + length;
    if (this.#context.tap) {
      const head = batch.staging.subarray(at, at + this.#headBytes);
      this.#tap([head, ...batch.segments.slice(firstSegment)], bytes);
    }
    batch.bytes += bytes;
  }

  #encodeHead(batch: TxBatch, tx: NalTx): number {
    const at = batch.take(this.#headBytes);
    if (this.#prefixBytes > 0) writeLnetHeader(batch.view, at);
    tx.hdr.encode(batch.view, at + this.#prefixBytes, this.form);
    return at;
  }

  /** Checksum over a whole message that lies in staging: socklnd §5. */
  #sealStaged(batch: TxBatch, at: number, length: number): void {
    const checksum = updateChecksum(CHECKSUM_START, batch.staging.subarray(at, at + length));
    batch.view.setUint32(at + KSOCK_MSG.at.csum, checksum, true);
  }

  #tapStaged(batch: TxBatch, at: number, length: number): void {
    if (this.#context.tap) this.#tap([batch.staging.subarray(at, at + length)], length);
  }

  #tap(segments: readonly Uint8Array[], bytes: number): void {
    this.#context.tap?.frame('out', this.#ni, this.#peerNid, this.#linkId, segments, bytes);
  }
}
