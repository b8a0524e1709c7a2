import { viewOf } from '../../../lnet/wire/layout.ts';
import { LST_BRW_CHECK_NONE, LST_BRW_CHECK_SIMPLE } from '../wire/brw-message.ts';
import { LST_PAGE_BYTES } from '../wire/test-message.ts';
import { LST_BRW_BYTES_MAX } from './brw-params.ts';

/** The pattern word 0xEEB0EEB1EEB2EEB3 and the poison word, as a little-endian machine has them in memory. */
const PATTERN_WORD = Uint8Array.from([0xb3, 0xee, 0xb2, 0xee, 0xb1, 0xee, 0xb0, 0xee]);
const POISON_WORD = Uint8Array.from([0xef, 0xbe, 0xef, 0xbe, 0xef, 0xbe, 0xef, 0xbe]);

const WORD_BYTES = 8;

/** Bytes that whole words cover: a tail of fewer than eight is neither filled nor verified (selftest §7.3 rule 4). */
function wholeWords(length: number): number {
  return length - (length % WORD_BYTES);
}

/**
 * Visits the positions that a simple check looks at, in `length` bytes, until the visitor says true; gives that position
 * or -1. With pages: the first and last word of each page fragment, as a sender with 4,096-byte pages and offset 0 fills
 * them. Without: those that any sender fills, the first and last word of the transfer (selftest §7.3 rule 5).
 */
function findSimplePosition(length: number, usesPages: boolean, visit: (at: number) => boolean): number {
  const step = usesPages ? LST_PAGE_BYTES : length;
  for (let start = 0; start + WORD_BYTES <= length; start += step) {
    if (visit(start)) return start;
    const last = Math.min(start + step, length) - WORD_BYTES;
    if (last > start && visit(last)) return last;
  }
  return -1;
}

/** What a receiver checks: the flags of the request, the sender's byte order, and whether it knows the sender's pages. */
export interface Check {
  /** LST_BRW_CHECK_*. */
  readonly flags: number;
  readonly littleEndian: boolean;
  readonly usesPages: boolean;
}

/**
 * Test data of one node, made when it is needed first. The pattern is constant, so one filled megabyte serves all transfers
 * to be sent, and one scratch megabyte takes all those that nobody will look at: sending never fills, and only checked data
 * needs memory of its own.
 */
export class BrwPattern {
  #sourceBytes: Uint8Array | undefined;
  #swappedBytes: Uint8Array | undefined;
  #poisonBytes: Uint8Array | undefined;
  #scratchBytes: Uint8Array | undefined;

  /** Memory to send from, pattern in every word: what any receiver may check. Never write to it. */
  source(length: number): Uint8Array {
    return this.#pattern.subarray(0, length);
  }

  /** Memory for data that nobody checks; shared by all such transfers. */
  sink(length: number): Uint8Array {
    this.#scratchBytes ??= new Uint8Array(LST_BRW_BYTES_MAX);
    return this.#scratchBytes.subarray(0, length);
  }

  /** Poisons what {@link faultAt} will look at, so that data of an earlier transfer cannot pass for new. */
  poison(bytes: Uint8Array, check: Check): void {
    if (check.flags === LST_BRW_CHECK_NONE) return;
    if (check.flags === LST_BRW_CHECK_SIMPLE) {
      const view = viewOf(bytes);
      findSimplePosition(wholeWords(bytes.length), check.usesPages, (at) => {
        view.setUint32(at, 0xbeefbeef, true);
        view.setUint32(at + 4, 0xbeefbeef, true);
        return false;
      });
    } else {
      this.#poisonBytes ??= filled(POISON_WORD);
      bytes.set(this.#poisonBytes.subarray(0, bytes.length));
    }
  }

  /** Where the data differs from the pattern first, or -1. */
  faultAt(bytes: Uint8Array, check: Check): number {
    if (check.flags === LST_BRW_CHECK_NONE) return -1;
    const expected = check.littleEndian ? this.#pattern : this.#swapped;
    const length = wholeWords(bytes.length);
    if (check.flags === LST_BRW_CHECK_SIMPLE) {
      const view = viewOf(bytes);
      const expectedView = viewOf(expected);
      const low = expectedView.getUint32(0, true);
      const high = expectedView.getUint32(4, true);
      return findSimplePosition(
        length,
        check.usesPages,
        (at) => view.getUint32(at, true) !== low || view.getUint32(at + 4, true) !== high,
      );
    }
    if (Buffer.compare(expected.subarray(0, length), bytes.subarray(0, length)) === 0) return -1;
    let at = 0;
    while (bytes[at] === expected[at]) at++;
    return at - (at % WORD_BYTES);
  }

  get #pattern(): Uint8Array {
    this.#sourceBytes ??= filled(PATTERN_WORD);
    return this.#sourceBytes;
  }

  get #swapped(): Uint8Array {
    this.#swappedBytes ??= filled(PATTERN_WORD.toReversed());
    return this.#swappedBytes;
  }
}

/** A megabyte of one word. A plain array, since `slice` of a Buffer would be no copy. */
function filled(word: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.alloc(LST_BRW_BYTES_MAX, word).buffer);
}
