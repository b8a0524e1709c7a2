import type { NalTx } from '../../lnet/nal.ts';
import { LNET_MSG_NAMES } from '../../lnet/wire/lnet-hdr.ts';
import { SimFrame } from './frame.ts';
import type { Inbox } from './inbox.ts';
import type { SimPort } from './port.ts';
import type { SimConn } from './sim-conn.ts';

/** `hello` opens a connection, `welcome` accepts it, `reset` ends it, `message` carries one LNet message. */
export type ConnFrameKind = 'hello' | 'welcome' | 'reset' | 'message';

/** What connections of the simulated transport send each other. */
export class ConnFrame extends SimFrame {
  kind: ConnFrameKind = 'message';
  /** Number of the connection; both ends know it. */
  connId = 0;
  /** The sending end; null for a reset, which belongs to no end any more. */
  conn: SimConn | null = null;
  /** `hello` and `welcome`: who sends it. */
  incarnation = 0n;
  pid = 0;

  /** `message`: what is sent; null once its end was reported, though the frame may still be on its way. */
  tx: NalTx | null = null;
  /** The inbox in which it has landed. */
  holder: Inbox | null = null;
  /** Neighbours in the sending end's list of what is not acknowledged. */
  previous: ConnFrame | null = null;
  next: ConnFrame | null = null;
  /** Next in the receiving end's queue. */
  nextHeld: ConnFrame | null = null;
  /** The payload is in place, only the acknowledgement did not get through. */
  isPlaced = false;
  /** The second copy of this message on its way, and of which message this is the copy. */
  copy: ConnFrame | null = null;
  copyOf: ConnFrame | null = null;

  /** Back to the state of a new frame, for its sender's pool. */
  reset(): void {
    this.conn = null;
    this.tx = null;
    this.holder = null;
    this.previous = null;
    this.next = null;
    this.isPlaced = false;
    this.copy = null;
    this.copyOf = null;
  }

  override fire(): void {
    if (this.holder) this.holder.turn(this);
    else super.fire();
  }

  landed(port: SimPort): void {
    port.receiver?.receive(this);
  }

  blocked(): void {
    this.conn?.stall(this.kind);
  }

  refused(): void {
    this.conn?.close(this.kind === 'hello' ? 'refused' : 'reset');
  }

  unreachable(): void {
    this.conn?.close('unreachable');
  }

  vanished(): void {
    this.conn?.acknowledge(this);
  }

  duplicate(): ConnFrame | undefined {
    return this.copy || this.copyOf ? undefined : this.conn?.copyOf(this);
  }

  describe(): string {
    if (this.kind !== 'message') return this.kind;
    const hdr = this.tx?.hdr;
    return hdr ? `${LNET_MSG_NAMES[hdr.type] ?? hdr.type} ${hdr.payloadLength}` : 'message';
  }
}
