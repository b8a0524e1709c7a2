import { EHOSTUNREACH, EIO } from '../errno.ts';
import { HEALTH_OK } from '../health-status.ts';
import { copyFromIov, EMPTY_IOV, type Iov, copyIntoIov, sliceIov } from '../iov.ts';
import type { LocalNi } from '../local-ni.ts';
import type { Nal, NalNi, NalRx, NalTx } from '../nal.ts';
import { RX_WAIT } from '../nal.ts';
import { LNET_PID_LUSTRE } from '../portals/me.ts';
import { LNET_HDR16_BYTES, LnetHdr } from '../wire/lnet-hdr.ts';
import type { Nid } from '../wire/nid.ts';
import { NID_A, NID_B, TestCore } from './core-fixture.test-support.ts';

/** One message on the wire: header bytes in the large form, and payload. */
interface Frame {
  readonly bytes: DataView;
  readonly payload: Uint8Array;
}

class TestRx implements NalRx {
  readonly ni: NalNi;
  readonly fromNid: Nid;
  readonly fromPid: number;
  readonly view: DataView;
  readonly hdrAt = 0;
  readonly form = 16;
  readonly token = { answers: 'this arrival' };
  readonly payload: Uint8Array;
  readonly #link: TestLink;
  iov: Iov = EMPTY_IOV;
  iovOffset = -1;
  wantedBytes = -1;
  coreSlot: unknown = null;

  constructor(link: TestLink, ni: NalNi, frame: Frame, fromPid: number) {
    this.#link = link;
    this.ni = ni;
    this.fromNid = link.from;
    this.fromPid = fromPid;
    this.view = frame.bytes;
    this.payload = frame.payload;
  }

  resume(): void {
    this.#link.resumed(this);
  }
}

/** One direction between two NIDs: in order, stopped while the core makes an arrival wait, closed by a refusal. */
class TestLink {
  readonly from: Nid;
  readonly to: TestCore;
  readonly ni: LocalNi;
  readonly frames: Frame[] = [];
  fromPid = LNET_PID_LUSTRE;
  waiting: TestRx | null = null;
  isClosed = false;
  /** The next payload does not arrive whole. */
  breaksNext = false;
  /** Payloads stay under way until {@link finish}. */
  isSlow = false;
  #underWay: TestRx | null = null;

  constructor(from: Nid, to: TestCore, ni: LocalNi) {
    this.from = from;
    this.to = to;
    this.ni = ni;
  }

  /** An arrival is under way: what follows has to wait. */
  get isBusy(): boolean {
    return this.waiting !== null || this.#underWay !== null;
  }

  /** Delivers one frame; gives the core's verdict. */
  step(): number {
    const frame = this.frames.shift() as Frame;
    const rx = new TestRx(this, this.ni.link, frame, this.fromPid);
    const verdict = this.to.upcalls.arrived(rx);
    if (verdict < 0) {
      this.isClosed = true;
      this.frames.length = 0;
    } else if (verdict === RX_WAIT) this.waiting = rx;
    else this.#place(rx);
    return verdict;
  }

  resumed(rx: TestRx): void {
    if (this.waiting !== rx) throw new Error('resumed an arrival that does not wait');
    this.waiting = null;
    this.#place(rx);
  }

  /** The payload of a slow link arrives. */
  finish(): void {
    this.isSlow = false;
    const rx = this.#underWay;
    this.#underWay = null;
    if (rx) this.#place(rx);
  }

  #place(rx: TestRx): void {
    if (this.isSlow) {
      this.#underWay = rx;
      return;
    }
    if (this.breaksNext) {
      this.breaksNext = false;
      this.to.upcalls.placed(rx, -EIO);
      return;
    }
    const copied = copyIntoIov(rx.payload.subarray(0, rx.wantedBytes), rx.iov, rx.iovOffset);
    if (copied !== rx.wantedBytes) throw new Error(`${rx.wantedBytes} bytes wanted, memory for ${copied}`);
    this.to.upcalls.placed(rx, 0);
  }

  /** The link breaks under the arrival that waits or is under way. */
  cut(): void {
    const rx = this.waiting ?? this.#underWay;
    this.waiting = null;
    this.#underWay = null;
    this.isClosed = true;
    this.frames.length = 0;
    if (rx) this.to.upcalls.placed(rx, -EIO);
  }
}

