import type { NalTx } from '../../lnet/nal.ts';

/** FIFO of transmissions through {@link NalTx.nalNext}; a transmission stands in one at most. */
export class TxQueue {
  #first: NalTx | null = null;
  #last: NalTx | null = null;

  get first(): NalTx | null {
    return this.#first;
  }

  push(tx: NalTx): void {
    tx.nalNext = null;
    if (this.#last) this.#last.nalNext = tx;
    else this.#first = tx;
    this.#last = tx;
  }

  shift(): NalTx | null {
    const tx = this.#first;
    if (!tx) return null;
    this.#first = tx.nalNext;
    if (!this.#first) this.#last = null;
    tx.nalNext = null;
    return tx;
  }
}
