import { type Instant, US_PER_S } from '../clock.ts';
import type { CoreContext } from '../core-context.ts';
import { EINVAL } from '../errno.ts';
import { LNET_MAX_HEALTH_VALUE, type LocalNi } from '../local-ni.ts';
import type { MonitorTask } from '../monitor.ts';
import type { Network } from '../network.ts';
import type { Route } from '../send/route-table.ts';
import { formatNet, type NetId } from '../wire/net.ts';
import type { Nid } from '../wire/nid.ts';
import { LNET_PING_FEAT_RTE_DISABLED, type PingInfo } from '../wire/ping-info.ts';
import type { PeerNi } from './peer-ni.ts';
import {
  LNET_PEER_FORCE_PING,
  LNET_PEER_FORCE_PUSH,
  LNET_PEER_NIDS_UPTODATE,
  LNET_PEER_ROUTER_ENABLED,
  LNET_PEER_RTR_DISCOVERED,
  LNET_PEER_RTR_DISCOVERY,
  type Peer,
  type PeerNet,
} from './peer.ts';

/** Somebody says that a peer NI is up or down: lnet-semantics §8.6. */
export interface AlivenessNotice {
  readonly nid: Nid;
  readonly isUp: boolean;
  /** When that was so. */
  readonly at: Instant;
  /** The NI whose NAL says so; null: a person does. */
  readonly ni: LocalNi | null;
  /** It tells about the whole node: gateways are judged by it, and health with an "up" is perfect again. */
  readonly resets: boolean;
}

/** Aliveness of gateways and of the routes through them, and the checks that find out: lnet-semantics §8.4 to §8.6. */
export class Gateways implements MonitorTask {
  readonly name = 'router checker';
  readonly #core: CoreContext;
  readonly #network: Network;
  /** Net over which each gateway was checked last. */
  readonly #checkNets = new Map<Peer, NetId>();
  readonly #noticedAt = new WeakMap<PeerNi, Instant>();

  constructor(core: CoreContext, network: Network) {
    this.#core = core;
    this.#network = network;
  }

  /** A route was added: its gateway is to be checked at once. */
  added(): void {
    this.#network.monitor.wake(this.#core.clock.now());
  }

