import { loNal } from '../../nals/lo/lo-nal.ts';
import type { Alarm, Clock } from '../clock.ts';
import type {
  CoreContext,
  Discovery,
  Forwarder,
  HealthBook,
  LocalNis,
  OperationArgs,
  OwnPingInfo,
  PeerDirectory,
  ResponseTrackers,
  SendPath,
} from '../core-context.ts';
import { NodeCounters, newDropCounters } from '../counters.ts';
import { ECANCELED, EHOSTUNREACH, EINVAL, ESHUTDOWN } from '../errno.ts';
import type { EventHandler, LnetEvent } from '../event.ts';
import { HEALTH_OK } from '../health-status.ts';
import { LocalNet, LocalNi, NET_TUNABLES_DEFAULT } from '../local-ni.ts';
import { type LnetMsg, MsgPool, MsgQueue } from '../msg.ts';
import type { NalNi, NalUpcalls } from '../nal.ts';
import { PeerNi } from '../peer/peer-ni.ts';
import { Peer, PeerNet } from '../peer/peer.ts';
import { LNET_MD_OP_GET, LNET_MD_OP_PUT, type Md, type MdHandle, type MdSpec } from '../portals/md.ts';
import { LNET_PID_LUSTRE, type MeSpec } from '../portals/me.ts';
import { CorePortals } from '../portals/portal-space.ts';
import { seededRandom } from '../random.ts';
import { Settings, type SettingValues } from '../settings.ts';
import { TimerWheel } from '../timer-wheel.ts';
import { LNET_MSG_PUT } from '../wire/lnet-hdr.ts';
import { NID_ANY, NID_LOOPBACK, type Nid, parseNid } from '../wire/nid.ts';
import { CoreDelivery } from './delivery.ts';
import { FailNids } from './fail-nid.ts';
import { CoreOperations } from './operations.ts';

/** A clock that only moves by hand. */
export class TestClock implements Clock {
  at = 0;

  now(): number {
    return this.at;
  }

  wallNs(): bigint {
    return 0n;
  }

  alarm(): Alarm {
    return { cancel: () => {} };
  }
}

class TestLocals implements LocalNis {
  readonly nets: LocalNet[] = [];
  readonly all: LocalNi[] = [];
  readonly version = 1;

  get loopback(): LocalNi {
    return this.all[0] as LocalNi;
  }

  get realCount(): number {
    return this.all.length - 1;
  }

  add(link: NalNi): LocalNi {
    let net = this.netOf(link.nid.net);
    if (!net) this.nets.push((net = new LocalNet(link.nid.net, NET_TUNABLES_DEFAULT)));
    const ni = new LocalNi(net, link);
    net.nis.push(ni);
    this.all.push(ni);
    return ni;
  }

  netOf(net: number): LocalNet | undefined {
    return this.nets.find((candidate) => candidate.net === net);
  }

  niOf(nid: Nid): LocalNi | undefined {
    return this.all.find((ni) => ni.nid === nid);
  }

  isOwnNid(nid: Nid): boolean {
    return this.niOf(nid) !== undefined;
  }
}

class TestPeers implements PeerDirectory {
  readonly known = new Map<Nid, PeerNi>();
  peersMax = Number.POSITIVE_INFINITY;

  ofSender(_ni: LocalNi, nid: Nid): PeerNi | undefined {
    return this.ofTarget(nid);
  }

  ofTarget(nid: Nid): PeerNi | undefined {
    return this.known.get(nid) ?? (this.known.size < this.peersMax ? this.add(nid) : undefined);
  }

  /** Makes one peer of these NIDs, the first one primary; they leave the peers they were of. */
  add(...nids: readonly Nid[]): PeerNi {
    const peer = new Peer(nids[0] as Nid);
    for (const nid of nids) {
      let net = peer.nets.find((candidate) => candidate.net === nid.net);
      if (!net) peer.nets.push((net = new PeerNet(nid.net, peer)));
      const peerNi = new PeerNi(nid, net);
      net.nis.push(peerNi);
      this.known.set(nid, peerNi);
    }
    return this.known.get(peer.primaryNid) as PeerNi;
  }

  find(nid: Nid): PeerNi | undefined {
    return this.known.get(nid);
  }

  primaryOf(nid: Nid): Nid {
    return this.find(nid)?.peerNet.peer.primaryNid ?? nid;
  }

