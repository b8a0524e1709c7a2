import type { Clock } from '../../../lnet/clock.ts';
import type { Random } from '../../../lnet/random.ts';

const NS_PER_S = 1_000_000_000n;

/**
 * Match bits for replies and bulk: one counter for the whole node, console and tests alike (selftest §4.3). It starts at
 * the wall clock's seconds in the top 16 bits, as a kernel's does, and at a random number in the next 16, so that a
 * restarted node needs no pause to keep its ids apart from those of its former life.
 */
export class RpcIds {
  /** Lower and upper half of the id handed out last. */
  low = 0;
  high: number;

  constructor(clock: Clock, random: Random) {
    const seconds = Number((clock.wallNs() / NS_PER_S) & 0xffffn);
    this.high = ((seconds << 16) | random.below(0x1_0000)) >>> 0;
  }

  /** Moves on to the next id. */
  advance(): void {
    this.low = (this.low + 1) >>> 0;
    if (this.low === 0) this.high = (this.high + 1) >>> 0;
  }

  /** The id handed out last, as the API takes match bits. */
  get value(): bigint {
    return (BigInt(this.high) << 32n) | BigInt(this.low);
  }
}
