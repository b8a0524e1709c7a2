import type { Iov } from '../../lnet/nal.ts';

const GUARD = 0xa5;
/** Odd, so that no fragment is aligned. */
const GUARD_BYTES = 13;

/** Scattered memory with guard bytes before, between and behind its fragments. */
export class GuardedMemory {
  readonly iov: Iov;
  readonly #arena: Uint8Array;
  /** Where the last guard ends. */
  readonly #end: Uint8Array;

  /** One fragment for each length; a length may be 0. */
  constructor(lengths: readonly number[]) {
    const bytes = lengths.reduce((sum, length) => sum + length, 0);
    this.#arena = new Uint8Array(bytes + GUARD_BYTES * (lengths.length + 1)).fill(GUARD);
    this.#end = this.#arena.subarray(this.#arena.length);
    const iov: Uint8Array[] = [];
    let at = GUARD_BYTES;
    for (const length of lengths) {
      iov.push(this.#arena.subarray(at, at + length));
      at += length + GUARD_BYTES;
    }
    this.iov = iov;
  }

  /** True while nobody wrote outside the fragments. */
  get isIntact(): boolean {
    let at = 0;
    for (const fragment of [...this.iov, this.#end]) {
      const start = fragment.byteOffset - this.#arena.byteOffset;
      if (!isGuarded(this.#arena.subarray(at, start))) return false;
      at = start + fragment.length;
    }
    return true;
  }

  /** True when the bytes `from`..`to` of the memory were never written. */
  isUntouched(from: number, to: number): boolean {
    return isGuarded(this.bytes.subarray(from, to));
  }

  /** The memory in one piece: a copy. */
  get bytes(): Uint8Array {
    return Buffer.concat(this.iov);
  }

  /** Fills the fragments, in order, from the start of `source`. */
  fill(source: Uint8Array): this {
    let at = 0;
    for (const fragment of this.iov) {
      fragment.set(source.subarray(at, at + fragment.length));
      at += fragment.length;
    }
    return this;
  }
}

/** Index of the first byte in which two byte sequences differ, their lengths included; undefined when they are equal. */
export function firstDifference(actual: Uint8Array, expected: Uint8Array): number | undefined {
  if (Buffer.compare(actual, expected) === 0) return undefined;
  const at = actual.findIndex((byte, index) => byte !== expected[index]);
  return at < 0 ? actual.length : at;
}

/** Bytes that differ from each other, from those of other numbers and from the guards. */
export function patternBytes(number: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = (number * 2654435761 + 1) >>> 0;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const byte = state >>> 24;
    bytes[at] = byte === GUARD ? 0 : byte;
  }
  return bytes;
}

function isGuarded(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte !== GUARD) return false;
  return true;
}

/** How `total` bytes (at least 256) can lie in memory. */
export const FRAGMENT_SHAPES: readonly { readonly name: string; readonly lengths: (total: number) => number[] }[] = [
  { name: 'one fragment', lengths: (total) => [total] },
  { name: 'single bytes before the rest', lengths: (total) => [...new Array<number>(200).fill(1), total - 200] },
  { name: 'uneven fragments', lengths: (total) => [1, 7, 63, total - 74, 3] },
  { name: 'empty fragments between', lengths: (total) => [0, 5, 0, 0, total - 6, 0, 1, 0] },
  { name: '256 fragments', lengths: (total) => evenly(total, 256) },
];

function evenly(total: number, count: number): number[] {
  const each = Math.floor(total / count);
  return [...new Array<number>(count - 1).fill(each), total - each * (count - 1)];
}
