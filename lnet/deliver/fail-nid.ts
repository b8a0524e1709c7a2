import { ENOSPC } from '../errno.ts';
import { LnetError } from '../error-code.ts';
import { NID_ANY, type Nid } from '../wire/nid.ts';

/** Most entries of the list. */
export const FAIL_NIDS_MAX = 256;

/** Count that is never used up. */
export const FAIL_ALWAYS = -1;

interface FailEntry {
  readonly nid: Nid;
  left: number;
}

/**
 * Peer-failure simulation (lnet-semantics §12.6): operations to a listed NID fail with -EIO, messages from it are dropped.
 */
export class FailNids {
  #entries: FailEntry[] = [];

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /**
   * Makes the next `count` messages to or from a NID fail ({@link FAIL_ALWAYS}: all; NID_ANY: of any peer). Count 0 takes the
   * NID's entries away, and with NID_ANY all entries. Throws {@link LnetError} ERR_LNET_LIMIT when the list is full.
   */
  set(nid: Nid, count: number): void {
    if (count === 0) {
      this.#entries = nid === NID_ANY ? [] : this.#entries.filter((entry) => entry.nid !== nid);
      return;
    }
    if (this.#entries.length === FAIL_NIDS_MAX) {
      throw new LnetError('ERR_LNET_LIMIT', {
        errno: -ENOSPC,
        message: `peer-failure simulation holds ${FAIL_NIDS_MAX} entries already`,
        hint: 'take entries away with count 0',
      });
    }
    this.#entries.push({ nid, left: count });
  }

  /** True when a message to or from this NID must fail; uses up one count of the first entry that matches. */
  hits(nid: Nid): boolean {
    if (this.#entries.length === 0) return false;
    const entry = this.#entries.find((candidate) => candidate.nid === NID_ANY || candidate.nid === nid);
    if (!entry) return false;
    if (entry.left !== FAIL_ALWAYS && --entry.left === 0)
      this.#entries = this.#entries.filter((other) => other !== entry);
    return true;
  }
}