  areOnePeer(a: Nid, b: Nid): boolean {
    const peer = this.find(a)?.peerNet.peer;
    return peer !== undefined && peer === this.find(b)?.peerNet.peer;
  }

  peers(): IterableIterator<Peer> {
    return new Set([...this.known.values()].map((ni) => ni.peerNet.peer)).values();
  }
}

/** Knows the nets of the node and nothing more; can keep messages back as missing credits would. */
class TestSendPath implements SendPath {
  readonly #core: TestCore;
  /** Messages are kept until {@link letGo}. */
  isBlocked = false;
  readonly waiting = new MsgQueue();
  /** Each message whose credits came back, by its type. */
  readonly returned: number[] = [];
  readonly submitted: { readonly type: number; readonly via: Nid | undefined; readonly token: unknown }[] = [];
  gateways: Peer[] = [];

  constructor(core: TestCore) {
    this.#core = core;
  }

  submit(msg: LnetMsg): void {
    this.submitted.push({ type: msg.hdr.type, via: msg.via?.nid, token: msg.token });
    if (this.isBlocked) this.waiting.push(msg);
    else this.#send(msg);
  }

  letGo(): void {
    this.isBlocked = false;
    for (let msg = this.waiting.shift(); msg; msg = this.waiting.shift()) this.#send(msg);
  }

  #send(msg: LnetMsg): void {
    const errno = this.#launch(msg);
    if (errno !== 0) this.#core.delivery.finalize(msg, errno, HEALTH_OK);
  }

  #launch(msg: LnetMsg): number {
    const { locals, isRunning } = this.#core;
    if (!isRunning) return -ESHUTDOWN;
    if (msg.md?.isAborted) return -ECANCELED;
    const { targetNid, selfNid } = msg;
    const isToSelf = targetNid === NID_LOOPBACK;
    const ni = isToSelf ? locals.loopback : selfNid.isAny ? locals.netOf(targetNid.net)?.nis[0] : locals.niOf(selfNid);
    if (!ni) return selfNid.isAny ? -EHOSTUNREACH : -EINVAL;
    msg.ni = ni;
    msg.peerNi = isToSelf ? null : (this.#core.peers.ofTarget(msg.via?.nid ?? targetNid) ?? null);
    msg.hdr.destNid = targetNid;
    msg.hdr.srcNid = ni.nid;
    msg.nextHop = msg.peerNi?.nid ?? targetNid;
    msg.nextHopPid = msg.targetPid;
    return ni.link.send(msg);
  }

  returnCredits(msg: LnetMsg): void {
    this.returned.push(msg.hdr.type);
  }

  failWaiting(): void {}

  hasRouteThrough(_net: number, peer: Peer): boolean {
    return this.gateways.includes(peer);
  }
}

class TestTrackers implements ResponseTrackers {
  live = 0;

  track(md: Md, msgType: number, wantsAck: boolean): void {
    if (md.tracker || (msgType === LNET_MSG_PUT && !wantsAck)) return;
    md.tracker = { md, deadline: 0, nextHop: null };
    this.live++;
  }

  setNextHop(): void {}

  cancel(md: Md): void {
    if (md.tracker) this.live--;
    md.tracker = null;
  }
}

class TestHealth implements HealthBook {
  readonly heard: Nid[] = [];
  /** Messages to keep for a resend: how many of the next ones. */
  resends = 0;
  readonly kept: LnetMsg[] = [];
  /** What was judged: type, whether it arrived, status and health. */
  readonly judged: {
    readonly type: number;
    readonly isArrival: boolean;
    readonly status: number;
    readonly health: number;
  }[] = [];

  heardFrom(_ni: LocalNi, peerNi: PeerNi): void {
    this.heard.push(peerNi.nid);
  }

  judge(msg: LnetMsg): boolean {
    this.judged.push({ type: msg.hdr.type, isArrival: msg.rx !== null, status: msg.status, health: msg.health });
    if (this.resends === 0 || msg.status === 0) return false;
    this.resends--;
    this.kept.push(msg);
    return true;
  }
}

