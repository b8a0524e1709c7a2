import type { CoreContext } from '../../../lnet/core-context.ts';
import { ECANCELED } from '../../../lnet/errno.ts';
import type { LnetEvent } from '../../../lnet/event.ts';
import type { MdHandle } from '../../../lnet/portals/md.ts';
import type { Timer } from '../../../lnet/timer-wheel.ts';
import { RpcCounters } from './rpc-counters.ts';
import { RpcIds } from './rpc-ids.ts';

/** What selftest needs of the node it runs on. */
export type SelftestCore = Pick<
  CoreContext,
  'clock' | 'random' | 'wheel' | 'pid' | 'counters' | 'pool' | 'locals' | 'portals' | 'operations'
>;

/** Something that wants to go on once control has left the core. */
export interface Resumable {
  resume(): void;
}

/** What all RPCs of one node share: ids, counters, and two ways to put something off. */
export class RpcContext {
  readonly core: SelftestCore;
  readonly ids: RpcIds;
  readonly counters = new RpcCounters();
  #ready: Resumable[] = [];
  #doomed: MdHandle[] = [];
  readonly #reaper: Timer;

  constructor(core: SelftestCore) {
    this.core = core;
    this.ids = new RpcIds(core.clock, core.random);
    this.#reaper = core.wheel.timer(() => this.#reap());
  }

  /**
   * Calls `resume` when control has returned to the clock's owner. Loopback and immediate failures end an RPC inside the
   * call that started it: an endless test on its own node would otherwise never leave the stack, nor let a timer fire.
   */
  later(what: Resumable): void {
    this.#ready.push(what);
    if (this.#ready.length > 1) return;
    this.core.clock.alarm(this.core.clock.now(), () => this.#resumeReady());
  }

  /** Unlinks an MD at the next tick: a handler must not unlink its own (lnet-semantics §4.6). */
  unlinkLater(md: MdHandle): void {
    this.#doomed.push(md);
    this.#reaper.set(this.core.clock.now());
  }

  /** Counts an event of any MD of selftest. */
  note(event: LnetEvent): void {
    if (event.status !== 0 && event.status !== -ECANCELED) this.counters.errors++;
  }

  #resumeReady(): void {
    const ready = this.#ready;
    this.#ready = [];
    for (const what of ready) what.resume();
  }

  #reap(): void {
    const doomed = this.#doomed;
    this.#doomed = [];
    for (const md of doomed) if (md.isLive) this.core.portals.unlinkMd(md);
  }
}
