import { EPROTO, HEALTH_OK, type HealthStatus, iovBytes, RX_PLACE, RX_WAIT } from '../../lnet/nal.ts';
import type { NalNi, NalRx, NalTx, NalUpcalls, RxVerdict } from '../../lnet/nal.ts';
import { LnetHdr, type LnetHdrForm } from '../../lnet/wire/lnet-hdr.ts';
import { NID_ANY, type Nid } from '../../lnet/wire/nid.ts';
import { WireError } from '../../lnet/wire/wire-error.ts';
import { GuardedMemory } from './memory.ts';

/** A message that arrived, as the recorder saw it. */
export class Arrival {
  readonly rx: NalRx;
  readonly hdr = new LnetHdr();
  readonly form: LnetHdrForm;
  readonly fromNid: Nid;
  readonly fromPid: number;
  readonly token: unknown;
  memory = new GuardedMemory([]);
  state: 'offered' | 'waiting' | 'placing' | 'placed' | 'failed' | 'refused' = 'offered';
  /** What {@link NalUpcalls.placed} reported. */
  errno = 0;
  #offset = 0;
  #wanted = 0;

  constructor(rx: NalRx) {
    this.rx = rx;
    this.form = rx.form;
    this.fromNid = rx.fromNid;
    this.fromPid = rx.fromPid;
    this.token = rx.token;
    this.hdr.decode(rx.view, rx.hdrAt, rx.form, rx.ni.nid, rx.fromNid);
  }

  /** The number that {@link putTx} and {@link getTx} put there. */
  get number(): number {
    return this.hdr.matchBitsLow;
  }

  /** Sets the answer: `wanted` bytes (default: all) at `offset` of this memory (default: one fragment that fits). */
  want(wanted = this.hdr.payloadLength, memory = new GuardedMemory([wanted]), offset = 0): RxVerdict {
    this.memory = memory;
    this.#offset = offset;
    this.#wanted = wanted;
    this.rx.iov = memory.iov;
    this.rx.iovOffset = offset;
    this.rx.wantedBytes = wanted;
    return RX_PLACE;
  }

  /** Ends a wait: sets the answer as {@link want} does and resumes. */
  resume(wanted = this.hdr.payloadLength, memory = new GuardedMemory([wanted]), offset = 0): void {
    this.want(wanted, memory, offset);
    this.state = 'placing';
    this.rx.resume();
  }

