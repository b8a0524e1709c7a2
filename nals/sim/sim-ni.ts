import {
  type Clock,
  EHOSTUNREACH,
  EINVAL,
  EIO,
  ESHUTDOWN,
  LnetError,
  type NalNi,
  type NalNiOptions,
  type NalTx,
  type NalUpcalls,
  US_PER_S,
} from '../../lnet/nal.ts';
import { LNET_HDR16_BYTES, lnetHdrBytes } from '../../lnet/wire/lnet-hdr.ts';
import { compareNids, type Nid } from '../../lnet/wire/nid.ts';
import { LNET_PID_USERFLAG } from '../../lnet/wire/process-id.ts';
import { ConnFrame, type ConnFrameKind } from './conn-frame.ts';
import { newSimCounters, SIM_CAPS, SIM_TUNABLES, type SimCounters, unknownTunable } from './declaration.ts';
import type { SimFrame } from './frame.ts';
import type { SimPort, SimReceiver } from './port.ts';
import { SimConn } from './sim-conn.ts';
import type { SimNal } from './sim-nal.ts';
import type { SimNet } from './sim-net.ts';

/** Bytes of a handshake or reset on the wire. */
const CONTROL_BYTES = 56;

const STALE_HEADER = 0xdb;

/** Frames an NI keeps for reuse. */
const FRAMES_KEPT_MAX = 1_024;

/** An open NI on a simulated interface: its connections, one per peer. */
export class SimNi implements NalNi, SimReceiver {
  readonly nid: Nid;
  readonly interfaceName: string;
  readonly nal: SimNal;
  readonly net: SimNet;
  readonly port: SimPort;
  readonly clock: Clock;
  readonly upcalls: NalUpcalls;
  readonly counters: SimCounters = newSimCounters();
  readonly tunables: Record<(typeof SIM_TUNABLES)[number]['name'], number>;
  /** Differs after every restart: socklnd §2.6. */
  readonly incarnation: bigint;
  /** Holds the header of the message that is being offered to the core. */
  readonly headerView = new DataView(new ArrayBuffer(LNET_HDR16_BYTES));
  readonly #accepts: boolean;
  readonly #conns = new Map<Nid, SimConn>();
  readonly #freeFrames: ConnFrame[] = [];
  #isOpen = true;

  constructor(nal: SimNal, port: SimPort, options: NalNiOptions) {
    this.nal = nal;
    this.net = nal.node.net;
    this.port = port;
    this.nid = options.nid;
    this.interfaceName = options.interfaceName;
    this.clock = nal.env.clock;
    this.upcalls = nal.env.upcalls;
    this.incarnation = nal.env.clock.wallNs();
    this.#accepts = options.accept !== 'none';
    this.tunables = { timeout: SIM_TUNABLES[0].default };
    for (const [name, value] of Object.entries(options.tunables)) this.setTunable(name, value);
  }

  get timeoutUs(): number {
    return this.tunables.timeout * US_PER_S;
  }

  setTunable(name: string, value: number): void {
    const tunable = SIM_TUNABLES.find((candidate) => candidate.name === name);
    if (!tunable) throw unknownTunable(name);
    if (!Number.isInteger(value) || value < tunable.min || value > tunable.max) {
      throw new LnetError('ERR_LNET_BAD_ARGUMENT', {
        errno: -EINVAL,
        message: `${name} must be ${tunable.min}..${tunable.max} ${tunable.unit}, ${value} given`,
      });
    }
    this.tunables[tunable.name] = value;
  }

  send(tx: NalTx): number {
    if (!this.#isOpen) return -ESHUTDOWN;
    const to = tx.nextHop;
    if (to.isAny || to.net !== this.nid.net) return -EHOSTUNREACH;
    if (tx.hdr.payloadLength > SIM_CAPS.payloadBytesMax) return -EINVAL;
    let conn = this.#conns.get(to);
    if (!conn) {
      // It once connected from an unprivileged port and cannot be dialled: socklnd §11.
      if ((tx.nextHopPid & LNET_PID_USERFLAG) !== 0) return -EIO;
      conn = this.#connect(to);
    }
    conn.submit(tx);
    return 0;
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const conn of this.#conns.values()) conn.close('stopped');
    this.port.receiver = null;
  }

  die(tellsPeers: boolean): void {
    this.#isOpen = false;
    for (const conn of this.#conns.values()) {
      if (tellsPeers) this.sendControl('reset', conn);
      conn.die();
    }
  }

  carrierChanged(isLost: boolean): void {
    this.upcalls.linkFatal(this, isLost);
  }

  #connect(to: Nid): SimConn {
    const conn = new SimConn(this, to, this.net.newConnId());
    this.#conns.set(to, conn);
    this.counters.connects++;
    if (to === this.nid) conn.established(this.nal.env.pid, this.incarnation);
    else conn.dial();
    return conn;
  }

