/** Bytes of the stream that cannot be placed yet, in the datagrams that brought them. */

/** Pieces one link may hold for each so many bytes of its window, so that tiny ones cannot pin more than their bytes say. */
const WINDOW_BYTES_PER_PIECE = 256;

/** A piece that is less than half of its datagram is copied out of it. */
const PINNED_SHARE_MIN = 2;

/** Held bytes of all links of an NI. */
export interface HeldBudget {
  heldBytes: number;
  readonly heldBytesMax: number;
}

/** One piece; consumed from its start. */
export class HeldPiece {
  at: number;
  bytes: Uint8Array;

  constructor(at: number, bytes: Uint8Array) {
    this.at = at;
    this.bytes = bytes;
  }

  get end(): number {
    return this.at + this.bytes.length;
  }
}

/** The pieces of one link, by offset; they do not overlap. */
export class HeldPieces {
  readonly #budget: HeldBudget;
  readonly #pieces: HeldPiece[] = [];
  #heldBytes = 0;

  constructor(budget: HeldBudget) {
    this.#budget = budget;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  get first(): HeldPiece | undefined {
    return this.#pieces[0];
  }

  /** There is room for another piece, for a link with this window. */
  hasRoomFor(bytes: number, windowBytes: number): boolean {
    return (
      this.#pieces.length < windowBytes / WINDOW_BYTES_PER_PIECE &&
      this.#budget.heldBytes + bytes <= this.#budget.heldBytesMax
    );
  }

  hold(at: number, bytes: Uint8Array): void {
    const kept = bytes.length * PINNED_SHARE_MIN < bytes.buffer.byteLength ? bytes.slice() : bytes;
    const piece = new HeldPiece(at, kept);
    this.#count(bytes.length);
    const pieces = this.#pieces;
    if (pieces.length === 0 || (pieces.at(-1) as HeldPiece).at < at) {
      pieces.push(piece);
      return;
    }
    let low = 0;
    let high = pieces.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((pieces[middle] as HeldPiece).at < at) low = middle + 1;
      else high = middle;
    }
    pieces.splice(low, 0, piece);
  }

  /** Takes bytes from the start of the first piece. */
  consume(count: number): void {
    const piece = this.#pieces[0];
    if (!piece) return;
    this.#count(-count);
    if (count === piece.bytes.length) {
      this.#pieces.shift();
      return;
    }
    piece.at += count;
    piece.bytes = piece.bytes.subarray(count);
  }

  clear(): void {
    this.#pieces.length = 0;
    this.#count(-this.#heldBytes);
  }

  #count(change: number): void {
    this.#heldBytes += change;
    this.#budget.heldBytes += change;
  }
}
