import { EINTR } from '../../../lnet/errno.ts';
import type { RpcContext } from '../rpc/rpc-context.ts';
import type { Destination } from '../wire/destination-list.ts';
import type { TestClient } from './test-client.ts';
import { TestUnit, type UnitOwner } from './test-unit.ts';

/** Memory set apart for the instances of a node. */
export interface Reservation {
  release(): void;
}

export interface ClientInstanceSpec {
  readonly context: RpcContext;
  readonly client: TestClient;
  readonly destinations: readonly Destination[];
  /** Units for each destination. */
  readonly concurrency: number;
  /** RPCs of each unit; negative: endless. */
  readonly loop: number;
  readonly stopsOnError: boolean;
  readonly reservation: Reservation;
}

/** An entry of a batch: selftest §6.1. */
export interface TestInstance {
  /** 0 for a server instance. */
  readonly unitCount: number;
  readonly activeUnits: number;
  run(onDone: () => void): void;
  stop(aborts: boolean): void;
  discard(): void;
}

/** A server instance: nothing to do, since every request is served whenever it comes. It takes an index in its batch. */
export const SERVER_INSTANCE: TestInstance = {
  unitCount: 0,
  activeUnits: 0,
  run: () => undefined,
  stop: () => undefined,
  discard: () => undefined,
};

/** Sends requests to its destinations, `destinations × concurrency` at a time. */
export class ClientInstance implements TestInstance, UnitOwner {
  readonly client: TestClient;
  readonly stopsOnError: boolean;
  readonly unitCount: number;
  isStopping = false;
  activeUnits = 0;
  readonly #spec: ClientInstanceSpec;
  /** Made when it runs first. */
  #units: TestUnit[] = [];
  #onDone: () => void = () => undefined;

  constructor(spec: ClientInstanceSpec) {
    this.#spec = spec;
    this.client = spec.client;
    this.stopsOnError = spec.stopsOnError;
    this.unitCount = spec.destinations.length * spec.concurrency;
  }

  /** Starts all units. One that fails at once still ends after this has returned. */
  run(onDone: () => void): void {
    if (this.#units.length === 0) this.#makeUnits();
    this.isStopping = false;
    this.#onDone = onDone;
    this.activeUnits = this.unitCount;
    for (const unit of this.#units) unit.run(this.#spec.loop);
  }

  stop(aborts: boolean): void {
    if (this.activeUnits === 0) return;
    this.isStopping = true;
    if (aborts) for (const unit of this.#units) unit.abort(-EINTR);
  }

  unitDone(): void {
    this.activeUnits--;
    if (this.activeUnits === 0) this.#onDone();
  }

  discard(): void {
    this.#units = [];
    this.#spec.reservation.release();
  }

  #makeUnits(): void {
    const { context, destinations, concurrency, client } = this.#spec;
    for (const target of destinations)
      for (let count = 0; count < concurrency; count++)
        this.#units.push(new TestUnit(context, this, (rpc) => client.plan(rpc, target)));
  }
}
