import { ENOSPC } from '../errno.ts';
import { LnetError } from '../error-code.ts';
import type { EventHandler, LnetEvent } from '../event.ts';

export interface EventQueueOptions {
  /** Events that can wait to be read; default 1024. */
  readonly capacity?: number;
  /** Closes the queue at once: events that wait are thrown away and readers reject with the signal's reason. */
  readonly signal?: AbortSignal;
}

interface Entry {
  readonly event: LnetEvent;
  /** Events lost between the previous entry and this one. */
  readonly lostBefore: number;
}

interface Reader {
  readonly resolve: (result: IteratorResult<LnetEvent, undefined>) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Collects events of memory descriptors for a reader with its own pace: put {@link handler} into their specs, then `poll()` or
 * `for await (const event of queue)`.
 *
 * The queue is bounded. When it is full, new events are lost and counted, those that wait stay; the place of the loss is
 * remembered. A reader that gets there is told once by an {@link LnetError} (ERR_LNET_LIMIT), as Portals tells with
 * PTL_EQ_DROPPED; reading goes on behind it. A `for await` ends with that error; a new one continues.
 */
export class EventQueue implements AsyncIterable<LnetEvent> {
  readonly #capacity: number;
  readonly #signal: AbortSignal | undefined;
  #entries: Entry[] = [];
  /** Index of the first entry not read yet; what is before it is cut off now and then. */
  #head = 0;
  #lost = 0;
  readonly #readers: Reader[] = [];
  #isClosed = false;
  #isAborted = false;
  /** Events lost over the queue's life. */
  dropped = 0;

  constructor({ capacity = 1024, signal }: EventQueueOptions = {}) {
    if (!Number.isSafeInteger(capacity) || capacity < 1)
      throw new RangeError(`capacity ${capacity} must be at least 1`);
    this.#capacity = capacity;
    this.#signal = signal;
    if (signal?.aborted) this.#abort();
    else signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /** The handler for `MdSpec.handler`; any number of memory descriptors can share it. */
  readonly handler: EventHandler = (event) => {
    if (this.#isClosed) return;
    const reader = this.#readers.shift();
    if (reader) reader.resolve({ done: false, value: event.clone() });
    else if (this.size < this.#capacity) {
      this.#entries.push({ event: event.clone(), lostBefore: this.#lost });
      this.#lost = 0;
    } else {
      this.#lost++;
      this.dropped++;
    }
  };

  /** Events that wait to be read. */
  get size(): number {
    return this.#entries.length - this.#head;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The next event, or undefined when none waits. Throws {@link LnetError} ERR_LNET_LIMIT once where events were lost. */
  poll(): LnetEvent | undefined {
    const entry = this.#entries[this.#head];
    const lost = entry ? entry.lostBefore : this.#lost;
    if (lost > 0) {
      if (entry) this.#entries[this.#head] = { event: entry.event, lostBefore: 0 };
      else this.#lost = 0;
      throw new LnetError('ERR_LNET_LIMIT', {
        errno: -ENOSPC,
        message: `the event queue was full at ${this.#capacity} events: ${lost} are lost here`,
        hint: 'read faster, or give the queue a larger capacity',
      });
    }
    if (!entry) return undefined;
    this.#head++;
    if (this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    return entry.event;
  }

  /** No more events are taken; readers get those that wait, then the end. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#signal?.removeEventListener('abort', this.#abort);
    for (const reader of this.#readers.splice(0)) reader.resolve({ done: true, value: undefined });
  }

  /** The next event as soon as there is one; `done` after {@link close}. Rejects as {@link poll} throws, and when aborted. */
  next(): Promise<IteratorResult<LnetEvent, undefined>> {
    if (this.#isAborted) return Promise.reject(this.#signal?.reason);
    try {
      const value = this.poll();
      if (value) return Promise.resolve({ done: false, value });
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.#isClosed) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  [Symbol.asyncIterator](): AsyncIterator<LnetEvent, undefined> {
    return { next: () => this.next() };
  }

  readonly #abort = (): void => {
    this.#isClosed = true;
    this.#isAborted = true;
    this.#entries = [];
    this.#head = 0;
    for (const reader of this.#readers.splice(0)) reader.reject(this.#signal?.reason);
  };
}
