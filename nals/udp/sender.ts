import { type Instant, type NalTx, type NalUpcalls, US_PER_MS, US_PER_S } from '../../lnet/nal.ts';
import type { AckFrame, AckRanges } from './ack-ranges.ts';
import { CongestionControl } from './congestion.ts';
import type { UdpCounters } from './counters.ts';
import type { Opening } from './handshake.ts';
import { LossDetection, type PacketOwner, type SentPacket } from './loss.ts';
import { Pacer } from './pacer.ts';
import { type ConnId, DATA_HEAD_BYTES, type PacketWriter } from './packet-writer.ts';
import { BASE_DATAGRAM_BYTES, PathMtu } from './pmtu.ts';
import type { ReceiveStream } from './receive-stream.ts';
import { RttEstimator } from './rtt.ts';
import { SendStream, type StreamEnding } from './send-stream.ts';
import { DATA_IS_LAST, PACKET_DATA, RESET_BYTES } from './wire.ts';

/** Packets of one link in one turn; then others have theirs, and what has come in is read. */
const BURST_PACKETS = 32;

/** RFC 9000 §8.1: until a dialler has shown that it gets our packets, it gets at most so many times what it sent. */
const AMPLIFICATION_MAX = 3;

/** Longest time between pings of a sender that waits for a window. */
const STALL_INTERVAL_MAX_US = 2 * US_PER_S;

const NEVER = Number.POSITIVE_INFINITY;

/** What a sender needs of its link. */
export interface SenderOwner {
  /** One for the socket: what is in it is sent before control returns. */
  readonly writer: PacketWriter;
  readonly counters: UdpCounters;
  readonly upcalls: NalUpcalls;
  readonly isBlocked: boolean;
  readonly peerId: ConnId;
  /** Packets may come and go: the link has not ended. */
  readonly isOpen: boolean;
  /** The peer is known to be where it says. */
  readonly isProven: boolean;
  /** Sends what the writer holds. */
  transmit(): void;
}

/** Why {@link PacketSender.flush} stopped. */
export const FLUSH_DONE = 0;
/** Others have their turn; there is more. */
export const FLUSH_MORE = 1;
/** The system takes no datagram. */
export const FLUSH_BLOCKED = 2;

/**
 * The sending side of a link: decides what the next packet is and whether it may leave, in the order MTU probe, data, ping,
 * acknowledgement. Lost ranges of the stream leave again, never lost packets.
 */
export class PacketSender implements PacketOwner {
  readonly rtt = new RttEstimator();
  readonly #owner: SenderOwner;
  readonly #acks: AckRanges;
  readonly #rx: ReceiveStream;
  readonly #tx: SendStream;
  readonly #congestion = new CongestionControl(BASE_DATAGRAM_BYTES);
  readonly #pacer = new Pacer();
  readonly #loss: LossDetection;
  #mtu = new PathMtu(BASE_DATAGRAM_BYTES);
  /** Last acknowledgement of something new, or when something was first to be acknowledged. */
  progressAt: Instant;
  /** When the pacer lets the next packet go. */
  #pacedAt: Instant = NEVER;
  /** Without window, the peer is asked for one then; how often that was done. */
  #stallPingAt: Instant = NEVER;
  #stallPings = 0;
  /** Packets that may leave whatever the congestion window says: RFC 9002 §6.2.4. */
  #probesDue = 0;
  /** A packet that asks for an acknowledgement is to leave, with data or without. */
  isPingDue = false;
  /** The peer is to be told the window, whether it has grown or not. */
  isWindowForced = false;
  /** The congestion window or the pacer held data back in the last turn: RFC 9002 §7.8. */
  #isWindowUsed = false;
  /** While the peer is not proven: what came from it and what went there. */
  receivedBytes = 0;
  sentBytes = 0;

  constructor(owner: SenderOwner, acks: AckRanges, rx: ReceiveStream, now: Instant) {
    this.#owner = owner;
    this.#acks = acks;
    this.#rx = rx;
    this.progressAt = now;
    this.#tx = new SendStream(owner.upcalls);
    this.#loss = new LossDetection(this, this.rtt, this.#congestion);
  }

  /** The peer has said what it takes. `limitBytes`: largest datagram that this end sends. */
  opened(opening: Opening, limitBytes: number, now: Instant): void {
    this.#tx.peerWindow = opening.window;
    this.#loss.peerAckDelayUs = opening.ackDelayMaxMs * US_PER_MS;
    this.#mtu = new PathMtu(Math.min(opening.datagramBytesMax, limitBytes));
    this.progressAt = now;
  }

  queue(tx: NalTx): void {
    this.#tx.queue(tx);
  }

