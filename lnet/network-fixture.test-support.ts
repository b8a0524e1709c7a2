import { SimClock } from '../nals/sim/sim-clock.ts';
import { US_PER_S } from './clock.ts';
import type { OperationArgs } from './core-context.ts';
import { ECONNREFUSED } from './errno.ts';
import type { LnetEvent } from './event.ts';
import { HEALTH_OK, HEALTH_REMOTE_DROPPED, type HealthStatus } from './health-status.ts';
import { copyFromIov, copyIntoIov, EMPTY_IOV, type Iov } from './iov.ts';
import { LnetCore } from './lnet-core.ts';
import { type LocalNi, NET_TUNABLES_DEFAULT, type NetTunables } from './local-ni.ts';
import { type Nal, type NalNi, type NalRx, type NalTx, RX_WAIT } from './nal.ts';
import type { PeerNi } from './peer/peer-ni.ts';
import type { Peer } from './peer/peer.ts';
import { LNET_MD_OP_GET, LNET_MD_OP_PUT, LNET_MD_TRUNCATE, type MdHandle, type MdSpec } from './portals/md.ts';
import { seededRandom } from './random.ts';
import type { SettingValues } from './settings.ts';
import {
  LNET_HDR16_BYTES,
  LNET_MSG_ACK,
  LNET_MSG_GET,
  LNET_MSG_NAMES,
  LNET_MSG_PUT,
  LNET_MSG_REPLY,
  LnetHdr,
} from './wire/lnet-hdr.ts';
import { NID_ANY, NID_LOOPBACK, type Nid, parseNid } from './wire/nid.ts';
import { encodePingInfo, makePingInfo, type PingEntry } from './wire/ping-info.ts';
import { LNET_PID_LUSTRE } from './wire/process-id.ts';

/** One message that a node gave to its NAL, or a stub sent. */
export interface Carried {
  readonly at: number;
  /** NI it left from and node it went to. */
  readonly from: Nid;
  readonly to: Nid;
  readonly pid: number;
  readonly hdr: LnetHdr;
  readonly payload: Uint8Array;
}

/** What becomes of a message: a number is an immediate failure of the NAL. */
export type Fate = 'deliver' | 'lose' | 'hold' | number | { readonly errno: number; readonly health: HealthStatus };

/** A transmission that the test ends by hand. */
export interface Held {
  readonly carried: Carried;
  finish(errno?: number, health?: HealthStatus): void;
}

interface Endpoint {
  arrive(carried: Carried): void;
}

/** A network on a virtual clock whose every message a test can see and decide about. */
export class TestWire {
  readonly clock = new SimClock('test wire');
  readonly log: Carried[] = [];
  readonly held: Held[] = [];
  latencyUs = 50;
  fate: (carried: Carried) => Fate = () => 'deliver';
  readonly #ends = new Map<Nid, Endpoint>();

  attach(nid: Nid, end: Endpoint): void {
    this.#ends.set(nid, end);
  }

  /** A peer whose every word the test chooses. */
  stub(nids: readonly string[], info: Uint8Array | null = stubInfo(nids)): StubPeer {
    return new StubPeer(this, nids, info);
  }

  /** Such as `10.0.0.1@tcp→10.0.0.2@tcp GET 0`: type and, for requests, portal. */
  get story(): string[] {
    return this.log.map(({ from, to, hdr }) => {
      const portal = hdr.type === LNET_MSG_PUT || hdr.type === LNET_MSG_GET ? ` ${hdr.portal}` : '';
      return `${from.addressText}→${to.addressText} ${LNET_MSG_NAMES[hdr.type]}${portal}`;
    });
  }

  /** Messages of one type since the log was emptied. */
  sent(type: number, portal = 0): Carried[] {
    return this.log.filter(({ hdr }) => hdr.type === type && hdr.portal === portal);
  }

  /** Lets time pass. */
  run(seconds = 1): void {
    this.clock.advance({ us: seconds * US_PER_S });
  }

  transmit(node: TestNode, from: Nid, tx: NalTx): number {
    const payload = new Uint8Array(tx.hdr.payloadLength);
    copyFromIov(tx.payload, tx.payloadOffset, payload.length, payload, 0);
    const carried = this.#carry(from, tx.nextHop, tx.hdr, payload, tx.nextHopPid);
    const fate = this.fate(carried);
    if (typeof fate === 'number') return fate;
    const end = (errno: number, health: HealthStatus): void => node.upcalls.sent(tx, errno, health);
    if (fate === 'hold') {
      this.held.push({ carried, finish: (errno = 0, health = HEALTH_OK) => end(errno, health) });
      return 0;
    }
    const receiver = this.#ends.get(tx.nextHop);
    const [errno, health] =
      typeof fate === 'object'
        ? [fate.errno, fate.health]
        : receiver
          ? [0, HEALTH_OK]
          : [-ECONNREFUSED, HEALTH_REMOTE_DROPPED];
    this.clock.alarm(this.clock.now(), () => end(errno, health as HealthStatus));
    if (fate === 'deliver') this.deliver(carried);
    return 0;
  }

