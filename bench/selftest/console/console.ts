import { EACCES, EEXIST, EINVAL, ENODEV, ESHUTDOWN, ESRCH } from '../../../lnet/errno.ts';
import { type Clock, US_PER_S } from '../../../lnet/clock.ts';
import type { Timer } from '../../../lnet/timer-wheel.ts';
import type { RpcContext } from '../rpc/rpc-context.ts';
import { hasUnknownFeatures } from '../wire/feature.ts';
import { sessionIdOf } from '../wire/session-id.ts';
import { ConsoleSession, isNameShort, type SessionSpec } from './console-session.ts';
import { dismiss } from './invitation.ts';
import { keepAlive } from './queries.ts';
import { refusal } from './refusal.ts';
import type { Outcome } from './transaction.ts';

/** Time between two looks at the nodes: selftest §8.9. */
const LOOK_S = 8;

/** How long nodes may take to say goodbye to a console that goes away. */
const GOODBYE_WAIT_S = 3;

/** The console of one node: holds at most one session and keeps it alive. selftest §8. */
export class Console {
  readonly #context: RpcContext;
  readonly #timer: Timer;
  #session: ConsoleSession | null = null;
  #ending: Promise<unknown> | null = null;
  #lastBid = 1n;

  constructor(context: RpcContext) {
    this.#context = context;
    this.#timer = context.core.wheel.timer(() => this.#look());
  }

  get clock(): Clock {
    return this.#context.core.clock;
  }

  /** The session, or null. Asking does not keep it from expiring. */
  get session(): ConsoleSession | null {
    return this.#session;
  }

  /** The session for a command that needs no key. Throws {@link LnetError} -ESRCH. */
  look(): ConsoleSession {
    if (!this.#session) throw refusal(ESRCH, { doing: 'show session' });
    return this.#session;
  }

  /** A key for a session whose user has none. */
  newKey(): number {
    return 1 + this.#context.core.random.below(0x7ffffffe);
  }

  /**
   * Begins a session. One that exists is ended first when `forces` is set, and otherwise in the way: {@link LnetError} -EEXIST.
   */
  async newSession(spec: SessionSpec): Promise<ConsoleSession> {
    const doing = 'create session';
    if (spec.name === '' || !isNameShort(spec.name) || spec.timeoutS <= 0 || hasUnknownFeatures(spec.features))
      throw refusal(EINVAL, { doing });
    if (this.#session?.isEnding) throw refusal(ESHUTDOWN, { doing });
    if (this.#session && !spec.forces) throw refusal(EEXIST, { thing: 'Session', doing });
    if (this.#session) await this.#end(this.#session);
    const { clock, locals } = this.#context.core;
    const own = locals.all.find((ni) => !ni.isLoopback && !ni.nid.isLarge);
    if (!own) throw refusal(ENODEV, { doing });
    const sid = sessionIdOf(own.nid, Math.floor(clock.now() / 1000));
    this.#session = new ConsoleSession(this.#context, sid, spec, () => ++this.#lastBid);
    this.#timer.set(clock.now() + LOOK_S * US_PER_S);
    return this.#session;
  }

  /** The session for a command that knows its key. Throws {@link LnetError}: -ESRCH, -ESHUTDOWN, -EACCES. */
  enter(key: number): ConsoleSession {
    const session = this.#session;
    const what = { doing: 'enter session' };
    if (!session) throw refusal(ESRCH, what);
    if (session.isEnding) throw refusal(ESHUTDOWN, what);
    if (session.spec.key !== key) throw refusal(EACCES, what);
    session.lastUsedAt = this.#context.core.clock.now();
    return session;
  }

  /** Lets all active nodes go and forgets everything. */
  endSession(session: ConsoleSession): Promise<Outcome<unknown>[]> {
    return this.#end(session);
  }

  #end(session: ConsoleSession, waitS?: number): Promise<Outcome<unknown>[]> {
    session.isEnding = true;
    this.#timer.clear();
    const ending = dismiss(session, session.activeNodes, waitS).then((outcomes) => {
      this.#session = null;
      return outcomes;
    });
    this.#ending = ending;
    return ending;
  }

  /** Ends the session, if there is one; resolves when that is over. */
  async close(): Promise<void> {
    await (this.#session && !this.#session.isEnding ? this.#end(this.#session, GOODBYE_WAIT_S) : this.#ending);
  }

  /** Pings nodes that were not heard of for half their session timeout; lets an idle session expire. */
  #look(): void {
    const session = this.#session;
    if (!session || session.isEnding) return;
    const now = this.#context.core.clock.now();
    if (now - session.lastUsedAt > session.spec.timeoutS * US_PER_S) {
      void this.#end(session);
      return;
    }
    for (const node of session.activeNodes) {
      const silentUs = now - (node.lastReplyAt ?? 0);
      if (node.isBeingPinged || node.sessionTimeoutS === 0 || silentUs * 2 <= node.sessionTimeoutS * US_PER_S) continue;
      node.isBeingPinged = true;
      keepAlive(session, node, () => {
        node.isBeingPinged = false;
      });
    }
    this.#timer.set(now + LOOK_S * US_PER_S);
  }
}
