import type { Instant } from '../../../lnet/clock.ts';
import type { SessionId } from '../wire/session-id.ts';
import { Batch } from './batch.ts';

/** Most batches of one session. */
export const BATCHES_MAX = 1024;

/** A session as its nodes see it: selftest §6.1. */
export class Session {
  readonly sid: SessionId;
  readonly name: string;
  readonly features: number;
  readonly startedAt: Instant;
  /** MAKE_SESSIONs that were answered well and not taken back: selftest §6.2. */
  references = 1;
  brwErrors = 0;
  pingErrors = 0;
  /** True when any test here moves its data by an offset, so that the other side's pages are not ours (selftest §7.3). */
  hasOffsets = false;
  readonly #batches = new Map<bigint, Batch>();
  #onIdle: (() => void) | null = null;

  constructor(sid: SessionId, name: string, features: number, startedAt: Instant) {
    this.sid = sid;
    this.name = name;
    this.features = features;
    this.startedAt = startedAt;
  }

  get activeBatches(): number {
    let active = 0;
    for (const batch of this.#batches.values()) if (batch.isRunning) active++;
    return active;
  }

  batchOf(bid: bigint): Batch | undefined {
    return this.#batches.get(bid);
  }

  /** The batch of an id, made when the id is new. Undefined when there are too many. */
  obtainBatch(bid: bigint): Batch | undefined {
    const known = this.#batches.get(bid);
    if (known || this.#batches.size === BATCHES_MAX) return known;
    const batch = new Batch(() => this.#noteIdle());
    this.#batches.set(bid, batch);
    return batch;
  }

  /** Stops everything, aborting what is in flight; calls `onIdle` when the last unit is done and all memory is back. */
  end(onIdle: () => void): void {
    this.#onIdle = onIdle;
    for (const batch of this.#batches.values()) batch.stop(true);
    this.#noteIdle();
  }

  #noteIdle(): void {
    if (!this.#onIdle || this.activeBatches > 0) return;
    const onIdle = this.#onIdle;
    this.#onIdle = null;
    for (const batch of this.#batches.values()) batch.discard();
    this.#batches.clear();
    onIdle();
  }
}