  /** What was accepted ends; gives the number of messages. */
  fail(ending: StreamEnding): number {
    return this.#tx.fail(ending);
  }

  /** Packets wait to be acknowledged. */
  get isExpecting(): boolean {
    return this.#loss.outstanding > 0;
  }

  /** Probe timeouts since anything was acknowledged. */
  get probeCount(): number {
    return this.#loss.probeCount;
  }

  /** Earliest instant at which {@link expire} has something to do. */
  get deadline(): Instant {
    return Math.min(this.#loss.deadline, this.#pacedAt, this.#stallPingAt);
  }

  toJSON(): Readonly<Record<string, number>> {
    return {
      datagramBytes: this.#mtu.datagramBytes,
      windowBytes: Math.round(this.#congestion.windowBytes),
      inFlightBytes: this.#congestion.inFlightBytes,
      smoothedRttUs: Math.round(this.rtt.smoothedUs),
      packetsOutstanding: this.#loss.outstanding,
    };
  }

  // What came of packets

  /** False when the peer acknowledges what was never sent. */
  acknowledged(ack: AckFrame, now: Instant): boolean {
    const count = this.#loss.acknowledged(ack, now, this.#isWindowUsed);
    if (count < 0) return false;
    this.#owner.counters.packets_acknowledged += count;
    if (count > 0) this.progressAt = now;
    return true;
  }

  /** The peer lets us send up to this offset. */
  windowRaised(offset: number): void {
    if (offset <= this.#tx.peerWindow) return;
    this.#tx.peerWindow = offset;
    this.#stallPings = 0;
  }

  packetAcknowledged(packet: SentPacket, now: Instant): void {
    if (packet.to > packet.from) this.#tx.acknowledged(packet.from, packet.to);
    if (packet.bytes > BASE_DATAGRAM_BYTES) this.#mtu.carried();
    if (!packet.isMtuProbe || !this.#mtu.probeAcknowledged(packet.bytes, now)) return;
    this.#owner.counters.mtu_raised++;
    this.#congestion.setDatagramBytes(this.#mtu.datagramBytes);
  }

  packetLost(packet: SentPacket, now: Instant): void {
    this.#owner.counters.packets_lost++;
    if (packet.to > packet.from) this.#tx.lost(packet.from, packet.to);
    if (packet.isMtuProbe) this.#mtu.probeLost(now);
  }

  congestionBegan(): void {
    this.#owner.counters.congestion_events++;
  }

  /** Time has passed. True when nothing was acknowledged in time, so that a probe is due: RFC 9002 §6.2. */
  expire(now: Instant): boolean {
    if (now >= this.#stallPingAt) {
      this.#stallPingAt = NEVER;
      this.isPingDue = true;
    }
    if (!this.#loss.expired(now)) return false;
    const { counters } = this.#owner;
    counters.probe_timeouts++;
    const { oldestData } = this.#loss;
    if (oldestData && oldestData.bytes > BASE_DATAGRAM_BYTES && this.#mtu.timedOut()) {
      counters.mtu_black_holes++;
      this.#congestion.setDatagramBytes(this.#mtu.datagramBytes);
    }
    if (oldestData) this.#tx.lost(oldestData.from, oldestData.to);
    this.#probesDue = 1;
    return true;
  }

  // Packets

  /** Reports what has arrived and sends what may be sent. */
  flush(now: Instant): number {
    const owner = this.#owner;
    // While the system holds a datagram back, the memory that it shows is not free, acknowledged or not.
    if (owner.isBlocked) return FLUSH_BLOCKED;
    owner.counters.tx_messages += this.#tx.reportSent();
    if (!owner.isOpen) return FLUSH_DONE;
    this.#isWindowUsed = false;
    this.#pacedAt = NEVER;
    for (let left = BURST_PACKETS; left > 0; left--) {
      if (!this.#sendOne(now)) {
        this.#watchStall(now);
        return FLUSH_DONE;
      }
      if (owner.isBlocked) return FLUSH_BLOCKED;
    }
    this.#isWindowUsed = true;
    return FLUSH_MORE;
  }

  /** Sends the packet whose turn it is. False when there is none. */
  #sendOne(now: Instant): boolean {
    if (this.#owner.isProven && this.#tx.isBusy) {
      const probeBytes = this.#mtu.probeBytes(now);
      if (probeBytes > 0 && this.#congestion.hasRoomFor(probeBytes)) return this.#sendMtuProbe(probeBytes, now);
    }
    if (this.#tx.isReady && this.#mayLeave(now)) return this.#sendData(now);
    if (this.isPingDue || this.#probesDue > 0) return this.#sendPing(now);
    if (this.#acks.isDue || this.#isWindowDue) return this.#sendControl(now);
    return false;
  }

  get #isWindowDue(): boolean {
    return this.isWindowForced || this.#rx.isWindowDue;
  }

  #mayLeave(now: Instant): boolean {
    const { datagramBytes } = this.#mtu;
    if (!this.#owner.isProven && this.sentBytes + datagramBytes > AMPLIFICATION_MAX * this.receivedBytes) return false;
    if (this.#probesDue > 0) return true;
    if (!this.#congestion.hasRoomFor(datagramBytes)) {
      this.#isWindowUsed = true;
      return false;
    }
    const opensAt = this.#pacer.opensAt(now, this.#congestion, this.rtt.smoothedUs, datagramBytes);
    if (opensAt <= now) return true;
    this.#isWindowUsed = true;
    this.#pacedAt = opensAt;
    return false;
  }

  /** Begins a packet with the control frames that wait. A lost WINDOW is not sent again: whoever needs it asks by PING. */
  #begin(now: Instant): void {
    const { writer, counters, peerId } = this.#owner;
    writer.begin(PACKET_DATA, peerId, this.#loss.nextNumber);
    if (this.#acks.isWaiting) {
      writer.ack(this.#acks, now);
      counters.acks_sent++;
    }
    if (!this.#isWindowDue) return;
    writer.window(this.#rx.announce());
    this.isWindowForced = false;
  }

  #sendData(now: Instant): boolean {
    const { writer } = this.#owner;
    const tx = this.#tx;
    this.#begin(now);
    tx.next(this.#mtu.datagramBytes - writer.bytes - DATA_HEAD_BYTES);
    writer.data(tx.isReady ? 0 : DATA_IS_LAST, tx.from, tx.to - tx.from);
    tx.write(writer);
    const packet = this.#loss.take();
    packet.from = tx.from;
    packet.to = tx.to;
    return this.#leave(packet, now);
  }

  #sendMtuProbe(bytes: number, now: Instant): boolean {
    const { writer, counters, peerId } = this.#owner;
    writer.begin(PACKET_DATA, peerId, this.#loss.nextNumber);
    writer.ping();
    writer.padTo(bytes);
    const packet = this.#loss.take();
    packet.isMtuProbe = true;
    this.#mtu.probeSent();
    counters.mtu_probes++;
    return this.#leave(packet, now);
  }

  #sendPing(now: Instant): boolean {
    this.#begin(now);
    this.#owner.writer.ping();
    return this.#leave(this.#loss.take(), now);
  }

  /** Acknowledgement and window alone: a packet that asks for nothing. */
  #sendControl(now: Instant): boolean {
    this.#begin(now);
    this.#acks.isDue = false;
    this.#loss.nextNumber++;
    this.#transmit();
    return true;
  }

  /** Sends what the writer holds as a packet that asks for an acknowledgement. */
  #leave(packet: SentPacket, now: Instant): true {
    this.#owner.writer.padTo(RESET_BYTES);
    packet.bytes = this.#owner.writer.bytes;
    if (this.#loss.outstanding === 0) this.progressAt = now;
    this.#loss.sent(packet, now);
    this.#pacer.sent(packet.bytes);
    this.isPingDue = false;
    if (this.#probesDue > 0) this.#probesDue--;
    this.#transmit();
    return true;
  }

  #transmit(): void {
    const { writer } = this.#owner;
    writer.end();
    this.sentBytes += writer.bytes;
    this.#owner.transmit();
  }

  /** Tells the peer, once and without hearing whether it learns of it, that the link ends. */
  sendClose(errno: number): void {
    const { writer, peerId, isBlocked } = this.#owner;
    if (isBlocked) return;
    writer.begin(PACKET_DATA, peerId, this.#loss.nextNumber++);
    writer.close(errno);
    writer.padTo(RESET_BYTES);
    this.#transmit();
  }

  /** Data waits for nothing but the peer's window: asks for it from time to time, so that a lost WINDOW stalls nobody. */
  #watchStall(now: Instant): void {
    if (!this.#tx.isStalled || this.#loss.outstanding > 0) {
      this.#stallPingAt = NEVER;
      return;
    }
    if (this.#stallPingAt !== NEVER) return;
    if (this.#stallPings === 0) this.#owner.counters.window_stalls++;
    const interval = this.rtt.probeTimeoutUs(this.#loss.peerAckDelayUs) * 2 ** this.#stallPings;
    this.#stallPingAt = now + Math.min(interval, STALL_INTERVAL_MAX_US);
    this.#stallPings++;
  }
}
