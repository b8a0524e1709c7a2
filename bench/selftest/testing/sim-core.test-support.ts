import type { CoreContext, LocalNis, PeerDirectory, ResponseTrackers, SendPath } from '../../../lnet/core-context.ts';
import { NodeCounters, newDropCounters } from '../../../lnet/counters.ts';
import { CoreDelivery } from '../../../lnet/deliver/delivery.ts';
import { FailNids } from '../../../lnet/deliver/fail-nid.ts';
import { CoreOperations } from '../../../lnet/deliver/operations.ts';
import { ECANCELED, EHOSTUNREACH } from '../../../lnet/errno.ts';
import { HEALTH_OK } from '../../../lnet/health-status.ts';
import { LocalNet, LocalNi, NET_TUNABLES_DEFAULT } from '../../../lnet/local-ni.ts';
import { type LnetMsg, MsgPool } from '../../../lnet/msg.ts';
import type { NalNi, NalTx, NalUpcalls } from '../../../lnet/nal.ts';
import { PeerNi } from '../../../lnet/peer/peer-ni.ts';
import { Peer, PeerNet } from '../../../lnet/peer/peer.ts';
import type { Md } from '../../../lnet/portals/md.ts';
import { CorePortals } from '../../../lnet/portals/portal-space.ts';
import { Settings } from '../../../lnet/settings.ts';
import { type Timer, TimerWheel } from '../../../lnet/timer-wheel.ts';
import { LNET_MSG_GET } from '../../../lnet/wire/lnet-hdr.ts';
import { NID_LOOPBACK, type Nid, parseNid } from '../../../lnet/wire/nid.ts';
import { LNET_PID_LUSTRE } from '../../../lnet/wire/process-id.ts';
import { loNal } from '../../../nals/lo/lo-nal.ts';
import type { SimNet } from '../../../nals/sim/sim-net.ts';
import type { SimNode } from '../../../nals/sim/sim-node.ts';

class Locals implements LocalNis {
  readonly nets: LocalNet[] = [];
  readonly all: LocalNi[] = [];
  readonly version = 1;

  get loopback(): LocalNi {
    return this.all[0] as LocalNi;
  }

  get realCount(): number {
    return this.all.length - 1;
  }

