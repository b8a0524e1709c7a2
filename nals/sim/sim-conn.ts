import { type Alarm, HEALTH_OK, type Instant, type NalTx } from '../../lnet/nal.ts';
import type { LnetHdrForm } from '../../lnet/wire/lnet-hdr.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import type { ConnFrame, ConnFrameKind } from './conn-frame.ts';
import { ENDINGS, type Ending, errnoOfUnacknowledged, healthOfUnsent } from './ending.ts';
import { Inbox } from './inbox.ts';
import type { SimNi } from './sim-ni.ts';
import type { Stalled } from './sim-net.ts';

/** Life of one end. `connecting` goes to `up` by the peer's welcome, or by its own hello when both dial at once. */
export type ConnState = 'connecting' | 'up' | 'closed';

/**
 * One end of a connection of the simulated transport. Messages stand in `#first…#last` from submission until their payload is
 * in place at the other end and the way back is open; then their transmission is over. Nothing is ever staged: the payload
 * moves once, from the sender's memory into the receiver's.
 */
export class SimConn implements Stalled {
  readonly ni: SimNi;
  readonly peerNid: Nid;
  readonly form: LnetHdrForm;
  readonly inbox: Inbox;
  id: number;
  state: ConnState;
  peerPid = 0;
  peerIncarnation = 0n;

  #first: ConnFrame | null = null;
  #last: ConnFrame | null = null;
  #progressAt: Instant = 0;
  /** Part of the handshake that a cut swallowed. */
  #owed: ConnFrameKind | null = null;
  #alarm: Alarm | null = null;
  readonly #onAlarm = (): void => this.#checkDeadline();

  constructor(ni: SimNi, peerNid: Nid, id: number) {
    this.ni = ni;
    this.peerNid = peerNid;
    this.id = id;
    this.state = 'connecting';
    this.form = ni.nid.isLarge || peerNid.isLarge ? 16 : ni.net.form;
    this.inbox = new Inbox(this);
  }

  /** Sends the hello of a connection that is being made. */
  dial(): void {
    this.ni.sendControl('hello', this);
  }

  /** The connection stands: what waited for it leaves. */
  established(pid: number, incarnation: bigint): void {
    this.peerPid = pid;
    this.peerIncarnation = incarnation;
    this.state = 'up';
    this.#progressAt = this.ni.clock.now();
    for (let frame = this.#first; frame; frame = frame.next) {
      frame.connId = this.id;
      this.ni.net.send(frame);
    }
  }

