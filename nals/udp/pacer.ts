/** Spreads what the congestion window allows over the round trip: RFC 9002 §7.7. */
import type { Instant } from '../../lnet/nal.ts';
import type { CongestionControl } from './congestion.ts';

/** Datagrams that may leave at once. */
const BURST_PACKETS = 16;

/** Timers are no finer than this, so a paced sender owes as much at each of them. */
const TIMER_US = 2_000;

/** Below this round trip the timer is coarser than the path. */
export const PACED_RTT_MIN_US = 1_000;

/** RFC 9002 §7.7: faster than the window per round trip, so that pacing is never what limits it; twice in slow start. */
const GAIN = 1.25;
const GAIN_SLOW_START = 2;

export class Pacer {
  #budgetBytes = 0;
  #countedAt: Instant = Number.NEGATIVE_INFINITY;

  /** Instant from which a full datagram may leave: `now` or before when it may leave at once. */
  opensAt(now: Instant, congestion: CongestionControl, smoothedUs: number, datagramBytes: number): Instant {
    if (smoothedUs < PACED_RTT_MIN_US) return now;
    const gain = congestion.isInSlowStart ? GAIN_SLOW_START : GAIN;
    const bytesPerUs = (gain * congestion.windowBytes) / smoothedUs;
    const burstBytes = Math.max(BURST_PACKETS * datagramBytes, bytesPerUs * TIMER_US);
    this.#budgetBytes = Math.min(burstBytes, this.#budgetBytes + bytesPerUs * (now - this.#countedAt));
    this.#countedAt = now;
    const missing = datagramBytes - this.#budgetBytes;
    return missing <= 0 ? now : now + Math.ceil(missing / bytesPerUs);
  }

  sent(bytes: number): void {
    this.#budgetBytes -= bytes;
  }
}
