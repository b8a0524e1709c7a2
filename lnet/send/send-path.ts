import { US_PER_S } from '../clock.ts';
import type { CoreContext, SendPath } from '../core-context.ts';
import { ESHUTDOWN } from '../errno.ts';
import { HEALTH_OK } from '../health-status.ts';
import type { LocalNi } from '../local-ni.ts';
import type { LnetMsg } from '../msg.ts';
import type { Network } from '../network.ts';
import type { PeerNi } from '../peer/peer-ni.ts';
import type { Peer } from '../peer/peer.ts';
import { LNET_PID_LUSTRE } from '../portals/me.ts';
import type { NetId } from '../wire/net.ts';
import { NID_ANY, NID_LOOPBACK } from '../wire/nid.ts';
import { Credits } from './credits.ts';
import { PathChooser } from './path.ts';

/** From a message to a NAL: lnet-semantics §9.2. */
export class CoreSendPath implements SendPath {
  readonly #core: CoreContext;
  readonly #network: Network;
  readonly #credits: Credits;
  readonly #chooser: PathChooser;

  constructor(core: CoreContext, network: Network) {
    this.#core = core;
    this.#network = network;
    this.#credits = new Credits(core);
    this.#chooser = new PathChooser(core, network);
  }

  submit(msg: LnetMsg): void {
    const core = this.#core;
    if (!core.isRunning) {
      this.#fail(msg, -ESHUTDOWN);
      return;
    }
    const { targetNid } = msg;
    if (targetNid === NID_LOOPBACK) {
      this.#toLoopback(msg);
      return;
    }
    const target = core.peers.find(targetNid) ?? this.#newTarget(msg);
    if (target && !msg.isResponse && core.discovery.gate(msg, target.peerNet.peer)) return;
    const errno = this.#chooser.choose(msg, target);
    if (errno !== 0) {
      this.#fail(msg, errno);
      return;
    }
    const hop = msg.peerNi as PeerNi;
    const isRouted = hop !== this.#chooser.end;
    if (isRouted && this.#mustDiscover(msg, hop)) return;
    this.#address(msg, hop, isRouted);
    if (msg.md?.tracker && !msg.isResponse) core.trackers.setNextHop(msg.md, hop);
    this.#credits.take(msg);
  }

  returnCredits(msg: LnetMsg): void {
    this.#credits.give(msg);
  }

  failWaiting(ni: LocalNi, errno: number): void {
    this.#credits.failWaiting(ni, errno);
  }

  hasRouteThrough(net: NetId, peer: Peer): boolean {
    return this.#network.routes.leadThrough(net, peer);
  }

  /**
   * The peer NI of a NID that nobody has named before. Null when no net or route leads there, when a response goes back through
   * its router anyway, or when the table is full.
   */
  #newTarget(msg: LnetMsg): PeerNi | null {
    const { targetNid } = msg;
    const isDirect = this.#core.locals.netOf(targetNid.net) !== undefined;
    if (targetNid === NID_ANY || (!isDirect && (msg.isResponse || !this.#network.routes.leadTo(targetNid.net))))
      return null;
    const peerNi = this.#core.peers.ofTarget(targetNid);
    if (!peerNi) this.#core.drops.peer_limit++;
    return peerNi ?? null;
  }

  /** Without router checks a gateway is discovered before its first use: lnet-semantics §8.3. */
  #mustDiscover(msg: LnetMsg, gateway: PeerNi): boolean {
    if (msg.isResponse || this.#core.settings.values.alive_router_check_interval > 0) return false;
    return this.#core.discovery.gate(msg, gateway.peerNet.peer);
  }

  /** Fills in what depends on the choice: NIDs of the header, next hop and its pid, deadline. */
  #address(msg: LnetMsg, hop: PeerNi, isRouted: boolean): void {
    const ni = msg.ni as LocalNi;
    const { settings, clock } = this.#core;
    msg.hdr.srcNid = ni.nid;
    msg.hdr.destNid = this.#chooser.end?.nid ?? msg.targetNid;
    msg.nextHop = hop.nid;
    // A peer behind an unprivileged port is known by a pid of its own, a router by the common one: socklnd §11.
    msg.nextHopPid = isRouted ? LNET_PID_LUSTRE : msg.targetPid;
    const attempts = settings.values.retry_count + 1;
    const timeoutUs = ni.link.timeoutUs || settings.lndTimeoutS * US_PER_S;
    msg.deadline = clock.now() + timeoutUs * attempts + US_PER_S;
  }

  /** lnet-semantics §6: no selection, peer, credits, discovery or health. */
  #toLoopback(msg: LnetMsg): void {
    const ni = this.#core.locals.loopback;
    msg.hdr.srcNid = NID_LOOPBACK;
    msg.hdr.destNid = NID_LOOPBACK;
    msg.ni = ni;
    msg.nextHop = NID_LOOPBACK;
    msg.nextHopPid = msg.targetPid;
    this.#credits.transmit(msg, ni);
  }

  #fail(msg: LnetMsg, errno: number): void {
    this.#core.delivery.finalize(msg, errno, HEALTH_OK);
  }
}
