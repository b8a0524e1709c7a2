import { viewOf } from '../../lnet/wire/layout.ts';
import type { Instant } from '../../lnet/nal.ts';
import { TxQueue } from './tx-queue.ts';

/** Staging of one batch: headers, and the payloads of small messages. */
export const BATCH_STAGING_BYTES = 65_536;

/** Batches that are kept for reuse. */
const BATCHES_KEPT_MAX = 64;

/** The messages of one vectored write. */
export class TxBatch {
  readonly staging = Buffer.allocUnsafeSlow(BATCH_STAGING_BYTES);
  readonly view = viewOf(this.staging);
  /** What goes out, in order: pieces of staging and of the messages' own memory. */
  readonly segments: Uint8Array[] = [];
  readonly messages = new TxQueue();
  messageCount = 0;
  bytes = 0;
  writtenAt: Instant = 0;
  next: TxBatch | null = null;
  /** Bytes of staging in use, and from where on they are not among the segments yet. */
  #used = 0;
  #cut = 0;

  get used(): number {
    return this.#used;
  }

  get room(): number {
    return BATCH_STAGING_BYTES - this.#used;
  }

  /** Takes room in staging; gives its offset. */
  take(bytes: number): number {
    const at = this.#used;
    this.#used += bytes;
    return at;
  }

  /** Makes a segment of what was staged since the last one. */
  cut(): void {
    if (this.#used === this.#cut) return;
    this.segments.push(this.staging.subarray(this.#cut, this.#used));
    this.#cut = this.#used;
  }

  reset(): void {
    this.segments.length = 0;
    this.messageCount = 0;
    this.bytes = 0;
    this.next = null;
    this.#used = 0;
    this.#cut = 0;
  }
}

/** Keeps finished batches for the next ones. */
export class TxBatchPool {
  readonly #free: TxBatch[] = [];

  take(): TxBatch {
    return this.#free.pop() ?? new TxBatch();
  }

  give(batch: TxBatch): void {
    batch.reset();
    if (this.#free.length < BATCHES_KEPT_MAX) this.#free.push(batch);
  }
}
