/** Smallest buffer kept, bytes. */
const CLASS_BYTES_MIN = 4096;

/**
 * Buffers for checked bulk data, by size class, bounded in total. Buffers given back are kept for the next taker, and
 * dropped when another class needs their share of the bound.
 */
export class BulkMemory {
  readonly bytesMax: number;
  /** Bytes handed out now. */
  inUse = 0;
  #kept = 0;
  readonly #free = new Map<number, Uint8Array[]>();

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** A buffer of at least `length` bytes, contents arbitrary, or undefined when the bound is reached. */
  take(length: number): Uint8Array | undefined {
    const size = classOf(length);
    const kept = this.#free.get(size)?.pop();
    if (kept) {
      this.#kept -= size;
      this.inUse += size;
      return kept;
    }
    if (this.inUse + size > this.bytesMax) return undefined;
    if (this.inUse + this.#kept + size > this.bytesMax) this.#dropKept();
    this.inUse += size;
    return new Uint8Array(size);
  }

  give(buffer: Uint8Array): void {
    this.inUse -= buffer.length;
    this.#kept += buffer.length;
    const free = this.#free.get(buffer.length);
    if (free) free.push(buffer);
    else this.#free.set(buffer.length, [buffer]);
  }

  #dropKept(): void {
    this.#free.clear();
    this.#kept = 0;
  }
}

function classOf(length: number): number {
  let size = CLASS_BYTES_MIN;
  while (size < length) size *= 2;
  return size;
}