  /** The bytes that were wanted, in one piece. */
  get payload(): Uint8Array {
    return this.memory.bytes.subarray(this.#offset, this.#offset + this.#wanted);
  }

  /** True when nothing but the wanted bytes was written. */
  get isTidy(): boolean {
    const bytes = iovBytes(this.memory.iov);
    return (
      this.memory.isIntact &&
      this.memory.isUntouched(0, this.#offset) &&
      this.memory.isUntouched(this.#offset + this.#wanted, bytes)
    );
  }
}

function arrivalOf(rx: NalRx): Arrival | undefined {
  try {
    return new Arrival(rx);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** How a transmission ended. */
export interface TxEnd {
  readonly tx: NalTx;
  readonly errno: number;
  readonly health: HealthStatus;
}

/**
 * A core that notes everything a NAL tells it and watches that the contract is kept: what is wrong stands in
 * {@link violations}, one sentence each.
 */
export class Recorder implements NalUpcalls {
  readonly name: string;
  /** Decides about each arrival. Default: all of it, into one fresh fragment. */
  answer: (arrival: Arrival) => RxVerdict = (arrival) => arrival.want();
  readonly arrivals: Arrival[] = [];
  readonly ends: TxEnd[] = [];
  readonly downs: Nid[] = [];
  readonly fatals: boolean[] = [];
  readonly violations: string[] = [];
  /** Arrivals whose header holds no possible NID. */
  malformed = 0;
  readonly #accepted = new Set<NalTx>();
  readonly #open = new Map<NalRx, Arrival>();
  #ni: NalNi | undefined;
  #isClosed = false;
  #sending = 0;
  #arriving = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** Its NI, once {@link attach}ed. */
  get ni(): NalNi {
    if (!this.#ni) throw new Error(`${this.name} has no NI`);
    return this.#ni;
  }

  get nid(): Nid {
    return this.#ni?.nid ?? NID_ANY;
  }

  attach(ni: NalNi): void {
    this.#ni = ni;
    this.#isClosed = false;
  }

  /** Accepted transmissions whose end was not reported. */
  get unfinished(): number {
    return this.#accepted.size;
  }

  /** Arrivals that were answered and not reported as placed. */
  get unplaced(): number {
    return this.#open.size;
  }

  /** Arrivals that are in memory. */
  get placedArrivals(): Arrival[] {
    return this.arrivals.filter((arrival) => arrival.state === 'placed');
  }

  send(tx: NalTx): number {
    this.#accepted.add(tx);
    this.#sending++;
    const result = this.ni.send(tx);
    this.#sending--;
    if (result === 0) return 0;
    if (result > 0) this.#violated(`send gave ${result}, which is neither 0 nor a negative errno`);
    if (!this.#accepted.delete(tx)) this.#violated('a transmission that failed at once was reported as well');
    return result;
  }

  endOf(tx: NalTx): TxEnd | undefined {
    return this.ends.find((end) => end.tx === tx);
  }

  /** Closes the NI and checks that nothing is left open and nothing is reported afterwards. */
  async close(): Promise<void> {
    await this.#ni?.close();
    if (this.#accepted.size > 0) this.#violated(`${this.#accepted.size} transmissions were not ended by close()`);
    if (this.#open.size > 0) this.#violated(`${this.#open.size} arrivals were not ended by close()`);
    this.#isClosed = true;
  }

  /** The node died: what was under way ends without a report. */
  die(): void {
    this.#accepted.clear();
    this.#open.clear();
    this.#isClosed = true;
  }

  arrived(rx: NalRx): RxVerdict {
    this.#called('arrived');
    if (this.#open.has(rx)) this.#violated('a record of an arrival was used again before it was placed');
    if (this.#arriving > 0 && this.#sending === 0) this.#violated('arrived was called inside arrived');
    const arrival = arrivalOf(rx);
    if (!arrival) {
      this.malformed++;
      return -EPROTO;
    }
    this.arrivals.push(arrival);
    this.#arriving++;
    const verdict = this.answer(arrival);
    this.#arriving--;
    if (verdict < 0) {
      arrival.state = 'refused';
      return verdict;
    }
    arrival.state = verdict === RX_WAIT ? 'waiting' : 'placing';
    this.#open.set(rx, arrival);
    return verdict;
  }

  placed(rx: NalRx, errno: number): void {
    this.#called('placed');
    const arrival = this.#open.get(rx);
    if (!arrival) {
      this.#violated('placed was called for a message that is not open');
      return;
    }
    if (errno > 0) this.#violated(`placed gave ${errno}, which is neither 0 nor a negative errno`);
    if (errno === 0 && arrival.state === 'waiting') this.#violated('a message was placed while the core let it wait');
    this.#open.delete(rx);
    arrival.state = errno === 0 ? 'placed' : 'failed';
    arrival.errno = errno;
  }

  sent(tx: NalTx, errno: number, health: HealthStatus): void {
    this.#called('sent');
    if (!this.#accepted.delete(tx)) this.#violated('sent was called for a transmission that is not under way');
    if (errno > 0) this.#violated(`sent gave ${errno}, which is neither 0 nor a negative errno`);
    if ((errno === 0) !== (health === HEALTH_OK)) this.#violated(`sent gave errno ${errno} with health ${health}`);
    this.ends.push({ tx, errno, health });
  }

  peerDown(_ni: NalNi, nid: Nid): void {
    this.#called('peerDown');
    this.downs.push(nid);
  }

  linkFatal(_ni: NalNi, isFatal: boolean): void {
    this.#called('linkFatal');
    this.fatals.push(isFatal);
  }

  #called(upcall: string): void {
    if (this.#isClosed) this.#violated(`${upcall} was called after the NI was closed`);
  }

  #violated(what: string): void {
    this.violations.push(`${this.name}: ${what}`);
  }
}
