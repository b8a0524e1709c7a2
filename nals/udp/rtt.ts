/** Round-trip time of one path: RFC 9002 §5. Microseconds. */

/** Before the first sample: a data-centre network, not the 333 ms of RFC 9002 §6.2.2. */
export const INITIAL_RTT_US = 10_000;

/** kGranularity: RFC 9002 §6.1.2. */
export const GRANULARITY_US = 1_000;

export class RttEstimator {
  latestUs = 0;
  minUs = 0;
  smoothedUs = INITIAL_RTT_US;
  varianceUs = INITIAL_RTT_US / 2;
  hasSample = false;

  /** One sample; `ackDelayUs` is what the peer says it waited, at most `ackDelayMaxUs`: RFC 9002 §5.3. */
  update(sampleUs: number, ackDelayUs: number, ackDelayMaxUs: number): void {
    this.latestUs = sampleUs;
    if (!this.hasSample) {
      this.hasSample = true;
      this.minUs = sampleUs;
      this.smoothedUs = sampleUs;
      this.varianceUs = sampleUs / 2;
      return;
    }
    this.minUs = Math.min(this.minUs, sampleUs);
    const delayUs = Math.min(ackDelayUs, ackDelayMaxUs);
    const adjustedUs = sampleUs >= this.minUs + delayUs ? sampleUs - delayUs : sampleUs;
    this.varianceUs = (3 * this.varianceUs + Math.abs(this.smoothedUs - adjustedUs)) / 4;
    this.smoothedUs = (7 * this.smoothedUs + adjustedUs) / 8;
  }

  /** Time without acknowledgement after which a probe is sent: RFC 9002 §6.2.1, without backoff. */
  probeTimeoutUs(ackDelayMaxUs: number): number {
    return this.smoothedUs + Math.max(4 * this.varianceUs, GRANULARITY_US) + ackDelayMaxUs;
  }

  /** Time after which a packet sent before an acknowledged one is lost: RFC 9002 §6.1.2. */
  get lossDelayUs(): number {
    return Math.max((9 / 8) * Math.max(this.latestUs, this.smoothedUs), GRANULARITY_US);
  }
}
