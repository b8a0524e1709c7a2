import type { CoreContext } from '../core-context.ts';
import { EEXIST, EHOSTUNREACH, EINVAL, ENOENT, ENOMEM } from '../errno.ts';
import { LnetError, type LnetErrorCode } from '../error-code.ts';
import type { Network } from '../network.ts';
import type { PeerNi } from '../peer/peer-ni.ts';
import type { Peer } from '../peer/peer.ts';
import { formatNet, LOLND, lndOf, NET_ANY, type NetId } from '../wire/net.ts';
import { NID_ANY, type Nid } from '../wire/nid.ts';

/** A way to a remote net: lnet-semantics §8.1. */
export class Route {
  readonly net: NetId;
  /** As configured. */
  readonly gatewayNid: Nid;
  /** 1..255; undefined counts as 1 when routes are compared. */
  readonly hops: number | undefined;
  /** 0 is best. */
  readonly priority: number;
  /** The node that owns the gateway NID; changes when discovery merges peers. */
  gateway: Peer;
  sequence = 0;
  /** Aliveness that decides while the gateway cannot be discovered: lnet-semantics §8.4. */
  isCachedAlive: boolean;
  /** The gateway's last info listed a NID on the remote net. */
  isSingleHop = false;
  /** The gateway's NID that the choice under way would use. */
  hop: PeerNi | null = null;

  constructor(options: RouteOptions, gateway: Peer, isCachedAlive: boolean) {
    this.net = options.net;
    this.gatewayNid = options.gateway;
    this.hops = options.hops;
    this.priority = options.priority;
    this.gateway = gateway;
    this.isCachedAlive = isCachedAlive;
  }

  /** Net over which the gateway is reached. */
  get localNet(): NetId {
    return this.gatewayNid.net;
  }
}

export interface RouteOptions {
  readonly net: NetId;
  readonly gateway: Nid;
  readonly hops: number | undefined;
  readonly priority: number;
}

const NO_ROUTES: readonly Route[] = [];

/** Static routes by remote net: lnet-semantics §8.1. */
export class RouteTable {
  readonly #core: CoreContext;
  readonly #network: Network;
  readonly #byNet = new Map<NetId, Route[]>();

  constructor(core: CoreContext, network: Network) {
    this.#core = core;
    this.#network = network;
  }

