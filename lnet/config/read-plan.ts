import { EEXIST, EHOSTUNREACH, ENOSPC, ENOTUNIQ } from '../errno.ts';
import type { SettingValues } from '../settings.ts';
import { formatNet, type NetId } from '../wire/net.ts';
import type { Nid } from '../wire/nid.ts';
import { ROUTE_ADD_TEXTS } from './kernel-text.ts';
import { type NetPlan, type NodePlan, type PeerPlan, PLAN_DEFAULT, type RoutePlan } from './plan.ts';
import { readBlocks } from './read-blocks.ts';
import { checkSettings } from './read-global.ts';
import type { ConfigReader, Placed } from './reader.ts';
import type { ConfigEntry, ConfigNode, Place } from './tree.ts';

/** A plan, and the top-level keys that the caller reads itself. */
export interface PlannedNode {
  readonly plan: NodePlan;
  readonly extensions: ReadonlyMap<string, ConfigEntry>;
}

/**
 * Reads a whole file into the plan of a node. Throws {@link ConfigError} for the first thing that is wrong: there is a
 * complete plan or none. What blocks ask of each other is checked here, whatever their order in the file.
 */
export function readPlan(reader: ConfigReader, root: ConfigNode, extensions: readonly string[] = []): PlannedNode {
  const builder = new PlanBuilder(reader);
  const found = new Map<string, ConfigEntry>();
  for (const block of readBlocks(reader, root, extensions)) {
    switch (block.kind) {
      case 'net':
        for (const net of block.nets) builder.addNet(net);
        break;
      case 'route':
        for (const route of block.routes) builder.addRoute(route, block.isLenient);
        break;
      case 'peer':
        for (const peer of block.peers) builder.addPeer(peer);
        break;
      case 'global':
        builder.change(block.change.settings, block.place);
        builder.accept = block.change.accept ?? builder.accept;
        builder.acceptPort = block.change.acceptPort ?? builder.acceptPort;
        break;
      case 'extension':
        found.set(block.entry.key, block.entry);
        break;
      default:
        reader.fail(root, `a '${block.kind}:' block is no configuration`, "run it with 'lnet import --exec FILE'");
    }
  }
  return { plan: builder.finish(), extensions: found };
}

/** In a legacy text a gateway that is this node itself makes it a router: lnet-semantics §13.3 rule 5. */
function failRouter(reader: ConfigReader, gateway: Nid, place: Place): never {
  const reason = `${gateway} is this node: the text makes it a router, and this node cannot route between networks yet`;
  reader.fail(place, reason, 'take the entries through this node out');
}

class PlanBuilder {
  readonly #reader: ConfigReader;
  readonly #nets = new Map<NetId, NetPlan>();
  readonly #nids = new Set<Nid>();
  readonly #routes: { readonly route: Placed<RoutePlan>; readonly isLenient: boolean }[] = [];
  readonly #peers: PeerPlan[] = [];
  readonly #peerNids = new Set<Nid>();
  #settings: Partial<SettingValues> = {};
  #settingsPlace: Place = { line: 1, column: 1 };
  #lastNetPlace: Place = { line: 1, column: 1 };
  accept = PLAN_DEFAULT.accept;
  acceptPort = PLAN_DEFAULT.acceptPort;

  constructor(reader: ConfigReader) {
    this.#reader = reader;
  }

  /** A net that comes again gains NIs; its first tunables hold (lnetctl §5.2). */
  addNet({ value: plan, place }: Placed<NetPlan>): void {
    for (const { nid } of plan.interfaces) {
      if (this.#nids.has(nid)) {
        this.#reader.fail(place, 'cannot add LNet NI', `${nid} is there already: name each interface once`, -EEXIST);
      }
      this.#nids.add(nid);
    }
    const known = this.#nets.get(plan.net);
    const interfaces = [...(known?.interfaces ?? []), ...plan.interfaces];
    this.#nets.set(plan.net, { ...(known ?? plan), interfaces });
    this.#lastNetPlace = place;
  }

  addRoute(route: Placed<RoutePlan>, isLenient: boolean): void {
    this.#routes.push({ route, isLenient });
  }

  addPeer({ value: peer, place }: Placed<PeerPlan>): void {
    const taken = peer.nids.find((nid) => this.#peerNids.has(nid));
    if (taken) {
      this.#reader.fail(place, 'failed to add peer', `${taken} belongs to a peer named before`, -EEXIST);
    }
    if (!peer.isMultiRail && new Set(peer.nids.map((nid) => nid.net)).size < peer.nids.length) {
      const hint = `${peer.primaryNid} is not Multi-Rail: it has one NID on each network`;
      this.#reader.fail(place, 'failed to add peer', hint, -ENOTUNIQ);
    }
    for (const nid of peer.nids) this.#peerNids.add(nid);
    this.#peers.push(peer);
  }

  change(settings: Partial<SettingValues>, place: Place): void {
    this.#settings = { ...this.#settings, ...settings };
    this.#settingsPlace = place;
  }

  finish(): NodePlan {
    const { max_interfaces: limit } = checkSettings(this.#reader, this.#settings, this.#settingsPlace);
    if (this.#nids.size > limit) {
      const hint = `${this.#nids.size} interfaces are named; raise max_interfaces above ${limit} under 'global:'`;
      this.#reader.fail(this.#lastNetPlace, 'too many NIs, check lnet_interfaces_max', hint, -ENOSPC);
    }
    const routes = new Map<string, RoutePlan>();
    for (const { route, isLenient } of this.#routes) {
      const { value, place } = route;
      if (isLenient && this.#nids.has(value.gateway)) failRouter(this.#reader, value.gateway, place);
      const key = `${value.net} ${value.gateway}`;
      const errno = this.#routeFault(value, routes.has(key));
      if (errno === 0) routes.set(key, value);
      // One legacy text may serve all nodes of a site: lnet-semantics §13.3 rule 6.
      else if (!isLenient) {
        const net = formatNet(errno === EEXIST ? value.net : value.gateway.net);
        const hint =
          errno === EEXIST ? `${net} needs no further route through ${value.gateway}` : `add ${net} under 'net:'`;
        this.#reader.fail(place, ROUTE_ADD_TEXTS[errno] as string, hint, -errno);
      }
    }
    return {
      nets: [...this.#nets.values()],
      routes: [...routes.values()],
      peers: this.#peers,
      settings: this.#settings,
      accept: this.accept,
      acceptPort: this.acceptPort,
    };
  }

  #routeFault(route: RoutePlan, isKnown: boolean): number {
    if (isKnown || this.#nets.has(route.net)) return EEXIST;
    return this.#nets.has(route.gateway.net) ? 0 : EHOSTUNREACH;
  }
}
