import { ENOMEM } from '../errno.ts';
import { LnetError } from '../error-code.ts';
import type { Iov } from '../iov.ts';
import { Md, type MdSpec } from './md.ts';

/** Most memory descriptors of a node that can be found by their cookie at one time. */
export const MDS_MAX = 1 << 20;

/** Type of the object that a cookie names, in its two lowest bits. Invisible to peers: lnet-wire §4. */
const COOKIE_TYPE_MD = 1;
const COOKIE_TYPE_BITS = 2;

/** Past this a slot is given up. Generations stay small integers, which V8 keeps without boxing. */
const GENERATION_MAX = 0x3fff_ffff;

/**
 * Memory descriptors by object cookie. The lower half of a cookie is a slot, the upper half counts how often that slot was
 * used, so that no cookie comes back (lnet-semantics §1.11) and a late answer finds nobody. Looking up is one array access.
 */
export class MdTable {
  readonly #mdsMax: number;
  readonly #generationMax: number;
  readonly #mds: (Md | null)[] = [];
  readonly #generations: number[] = [];
  readonly #free: number[] = [];
  /** Descriptors whose cookie resolves. */
  size = 0;

  constructor({ mdsMax = MDS_MAX, generationMax = GENERATION_MAX } = {}) {
    this.#mdsMax = mdsMax;
    this.#generationMax = generationMax;
  }

  /** Makes a descriptor with a cookie of its own. Throws {@link LnetError} (-ENOMEM) when the table is full. */
  create(spec: MdSpec, iov: Iov, length: number, isBound: boolean, unlinksWhenExhausted: boolean): Md {
    if (this.size === this.#mdsMax) {
      throw new LnetError('ERR_LNET_LIMIT', {
        errno: -ENOMEM,
        message: `this node has ${this.#mdsMax} memory descriptors already`,
        hint: 'unlink those that are not used any more',
      });
    }
    const slot = this.#free.pop() ?? this.#mds.length;
    const generation = (this.#generations[slot] ?? 0) + 1;
    const low = ((slot << COOKIE_TYPE_BITS) | COOKIE_TYPE_MD) >>> 0;
    const md = new Md(spec, iov, length, isBound, unlinksWhenExhausted, low, generation);
    this.#mds[slot] = md;
    this.#generations[slot] = generation;
    this.size++;
    return md;
  }

  /** The live descriptor of a cookie, from its two halves; undefined for any other bits. */
  find(low: number, high: number): Md | undefined {
    const slot = low >>> COOKIE_TYPE_BITS;
    if (slot >= this.#mds.length) return undefined;
    const md = this.#mds[slot];
    return md && md.cookieLow === low && md.cookieHigh === high ? md : undefined;
  }

  /** The cookie resolves no more, ever. */
  remove(md: Md): void {
    const slot = md.cookieLow >>> COOKIE_TYPE_BITS;
    if (this.#mds[slot] !== md) throw new Error('a memory descriptor was removed twice');
    this.#mds[slot] = null;
    this.size--;
    if (md.cookieHigh < this.#generationMax) this.#free.push(slot);
  }
}