  /** A connection has ended. */
  forget(conn: SimConn): void {
    if (this.#conns.get(conn.peerNid) === conn) this.#conns.delete(conn.peerNid);
  }

  reportDownUnlessLinked(nid: Nid): void {
    if (this.#isOpen && !this.#conns.has(nid)) this.upcalls.peerDown(this, nid);
  }

  /** The header is not valid any more: a core that reads it late must fail here, not on real links. */
  spoilHeader(): void {
    new Uint8Array(this.headerView.buffer).fill(STALE_HEADER);
  }

  receive(frame: SimFrame): void {
    if (!(frame instanceof ConnFrame)) return;
    if (frame.kind === 'hello') this.#receiveHello(frame);
    else this.#receiveOnConn(frame);
  }

  #receiveOnConn(frame: ConnFrame): void {
    const conn = this.#conns.get(frame.from.nid);
    const isKnown = conn !== undefined && conn.id === frame.connId;
    if (frame.kind === 'reset') {
      if (isKnown) conn.close(conn.state === 'connecting' ? 'refused' : 'reset');
    } else if (!isKnown) this.#reject(frame);
    else if (frame.kind === 'message') conn.inbox.receive(frame);
    else if (conn.state === 'connecting') conn.established(frame.pid, frame.incarnation);
  }

  #receiveHello(frame: ConnFrame): void {
    const from = frame.from.nid;
    if (!this.#accepts) {
      this.#reject(frame);
      return;
    }
    const known = this.#conns.get(from);
    if (known?.state === 'connecting') {
      // Both dial at once: the connection of the higher NID stays, as in socklnd §3.5.
      if (compareNids(from, this.nid) > 0) this.#accept(frame, known);
      return;
    }
    if (known?.id === frame.connId) return;
    const conn = new SimConn(this, from, frame.connId);
    this.#conns.set(from, conn);
    this.counters.accepts++;
    if (known) {
      const isRestart = known.peerIncarnation !== frame.incarnation;
      if (isRestart) this.counters.restarts++;
      known.close(isRestart ? 'restarted' : 'reset');
    }
    this.#accept(frame, conn);
  }

  #accept(frame: ConnFrame, conn: SimConn): void {
    conn.id = frame.connId;
    this.sendControl('welcome', conn);
    conn.established(frame.pid, frame.incarnation);
  }

  #reject(frame: ConnFrame): void {
    const reset = new ConnFrame(this.net, this.port);
    reset.kind = 'reset';
    reset.to = frame.from.nid;
    reset.connId = frame.connId;
    this.#sendBare(reset);
  }

  /** Sends a part of the handshake, or a reset. */
  sendControl(kind: ConnFrameKind, conn: SimConn): void {
    const frame = new ConnFrame(this.net, this.port);
    frame.kind = kind;
    frame.to = conn.peerNid;
    frame.connId = conn.id;
    frame.conn = kind === 'reset' ? null : conn;
    frame.incarnation = this.incarnation;
    frame.pid = this.nal.env.pid;
    this.#sendBare(frame);
  }

  #sendBare(frame: ConnFrame): void {
    frame.bytes = CONTROL_BYTES;
    frame.headBytes = CONTROL_BYTES;
    this.net.send(frame);
  }

  /** A frame that carries this transmission over the connection, from the pool. */
  takeFrame(conn: SimConn, tx: NalTx): ConnFrame {
    const frame = this.#freeFrames.pop() ?? new ConnFrame(this.net, this.port);
    frame.isExposed = true;
    frame.to = conn.peerNid;
    frame.connId = conn.id;
    frame.conn = conn;
    frame.tx = tx;
    frame.headBytes = lnetHdrBytes(conn.form);
    frame.bytes = frame.headBytes + tx.hdr.payloadLength;
    return frame;
  }

  giveFrame(frame: ConnFrame): void {
    frame.reset();
    if (this.#freeFrames.length < FRAMES_KEPT_MAX) this.#freeFrames.push(frame);
  }
}
