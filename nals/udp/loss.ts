/** Packets in flight, what became of them, and when to probe: RFC 9002 §6 and appendix A. */
import type { Instant } from '../../lnet/nal.ts';
import type { AckFrame } from './ack-ranges.ts';
import type { CongestionControl } from './congestion.ts';
import { GRANULARITY_US, type RttEstimator } from './rtt.ts';

/** kPacketThreshold: RFC 9002 §6.1.1. */
const PACKET_THRESHOLD = 3;

/** kPersistentCongestionThreshold: RFC 9002 §7.6.1. */
const PERSISTENT_THRESHOLD = 3;

/** Longest time between probes, so that a path that heals is noticed. */
const PROBE_INTERVAL_MAX_US = 2_000_000;

/** Records kept for reuse. */
const POOL_MAX = 4_096;

/** A packet that asks for an acknowledgement and has none. Pooled. */
export class SentPacket {
  number = 0;
  /** Count of such packets sent before it: consecutive ones have consecutive counts. */
  ordinal = 0;
  sentAt: Instant = 0;
  bytes = 0;
  /** Range of the stream that it carried; empty when equal. */
  from = 0;
  to = 0;
  isMtuProbe = false;
}

/** Who acts on what happened to packets. The record goes back to the pool after the call. */
export interface PacketOwner {
  packetAcknowledged(packet: SentPacket, now: Instant): void;
  packetLost(packet: SentPacket, now: Instant): void;
  /** The congestion window was halved. */
  congestionBegan(): void;
}

export class LossDetection {
  readonly #owner: PacketOwner;
  readonly #rtt: RttEstimator;
  readonly #congestion: CongestionControl;
  /** By packet number, oldest first. */
  readonly #outstanding = new Map<number, SentPacket>();
  readonly #pool: SentPacket[] = [];
  /** `max_ack_delay` of the peer, microseconds. */
  peerAckDelayUs = 0;
  /** Number of the next packet. Not every number belongs to a record: what asks for no acknowledgement has none. */
  nextNumber = 0;
  probeCount = 0;
  #ordinal = 0;
  #largestAcknowledged = -1;
  #lastSentAt: Instant = 0;
  /** Time threshold of the oldest packet that an acknowledgement has overtaken. */
  #lossAt: Instant = Number.POSITIVE_INFINITY;

  constructor(owner: PacketOwner, rtt: RttEstimator, congestion: CongestionControl) {
    this.#owner = owner;
    this.#rtt = rtt;
    this.#congestion = congestion;
  }

  get outstanding(): number {
    return this.#outstanding.size;
  }

  /** A record to be filled and given to {@link sent}. */
  take(): SentPacket {
    return this.#pool.pop() ?? new SentPacket();
  }

  /** RFC 9002 A.5. */
  sent(packet: SentPacket, now: Instant): void {
    packet.number = this.nextNumber++;
    packet.ordinal = this.#ordinal++;
    packet.sentAt = now;
    this.#lastSentAt = now;
    this.#outstanding.set(packet.number, packet);
    this.#congestion.sent(packet.bytes);
  }

  /** The oldest packet in flight that carried data. */
  get oldestData(): SentPacket | undefined {
    for (const packet of this.#outstanding.values()) if (packet.to > packet.from) return packet;
    return undefined;
  }

  /** RFC 9002 A.7. Number of packets newly acknowledged, or -1 when it acknowledges what was never sent. */
  acknowledged(ack: AckFrame, now: Instant, isWindowUsed: boolean): number {
    if (ack.largest >= this.nextNumber) return -1;
    let count = 0;
    for (const packet of this.#outstanding.values()) {
      if (packet.number > ack.largest) break;
      if (!ack.covers(packet.number)) continue;
      this.#outstanding.delete(packet.number);
      count++;
      if (packet.number === ack.largest) this.#rtt.update(now - packet.sentAt, ack.delayUs, this.peerAckDelayUs);
      this.#congestion.acknowledged(packet.bytes, packet.sentAt, isWindowUsed);
      this.#owner.packetAcknowledged(packet, now);
      this.#give(packet);
    }
    this.#largestAcknowledged = Math.max(this.#largestAcknowledged, ack.largest);
    if (count > 0) this.probeCount = 0;
    this.#detect(now);
    return count;
  }

  /** When {@link expired} is to be called; infinite: never. */
  get deadline(): Instant {
    if (this.#lossAt !== Number.POSITIVE_INFINITY) return this.#lossAt;
    if (this.#outstanding.size === 0) return Number.POSITIVE_INFINITY;
    return this.#lastSentAt + this.probeIntervalUs;
  }

  /** The probe timeout with its backoff: RFC 9002 §6.2.1. */
  get probeIntervalUs(): number {
    const base = this.#rtt.probeTimeoutUs(this.peerAckDelayUs);
    return Math.max(base, Math.min(base * 2 ** this.probeCount, PROBE_INTERVAL_MAX_US));
  }

  /** RFC 9002 A.9. True: send a probe, whatever the window says. */
  expired(now: Instant): boolean {
    if (now < this.deadline) return false;
    if (this.#lossAt !== Number.POSITIVE_INFINITY) {
      this.#detect(now);
      return false;
    }
    this.probeCount++;
    return true;
  }

  /** RFC 9002 A.10, B.8. */
  #detect(now: Instant): void {
    this.#lossAt = Number.POSITIVE_INFINITY;
    const delayUs = this.#rtt.lossDelayUs;
    const wasSampled = this.#rtt.hasSample;
    let newestLostAt = -1;
    let runStartAt = 0;
    let runOrdinal = -2;
    let longestRunUs = 0;
    for (const packet of this.#outstanding.values()) {
      if (packet.number > this.#largestAcknowledged) break;
      const isOvertaken = packet.number <= this.#largestAcknowledged - PACKET_THRESHOLD;
      if (!isOvertaken && packet.sentAt > now - delayUs) {
        this.#lossAt = Math.min(this.#lossAt, packet.sentAt + delayUs);
        continue;
      }
      this.#outstanding.delete(packet.number);
      this.#congestion.forget(packet.bytes);
      if (!packet.isMtuProbe) {
        newestLostAt = packet.sentAt;
        if (packet.ordinal !== runOrdinal + 1) runStartAt = packet.sentAt;
        runOrdinal = packet.ordinal;
        longestRunUs = Math.max(longestRunUs, packet.sentAt - runStartAt);
      }
      this.#owner.packetLost(packet, now);
      this.#give(packet);
    }
    if (newestLostAt < 0) return;
    if (this.#congestion.congested(newestLostAt, now)) this.#owner.congestionBegan();
    const { smoothedUs, varianceUs } = this.#rtt;
    const persistentUs =
      (smoothedUs + Math.max(4 * varianceUs, GRANULARITY_US) + this.peerAckDelayUs) * PERSISTENT_THRESHOLD;
    if (wasSampled && longestRunUs > persistentUs) this.#congestion.collapse();
  }

  #give(packet: SentPacket): void {
    packet.from = 0;
    packet.to = 0;
    packet.isMtuProbe = false;
    if (this.#pool.length < POOL_MAX) this.#pool.push(packet);
  }
}