  /** A message of a stub. */
  send(from: Nid, to: Nid, fields: Partial<LnetHdr>, payload: Uint8Array = new Uint8Array()): void {
    const defaults = { srcNid: from, destNid: to, srcPid: LNET_PID_LUSTRE, destPid: LNET_PID_LUSTRE };
    const hdr = Object.assign(new LnetHdr(), defaults, { payloadLength: payload.length }, fields);
    this.deliver(this.#carry(from, to, hdr, payload, LNET_PID_LUSTRE));
  }

  deliver(carried: Carried): void {
    this.clock.alarm(this.clock.now() + this.latencyUs, () => this.#ends.get(carried.to)?.arrive(carried));
  }

  #carry(from: Nid, to: Nid, hdr: LnetHdr, payload: Uint8Array, pid: number): Carried {
    const carried = { at: this.clock.now(), from, to, pid, hdr: Object.assign(new LnetHdr(), hdr), payload };
    this.log.push(carried);
    return carried;
  }
}

/** An arrival at a node. */
class TestRx implements NalRx {
  readonly ni: NalNi;
  readonly fromNid: Nid;
  readonly fromPid = LNET_PID_LUSTRE;
  readonly view = new DataView(new ArrayBuffer(LNET_HDR16_BYTES));
  readonly hdrAt = 0;
  readonly form = 16;
  readonly token = undefined;
  readonly #node: TestNode;
  readonly #payload: Uint8Array;
  iov: Iov = EMPTY_IOV;
  iovOffset = 0;
  wantedBytes = 0;
  coreSlot: unknown = null;

  constructor(node: TestNode, ni: NalNi, { from, hdr, payload }: Carried) {
    this.#node = node;
    this.ni = ni;
    this.fromNid = from;
    this.#payload = payload;
    hdr.encode(this.view, 0, 16);
  }

  resume(): void {
    copyIntoIov(this.#payload.subarray(0, this.wantedBytes), this.iov, this.iovOffset);
    this.#node.upcalls.placed(this, 0);
  }
}

export interface TestNodeOptions {
  readonly settings?: Partial<SettingValues>;
  readonly tunables?: Partial<NetTunables>;
  readonly peerNisMax?: number;
  /** Default 1. */
  readonly seed?: number;
}

const OPERATION = {
  targetPid: LNET_PID_LUSTRE,
  self: NID_ANY,
  portal: 4,
  matchBitsLow: 1,
  matchBitsHigh: 0,
  offset: 0,
  hdrDataLow: 0,
  hdrDataHigh: 0,
  wantsAck: false,
  isRecovery: false,
} as const;

/** A whole core on a test wire: everything is real but the NAL. */
export class TestNode extends LnetCore {
  readonly wire: TestWire;
  readonly logged: string[];
  readonly #tunables: NetTunables;
  /** Every event of operations begun with {@link put} and {@link get}: `SEND`, `ACK last`, `SEND -113`. */
  readonly events: string[] = [];

