import { createHash } from 'node:crypto';

const PAGE = 4096;
/** `brw` word of lnet_selftest, in the order of its bytes: selftest §7.3. */
const WORD_BYTES = 8;

/** Ways a cut payload may have gone on. */
const GUESSES: readonly ((beginning: Buffer, length: number) => Buffer)[] = [
  // check=full: the word of the beginning, over and over.
  (beginning, length) => Buffer.alloc(length, beginning.subarray(0, WORD_BYTES)),
  // check=simple: the word at both ends of each page, zeros between.
  (beginning, length) => {
    const bytes = Buffer.alloc(length);
    for (let page = 0; page < length; page += PAGE) {
      beginning.copy(bytes, page, 0, WORD_BYTES);
      beginning.copy(bytes, Math.min(page + PAGE, length) - WORD_BYTES, 0, WORD_BYTES);
    }
    return bytes;
  },
];

/**
 * A payload of full length from the beginning that a capture kept. The patterns of lnet_selftest are rebuilt and known by
 * their SHA-256; any other payload repeats its beginning (captures, README: any bytes that begin with the recorded ones).
 */
export function completePayload(beginning: Buffer, length: number, sha256: string | undefined): Buffer {
  const exact = GUESSES.map((guess) => guess(beginning, length)).find((bytes) => sha256Of(bytes) === sha256);
  return exact ?? Buffer.alloc(length, beginning);
}

function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
