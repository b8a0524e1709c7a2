import { viewOf } from '../../lnet/wire/layout.ts';

/** Most bytes of one read into staging: some hundred small messages. */
export const STAGING_BYTES = 65_536;

/** Room in front of a read for the beginning of a message that an earlier read left behind; less than one header. */
export const STAGING_HEADROOM = 128;

/**
 * The memory in which headers and small messages arrive. All connections of a NAL share it: it is filled and emptied within
 * one callback of the runtime, and a connection keeps for itself only what is less than a header.
 */
export class RxStaging {
  readonly bytes = new Uint8Array(STAGING_HEADROOM + STAGING_BYTES);
  readonly view = viewOf(this.bytes);
  readonly #whole = this.bytes.subarray(STAGING_HEADROOM);

  /** A target for the next read, of at most so many bytes. */
  target(most: number): Uint8Array {
    return most >= STAGING_BYTES ? this.#whole : this.#whole.subarray(0, most);
  }
}