  add(link: NalNi): void {
    let net = this.netOf(link.nid.net);
    if (!net) this.nets.push((net = new LocalNet(link.nid.net, NET_TUNABLES_DEFAULT)));
    const ni = new LocalNi(net, link);
    net.nis.push(ni);
    this.all.push(ni);
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

class Peers implements PeerDirectory {
  readonly #known = new Map<Nid, PeerNi>();

  ofSender(_ni: LocalNi, nid: Nid): PeerNi {
    return this.ofTarget(nid);
  }

  ofTarget(nid: Nid): PeerNi {
    const known = this.#known.get(nid);
    if (known) return known;
    const net = new PeerNet(nid.net, new Peer(nid));
    const peerNi = new PeerNi(nid, net);
    net.nis.push(peerNi);
    net.peer.nets.push(net);
    this.#known.set(nid, peerNi);
    return peerNi;
  }

  find(nid: Nid): PeerNi | undefined {
    return this.#known.get(nid);
  }

  primaryOf(nid: Nid): Nid {
    return nid;
  }

  areOnePeer(a: Nid, b: Nid): boolean {
    return a === b;
  }

  *peers(): IterableIterator<Peer> {
    for (const peerNi of this.#known.values()) yield peerNi.peerNet.peer;
  }
}

/** Sends over the one NI of the target's net, without credits or discovery. */
class DirectPath implements SendPath {
  readonly #core: SimCore;

  constructor(core: SimCore) {
    this.#core = core;
  }

  submit(msg: LnetMsg): void {
    const errno = this.#launch(msg);
    if (errno !== 0) this.#core.delivery.finalize(msg, errno, HEALTH_OK);
  }

  #launch(msg: LnetMsg): number {
    const { locals, peers } = this.#core;
    if (msg.md?.isAborted) return -ECANCELED;
    const isToSelf = msg.targetNid === NID_LOOPBACK;
    const onNet = msg.selfNid.isAny ? locals.netOf(msg.targetNid.net)?.nis[0] : locals.niOf(msg.selfNid);
    const ni = isToSelf ? locals.loopback : onNet;
    if (!ni) return -EHOSTUNREACH;
    msg.ni = ni;
    msg.peerNi = isToSelf ? null : peers.ofTarget(msg.targetNid);
    msg.hdr.destNid = msg.targetNid;
    msg.hdr.srcNid = ni.nid;
    msg.nextHop = msg.targetNid;
    msg.nextHopPid = msg.targetPid;
    return ni.link.send(msg);
  }

  returnCredits(): void {}

  failWaiting(): void {}

  hasRouteThrough(): boolean {
    return false;
  }
}

/** Ends the wait for a REPLY after the transaction timeout: lnet-semantics §11.7. */
class Trackers implements ResponseTrackers {
  readonly #core: SimCore;
  readonly #timers = new Map<Md, Timer>();

  constructor(core: SimCore) {
    this.#core = core;
  }

  get live(): number {
    return this.#timers.size;
  }

  track(md: Md, msgType: number): void {
    if (msgType !== LNET_MSG_GET) return;
    const deadline = this.#core.clock.now() + this.#core.settings.values.transaction_timeout * 1_000_000;
    const timer = this.#core.wheel.timer(() => this.#core.portals.unlinkMd(md));
    timer.set(deadline);
    md.tracker = { md, deadline, nextHop: null };
    this.#timers.set(md, timer);
  }

  setNextHop(): void {}

  cancel(md: Md): void {
    this.#timers.get(md)?.clear();
    this.#timers.delete(md);
    md.tracker = null;
  }
}

/** A node of the simulated network: real portals, delivery and operations; of the rest, the least that sends. */
export class SimCore implements Omit<CoreContext, 'discovery' | 'pingInfo'> {
  readonly clock;
  readonly random;
  readonly wheel;
  readonly log = (): void => undefined;
  readonly pid = LNET_PID_LUSTRE;
  readonly cookieLow: number;
  readonly cookieHigh = 0;
  readonly settings = new Settings();
  readonly counters = new NodeCounters();
  readonly drops = newDropCounters();
  readonly pool = new MsgPool();
  readonly failNids = new FailNids();
  readonly locals = new Locals();
  readonly peers = new Peers();
  readonly portals: CorePortals;
  readonly delivery: CoreDelivery;
  readonly operations: CoreOperations;
  readonly sendPath = new DirectPath(this);
  readonly health = { heardFrom: (): void => undefined, judge: (): boolean => false };
  readonly trackers = new Trackers(this);
  readonly forwarder = null;
  readonly isRunning = true;
  /** Thrown by event handlers: a test that leaves one here fails. */
  readonly handlerErrors: unknown[] = [];

  constructor(node: SimNode) {
    this.clock = node.clock;
    this.random = node.random;
    this.wheel = new TimerWheel(this.clock);
    this.cookieLow = this.random.u32();
    const core = this as unknown as CoreContext;
    this.portals = new CorePortals(core);
    this.delivery = new CoreDelivery(core);
    this.operations = new CoreOperations(core);
  }

  /** Opens a node on the network, with loopback and these NIs; the first one names it. */
  static async open(net: SimNet, ...nids: readonly [string, ...string[]]): Promise<SimCore> {
    const node = net.node(nids[0]);
    const core = new SimCore(node);
    const { clock, random, pid, log } = core;
    const env = { clock, random, pid, log, upcalls: core.#upcalls };
    const options = { interfaceName: 'sim0', accept: 'all', acceptPort: 988, tunables: {} } as const;
    core.locals.add(await loNal(env).openNi({ ...options, nid: NID_LOOPBACK }));
    const nal = node.nal(env);
    for (const nid of nids) {
      const ni = await nal.openNi({ ...options, nid: parseNid(nid) });
      const send = ni.send.bind(ni);
      ni.send = (tx) => {
        core.tap(tx);
        return send(tx);
      };
      core.locals.add(ni);
    }
    return core;
  }

  /** Sees every message that leaves for the network. */
  tap: (tx: NalTx) => void = () => undefined;

  handlerFailed = (error: unknown): void => {
    this.handlerErrors.push(error);
  };

  get nid(): Nid {
    return (this.locals.all[1] as LocalNi).nid;
  }

  /** What LNet holds for its users now. */
  get held(): Readonly<Record<string, number>> {
    return { messages: this.pool.live, mds: this.portals.mdCount, delayed: this.portals.delayedCount };
  }

  readonly #upcalls: NalUpcalls = {
    arrived: (rx) => this.delivery.arrived(this.locals.niOf(rx.ni.nid) as LocalNi, rx),
    placed: (rx, errno) => this.delivery.placed(rx, errno),
    sent: (tx, errno, health) => this.delivery.finalize(tx as LnetMsg, errno, health),
    peerDown: () => undefined,
    linkFatal: () => undefined,
  };
}
