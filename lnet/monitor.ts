import type { Instant } from './clock.ts';
import type { CoreContext } from './core-context.ts';
import type { Timer } from './timer-wheel.ts';

/** Work that comes due by itself. */
export interface MonitorTask {
  readonly name: string;
  /** When {@link run} is wanted next; undefined: there is nothing to do. */
  nextDue(now: Instant): Instant | undefined;
  /** May come early or again: what is not due is left alone. */
  run(now: Instant): void;
}

/**
 * Runs the tasks of a node in their order: lnet-semantics §11.9. It sleeps until the first of them is due instead of looking
 * once a second, and does nothing at all on an idle node.
 */
export class Monitor {
  readonly #core: CoreContext;
  readonly #tasks: readonly MonitorTask[];
  #timer: Timer | null = null;
  #isRunning = false;

  constructor(core: CoreContext, tasks: readonly MonitorTask[]) {
    this.#core = core;
    this.#tasks = tasks;
  }

  start(): void {
    this.#timer = this.#core.wheel.timer(() => this.#tick());
    this.wake(this.#core.clock.now());
  }

  stop(): void {
    this.#timer?.clear();
    this.#timer = null;
  }

  /** Whether messages can be queued for it: lnet-semantics §11.3. */
  get isRunning(): boolean {
    return this.#timer !== null;
  }

  /** Something is due at that instant, perhaps before all else. */
  wake(at: Instant): void {
    const timer = this.#timer;
    if (timer && !this.#isRunning && (timer.at === undefined || at < timer.at)) timer.set(at);
  }

  #tick(): void {
    const now = this.#core.clock.now();
    this.#isRunning = true;
    for (const task of this.#tasks) {
      const due = task.nextDue(now);
      if (due !== undefined && due <= now) task.run(now);
    }
    this.#isRunning = false;
    let next: Instant | undefined;
    for (const task of this.#tasks) {
      const due = task.nextDue(now);
      if (due !== undefined && (next === undefined || due < next)) next = due;
    }
    if (next !== undefined) this.#timer?.set(next);
  }
}
