import { HEALTH_NAMES, type HealthStatus } from './health-status.ts';
import { MessageCounts } from './counters.ts';
import { MsgQueue } from './msg.ts';
import type { NalNi } from './nal.ts';
import type { NetId } from './wire/net.ts';
import type { Nid } from './wire/nid.ts';

/** Health of an NI or peer NI in perfect condition: lnet-semantics §0.1. */
export const LNET_MAX_HEALTH_VALUE = 1000;

/** Priority of what no policy mentions; 0 is the highest: lnet-semantics §15. */
export const LNET_PRIORITY_DEFAULT = 0xffffffff;

/** `tunables:` of a net: lnetctl §6.1. */
export interface NetTunables {
  /** Seconds; > 0 enables peer aliveness on routers. */
  readonly peerTimeoutS: number;
  /** Concurrent sends to one peer NI. */
  readonly peerCredits: number;
  /** 0: derived, lnet-semantics §8.8. */
  readonly peerBufferCredits: number;
  /** Concurrent sends of the NI. */
  readonly credits: number;
}

export const NET_TUNABLES_DEFAULT: NetTunables = {
  peerTimeoutS: 180,
  peerCredits: 8,
  peerBufferCredits: 0,
  credits: 256,
};

/** A net this node is on: lnet-semantics §9.1. */
export class LocalNet {
  readonly net: NetId;
  readonly tunables: NetTunables;
  readonly nis: LocalNi[] = [];
  priority = LNET_PRIORITY_DEFAULT;
  sequence = 0;

  constructor(net: NetId, tunables: NetTunables) {
    this.net = net;
    this.tunables = tunables;
  }

  /** {@link Nid.addressForm} of all its NIs. */
  get addressForms(): number {
    let forms = 0;
    for (const ni of this.nis) forms |= ni.nid.addressForm;
    return forms;
  }

  /** Best health of its NIs without fatal error; 0 when there is none. */
  get health(): number {
    let best = 0;
    for (const ni of this.nis) if (!ni.hasFatalError && ni.health > best) best = ni.health;
    return best;
  }
}

/** A local interface: one NID on one net, its credits, health and statistics. */
export class LocalNi {
  readonly net: LocalNet;
  /** The NAL's side of it. */
  readonly link: NalNi;
  readonly nid: Nid;
  /** Its NID as a list, which all peers that prefer it share. */
  readonly asPreferred: readonly Nid[];
  /** Send credits left; negative: that many messages wait. */
  credits: number;
  creditsMin: number;
  readonly waiting = new MsgQueue();
  health = LNET_MAX_HEALTH_VALUE;
  hasFatalError = false;
  /** Announced in ping info: lnet-semantics §10.1. */
  isUp = true;
  isStopping = false;
  priority = LNET_PRIORITY_DEFAULT;
  sequence = 0;
  readonly sent = new MessageCounts();
  readonly received = new MessageCounts();
  readonly dropped = new MessageCounts();
  /** Failures by health status: `health stats` of `net show`. */
  readonly failures: number[] = HEALTH_NAMES.map(() => 0);
  /** Recovery (lnet-semantics §11.5): pings sent in this series, instant of the next; undefined when not in recovery. */
  recoveryPings = 0;
  nextRecovery: number | undefined = undefined;

  constructor(net: LocalNet, link: NalNi) {
    this.net = net;
    this.link = link;
    this.nid = link.nid;
    this.asPreferred = [link.nid];
    this.credits = net.tunables.credits;
    this.creditsMin = this.credits;
  }

  /** Counts a failed message by its health status. */
  countFailure(health: HealthStatus): void {
    this.failures[health] = (this.failures[health] ?? 0) + 1;
  }

  get addressForms(): number {
    return this.nid.addressForm;
  }

  get isLoopback(): boolean {
    return this.nid.isLoopback;
  }
}