/** A network of cores without any NAL of the package. */
export class TestNet {
  readonly #homes = new Map<Nid, { readonly core: TestCore; readonly ni: LocalNi }>();
  readonly #links = new Map<string, TestLink>();

  join(core: TestCore, nid: Nid): void {
    const link: NalNi = {
      nid,
      interfaceName: 'test0',
      nal: undefined as unknown as Nal,
      tunables: {},
      counters: {},
      timeoutUs: 0,
      send: (tx) => this.#send(core, nid, tx),
      setTunable: () => {},
      close: () => Promise.resolve(),
    };
    this.#homes.set(nid, { core, ni: core.locals.add(link) });
  }

  #send(core: TestCore, from: Nid, tx: NalTx): number {
    if (!this.#homes.has(tx.nextHop)) return -EHOSTUNREACH;
    const payload = new Uint8Array(tx.hdr.payloadLength);
    copyFromIov(tx.payload, tx.payloadOffset, payload.length, payload, 0);
    this.#enqueue(from, tx.nextHop, tx.hdr, payload);
    core.upcalls.sent(tx, 0, HEALTH_OK);
    return 0;
  }

  #enqueue(from: Nid, to: Nid, hdr: LnetHdr, payload: Uint8Array): TestLink {
    const bytes = new DataView(new ArrayBuffer(LNET_HDR16_BYTES));
    hdr.encode(bytes, 0, 16);
    const link = this.link(from, to);
    if (!link.isClosed) link.frames.push({ bytes, payload });
    return link;
  }

  link(from: Nid, to: Nid): TestLink {
    const key = `${from} ${to}`;
    let link = this.#links.get(key);
    if (!link) {
      const home = this.#homes.get(to);
      if (!home) throw new Error(`nobody is ${to}`);
      link = new TestLink(from, home.core, home.ni);
      this.#links.set(key, link);
    }
    return link;
  }

  /** Delivers a hand-made message at once, after what is under way; gives the core's verdict. */
  inject(from: Nid, to: Nid, fields: Partial<LnetHdr>, payload = new Uint8Array()): number {
    const hdr = Object.assign(new LnetHdr(), {
      srcNid: from,
      destNid: to,
      srcPid: LNET_PID_LUSTRE,
      destPid: LNET_PID_LUSTRE,
      payloadLength: payload.length,
      ...fields,
    });
    const link = this.#enqueue(from, to, hdr, payload);
    let verdict = Number.NaN;
    while (link.frames.length > 0 && !link.isBusy) verdict = link.step();
    return verdict;
  }

  /** Header of the next message under way on a link, or undefined. */
  peek(from: Nid, to: Nid): LnetHdr | undefined {
    const frame = this.link(from, to).frames[0];
    if (!frame) return undefined;
    const hdr = new LnetHdr();
    hdr.decode(frame.bytes, 0, 16, to, from);
    return hdr;
  }

  /** Delivers until nothing moves. */
  run(): void {
    for (let hasMoved = true; hasMoved; ) {
      hasMoved = false;
      for (const link of this.#links.values()) {
        if (link.frames.length === 0 || link.isBusy) continue;
        link.step();
        hasMoved = true;
      }
    }
  }
}

/** Bytes of scattered memory in one piece. */
export function flat(iov: Iov): Uint8Array {
  const parts: Uint8Array[] = [];
  const length = iov.reduce((sum, part) => sum + part.length, 0);
  sliceIov(iov, 0, length, parts);
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** Two cores, A and B, on one net. */
export async function pair(): Promise<{ readonly net: TestNet; readonly a: TestCore; readonly b: TestCore }> {
  const net = new TestNet();
  const a = new TestCore();
  const b = new TestCore();
  await a.openLoopback();
  await b.openLoopback();
  net.join(a, NID_A);
  net.join(b, NID_B);
  return { net, a, b };
}
