import type { SimPort } from './port.ts';

/** True for a direction that carries nothing. */
export type CutRule = (from: SimPort, to: SimPort) => boolean;

/** A cut that is in force. */
export interface SimCut {
  /** Ends it; what waited tries again at once. Does nothing the second time. */
  heal(): void;
}

/** The cuts in force. */
export class Partitions {
  readonly #rules = new Set<CutRule>();

  add(rule: CutRule, healed: () => void): SimCut {
    // A rule may be in force twice; each cut heals only its own.
    const own: CutRule = (from, to) => rule(from, to);
    this.#rules.add(own);
    return {
      heal: () => {
        if (this.#rules.delete(own)) healed();
      },
    };
  }

  isCut(from: SimPort, to: SimPort): boolean {
    for (const rule of this.#rules) if (rule(from, to)) return true;
    return false;
  }
}
