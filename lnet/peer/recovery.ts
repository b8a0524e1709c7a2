import { type Instant, US_PER_S } from '../clock.ts';
import type { CoreContext } from '../core-context.ts';
import { LNET_MAX_HEALTH_VALUE, LocalNi } from '../local-ni.ts';
import type { MonitorTask } from '../monitor.ts';
import type { Network } from '../network.ts';
import { NID_ANY } from '../wire/nid.ts';
import type { PeerNi } from './peer-ni.ts';
import { Probe } from './probe.ts';
import { PING_BYTES_MIN } from './reserved-portal.ts';

/** An NI, own or remote, whose health is to be found out. */
type Patient = LocalNi | PeerNi;

/**
 * Pings NIs whose health is not perfect, in growing intervals, until it is: lnet-semantics §11.5. Looked at in whole seconds, so
 * that many patients cost one pass per second.
 */
export class Recovery implements MonitorTask {
  readonly name = 'recovery';
  readonly #core: CoreContext;
  readonly #network: Network;
  /** Patients, each with its ping under way. */
  readonly #patients = new Map<Patient, Probe | null>();

  constructor(core: CoreContext, network: Network) {
    this.#core = core;
    this.#network = network;
  }

  /** NIs in recovery. */
  get size(): number {
    return this.#patients.size;
  }

  addLocal(ni: LocalNi): void {
    this.#add(ni);
  }

  /** Only if it was heard of, not longer ago than `recovery_limit` allows, and is no NID of this node. */
  addPeer(peerNi: PeerNi): void {
    if (peerNi.lastAlive === undefined || this.#core.locals.isOwnNid(peerNi.nid)) return;
    if (!this.#isTooOld(peerNi, this.#core.clock.now())) this.#add(peerNi);
  }

  /** A message came over or from it: its series of pings begins anew. */
  heard(patient: Patient, now: Instant): void {
    patient.recoveryPings = 0;
    if (patient.nextRecovery === undefined) {
      if (!(patient instanceof LocalNi)) this.addPeer(patient);
    } else {
      patient.nextRecovery = Math.min(patient.nextRecovery, now + US_PER_S);
      this.#network.monitor.wake(wholeSecond(patient.nextRecovery));
    }
  }

  nextDue(): Instant | undefined {
    let first: Instant | undefined;
    for (const { nextRecovery } of this.#patients.keys())
      if (nextRecovery !== undefined && (first === undefined || nextRecovery < first)) first = nextRecovery;
    return first === undefined ? undefined : wholeSecond(first);
  }

  run(now: Instant): void {
    for (const [patient, ping] of this.#patients) {
      if (!this.#isPatient(patient, now)) this.#discharge(patient, ping);
      else if ((patient.nextRecovery as Instant) <= now) this.#treat(patient, ping, now);
    }
  }

  stop(): void {
    for (const [patient, ping] of this.#patients) this.#discharge(patient, ping);
  }

  #add(patient: Patient): void {
    if (this.#patients.has(patient)) return;
    this.#patients.set(patient, null);
    patient.recoveryPings = 0;
    patient.nextRecovery = this.#core.clock.now() + US_PER_S;
    this.#network.monitor.wake(wholeSecond(patient.nextRecovery));
  }

  #discharge(patient: Patient, ping: Probe | null): void {
    this.#patients.delete(patient);
    patient.nextRecovery = undefined;
    patient.recoveryPings = 0;
    ping?.cancel();
  }

  #isPatient(patient: Patient, now: Instant): boolean {
    if (patient.health === LNET_MAX_HEALTH_VALUE) return false;
    const { locals, peers } = this.#core;
    if (patient instanceof LocalNi) return locals.niOf(patient.nid) === patient;
    return peers.find(patient.nid) === patient && !this.#isTooOld(patient, now);
  }

  #isTooOld(peerNi: PeerNi, now: Instant): boolean {
    const limit = this.#core.settings.values.recovery_limit;
    return limit > 0 && now - (peerNi.lastAlive ?? 0) > limit * US_PER_S;
  }

  /** Sends the ping that is due, unless the one before is still under way. */
  #treat(patient: Patient, underWay: Probe | null, now: Instant): void {
    if (underWay) {
      patient.nextRecovery = now + US_PER_S;
      return;
    }
    patient.nextRecovery = now + this.#intervalUs(++patient.recoveryPings);
    const memory = new Uint8Array(PING_BYTES_MIN);
    const ping = new Probe(
      this.#core,
      { kind: 'ping', memory, target: patient.nid, self: NID_ANY, isRecovery: true },
      (errno) => {
        if (this.#patients.has(patient)) this.#patients.set(patient, null);
        if (errno === 0 && patient instanceof LocalNi) this.#network.health.selfPingAnswered(patient);
      },
    );
    this.#patients.set(patient, ping);
    ping.start();
  }

  /** 1, 2, 4 … seconds, then `max_recovery_ping_interval`. */
  #intervalUs(pings: number): number {
    const maxS = this.#core.settings.values.max_recovery_ping_interval;
    return (pings <= Math.floor(Math.log2(maxS)) ? 2 ** pings : maxS) * US_PER_S;
  }
}

function wholeSecond(at: Instant): Instant {
  return Math.ceil(at / US_PER_S) * US_PER_S;
}
