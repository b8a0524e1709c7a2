import type { Clock } from './clock.ts';
import type { PeerPlan, RoutePlan } from './config/plan.ts';
import type { CoreContext, Forwarder } from './core-context.ts';
import { type DropCounters, newDropCounters, NodeCounters } from './counters.ts';
import { CoreDelivery } from './deliver/delivery.ts';
import { FailNids } from './deliver/fail-nid.ts';
import { CoreOperations } from './deliver/operations.ts';
import { ESHUTDOWN } from './errno.ts';
import type { LocalNi, NetTunables } from './local-ni.ts';
import type { LocalNiTable } from './local-nis.ts';
import { type LnetMsg, MsgPool } from './msg.ts';
import type { NalNi, NalUpcalls } from './nal.ts';
import { Network, type NetworkLimits } from './network.ts';
import { CorePortals } from './portals/portal-space.ts';
import type { Random } from './random.ts';
import { Settings, type SettingValues } from './settings.ts';
import { TimerWheel } from './timer-wheel.ts';
import { u64High, u64Low } from './wire/lnet-hdr.ts';
import type { NetId } from './wire/net.ts';
import { LNET_PID_LUSTRE } from './wire/process-id.ts';

/** Where a core stands: lnet-semantics §0.3. A core is started once. */
export const CORE_MOVES = {
  new: { start: 'running', stop: 'stopped' },
  running: { stop: 'stopped' },
  stopped: {},
} as const;

export type CoreState = keyof typeof CORE_MOVES;

/** What a core is made of. */
export interface CoreOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: (level: 'info' | 'warn', text: string) => void;
  /** What to do about an exception of an event handler; default: it leaves as an uncaught error. */
  readonly handlerFailed?: (error: unknown) => void;
  readonly settings?: Partial<SettingValues>;
  readonly limits?: NetworkLimits;
}

/**
 * The sans-I/O core of one node: portals and delivery on one side, the network on the other, and the upcalls that a NAL makes.
 * Whoever holds it opens the NALs; see `node.ts`.
 */
export class LnetCore implements CoreContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: CoreOptions['log'];
  readonly handlerFailed: (error: unknown) => void;
  readonly wheel: TimerWheel;
  readonly pid = LNET_PID_LUSTRE;
  readonly cookieLow: number;
  readonly cookieHigh: number;
  readonly settings: Settings;
  readonly counters = new NodeCounters();
  readonly drops: DropCounters = newDropCounters();
  readonly pool = new MsgPool();
  readonly failNids = new FailNids();
  readonly portals: CorePortals;
  readonly delivery: CoreDelivery;
  readonly operations: CoreOperations;
  /** The half that looks at the network; its parts are members here too where the other half needs them. */
  readonly network: Network;
  readonly locals: LocalNiTable;
  readonly sendPath: Network['sendPath'];
  readonly peers: Network['peers'];
  readonly health: Network['health'];
  readonly trackers: Network['trackers'];
  readonly discovery: Network['discovery'];
  readonly pingInfo: Network['pingInfo'];
  readonly forwarder: Forwarder | null = null;
  #state: CoreState = 'new';

  /** Throws {@link LnetError} when the settings contradict each other. */
  constructor(options: CoreOptions) {
    this.clock = options.clock;
    this.random = options.random;
    this.log = options.log;
    this.handlerFailed = options.handlerFailed ?? leaveAsUncaught;
    this.wheel = new TimerWheel(options.clock);
    const cookie = options.clock.wallNs();
    this.cookieLow = u64Low(cookie);
    this.cookieHigh = u64High(cookie);
    this.settings = new Settings(options.settings);
    this.portals = new CorePortals(this);
    this.delivery = new CoreDelivery(this);
    this.operations = new CoreOperations(this);
    this.network = new Network(this, options.limits);
    this.locals = this.network.locals;
    this.sendPath = this.network.sendPath;
    this.peers = this.network.peers;
    this.health = this.network.health;
    this.trackers = this.network.trackers;
    this.discovery = this.network.discovery;
    this.pingInfo = this.network.pingInfo;
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  get state(): CoreState {
    return this.#state;
  }

  /** What the NALs of this node call. An NI that is not added yet, or not any more, refuses. */
  readonly upcalls: NalUpcalls = {
    arrived: (rx) => {
      const ni = this.locals.ofLink(rx.ni);
      return ni ? this.delivery.arrived(ni, rx) : -ESHUTDOWN;
    },
    placed: (rx, errno) => this.delivery.placed(rx, errno),
    // What the core hands to a NAL is its own message: see LnetMsg.
    sent: (tx, errno, health) => this.delivery.finalize(tx as LnetMsg, errno, health),
    peerDown: (link, nid) => this.network.peerDown(link, nid),
    linkFatal: (link, isFatal) => this.network.linkFatal(link, isFatal),
  };

  /** Takes an opened NI. The first one is loopback. Throws {@link LnetError} as {@link LocalNiTable.add}. */
  addNi(net: NetId, link: NalNi, tunables: NetTunables): LocalNi {
    return link.nid.isLoopback ? this.locals.openLoopback(link) : this.locals.add(net, link, tunables);
  }

  addRoute(route: RoutePlan): void {
    this.network.routes.add(route);
  }

  /** A peer that configuration names, with all its NIDs: lnet-semantics §9.7. */
  configurePeer({ primaryNid, isMultiRail, nids }: PeerPlan): void {
    const { peerConfig } = this.network;
    peerConfig.add({ primary: primaryNid, isMultiRail });
    for (const nid of nids) if (nid !== primaryNid) peerConfig.add({ primary: primaryNid, nid, isMultiRail });
  }

  /** Answers pings and takes messages from now on. */
  start(): void {
    this.#move('start');
    this.network.start();
  }

  /** Takes no more messages: everything that waits in the core ends with -ESHUTDOWN. The NIs are closed after this. */
  stop(): void {
    if (this.#state === 'stopped') return;
    const wasRunning = this.isRunning;
    this.#move('stop');
    if (wasRunning) this.network.stop();
  }

  /** After the last NI is closed: no deadline is left. */
  release(): void {
    this.wheel.stop();
  }

  #move(event: 'start' | 'stop'): void {
    const moves: Partial<Record<typeof event, CoreState>> = CORE_MOVES[this.#state];
    const next = moves[event];
    if (!next) throw new Error(`a core that is ${this.#state} cannot ${event}`);
    this.#state = next;
  }
}

function leaveAsUncaught(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
