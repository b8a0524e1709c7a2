/** How often a line is written where it cannot be rewritten, ms. */
const PLAIN_MS = 1_000;

/** Tells how far a piece of work is: one line that rewrites itself on a terminal, a line a second elsewhere. */
export class ProgressLine {
  readonly #stream: NodeJS.WriteStream;
  #toldMs = Number.NEGATIVE_INFINITY;
  #isOpen = false;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  show(text: string): void {
    if (this.#stream.isTTY) {
      this.#isOpen = true;
      this.#stream.write(`\r\x1b[K${text.slice(0, (this.#stream.columns || 80) - 1)}`);
      return;
    }
    const now = performance.now();
    if (now - this.#toldMs < PLAIN_MS) return;
    this.#toldMs = now;
    this.#stream.write(`${text}\n`);
  }

  /** Takes the line away, so that something lasting can be written in its place. */
  clear(): void {
    if (this.#isOpen) this.#stream.write('\r\x1b[K');
    this.#isOpen = false;
    this.#toldMs = Number.NEGATIVE_INFINITY;
  }
}
