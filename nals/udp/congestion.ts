/** NewReno: RFC 9002 §7 and appendix B. Bytes are those of whole datagrams. */

/** RFC 9002 §7.2 allows ten datagrams. */
const INITIAL_WINDOW_PACKETS = 10;

/** kMinimumWindow: RFC 9002 §7.2. */
const MINIMUM_WINDOW_PACKETS = 2;

export class CongestionControl {
  windowBytes: number;
  thresholdBytes = Number.POSITIVE_INFINITY;
  /** Datagrams sent, neither acknowledged nor lost. */
  inFlightBytes = 0;
  #datagramBytes: number;
  /** Start of the present recovery period: what was sent before it takes no further part. */
  #recoveryAt = -1;

  constructor(datagramBytes: number) {
    this.#datagramBytes = datagramBytes;
    this.windowBytes = INITIAL_WINDOW_PACKETS * datagramBytes;
  }

  get isInSlowStart(): boolean {
    return this.windowBytes < this.thresholdBytes;
  }

  /** A datagram of so many bytes may leave now. */
  hasRoomFor(bytes: number): boolean {
    return this.inFlightBytes + bytes <= this.windowBytes;
  }

  /** The path takes datagrams of another size: RFC 9002 §7.2, so the initial window is counted anew while nothing was lost. */
  setDatagramBytes(bytes: number): void {
    this.#datagramBytes = bytes;
    const packets = this.#recoveryAt < 0 ? INITIAL_WINDOW_PACKETS : MINIMUM_WINDOW_PACKETS;
    this.windowBytes = Math.max(this.windowBytes, packets * bytes);
  }

  sent(bytes: number): void {
    this.inFlightBytes += bytes;
  }

  /** Leaves the network without a judgement on it: an MTU probe that was lost, the end of a connection. */
  forget(bytes: number): void {
    this.inFlightBytes -= bytes;
  }

  /** RFC 9002 §7.3.1 and §7.3.3; no growth while the window is not what limits the sender (§7.8). */
  acknowledged(bytes: number, sentAt: number, isWindowUsed: boolean): void {
    this.inFlightBytes -= bytes;
    if (sentAt <= this.#recoveryAt || !isWindowUsed) return;
    this.windowBytes += this.isInSlowStart ? bytes : (this.#datagramBytes * bytes) / this.windowBytes;
  }

  /** A loss, once per round trip: RFC 9002 §7.3.2. True when it began a new recovery period. */
  congested(sentAt: number, now: number): boolean {
    if (sentAt <= this.#recoveryAt) return false;
    this.#recoveryAt = now;
    this.windowBytes = Math.max(this.windowBytes / 2, MINIMUM_WINDOW_PACKETS * this.#datagramBytes);
    this.thresholdBytes = this.windowBytes;
    return true;
  }

  /** Persistent congestion: RFC 9002 §7.6.2. */
  collapse(): void {
    this.windowBytes = MINIMUM_WINDOW_PACKETS * this.#datagramBytes;
    this.#recoveryAt = -1;
  }
}
