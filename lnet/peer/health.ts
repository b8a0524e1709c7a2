import type { CoreContext, HealthBook } from '../core-context.ts';
import type { NodeCounters } from '../counters.ts';
import { HEALTH_OK } from '../health-status.ts';
import { LNET_MAX_HEALTH_VALUE, type LocalNi } from '../local-ni.ts';
import type { LnetMsg } from '../msg.ts';
import type { Network } from '../network.ts';
import type { Nid } from '../wire/nid.ts';
import type { PeerNi } from './peer-ni.ts';
import type { Peer } from './peer.ts';

/** What a health status says about a finished message: lnet-semantics §11.3. */
interface HealthRule {
  readonly blames: 'nobody' | 'local' | 'peer' | 'both';
  /** When the message may be sent again. */
  readonly resends: 'never' | 'with another local NI' | 'to a peer with another NID';
  readonly counter: keyof NodeCounters | null;
}

/** By health status. */
export const HEALTH_RULES: readonly HealthRule[] = [
  { blames: 'nobody', resends: 'never', counter: null },
  { blames: 'local', resends: 'with another local NI', counter: 'local_interrupt_count' },
  { blames: 'local', resends: 'with another local NI', counter: 'local_dropped_count' },
  { blames: 'local', resends: 'with another local NI', counter: 'local_aborted_count' },
  { blames: 'local', resends: 'with another local NI', counter: 'local_no_route_count' },
  { blames: 'local', resends: 'never', counter: 'local_error_count' },
  { blames: 'local', resends: 'with another local NI', counter: 'local_timeout_count' },
  { blames: 'peer', resends: 'never', counter: 'remote_error_count' },
  { blames: 'peer', resends: 'to a peer with another NID', counter: 'remote_dropped_count' },
  { blames: 'peer', resends: 'never', counter: 'remote_timeout_count' },
  { blames: 'both', resends: 'never', counter: 'network_timeout_count' },
];

/** Health of local and peer NIs, and who gets a second attempt: lnet-semantics §11.2, §11.3. */
export class NodeHealth implements HealthBook {
  readonly #core: CoreContext;
  readonly #network: Network;

  constructor(core: CoreContext, network: Network) {
    this.#core = core;
    this.#network = network;
  }

  heardFrom(ni: LocalNi, peerNi: PeerNi, srcNid: Nid): void {
    const now = this.#core.clock.now();
    peerNi.lastAlive = now;
    peerNi.isUp = true;
    if (ni.nextRecovery !== undefined) this.#network.recovery.heard(ni, now);
    if (peerNi.health < LNET_MAX_HEALTH_VALUE) this.#network.recovery.heard(peerNi, now);
    const { peer } = peerNi.peerNet;
    if (!peer.isAlive && srcNid.net !== peerNi.nid.net) this.#network.gateways.hasForwarded(peer, srcNid.net);
  }

  judge(msg: LnetMsg): boolean {
    const { ni, peerNi } = msg;
    // What ended before it reached a NAL, or with a status of the core's own, says nothing about a network.
    if (!ni || !peerNi || (msg.status === 0) !== (msg.health === HEALTH_OK)) return false;
    const isArrival = msg.rx !== null;
    if (!isArrival && !msg.isCommitted) return false;
    if (msg.health === HEALTH_OK) {
      this.#succeeded(msg, ni, peerNi, isArrival);
      return false;
    }
    if (!isArrival && this.#core.clock.now() > msg.deadline) return false;
    const rule = HEALTH_RULES[msg.health] as HealthRule;
    this.#count(rule, msg, ni, peerNi);
    if (rule.blames === 'local' || rule.blames === 'both') this.#lowerLocal(ni);
    if ((rule.blames === 'peer' || rule.blames === 'both') && isPeerBlamed(peerNi.peerNet.peer))
      this.#lowerPeer(peerNi);
    return !isArrival && this.#resends(rule, msg, peerNi.peerNet.peer);
  }

  /** A response tracker expired: the node that the request went to first is suspect, even if it has no other NID. */
  responseMissed(nextHop: PeerNi): void {
    this.#lowerPeer(nextHop);
  }

  /** A ping of the NI's own NID was answered: lnet-semantics §11.5. */
  selfPingAnswered(ni: LocalNi): void {
    this.#raiseLocal(ni);
  }

  /** A peer told the status of one of its NIDs: lnet-semantics §10.6 step 2. */
  announced(peerNi: PeerNi, isUp: boolean): void {
    const wasUp = peerNi.isUp;
    peerNi.isUp = isUp;
    if (wasUp && !isUp) this.#lowerPeer(peerNi);
    else if (wasUp && isUp && peerNi.lastAlive === undefined) peerNi.health = LNET_MAX_HEALTH_VALUE;
  }

  /** Sets a value by hand; outside 0..1000 it means 1000 (lnet-semantics §1.9). */
  setLocal(ni: LocalNi, value: number): void {
    this.#changeLocal(ni, clamp(value));
  }

  setPeer(peerNi: PeerNi, value: number): void {
    peerNi.health = clamp(value);
    if (peerNi.health < LNET_MAX_HEALTH_VALUE) this.#network.recovery.addPeer(peerNi);
  }

  #succeeded(msg: LnetMsg, ni: LocalNi, peerNi: PeerNi, isArrival: boolean): void {
    this.#raiseLocal(ni);
    if (isArrival) this.#raisePeer(peerNi);
    else if (msg.retryCount > 0) this.#core.counters.successful_resends++;
    // A GET is whole when it arrives but ends with its REPLY.
    const { request } = msg;
    if (request?.ni && request.peerNi) this.#succeeded(request, request.ni, request.peerNi, true);
  }

