import type { Random } from '../../../lnet/random.ts';
import { viewOf } from '../../../lnet/wire/layout.ts';

/** Spoils some of the checked data that a node sends, to test the checking: `brw_inject_errors`, selftest §7.3. */
export class ErrorInjector {
  readonly #random: Random;
  #left: number;

  constructor(count: number, random: Random) {
    this.#left = count;
    this.#random = random;
  }

  /** True while errors are left to inject: what is sent needs memory of its own then. */
  get isArmed(): boolean {
    return this.#left > 0;
  }

  /** Adds a small number to the first word of every other transfer or so, where any check looks. */
  maySpoil(bytes: Uint8Array): void {
    if (this.#left === 0 || bytes.length < 8 || this.#random.below(2) === 0) return;
    this.#left--;
    const view = viewOf(bytes);
    view.setUint32(0, view.getUint32(0, true) + 1 + this.#random.below(255), true);
  }
}
