import type { Instant } from './clock.ts';
import type { CoreContext } from './core-context.ts';
import { ESHUTDOWN } from './errno.ts';
import { LocalNiTable } from './local-nis.ts';
import { Monitor } from './monitor.ts';
import type { NalNi } from './nal.ts';
import { PeerConfig } from './peer/configure.ts';
import { PeerDiscovery } from './peer/discovery.ts';
import { Gateways } from './peer/gateway.ts';
import { NodeHealth } from './peer/health.ts';
import { IncomingInfo } from './peer/incoming-info.ts';
import { PeerMerge } from './peer/merge.ts';
import { NodePingInfo } from './peer/own-ping-info.ts';
import { LNET_PEER_NIS_MAX, PeerTable } from './peer/peer-table.ts';
import { PingTarget, PushTarget } from './peer/ping-target.ts';
import { Recovery } from './peer/recovery.ts';
import { ResendQueue } from './send/resend.ts';
import { ResponseTrackerList } from './send/response-tracker.ts';
import { RouteTable } from './send/route-table.ts';
import { CoreSendPath } from './send/send-path.ts';
import type { SettingValues } from './settings.ts';
import type { Nid } from './wire/nid.ts';

export interface NetworkLimits {
  /** Most remote NIDs remembered; default {@link LNET_PEER_NIS_MAX}. */
  readonly peerNisMax?: number;
}

/**
 * The half of the core that looks at the network: own NIs, peers, routes, discovery, health, and the way of a message from the
 * core to a NAL. The other half (portals, delivery) and this one see each other through {@link CoreContext} only.
 */
export class Network {
  readonly locals: LocalNiTable;
  readonly peers: PeerTable;
  readonly peerConfig: PeerConfig;
  readonly routes: RouteTable;
  readonly gateways: Gateways;
  readonly sendPath: CoreSendPath;
  readonly resends: ResendQueue;
  readonly trackers: ResponseTrackerList;
  readonly health: NodeHealth;
  readonly recovery: Recovery;
  readonly discovery: PeerDiscovery;
  readonly merge: PeerMerge;
  readonly incoming: IncomingInfo;
  readonly pingInfo: NodePingInfo;
  readonly pingTarget: PingTarget;
  readonly pushTarget: PushTarget;
  readonly monitor: Monitor;
  readonly #core: CoreContext;

  /** Reads nothing of `core` yet: its other fields may be set later. */
  constructor(core: CoreContext, limits: NetworkLimits = {}) {
    this.#core = core;
    this.locals = new LocalNiTable(core, this);
    this.peers = new PeerTable(core, this, limits.peerNisMax ?? LNET_PEER_NIS_MAX);
    this.peerConfig = new PeerConfig(core, this);
    this.routes = new RouteTable(core, this);
    this.gateways = new Gateways(core, this);
    this.sendPath = new CoreSendPath(core, this);
    this.resends = new ResendQueue(core, this);
    this.trackers = new ResponseTrackerList(core, this);
    this.health = new NodeHealth(core, this);
    this.recovery = new Recovery(core, this);
    this.discovery = new PeerDiscovery(core, this);
    this.merge = new PeerMerge(core, this);
    this.incoming = new IncomingInfo(core, this);
    this.pingInfo = new NodePingInfo(core, this);
    this.pingTarget = new PingTarget(core);
    this.pushTarget = new PushTarget(core, this);
    // The order of lnet-semantics §11.9.
    this.monitor = new Monitor(core, [this.gateways, this.resends, this.trackers, this.recovery]);
  }

  /** The node runs, its first NIs are in: answers pings and takes pushes from now on. */
  start(): void {
    this.pingInfo.start();
    this.pushTarget.start();
    this.monitor.start();
  }

  /** The node runs no more: everything that waits here ends with -ESHUTDOWN. Before the NIs are closed. lnet-semantics §1.2. */
  stop(): void {
    this.discovery.stop();
    this.monitor.stop();
    this.resends.stop();
    this.recovery.stop();
    this.pushTarget.stop();
    this.pingTarget.stop();
    this.pingInfo.stop();
    for (const ni of this.locals.all) this.sendPath.failWaiting(ni, -ESHUTDOWN);
    this.trackers.stop();
  }

  /** A NAL has no link to a peer left: lnet-semantics §11.8. */
  peerDown(link: NalNi, nid: Nid, at: Instant = this.#core.clock.now()): void {
    const ni = this.locals.ofLink(link);
    if (ni) this.gateways.notice({ nid, isUp: false, at, ni, resets: false });
  }

  /** The device of an NI lost or regained its link: lnet-semantics §11.8. */
  linkFatal(link: NalNi, isFatal: boolean): void {
    const ni = this.locals.ofLink(link);
    if (!ni || ni.hasFatalError === isFatal) return;
    ni.hasFatalError = isFatal;
    this.#core.pingInfo.rebuild();
  }

  /**
   * Changes settings as one, with what follows from it: a switch of discovery (lnet-semantics §10.8; when it goes off Multi-Rail peers
   * are told, when it goes on they notice at their next ping), and what is due when. Throws {@link LnetError} as {@link Settings.change}.
   */
  changeSettings(changes: Partial<SettingValues>): void {
    const { settings, clock } = this.#core;
    const wasOn = settings.values.discovery !== 0;
    settings.change(changes);
    const isOn = settings.values.discovery !== 0;
    if (wasOn !== isOn) this.pingInfo.refresh();
    if (wasOn && !isOn) this.discovery.pushToAll();
    this.monitor.wake(clock.now());
  }
}
