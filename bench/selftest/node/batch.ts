import type { TestInstance } from './test-instance.ts';

/** Test instances that run and stop together: selftest §6.9. Server instances take an index and are never active. */
export class Batch {
  readonly #instances: TestInstance[] = [];
  readonly #onIdle: () => void;
  #activeInstances = 0;

  constructor(onIdle: () => void) {
    this.#onIdle = onIdle;
  }

  get isRunning(): boolean {
    return this.#activeInstances > 0;
  }

  /** Client instances that have an active unit. */
  get activeInstances(): number {
    return this.#activeInstances;
  }

  add(instance: TestInstance): void {
    this.#instances.push(instance);
  }

  /** The k-th entry, counted from 1. */
  instanceAt(k: number): TestInstance | undefined {
    return this.#instances[k - 1];
  }

  /** Starts every unit of every client instance, in list order. Does nothing to a running batch. */
  run(): void {
    if (this.isRunning) return;
    const clients = this.#instances.filter((instance) => instance.unitCount > 0);
    this.#activeInstances = clients.length;
    for (const instance of clients) instance.run(() => this.#instanceDone());
  }

  /** Lets units end after the RPC in flight, or aborts that too. */
  stop(aborts: boolean): void {
    for (const instance of this.#instances) instance.stop(aborts);
  }

  /** Gives back what its idle instances hold. */
  discard(): void {
    for (const instance of this.#instances) instance.discard();
  }

  #instanceDone(): void {
    this.#activeInstances--;
    if (!this.isRunning) this.#onIdle();
  }
}