/** One core with its own portals, delivery and operations; everything else is a fake that does the least. */
export class TestCore implements CoreContext {
  readonly clock = new TestClock();
  readonly random = seededRandom(1);
  readonly wheel = new TimerWheel(this.clock);
  readonly logged: string[] = [];
  readonly handlerErrors: unknown[] = [];
  readonly pid = LNET_PID_LUSTRE;
  readonly cookieLow = 0xc00c1e;
  readonly cookieHigh = 0x1234;
  readonly settings: Settings;
  readonly counters = new NodeCounters();
  readonly drops = newDropCounters();
  readonly pool = new MsgPool();
  readonly failNids = new FailNids();
  readonly locals = new TestLocals();
  readonly portals: CorePortals;
  readonly delivery = new CoreDelivery(this);
  readonly operations = new CoreOperations(this);
  readonly sendPath = new TestSendPath(this);
  readonly peers = new TestPeers();
  readonly health = new TestHealth();
  readonly trackers = new TestTrackers();
  forwarder: Forwarder | null = null;
  readonly discovery = undefined as unknown as Discovery;
  readonly pingInfo = undefined as unknown as OwnPingInfo;
  isRunning = true;

  constructor(options: { readonly settings?: Partial<SettingValues>; readonly delayedMax?: number } = {}) {
    this.settings = new Settings(options.settings);
    this.portals = new CorePortals(this, { delayedMax: options.delayedMax ?? 1000 });
  }

  readonly upcalls: NalUpcalls = {
    arrived: (rx) => this.delivery.arrived(this.locals.niOf(rx.ni.nid) as LocalNi, rx),
    placed: (rx, errno) => this.delivery.placed(rx, errno),
    sent: (tx, errno, health) => this.delivery.finalize(tx as LnetMsg, errno, health),
    peerDown: () => {},
    linkFatal: () => {},
  };

  log(_level: 'info' | 'warn', text: string): void {
    this.logged.push(text);
  }

  handlerFailed(error: unknown): void {
    this.handlerErrors.push(error);
  }

  /** The first NID that is not the loopback. */
  get nid(): Nid {
    return (this.locals.all[1] as LocalNi).nid;
  }

  async openLoopback(): Promise<void> {
    const nal = loNal({
      clock: this.clock,
      random: this.random,
      upcalls: this.upcalls,
      pid: this.pid,
      log: () => {},
    });
    const options = { nid: NID_LOOPBACK, interfaceName: 'lo', accept: 'none', acceptPort: 0, tunables: {} } as const;
    this.locals.add(await nal.openNi(options));
  }

  /** Attaches memory for PUT and GET behind a match entry that takes what `me` says. */
  serve(me: Partial<MeSpec>, md: Partial<MdSpec>, unlinks = false): MdHandle {
    const entry = this.portals.attachMe({ portal: 4, matchBits: 1n, ...me });
    return this.portals.attachMd(
      entry,
      { memory: new Uint8Array(64), options: LNET_MD_OP_PUT | LNET_MD_OP_GET, ...md },
      unlinks,
    );
  }

  bind(md: Partial<MdSpec>, unlinks = false): MdHandle {
    return this.portals.bindMd({ memory: new Uint8Array(8), ...md }, unlinks);
  }

  put(md: MdHandle, args: Partial<OperationArgs> = {}): number {
    return this.operations.put({ ...OPERATION, md, ...args });
  }

  get(md: MdHandle, args: Partial<OperationArgs> = {}): number {
    return this.operations.get({ ...OPERATION, md, ...args });
  }

  /** Gives what is still held after a scenario: all zero when nothing leaks. */
  get leftovers(): Readonly<Record<string, number>> {
    return {
      messages: this.pool.live,
      mds: this.portals.mdCount,
      delayed: this.portals.delayedCount,
      trackers: this.trackers.live,
      handlerErrors: this.handlerErrors.length,
    };
  }
}

/** {@link TestCore.leftovers} of a core at rest. */
export const NOTHING_LEFT = { messages: 0, mds: 0, delayed: 0, trackers: 0, handlerErrors: 0 };

const OPERATION = {
  target: NID_ANY,
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

/** Keeps the events of any number of memory descriptors in order. */
export class Recorder {
  readonly events: LnetEvent[] = [];
  readonly handler: EventHandler = (event) => {
    this.events.push(event.clone());
  };

  /** Such as `PUT`, `SEND -110`, `ACK last`: type, status when it is not 0, and whether the MD ended. */
  get story(): readonly string[] {
    return this.events.map((event) =>
      [event.typeName, event.status || '', event.isUnlinked ? 'last' : ''].filter((word) => word !== '').join(' '),
    );
  }

  get last(): LnetEvent {
    return this.events.at(-1) as LnetEvent;
  }
}

export const NID_A = parseNid('10.0.0.1@tcp');
export const NID_B = parseNid('10.0.0.2@tcp');