  #resends(rule: HealthRule, msg: LnetMsg, peer: Peer): boolean {
    if (rule.resends === 'never' || msg.isRecovery || msg.isResendBarred || !this.#network.monitor.isRunning)
      return false;
    if (rule.resends === 'with another local NI' && this.#core.locals.realCount < 2) return false;
    if (rule.resends === 'to a peer with another NID' && !peer.hasSeveralNids) return false;
    if (msg.retryCount >= this.#core.settings.values.retry_count) {
      this.#core.counters.failed_resends++;
      return false;
    }
    this.#core.sendPath.returnCredits(msg);
    this.#network.resends.push(msg);
    return true;
  }

  #count(rule: HealthRule, { health }: LnetMsg, ni: LocalNi, peerNi: PeerNi): void {
    if (rule.counter) this.#core.counters[rule.counter]++;
    (rule.blames === 'local' ? ni : peerNi).countFailure(health);
  }

  #raiseLocal(ni: LocalNi): void {
    if (ni.health < LNET_MAX_HEALTH_VALUE)
      this.#changeLocal(ni, Math.min(ni.health + this.#step, LNET_MAX_HEALTH_VALUE));
  }

  #lowerLocal(ni: LocalNi): void {
    this.#changeLocal(ni, Math.max(ni.health - this.#step, 0));
  }

  /** At 0 the NI is announced as down, at 1000 as up again. */
  #changeLocal(ni: LocalNi, health: number): void {
    if (health === ni.health) return;
    ni.health = health;
    const isUp = health === 0 ? false : health === LNET_MAX_HEALTH_VALUE ? true : ni.isUp;
    if (isUp !== ni.isUp) {
      ni.isUp = isUp;
      this.#core.pingInfo.updateStatus(ni);
    }
    if (health < LNET_MAX_HEALTH_VALUE) this.#network.recovery.addLocal(ni);
  }

  /** One message from a gateway is enough to trust it again. */
  #raisePeer(peerNi: PeerNi): void {
    if (peerNi.health === LNET_MAX_HEALTH_VALUE) return;
    const step = peerNi.peerNet.peer.gatewayRefs > 0 ? LNET_MAX_HEALTH_VALUE : this.#step;
    peerNi.health = Math.min(peerNi.health + step, LNET_MAX_HEALTH_VALUE);
  }

  #lowerPeer(peerNi: PeerNi): void {
    if (this.#step === 0) return;
    peerNi.health = Math.max(peerNi.health - this.#step, 0);
    this.#network.recovery.addPeer(peerNi);
  }

  get #step(): number {
    return this.#core.settings.values.health_sensitivity;
  }
}

/** The only NID of a peer has nothing to lose against, so its health is left alone, except for gateways. */
function isPeerBlamed(peer: Peer): boolean {
  return peer.gatewayRefs > 0 || peer.hasSeveralNids;
}

function clamp(value: number): number {
  return value >= 0 && value <= LNET_MAX_HEALTH_VALUE ? value : LNET_MAX_HEALTH_VALUE;
}