  /** Takes over a transmission; its end will be reported once. */
  submit(tx: NalTx): void {
    const frame = this.ni.takeFrame(this, tx);
    if (!this.#first) this.#progressAt = this.ni.clock.now();
    frame.previous = this.#last;
    if (this.#last) this.#last.next = frame;
    else this.#first = frame;
    this.#last = frame;
    if (this.state === 'up') this.ni.net.send(frame);
    this.watch();
  }

  /** A second copy of a message, delivered as if it were one of its own. */
  copyOf(frame: ConnFrame): ConnFrame {
    const copy = this.ni.takeFrame(this, frame.tx as NalTx);
    copy.copyOf = frame;
    frame.copy = copy;
    return copy;
  }

  /** The message is over at the other end; its transmission ends when no copy of it is left on its way. */
  acknowledge(frame: ConnFrame): void {
    const original = frame.copyOf;
    if (original) {
      original.copy = null;
      this.ni.giveFrame(frame);
      if (original.isPlaced) this.acknowledge(original);
      return;
    }
    if (frame.copy) return;
    const tx = frame.tx as NalTx;
    this.#unlink(frame);
    this.ni.giveFrame(frame);
    this.#progressAt = this.ni.clock.now();
    this.ni.counters.sent++;
    this.ni.counters.sent_bytes += tx.hdr.payloadLength;
    this.relax();
    this.ni.upcalls.sent(tx, 0, HEALTH_OK);
  }

  #unlink(frame: ConnFrame): void {
    if (frame.previous) frame.previous.next = frame.next;
    else this.#first = frame.next;
    if (frame.next) frame.next.previous = frame.previous;
    else this.#last = frame.previous;
  }

  // Cuts.

  /** A frame met a cut: all that is not acknowledged goes out again, in order, when the cut is healed. */
  stall(kind: ConnFrameKind): void {
    if (this.state === 'closed') return;
    if (kind !== 'message') this.#owed = kind;
    this.ni.net.stall(this);
  }

  retry(): void {
    if (this.#owed) this.ni.sendControl(this.#owed, this);
    this.#owed = null;
    for (let frame = this.#first; frame && this.state === 'up'; ) {
      const next: ConnFrame | null = frame.next;
      if (frame.copy) this.#retryFrame(frame.copy);
      this.#retryFrame(frame);
      frame = next;
    }
  }

  #retryFrame(frame: ConnFrame): void {
    if (frame.isPlaced) this.acknowledge(frame);
    else if (frame.holder) frame.holder.continue(frame);
    else this.ni.net.send(frame);
  }

  // Ending.

  /** Ends the connection: everything under way is reported as failed, and the peer as down unless a new link is being made. */
  close(ending: Ending): void {
    if (this.state === 'closed') return;
    const wasUp = this.state === 'up';
    const { errno, tellsPeer } = ENDINGS[ending];
    this.#abandon();
    this.ni.forget(this);
    if (tellsPeer) this.ni.sendControl('reset', this);
    if (ending === 'timedOut') this.ni.counters.timeouts++;
    if (ending === 'reset') this.ni.counters.resets++;
    this.#failTransmissions(wasUp ? errnoOfUnacknowledged(errno) : errno);
    this.inbox.failCurrent();
    this.ni.reportDownUnlessLinked(this.peerNid);
  }

  /** The node is gone: nothing is reported to anybody. */
  die(): void {
    this.#abandon();
    for (let frame = this.#first; frame; frame = frame.next) this.#takeBack(frame);
  }

  #abandon(): void {
    this.state = 'closed';
    this.#alarm?.cancel();
    this.ni.net.unstall(this);
    this.inbox.abandon();
  }

  #failTransmissions(errno: number): void {
    const health = healthOfUnsent(errno);
    let frame = this.#first;
    while (frame) {
      const next: ConnFrame | null = frame.next;
      const tx = frame.tx as NalTx;
      this.#takeBack(frame);
      this.ni.counters.failed++;
      this.ni.upcalls.sent(tx, errno, health);
      frame = next;
    }
  }

  /** Parts a frame from its transmission. On its way it is stopped; whoever holds it at the other end finds it empty. */
  #takeBack(frame: ConnFrame): void {
    if (frame.copy) this.#takeBack(frame.copy);
    frame.tx = null;
    frame.conn = null;
    if (!frame.holder) this.ni.net.recall(frame);
  }

  // Deadlines: socklnd §8.1.

  /** Instant at which something has gone on for too long without progress, or undefined when nothing is under way. */
  #deadline(): Instant | undefined {
    const { clock, net, timeoutUs } = this.ni;
    let progressAt = this.inbox.isBusy ? this.inbox.progressAt : undefined;
    const first = this.#first;
    if (first || this.state === 'connecting') {
      // Bytes that still move along a slow link are progress.
      const movesUntil = first && first.lastByteAt > net.clock.now() ? clock.now() : 0;
      progressAt = Math.min(progressAt ?? Number.POSITIVE_INFINITY, Math.max(this.#progressAt, movesUntil));
    }
    return progressAt === undefined ? undefined : progressAt + timeoutUs;
  }

  /** Something is under way: makes sure that its deadline will be looked at. */
  watch(): void {
    if (this.#alarm || this.state === 'closed') return;
    const deadline = this.#deadline();
    if (deadline !== undefined) this.#alarm = this.ni.clock.alarm(deadline, this.#onAlarm);
  }

  /** Something is over: when nothing is under way, no alarm keeps virtual time busy. */
  relax(): void {
    if (!this.#alarm || this.#first || this.inbox.isBusy || this.state === 'connecting') return;
    this.#alarm.cancel();
    this.#alarm = null;
  }

  #checkDeadline(): void {
    this.#alarm = null;
    const deadline = this.#deadline();
    if (deadline !== undefined && deadline <= this.ni.clock.now()) this.close('timedOut');
    else this.watch();
  }
}
