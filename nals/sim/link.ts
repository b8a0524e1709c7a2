import { type Instant, US_PER_S } from '../../lnet/nal.ts';

/** How one direction between two interfaces behaves. Rates are probabilities of 0..1 per message. */
export interface LinkConditions {
  /** One-way delay, microseconds. */
  readonly latencyUs: number;
  /** Further delay, drawn evenly from 0..`jitterUs`; it never lets messages overtake each other. */
  readonly jitterUs: number;
  /** Bytes per second that enter the link; `Infinity`: no limit. */
  readonly bytesPerS: number;
  /** A message that finds more than this many bytes waiting to enter the link is dropped. */
  readonly queueBytes: number;
  /** Longest datagram that passes, bytes; longer ones vanish. Messages of connections are not bound by it. */
  readonly mtuBytes: number;
  /** Messages that vanish although their sender was told that they left. */
  readonly loss: number;
  /** Messages that arrive twice. */
  readonly duplicate: number;
  /** Messages in which one bit arrives flipped, in the header or the payload. */
  readonly corrupt: number;
  /** Messages held back by 1..`reorderUs`, so that later ones overtake them. */
  readonly reorder: number;
  readonly reorderUs: number;
}

/** A quick, faultless local network. */
export const LINK_DEFAULT: LinkConditions = {
  latencyUs: 50,
  jitterUs: 0,
  bytesPerS: Number.POSITIVE_INFINITY,
  queueBytes: Number.POSITIVE_INFINITY,
  mtuBytes: Number.POSITIVE_INFINITY,
  loss: 0,
  duplicate: 0,
  corrupt: 0,
  reorder: 0,
  reorderUs: 1_000,
};

/** Throws RangeError when a condition cannot be. */
export function checkConditions(conditions: Partial<LinkConditions>): void {
  for (const [name, value] of Object.entries(conditions)) {
    if (!(name in LINK_DEFAULT)) throw new RangeError(`'${name}' is not a condition of a link`);
    if (Number.isNaN(value) || value < 0) throw new RangeError(`${name} must not be negative, ${value} given`);
  }
  for (const name of ['loss', 'duplicate', 'corrupt', 'reorder'] as const)
    if ((conditions[name] ?? 0) > 1)
      throw new RangeError(`${name} is a probability of 0..1, ${conditions[name]} given`);
  if (conditions.bytesPerS === 0)
    throw new RangeError('bytesPerS must be above 0; use cut() for a link that carries nothing');
}

/** State of one direction between two interfaces. */
export class SimLink {
  conditions: LinkConditions;
  /** The wire's entrance is free again, microseconds; not rounded, so that rates are exact over many messages. */
  freeAt = 0;
  /** Nothing sent later arrives before this. */
  lastArrivalAt: Instant = 0;

  constructor(conditions: LinkConditions) {
    this.conditions = conditions;
  }

  /** Bytes that wait to enter the link. */
  waitingBytes(now: Instant): number {
    return this.freeAt > now ? ((this.freeAt - now) * this.conditions.bytesPerS) / US_PER_S : 0;
  }

  /** Microseconds that `bytes` take to enter the link. */
  serialUs(bytes: number): number {
    return (bytes / this.conditions.bytesPerS) * US_PER_S;
  }
}
