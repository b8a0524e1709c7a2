import { MessageCounts } from '../counters.ts';
import { HEALTH_NAMES, type HealthStatus } from '../health-status.ts';
import { LNET_MAX_HEALTH_VALUE, LNET_PRIORITY_DEFAULT } from '../local-ni.ts';
import { MsgQueue } from '../msg.ts';
import type { Nid } from '../wire/nid.ts';
import type { PeerNet } from './peer.ts';

/** What nearly every peer NI has none of, in one piece for all of them. */
const NO_NIDS: readonly Nid[] = [];
const NO_FAILURES: readonly number[] = [];

/** One remote NID: credits, health, status, statistics. lnet-semantics §9.1. */
export class PeerNi {
  readonly nid: Nid;
  /** The peer net (and through it the peer) that owns it; changes when discovery moves the NID. */
  peerNet: PeerNet;
  /** Send credits left; negative: that many messages wait. Meaningless while the NID is on no local net. */
  credits = 0;
  creditsMin = 0;
  creditsMax = 0;
  /** Payload and header bytes of messages that hold or await a credit. */
  queuedBytes = 0;
  readonly waiting = new MsgQueue();
  /** ACKs and REPLYs under way that it asked for: `deliver/answer-limit.ts`. */
  answers = 0;
  health = LNET_MAX_HEALTH_VALUE;
  /** Last announced or observed status. */
  isUp = true;
  /** Instant of the last message received from it; undefined: never heard of. */
  lastAlive: number | undefined = undefined;
  /** Local NIDs to prefer as source: sticky source of a non-MR peer, or from configuration. */
  preferredNids: readonly Nid[] = NO_NIDS;
  /** Gateways (primary NIDs) to prefer. */
  preferredRouters: readonly Nid[] = NO_NIDS;
  /** True when {@link preferredNids} came from configuration and survives the change to MR. */
  isPreferenceConfigured = false;
  priority = LNET_PRIORITY_DEFAULT;
  sequence = 0;
  /** Router credits: lnet-semantics §8.8. */
  routerCredits = 0;
  routerCreditsMin = 0;
  readonly sent = new MessageCounts();
  readonly received = new MessageCounts();
  readonly dropped = new MessageCounts();
  /** Failures by health status; empty while there was none. */
  failures: readonly number[] = NO_FAILURES;
  recoveryPings = 0;
  nextRecovery: number | undefined = undefined;

  constructor(nid: Nid, peerNet: PeerNet) {
    this.nid = nid;
    this.peerNet = peerNet;
  }

  get addressForms(): number {
    return this.nid.addressForm;
  }

  /** Counts a failed message by its health status. */
  countFailure(health: HealthStatus): void {
    this.failures = HEALTH_NAMES.map((_, status) => (this.failures[status] ?? 0) + (status === health ? 1 : 0));
  }
}
