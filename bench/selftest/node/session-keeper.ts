import { EBUSY, EINVAL, ESRCH } from '../../../lnet/errno.ts';
import type { Timer } from '../../../lnet/timer-wheel.ts';
import type { SelftestCore } from '../rpc/rpc-context.ts';
import { LST_FEATS_MASK } from '../wire/feature.ts';
import { isAnySession, isSameSession, NULL_SESSION_ID, type SessionId } from '../wire/session-id.ts';
import { Session } from './session.ts';

export interface SessionKeeperSpec {
  readonly core: SelftestCore;
  /** 0: never. */
  readonly timeoutS: number;
  /** Ends the brw and ping requests that are being served: selftest §6.4. */
  readonly abortServing: () => void;
}

/** The one session of a node: how it begins, ends and expires. selftest §6.2 to §6.5. */
export class SessionKeeper {
  readonly timeoutS: number;
  /** Ended sessions whose last unit is not done. */
  zombieCount = 0;
  readonly #core: SelftestCore;
  readonly #abortServing: () => void;
  readonly #timer: Timer;
  #current: Session | null = null;
  #onIdle: (() => void) | null = null;

  constructor({ core, timeoutS, abortServing }: SessionKeeperSpec) {
    this.timeoutS = timeoutS;
    this.#core = core;
    this.#abortServing = abortServing;
    this.#timer = core.wheel.timer(() => this.#end());
  }

  get current(): Session | null {
    return this.#current;
  }

  /** Id of the current session, or the null sid. */
  get sid(): SessionId {
    return this.#current?.sid ?? NULL_SESSION_ID;
  }

  /** Features of framework replies: selftest §5.2 rule 4. */
  get replyFeatures(): number {
    return this.#current?.features ?? LST_FEATS_MASK;
  }

  /** The current session if it is this one. */
  sessionOf(sid: SessionId): Session | undefined {
    return this.#current && isSameSession(this.#current.sid, sid) ? this.#current : undefined;
  }

  /** Joins or creates a session: the rows of selftest §6.2 in order. Gives 0 or an errno. */
  make(
    sid: SessionId,
    request: { readonly name: string; readonly features: number; readonly forces: boolean },
  ): number {
    if (isAnySession(sid)) return EINVAL;
    const same = this.sessionOf(sid);
    if (same) {
      same.references++;
      return 0;
    }
    if (this.#current && !request.forces) return EBUSY;
    this.#end();
    this.#current = new Session(sid, request.name, request.features, this.#core.clock.now());
    return 0;
  }

  /** Takes one MAKE_SESSION back: the rows of selftest §6.3 in order. Gives 0 or an errno. */
  remove(sid: SessionId): number {
    if (isAnySession(sid)) return EINVAL;
    if (!this.#current) return ESRCH;
    const same = this.sessionOf(sid);
    if (!same) return EBUSY;
    same.references--;
    if (same.references === 0) this.#end();
    return 0;
  }

  /** A framework request has come, from anybody: the session lives for its full time from now. */
  touch(): void {
    if (this.#current && this.timeoutS > 0) this.#timer.set(this.#core.clock.now() + this.timeoutS * 1_000_000);
  }

  /** Ends the session; calls `onIdle` when no zombie is left. */
  close(onIdle: () => void): void {
    this.#onIdle = onIdle;
    this.#end();
    this.#noteIdle();
  }

  #end(): void {
    const session = this.#current;
    if (!session) return;
    this.#current = null;
    this.#timer.clear();
    this.zombieCount++;
    this.#abortServing();
    session.end(() => {
      this.zombieCount--;
      this.#noteIdle();
    });
  }

  #noteIdle(): void {
    if (!this.#onIdle || this.zombieCount > 0) return;
    const onIdle = this.#onIdle;
    this.#onIdle = null;
    onIdle();
  }
}
