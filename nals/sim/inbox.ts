import { copyIov, EIO, type Instant, iovBytes, RX_PLACE, RX_WAIT } from '../../lnet/nal.ts';
import type { ConnFrame } from './conn-frame.ts';
import type { SimConn } from './sim-conn.ts';
import { SimRx } from './sim-rx.ts';

/**
 * The receiving side of one end of a connection. One message at a time is in the core's hands; what lands behind it is held,
 * untouched, in its sender's memory. So a message that must wait stops its own link and nothing else.
 */
export class Inbox {
  readonly #conn: SimConn;
  readonly #rx: SimRx;
  /** The message that the core has answered and that is not in place yet. */
  #current: ConnFrame | null = null;
  #isWaiting = false;
  /** Its header arrived with a flipped bit: the core may ask for more bytes than there are. */
  #isHeaderDamaged = false;
  #progressAt: Instant = 0;
  /** What landed behind it. */
  #firstHeld: ConnFrame | null = null;
  #lastHeld: ConnFrame | null = null;
  /** The first of them, once its turn is scheduled. */
  #upcoming: ConnFrame | null = null;

  constructor(conn: SimConn) {
    this.#conn = conn;
    this.#rx = new SimRx(conn);
  }

  /** True while the core has a message of this connection. */
  get isBusy(): boolean {
    return this.#current !== null;
  }

  /** When the current message last made progress: now while its bytes move, else since the core or a cut holds it up. */
  get progressAt(): Instant {
    return this.#current?.isScheduled ? this.#conn.ni.clock.now() : this.#progressAt;
  }

  /** A message has landed. */
  receive(frame: ConnFrame): void {
    frame.holder = this;
    if (!this.#current && !this.#upcoming) {
      this.#offer(frame);
      return;
    }
    frame.nextHeld = null;
    if (this.#lastHeld) this.#lastHeld.nextHeld = frame;
    else this.#firstHeld = frame;
    this.#lastHeld = frame;
  }

  /** A message that is held here has its turn: it is offered to the core, or its last byte is here. */
  turn(frame: ConnFrame): void {
    if (frame === this.#upcoming) {
      this.#upcoming = null;
      this.#offer(frame);
    } else if (frame === this.#current) this.#place(frame);
  }

  #offer(frame: ConnFrame): void {
    const { ni } = this.#conn;
    const tx = frame.tx;
    // Without transmission its sender has given up: the reset follows, or got lost and the deadline will pass.
    if (!tx) return;
    const rx = this.#rx;
    rx.reset();
    tx.hdr.encode(rx.view, 0, rx.form);
    this.#isHeaderDamaged = frame.isCorrupt && this.#flipHeaderBit(frame);
    ni.counters.received++;
    const verdict = ni.upcalls.arrived(rx);
    ni.spoilHeader();
    if (verdict < 0) {
      ni.counters.refused++;
      this.#conn.close('broken');
      return;
    }
    if (this.#conn.state === 'closed') {
      ni.upcalls.placed(rx, -EIO);
      return;
    }
    this.#current = frame;
    this.#progressAt = ni.clock.now();
    if (verdict === RX_PLACE) this.#awaitLastByte(frame);
    else if (verdict === RX_WAIT) {
      this.#isWaiting = true;
      ni.counters.waits++;
    } else throw new RangeError(`${verdict} is not a verdict`);
    if (this.#current) this.#conn.watch();
  }

  /** The core has set its answer at last. */
  resume(): void {
    if (!this.#isWaiting) throw new Error(`resume() of a message from ${this.#conn.peerNid} that does not wait`);
    this.#isWaiting = false;
    this.#awaitLastByte(this.#current as ConnFrame);
  }

  #awaitLastByte(frame: ConnFrame): void {
    const { net } = this.#conn.ni;
    if (frame.lastByteAt <= net.clock.now()) this.#place(frame);
    else net.clock.schedule(frame, frame.lastByteAt);
  }

  /** After a cut was healed: the rest of a payload that was on its way follows. */
  continue(frame: ConnFrame): void {
    if (frame === this.#current && !this.#isWaiting) this.#awaitLastByte(frame);
  }

  #place(frame: ConnFrame): void {
    const { ni } = this.#conn;
    const rx = this.#rx;
    const tx = frame.tx;
    const sender = frame.conn;
    this.#progressAt = ni.clock.now();
    if (!tx || !sender) return;
    if (rx.wantedBytes > tx.hdr.payloadLength) {
      if (!this.#isHeaderDamaged) throw new RangeError(`${rx.wantedBytes} bytes wanted of a shorter message`);
      this.#conn.close('broken');
      return;
    }
    if (ni.net.isCut(frame.from, ni.port)) {
      sender.stall('message');
      return;
    }
    if (iovBytes(rx.iov) < rx.iovOffset + rx.wantedBytes)
      throw new RangeError(`${rx.wantedBytes} bytes wanted in less memory`);
    copyIov(tx.payload, tx.payloadOffset, rx.wantedBytes, rx.iov, rx.iovOffset);
    if (frame.isCorrupt && !this.#isHeaderDamaged) this.#flipPayloadBit();
    ni.counters.received_bytes += rx.wantedBytes;
    ni.counters.discarded_bytes += tx.hdr.payloadLength - rx.wantedBytes;
    this.#current = null;
    frame.isPlaced = true;
    this.#turnToNext();
    this.#conn.relax();
    ni.upcalls.placed(rx, 0);
    if (frame.conn === null) return;
    if (ni.net.isCut(ni.port, frame.from)) sender.stall('message');
    else sender.acknowledge(frame);
  }

  /** The next message has its turn in an event of its own: the core must not be called from inside its own calls. */
  #turnToNext(): void {
    const frame = this.#firstHeld;
    if (!frame) return;
    this.#firstHeld = frame.nextHeld;
    if (!this.#firstHeld) this.#lastHeld = null;
    this.#upcoming = frame;
    this.#conn.ni.net.clock.schedule(frame, 0);
  }

  /** Damages the header or, in proportion to their lengths, leaves the damage to the payload. True when it was the header. */
  #flipHeaderBit(frame: ConnFrame): boolean {
    const bit = this.#conn.ni.net.draw(frame.bytes * 8);
    const at = bit >> 3;
    if (at >= frame.headBytes) return false;
    this.#rx.view.setUint8(at, this.#rx.view.getUint8(at) ^ (1 << (bit & 7)));
    return true;
  }

  #flipPayloadBit(): void {
    const rx = this.#rx;
    if (rx.wantedBytes === 0) return;
    const bit = this.#conn.ni.net.draw(rx.wantedBytes * 8);
    let at = rx.iovOffset + (bit >> 3);
    for (const fragment of rx.iov) {
      if (at < fragment.length) {
        fragment[at] = (fragment[at] as number) ^ (1 << (bit & 7));
        return;
      }
      at -= fragment.length;
    }
  }

  /** The connection is over. What is held stays its sender's, who learns of the end by a reset or by its own timeout. */
  abandon(): void {
    if (this.#current) this.#current.holder = null;
    if (this.#upcoming) this.#upcoming.holder = null;
    for (let frame = this.#firstHeld; frame; frame = frame.nextHeld) frame.holder = null;
  }

  /** Reports the message that the core has as failed: lnet-semantics §11.8. */
  failCurrent(): void {
    if (!this.#current) return;
    this.#isWaiting = false;
    this.#conn.ni.upcalls.placed(this.#rx, -EIO);
  }
}
