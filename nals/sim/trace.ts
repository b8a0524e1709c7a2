import type { Instant } from '../../lnet/nal.ts';

/** Lines a trace keeps unless told otherwise. */
export const TRACE_LINES_MAX = 100_000;

/**
 * What happened, one line each, in order: for snapshots, and to see that two runs were the same. Keeps the first lines up to
 * its bound and a digest of all of them.
 */
export class SimTrace {
  readonly #lines: string[] = [];
  readonly #linesMax: number;
  #high = 0x811c9dc5;
  #low = 0xcbf29ce4;
  /** Lines added, kept or not. */
  count = 0;

  constructor(linesMax = TRACE_LINES_MAX) {
    this.#linesMax = linesMax;
  }

  add(at: Instant, text: string): void {
    const line = `${(at / 1_000_000).toFixed(6)} ${text}`;
    if (this.count++ < this.#linesMax) this.#lines.push(line);
    for (let i = 0; i < line.length; i++) {
      const code = line.charCodeAt(i);
      this.#high = Math.imul(this.#high ^ code, 0x01000193);
      this.#low = Math.imul(this.#low ^ (code + i), 0x85ebca6b);
    }
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** 16 hex digits over every line, also over those not kept. */
  get digest(): string {
    return hex32(this.#high) + hex32(this.#low);
  }

  toString(): string {
    const unkept = this.count - this.#lines.length;
    return this.#lines.join('\n') + (unkept > 0 ? `\n… ${unkept} more` : '');
  }

  /** For `t.snapshot`. */
  toJSON(): { count: number; digest: string; lines: readonly string[] } {
    return { count: this.count, digest: this.digest, lines: this.#lines };
  }
}

function hex32(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}