  /** All routes, in the order of their running index. */
  get all(): Route[] {
    return [...this.#byNet.values()].flat();
  }

  /** Remote nets that a route leads to. */
  get nets(): IterableIterator<NetId> {
    return this.#byNet.keys();
  }

  to(net: NetId): readonly Route[] {
    return this.#byNet.get(net) ?? NO_ROUTES;
  }

  leadTo(net: NetId): boolean {
    return this.#byNet.has(net);
  }

  /** Some route to the net, alive or not, goes through this peer. */
  leadThrough(net: NetId, peer: Peer): boolean {
    return this.to(net).some((route) => route.gateway === peer);
  }

  /** Routes that use this peer as their gateway. */
  *through(peer: Peer): Generator<Route> {
    if (peer.gatewayRefs === 0) return;
    for (const routes of this.#byNet.values()) for (const route of routes) if (route.gateway === peer) yield route;
  }

  /** Every gateway once. */
  get gateways(): Set<Peer> {
    const gateways = new Set<Peer>();
    for (const routes of this.#byNet.values()) for (const route of routes) gateways.add(route.gateway);
    return gateways;
  }

  /**
   * Adds a route at a random place of its net's list, so that nodes with equal configurations spread their load; the gateway is
   * pinged at once. Throws {@link LnetError}: -EINVAL, -EEXIST, -EHOSTUNREACH as lnet-semantics §8.1 lists them.
   */
  add(options: RouteOptions): Route {
    this.#check(options);
    const { net, gateway } = options;
    const peerNi = this.#core.peers.ofTarget(gateway);
    if (!peerNi) throw refusal('ERR_LNET_LIMIT', ENOMEM, options, 'the peer table is full');
    const { peer } = peerNi.peerNet;
    if (this.leadThrough(net, peer)) throw refusal('ERR_LNET_EXISTS', EEXIST, options, 'the route is there already');
    const { check_routers_before_use, avoid_asym_router_failure, discovery } = this.#core.settings.values;
    const route = new Route(options, peer, check_routers_before_use === 0);
    this.#insert(route);
    peerNi.peerNet.nextRouterPing = 0;
    this.#network.gateways.added();
    const about = `route to ${formatNet(net)} via ${gateway}`;
    if (options.hops === undefined && avoid_asym_router_failure !== 0)
      this.#core.log('warn', `${about}: without hops it is not known whether the gateway must be on that net itself`);
    if (discovery === 0)
      this.#core.log('warn', `${about}: with discovery off the gateway's interfaces on that net cannot be watched`);
    return route;
  }

  /**
   * Deletes routes: of one net or all (NET_ANY), through one gateway (any NID of it) or all (NID_ANY). Throws {@link LnetError}
   * -ENOENT when a net is named that has no routes.
   */
  remove(net: NetId, gateway: Nid): void {
    if (net !== NET_ANY && !this.#byNet.has(net)) {
      throw new LnetError('ERR_LNET_NOT_FOUND', { errno: -ENOENT, message: `no route leads to ${formatNet(net)}` });
    }
    const primary = this.#core.peers.primaryOf(gateway);
    const isMeant = (route: Route): boolean =>
      gateway === NID_ANY || route.gatewayNid === gateway || route.gateway.primaryNid === primary;
    for (const route of net === NET_ANY ? this.all : [...this.to(net)]) if (isMeant(route)) this.#delete(route);
  }

  /** A net is local no more: routes through gateways on it go. */
  netRemoved(net: NetId): void {
    for (const route of this.all) if (route.localNet === net) this.#delete(route);
  }

  /** Discovery moved a NID to another peer: routes configured through it follow, and of two to one net the better one stays. */
  nidMoved(nid: Nid, from: Peer, to: Peer): void {
    for (const route of Array.from(this.through(from))) if (route.gatewayNid === nid) this.#hand(route, to);
  }

  /** A gateway was forgotten: its routes go on with the peer that their NID has now. */
  rehome(from: Peer): void {
    for (const route of Array.from(this.through(from))) {
      const peerNi = this.#core.peers.ofTarget(route.gatewayNid);
      if (peerNi) this.#hand(route, peerNi.peerNet.peer);
      else this.#delete(route);
    }
  }

  #hand(route: Route, to: Peer): void {
    this.#delete(route);
    const rival = this.to(route.net).find((other) => other.gateway === to);
    if (rival && !isBetter(route, rival)) return;
    if (rival) this.#delete(rival);
    route.gateway = to;
    this.#insert(route);
  }

  #insert(route: Route): void {
    let routes = this.#byNet.get(route.net);
    if (!routes) {
      routes = [];
      this.#byNet.set(route.net, routes);
    }
    routes.splice(this.#core.random.below(routes.length + 1), 0, route);
    route.gateway.gatewayRefs++;
  }

  #delete(route: Route): void {
    const routes = this.#byNet.get(route.net) as Route[];
    routes.splice(routes.indexOf(route), 1);
    if (routes.length === 0) this.#byNet.delete(route.net);
    route.gateway.gatewayRefs--;
  }

  #check(options: RouteOptions): void {
    const { net, gateway, hops } = options;
    const { locals } = this.#core;
    const fault = invalidity(options);
    if (fault) throw refusal('ERR_LNET_BAD_ARGUMENT', EINVAL, options, fault);
    if (hops !== undefined && !(Number.isInteger(hops) && hops >= 1 && hops <= 255))
      throw refusal('ERR_LNET_BAD_ARGUMENT', EINVAL, options, 'hops must be 1..255');
    if (locals.netOf(net)) throw refusal('ERR_LNET_EXISTS', EEXIST, options, 'the net is local');
    if (!locals.netOf(gateway.net))
      throw refusal('ERR_LNET_UNREACHABLE', EHOSTUNREACH, options, 'no local NI is on the net of the gateway');
  }
}

function invalidity({ net, gateway }: RouteOptions): string | undefined {
  if (gateway === NID_ANY || gateway.isLoopback) return 'that is no NID of a gateway';
  if (net === NET_ANY || lndOf(net) === LOLND) return 'that is no net to route to';
  return gateway.net === net ? 'the gateway must be on another net than the one it leads to' : undefined;
}

/** Lower priority value, then fewer hops: lnet-semantics §8.3. */
function isBetter(a: Route, b: Route): boolean {
  return a.priority !== b.priority ? a.priority < b.priority : (a.hops ?? 1) < (b.hops ?? 1);
}

function refusal(code: LnetErrorCode, errno: number, { net, gateway }: RouteOptions, why: string): LnetError {
  return new LnetError(code, {
    errno: -errno,
    message: `route to ${formatNet(net)} via ${gateway}: ${why}`,
    nids: [String(gateway)],
  });
}
