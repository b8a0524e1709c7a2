import { type Clock, type Instant, type NalFactory, type Random, US_PER_S } from '../../lnet/nal.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import type { SimFrame } from './frame.ts';
import { NodeClock } from './node-clock.ts';
import { SimPort } from './port.ts';
import { SimNal } from './sim-nal.ts';
import type { SimNet } from './sim-net.ts';

/** A machine: its clock, its randomness, its NAL, and what can happen to it. */
export class SimNode {
  readonly net: SimNet;
  readonly name: string;
  readonly random: Random;
  #clock: NodeClock;
  readonly #ports: SimPort[] = [];
  #hasPower = true;
  #driftPpm = 0;
  #readBytesPerS = Number.POSITIVE_INFINITY;
  /** The slow reader is busy until then. */
  #readerFreeAt = 0;
  readonly #unread = new Set<SimFrame>();

  constructor(net: SimNet, name: string, random: Random) {
    this.net = net;
    this.name = name;
    this.random = random;
    this.#clock = new NodeClock(net.clock, { name });
  }

  /** The clock of its present life: take it anew after {@link restart}. */
  get clock(): Clock {
    return this.#clock;
  }

  /** Makes the NAL of a program on this node. */
  get nal(): NalFactory {
    return (env) => new SimNal(this, env);
  }

  get hasPower(): boolean {
    return this.#hasPower;
  }

  /** The interface of that NID, made when it is new. Undefined when another node has the NID. */
  portOf(nid: Nid): SimPort | undefined {
    const known = this.net.portOf(nid);
    if (known) return known.node === this ? known : undefined;
    const port = new SimPort(this, nid);
    this.#ports.push(port);
    this.net.addPort(port);
    return port;
  }

  /** The power is gone: nothing that ran here does anything more, what is in flight is lost, and the peers hear nothing. */
  crash(): void {
    this.net.note(`${this.name} crashes`);
    this.#hasPower = false;
    this.#endPrograms(false);
  }

  /** The program dies; the node's kernel lives and resets the connections. The node can be used again at once. */
  kill(): void {
    this.net.note(`${this.name} is killed`);
    this.#endPrograms(true);
    this.#clock = this.#newClock();
  }

  /** Power is back after {@link crash}. Programs start anew with the present {@link clock} and {@link nal}. */
  restart(): void {
    this.net.note(`${this.name} restarts`);
    this.#hasPower = true;
    this.#clock = this.#newClock();
    this.net.retryStalled();
  }

  #newClock(): NodeClock {
    return new NodeClock(this.net.clock, { name: this.name, driftPpm: this.#driftPpm, startsAt: this.#clock.now() });
  }

  #endPrograms(tellsPeers: boolean): void {
    this.#clock.stop();
    for (const frame of this.#unread) frame.blocked();
    this.#unread.clear();
    for (const port of this.#ports) {
      const receiver = port.receiver;
      port.receiver = null;
      receiver?.die(tellsPeers);
    }
  }

  /** Lets its clock go faster (or slower, when negative) by so many parts per million. */
  setDrift(driftPpm: number): void {
    this.#driftPpm = driftPpm;
    this.#clock.setDrift(driftPpm);
  }

  /** Pulls the cable of one interface (default: all): its NIs are told, and nothing passes. */
  unplug(nid?: Nid): void {
    this.#setCarrier(nid, false);
  }

  plug(nid?: Nid): void {
    this.#setCarrier(nid, true);
    this.net.retryStalled();
  }

  #setCarrier(nid: Nid | undefined, hasCarrier: boolean): void {
    for (const port of this.#ports) {
      if ((nid !== undefined && port.nid !== nid) || port.hasCarrier === hasCarrier) continue;
      port.hasCarrier = hasCarrier;
      this.net.note(`${port.nid} ${hasCarrier ? 'plugged' : 'unplugged'}`);
      port.receiver?.carrierChanged(!hasCarrier);
    }
  }

  /** How fast it takes in what arrives, bytes per second; 0: it reads nothing until the rate is raised. */
  setReadRate(bytesPerS: number): void {
    this.#readBytesPerS = bytesPerS;
    if (bytesPerS === 0) return;
    const unread = [...this.#unread];
    this.#unread.clear();
    for (const frame of unread) this.#read(frame);
  }

  /** Called by the network: true when the frame must wait for the slow reader, and will come again. */
  delaysReading(frame: SimFrame): boolean {
    if (this.#readBytesPerS === Number.POSITIVE_INFINITY) return false;
    if (this.#readBytesPerS === 0) this.#unread.add(frame);
    else this.#read(frame);
    return true;
  }

  /** The frame was taken back by its sender. */
  forget(frame: SimFrame): void {
    this.#unread.delete(frame);
  }

  #read(frame: SimFrame): void {
    const now: Instant = this.net.clock.now();
    this.#readerFreeAt = Math.max(now, this.#readerFreeAt) + (frame.bytes / this.#readBytesPerS) * US_PER_S;
    frame.isRead = true;
    this.net.clock.schedule(frame, this.#readerFreeAt);
  }
}