  /** Every gateway was asked once, successfully or not: lnet-semantics §1.1 step 6. */
  get areChecked(): boolean {
    for (const gateway of this.#network.routes.gateways) if (!gateway.has(LNET_PEER_RTR_DISCOVERED)) return false;
    return true;
  }

  /** As the `routers` listing says: not flagged dead, and an NI up on each of its nets. */
  isAlive(gateway: Peer): boolean {
    return gateway.isAlive && gateway.nets.every((net) => net.nis.some((peerNi) => peerNi.isUp));
  }

  /** lnet-semantics §8.4. */
  isRouteAlive(route: Route): boolean {
    const { gateway } = route;
    if (!gateway.isAlive) return false;
    if (this.#network.discovery.isDisabledFor(gateway)) return route.isCachedAlive;
    if (!hasUpNi(gateway, route.localNet)) return false;
    if (this.#needsFarSide(route) && !hasUpNi(gateway, route.net)) return false;
    return gateway.infoBytes === 0 || gateway.has(LNET_PEER_ROUTER_ENABLED);
  }

  /** Net of the check that is under way. */
  checkNetOf(gateway: Peer): NetId | undefined {
    return this.#checkNets.get(gateway);
  }

  nextDue(): Instant | undefined {
    if (this.#intervalUs === 0) return undefined;
    let first: Instant | undefined;
    for (const gateway of this.#network.routes.gateways) {
      if (gateway.has(LNET_PEER_RTR_DISCOVERY)) continue;
      for (const { net, nextRouterPing } of gateway.nets)
        if (this.#core.locals.netOf(net) && (first === undefined || nextRouterPing < first)) first = nextRouterPing;
    }
    return first;
  }

  run(now: Instant): void {
    const { gateways } = this.#network.routes;
    for (const known of this.#checkNets.keys()) if (!gateways.has(known)) this.#checkNets.delete(known);
    for (const gateway of gateways) {
      if (gateway.has(LNET_PEER_RTR_DISCOVERY)) continue;
      const net = this.#dueNet(gateway, now);
      if (net) this.#check(gateway, net, now);
    }
  }

  /** A gateway's discovery ended. */
  checked(gateway: Peer, errno: number): void {
    gateway.flags = (gateway.flags & ~LNET_PEER_RTR_DISCOVERY) | LNET_PEER_RTR_DISCOVERED;
    gateway.isAlive = errno === 0;
    if (errno !== 0) {
      for (const peerNi of gateway.peerNis()) peerNi.isUp = false;
      for (const route of this.#network.routes.through(gateway)) route.isCachedAlive = false;
    }
    const due = this.nextDue();
    if (due !== undefined) this.#network.monitor.wake(due);
  }

  /** What a gateway told about itself, statuses already taken over: lnet-semantics §8.5 step 4. */
  noteInfo(gateway: Peer, info: PingInfo): void {
    for (const route of this.#network.routes.through(gateway)) {
      const farSide = info.entries.filter(({ nid }) => nid.net === route.net);
      route.isSingleHop = farSide.length > 0;
      const wasAlive = route.isCachedAlive;
      const routes = (info.features & LNET_PING_FEAT_RTE_DISABLED) === 0;
      route.isCachedAlive =
        routes &&
        hasUpNi(gateway, route.localNet) &&
        (!this.#needsFarSide(route) || farSide.some((entry) => entry.isUp));
      if (wasAlive && !routes)
        this.#core.log('warn', `${route.gatewayNid} does not route; the route to ${formatNet(route.net)} is not used`);
    }
  }

  /** A message came through a gateway that counts as dead: it lives, and so does its side of the net where the message is from. */
  hasForwarded(gateway: Peer, net: NetId): void {
    if (gateway.gatewayRefs === 0) return;
    gateway.isAlive = true;
    for (const peerNi of gateway.peerNis()) if (peerNi.nid.net === net) peerNi.isUp = true;
    if (!this.#network.discovery.isDisabledFor(gateway)) return;
    for (const route of this.#network.routes.through(gateway)) if (route.net === net) route.isCachedAlive = true;
  }

  /** 0, or -EINVAL for a time in the future or a NID that is not on the NAL's net. */
  notice({ nid, isUp, at, ni, resets }: AlivenessNotice): number {
    if (at > this.#core.clock.now() || (ni && ni.nid.net !== nid.net)) return -EINVAL;
    const peerNi = this.#core.peers.find(nid);
    if (!peerNi) return 0;
    const isNalDown = ni !== null && !isUp;
    if (isNalDown && this.#core.settings.values.auto_down === 0) return 0;
    const when = isNalDown ? Math.max(at, peerNi.lastAlive ?? 0) : at;
    if (when < (this.#noticedAt.get(peerNi) ?? 0)) return 0;
    this.#noticedAt.set(peerNi, when);
    const gateway = peerNi.peerNet.peer;
    if (gateway.gatewayRefs > 0) {
      if (resets) gateway.isAlive = isUp;
      if (this.#network.discovery.isDisabledFor(gateway)) {
        for (const route of this.#network.routes.through(gateway))
          if (route.gatewayNid === nid) route.isCachedAlive = isUp;
      }
    }
    peerNi.isUp = isUp;
    if (isUp && resets) peerNi.health = LNET_MAX_HEALTH_VALUE;
    return 0;
  }

  #needsFarSide(route: Route): boolean {
    if (this.#core.settings.values.avoid_asym_router_failure === 0) return false;
    return route.hops === 1 || route.isSingleHop;
  }

  /** The gateway's nets take turns: the first due one after the net checked last. */
  #dueNet(gateway: Peer, now: Instant): PeerNet | undefined {
    const nets = gateway.nets.filter(({ net }) => this.#core.locals.netOf(net));
    const last = nets.findIndex(({ net }) => net === this.#checkNets.get(gateway));
    return [...nets.slice(last + 1), ...nets.slice(0, last + 1)].find((net) => net.nextRouterPing <= now);
  }

  #check(gateway: Peer, net: PeerNet, now: Instant): void {
    net.nextRouterPing = now + this.#intervalUs;
    this.#checkNets.set(gateway, net.net);
    const asks = LNET_PEER_FORCE_PING | LNET_PEER_FORCE_PUSH | LNET_PEER_RTR_DISCOVERY;
    gateway.flags = (gateway.flags & ~LNET_PEER_NIDS_UPTODATE) | asks;
    this.#network.discovery.queue(gateway);
  }

  get #intervalUs(): number {
    return this.#core.settings.values.alive_router_check_interval * US_PER_S;
  }
}

function hasUpNi(peer: Peer, net: NetId): boolean {
  for (const peerNet of peer.nets) if (peerNet.net === net) return peerNet.nis.some((peerNi) => peerNi.isUp);
  return false;
}
