/** Finds the largest datagram that a path carries: RFC 8899, without the network's help. */
import { type Instant, US_PER_S } from '../../lnet/nal.ts';

/** BASE_PLPMTU of RFC 8899 §5.1.2: carried by every path that this protocol runs on. */
export const BASE_DATAGRAM_BYTES = 1_200;

/** Largest UDP payload over IPv4: nal-rdma-and-limits §5.3. */
export const DATAGRAM_BYTES_MAX = 65_507;

/** MAX_PROBES of RFC 8899 §5.1.2. */
const PROBES_MAX = 3;

/** PMTU_RAISE_TIMER of RFC 8899 §5.1.1. */
const RAISE_US = 600 * US_PER_S;

/** Probe timeouts in a row, with larger datagrams outstanding, that mean a black hole: RFC 8899 §4.3. */
const BLACK_HOLE_TIMEOUTS = 3;

/** Sizes worth trying, descending: loopback, jumbo frames and Ethernet, less the headers of IPv6 or IPv4 and UDP. */
const CANDIDATES = [65_507, 65_487, 32_768, 16_384, 8_972, 8_952, 8_192, 4_096, 1_472, 1_452, 1_352] as const;

/**
 * Search from the top: the interface's own MTU, which bounds it, mostly is that of the path. A size is in use only after a
 * probe of it was acknowledged; three lost probes rule it out until the raise timer.
 */
export class PathMtu {
  /** Datagrams that carry data are no larger. */
  datagramBytes = BASE_DATAGRAM_BYTES;
  readonly #sizes: readonly number[];
  /** Index of the size being tried; those before it are ruled out. */
  #candidate = 0;
  #probesLost = 0;
  #isProbing = false;
  #timeouts = 0;
  #raiseAt: Instant = Number.POSITIVE_INFINITY;

  /** `limitBytes`: what this end, its interface and the peer allow. */
  constructor(limitBytes: number) {
    const below = CANDIDATES.filter((size) => size < limitBytes);
    this.#sizes = limitBytes > BASE_DATAGRAM_BYTES ? [limitBytes, ...below] : [];
  }

  /** Size of the probe to send now, or 0. */
  probeBytes(now: Instant): number {
    if (this.#isProbing) return 0;
    if (now >= this.#raiseAt) this.#search();
    const size = this.#sizes[this.#candidate] ?? 0;
    return size > this.datagramBytes ? size : 0;
  }

  probeSent(): void {
    this.#isProbing = true;
  }

  /** A probe has arrived. True when the size changed. */
  probeAcknowledged(bytes: number, now: Instant): boolean {
    this.#isProbing = false;
    this.#probesLost = 0;
    if (bytes <= this.datagramBytes || bytes !== this.#sizes[this.#candidate]) return false;
    this.datagramBytes = bytes;
    this.#raiseAt = this.#candidate === 0 ? Number.POSITIVE_INFINITY : now + RAISE_US;
    return true;
  }

  probeLost(now: Instant): void {
    this.#isProbing = false;
    if (++this.#probesLost < PROBES_MAX) return;
    this.#probesLost = 0;
    this.#candidate++;
    this.#raiseAt = now + RAISE_US;
  }

  /** Something larger than the base was acknowledged: no black hole. */
  carried(): void {
    this.#timeouts = 0;
  }

  /** A probe timeout passed with datagrams of this size outstanding. True when the path has become a black hole for them. */
  timedOut(): boolean {
    if (this.datagramBytes === BASE_DATAGRAM_BYTES || ++this.#timeouts < BLACK_HOLE_TIMEOUTS) return false;
    this.datagramBytes = BASE_DATAGRAM_BYTES;
    this.#search();
    return true;
  }

  #search(): void {
    this.#candidate = 0;
    this.#probesLost = 0;
    this.#timeouts = 0;
    this.#raiseAt = Number.POSITIVE_INFINITY;
  }
}
