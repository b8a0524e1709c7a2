/** Disjoint half-open ranges of numbers in ascending order: packet numbers, or offsets of the stream. */
export class RangeSet {
  readonly #from: number[] = [];
  readonly #to: number[] = [];

  /** Number of ranges. */
  get size(): number {
    return this.#from.length;
  }

  /** Start of the range at an index that exists. */
  fromAt(index: number): number {
    return this.#from[index] as number;
  }

  /** End, exclusive, of the range at an index that exists. */
  toAt(index: number): number {
    return this.#to[index] as number;
  }

  /** Adds `from`..`to`; ranges that touch become one. */
  add(from: number, to: number): void {
    if (from >= to) return;
    const last = this.size - 1;
    if (last >= 0 && this.toAt(last) === from) {
      this.#to[last] = to;
      return;
    }
    const first = this.#endsAtOrAfter(from);
    let behind = first;
    while (behind < this.size && this.fromAt(behind) <= to) behind++;
    if (first === behind) {
      this.#from.splice(first, 0, from);
      this.#to.splice(first, 0, to);
      return;
    }
    this.#from[first] = Math.min(from, this.fromAt(first));
    this.#to[first] = Math.max(to, this.toAt(behind - 1));
    this.#from.splice(first + 1, behind - first - 1);
    this.#to.splice(first + 1, behind - first - 1);
  }

  /** Takes `from`..`to` out. */
  remove(from: number, to: number): void {
    if (from >= to) return;
    let index = this.#endsAtOrAfter(from + 1);
    while (index < this.size && this.fromAt(index) < to) {
      const start = this.fromAt(index);
      const end = this.toAt(index);
      if (start < from && end > to) {
        this.#to[index] = from;
        this.#from.splice(index + 1, 0, to);
        this.#to.splice(index + 1, 0, end);
        return;
      }
      if (start < from) this.#to[index++] = from;
      else if (end > to) this.#from[index++] = to;
      else this.#cut(index);
    }
  }

  has(value: number): boolean {
    const index = this.#endsAtOrAfter(value + 1);
    return index < this.size && this.fromAt(index) <= value;
  }

  /** The first value from `from` on that is not in the set. */
  firstMissing(from: number): number {
    const index = this.#endsAtOrAfter(from + 1);
    return index < this.size && this.fromAt(index) <= from ? this.toAt(index) : from;
  }

  /** The first value from `from` on that is in the set, `limit` at most. */
  firstPresent(from: number, limit: number): number {
    const index = this.#endsAtOrAfter(from + 1);
    return index < this.size ? Math.min(Math.max(this.fromAt(index), from), limit) : limit;
  }

  /** Forgets the lowest range. */
  shift(): void {
    this.#cut(0);
  }

  clear(): void {
    this.#from.length = 0;
    this.#to.length = 0;
  }

  #cut(index: number): void {
    if (index === 0) {
      this.#from.shift();
      this.#to.shift();
    } else {
      this.#from.splice(index, 1);
      this.#to.splice(index, 1);
    }
  }

  /** Index of the first range that ends at or after `value`. */
  #endsAtOrAfter(value: number): number {
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.toAt(middle) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
