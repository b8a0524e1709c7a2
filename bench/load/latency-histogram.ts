/** Each power of two is cut into this many buckets: values keep 1/32 of their size as resolution. */
const STEPS = 32;
const STEP_BITS = 5;
/** Unit of the buckets, per microsecond: a tenth. */
const PER_US = 10;
const POWERS = 36;

/** Percentiles of a histogram, microseconds. */
export interface LatencySummary {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Latencies in logarithmic buckets: recording one costs no memory, whatever their number. Values are microseconds. */
export class LatencyHistogram {
  readonly #buckets = new Uint32Array(STEPS * POWERS);
  #count = 0;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  record(us: number): void {
    this.#count++;
    if (us > this.#max) this.#max = us;
    const index = bucketOf(Math.round(us * PER_US));
    this.#buckets[index] = (this.#buckets[index] as number) + 1;
  }

  /** Value below which the given share (0..1) of the records lie; 0 when there are none. */
  percentile(share: number): number {
    let left = Math.ceil(this.#count * share);
    for (let index = 0; index < this.#buckets.length && this.#count > 0; index++) {
      left -= this.#buckets[index] as number;
      if (left <= 0) return Math.min(middleOf(index) / PER_US, this.#max);
    }
    return this.#max;
  }

  toJSON(): LatencySummary {
    return {
      count: this.#count,
      p50: this.percentile(0.5),
      p99: this.percentile(0.99),
      p999: this.percentile(0.999),
      max: this.#max,
    };
  }
}

function bucketOf(value: number): number {
  if (value < STEPS) return Math.max(value, 0);
  const power = 31 - Math.clz32(Math.min(value, 0x7fffffff));
  const step = Math.floor(Math.min(value, 0x7fffffff) / 2 ** (power - STEP_BITS)) - STEPS;
  return (power - STEP_BITS + 1) * STEPS + step;
}

function middleOf(index: number): number {
  if (index < STEPS) return index;
  const power = Math.floor(index / STEPS) - 1;
  return (STEPS + (index % STEPS) + 0.5) * 2 ** power;
}