  constructor(wire: TestWire, nids: readonly string[], options: TestNodeOptions = {}) {
    const logged: string[] = [];
    super({
      clock: wire.clock,
      random: seededRandom(options.seed ?? 1),
      log: (_level, text) => logged.push(text),
      handlerFailed: (error) => {
        throw error;
      },
      settings: options.settings ?? {},
      limits: options.peerNisMax === undefined ? {} : { peerNisMax: options.peerNisMax },
    });
    this.wire = wire;
    this.logged = logged;
    this.#tunables = { ...NET_TUNABLES_DEFAULT, ...options.tunables };
    this.locals.openLoopback(this.#link(NID_LOOPBACK, 'lo'));
    for (const nid of nids) this.openNi(nid);
    this.start();
  }

  /** Adds and opens an NI. */
  openNi(text: string): LocalNi {
    const nid = parseNid(text);
    const ni = this.locals.add(nid.net, this.#link(nid, `if-${text}`), this.#tunables);
    this.wire.attach(nid, { arrive: (carried) => this.#arrive(ni, carried) });
    return ni;
  }

  #link(nid: Nid, interfaceName: string): NalNi {
    return {
      nid,
      interfaceName,
      nal: undefined as unknown as Nal,
      tunables: {},
      counters: {},
      timeoutUs: 50 * US_PER_S,
      send: (tx) => this.wire.transmit(this, nid, tx),
      setTunable: () => {},
      close: () => Promise.resolve(),
    };
  }

  #arrive(ni: LocalNi, carried: Carried): void {
    const rx = new TestRx(this, ni.link, carried);
    const verdict = this.upcalls.arrived(rx);
    if (verdict >= 0 && verdict !== RX_WAIT) rx.resume();
  }

  /** Its first NID that is not the loopback. */
  get nid(): Nid {
    return (this.locals.all[1] as LocalNi).nid;
  }

  ni(text: string): LocalNi {
    return this.locals.niOf(parseNid(text)) as LocalNi;
  }

  peerNi(text: string): PeerNi {
    return this.peers.ofTarget(parseNid(text)) as PeerNi;
  }

  peer(text: string): Peer {
    return this.peerNi(text).peerNet.peer;
  }

  /** NIDs of the peer that owns a NID, its primary one first. */
  nidsOf(text: string): string[] {
    const peer = this.peers.peerOf(parseNid(text));
    return peer ? Array.from(peer.peerNis(), (peerNi) => String(peerNi.nid)) : [];
  }

  /** Memory for PUTs and GETs at portal 4, match bits 1. */
  serve(portal = 4): MdHandle {
    const me = this.portals.attachMe({ portal, matchBits: 1n });
    const options = LNET_MD_OP_PUT | LNET_MD_OP_GET | LNET_MD_TRUNCATE;
    return this.portals.attachMd(me, { memory: new Uint8Array(64), options }, false);
  }

  put(target: string, args: Partial<OperationArgs> = {}, spec: Partial<MdSpec> = {}): MdHandle {
    const md = this.#bind(args.wantsAck ? 2 : 1, spec);
    this.operations.put({ ...OPERATION, target: parseNid(target), ...args, md });
    return md;
  }

  get(target: string, args: Partial<OperationArgs> = {}, spec: Partial<MdSpec> = {}): MdHandle {
    const md = this.#bind(2, spec);
    this.operations.get({ ...OPERATION, target: parseNid(target), ...args, md });
    return md;
  }

  #bind(threshold: number, spec: Partial<MdSpec>): MdHandle {
    const handler = (event: LnetEvent): void => {
      this.events.push([event.typeName, event.status || '', event.isUnlinked ? 'last' : ''].filter(Boolean).join(' '));
    };
    return this.portals.bindMd({ memory: new Uint8Array(8), threshold, handler, ...spec }, true);
  }
}

/** Answers pings with given info, acknowledges pushes. Made by {@link TestWire.stub}. */
export class StubPeer implements Endpoint {
  readonly wire: TestWire;
  readonly nids: readonly Nid[];
  /** Ping info that it gives; null: it does not answer. */
  info: Uint8Array | null;
  acksPushes = true;
  /** Payloads of the pushes that it got. */
  readonly pushes: Uint8Array[] = [];

  constructor(wire: TestWire, nids: readonly string[], info: Uint8Array | null) {
    this.wire = wire;
    this.nids = nids.map(parseNid);
    this.info = info;
    for (const nid of this.nids) wire.attach(nid, this);
  }

  arrive({ from, to, hdr, payload }: Carried): void {
    const { interfaceCookieLow, interfaceCookieHigh, objectCookieLow, objectCookieHigh } = hdr;
    const handle = { interfaceCookieLow, interfaceCookieHigh, objectCookieLow, objectCookieHigh };
    if (hdr.type === LNET_MSG_GET && hdr.portal === 0 && this.info) {
      const reply = this.info.subarray(hdr.offset, hdr.offset + hdr.sinkLength);
      this.wire.send(to, from, { type: LNET_MSG_REPLY, srcNid: hdr.destNid, destNid: hdr.srcNid, ...handle }, reply);
    }
    if (hdr.type !== LNET_MSG_PUT || hdr.portal !== 0) return;
    this.pushes.push(payload);
    if (this.acksPushes) this.wire.send(to, from, { type: LNET_MSG_ACK, mlength: payload.length, ...handle });
  }

  /** Pushes info to a node. */
  push(to: Nid, info: Uint8Array, from = this.nids[0] as Nid): void {
    const fields = {
      type: LNET_MSG_PUT,
      portal: 0,
      matchBitsHigh: 0x8000_0000,
      objectCookieLow: 5,
      interfaceCookieLow: 6,
    };
    this.wire.send(from, to, fields, info);
  }
}

/** Ping info of a Multi-Rail node with discovery; a `!` before a NID means down. */
export function stubInfo(nids: readonly string[], { features = 0x1e, sequence = 1 } = {}): Uint8Array {
  const entries: PingEntry[] = nids.map((text) => ({
    nid: parseNid(text.replace('!', '')),
    isUp: !text.startsWith('!'),
  }));
  return encodePingInfo(makePingInfo({ features, pid: LNET_PID_LUSTRE, sequence, entries }));
}
