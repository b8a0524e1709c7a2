import type { CoreContext } from './core-context.ts';
import {
  ECANCELED,
  ECONNREFUSED,
  ECONNRESET,
  EHOSTUNREACH,
  EIO,
  ENETDOWN,
  ENETUNREACH,
  ESHUTDOWN,
  ETIMEDOUT,
  errnoName,
  errnoText,
} from './errno.ts';
import { LnetError, type LnetErrorCode } from './error-code.ts';
import { LNET_EVENT_ACK, LNET_EVENT_REPLY, LNET_EVENT_SEND, LNET_EVENT_UNLINK, type LnetEvent } from './event.ts';
import type { Iov } from './iov.ts';
import { LNET_MD_TRUNCATE, type MdHandle } from './portals/md.ts';
import type { Nid } from './wire/nid.ts';

/** A PUT or GET as {@link runRequest} takes it: checked, u64 values in halves. */
export interface RequestOptions {
  /** PUT: memory to send, at most 1 MiB. GET: memory in which the reply lands. */
  readonly memory: Uint8Array | Iov;
  readonly target: Nid;
  readonly targetPid: number;
  readonly self: Nid;
  readonly portal: number;
  readonly matchBitsLow: number;
  readonly matchBitsHigh: number;
  readonly offset: number;
  readonly hdrDataLow: number;
  readonly hdrDataHigh: number;
  readonly signal: AbortSignal | undefined;
}

/** What came of a request. */
export interface RequestResult {
  /** Bytes that the target accepted (PUT with ACK), sent (PUT without) or that arrived (GET). */
  readonly mlength: number;
}

export type RequestKind = 'put-ack' | 'put' | 'get';

/** Ends requests that nothing else ends: what {@link runRequest} keeps of those under way. */
export type LiveRequests = Set<() => void>;

/**
 * Runs one PUT or GET on a memory descriptor of its own. The promise settles when the core has given the memory back, also
 * after an abort: what the caller does with the memory afterwards can reach nobody. While it is under way its release is in
 * `live`; whoever stops the core calls what is left there, since nothing else may ever end a request that no tracker watches.
 */
export function runRequest(
  core: CoreContext,
  kind: RequestKind,
  options: RequestOptions,
  live: LiveRequests,
): Promise<RequestResult> {
  return new Promise((resolve, reject) => {
    const { signal, target } = options;
    if (signal?.aborted) {
      reject(abortError(`request to ${target}`, signal, target));
      return;
    }
    let failure: LnetError | undefined;
    let mlength = 0;
    const fail = (errno: number): void => {
      failure ??= requestError(core.isRunning ? errno : -ESHUTDOWN, kind, target);
    };
    const settle = (): void => {
      live.delete(release);
      signal?.removeEventListener('abort', abort);
      if (failure) reject(failure);
      else resolve({ mlength });
    };
    const release = (): void => {
      if (md.isLive) core.portals.unlinkMd(md);
    };
    const handler = (event: LnetEvent): void => {
      if (event.status !== 0) fail(event.status);
      else if (event.type === LNET_EVENT_ACK || event.type === LNET_EVENT_REPLY) mlength = event.mlength;
      else if (event.type === LNET_EVENT_SEND && kind === 'put') mlength = event.mlength;
      if (event.isUnlinked) {
        // An UNLINK without an answer means that the response tracker or an abort ended the wait.
        if (event.type === LNET_EVENT_UNLINK) fail(-ETIMEDOUT);
        settle();
      } else if (event.status !== 0) {
        // A handler must not unlink its own MD at once: lnet-semantics §4.6.
        queueMicrotask(release);
      }
    };
    const abort = (): void => {
      failure ??= abortError(`request to ${target}`, signal as AbortSignal, target);
      release();
    };
    const md: MdHandle = core.portals.bindMd(
      {
        memory: options.memory,
        threshold: kind === 'put' ? 1 : 2,
        options: kind === 'get' ? LNET_MD_TRUNCATE : 0,
        handler,
      },
      true,
    );
    live.add(release);
    signal?.addEventListener('abort', abort, { once: true });
    const args = { ...options, md, wantsAck: kind === 'put-ack', isRecovery: false };
    const errno = kind === 'get' ? core.operations.get(args) : core.operations.put(args);
    if (errno === 0) return;
    fail(errno);
    release();
  });
}

const codes: Readonly<Record<number, LnetErrorCode>> = {
  [ETIMEDOUT]: 'ERR_LNET_TIMED_OUT',
  [EHOSTUNREACH]: 'ERR_LNET_UNREACHABLE',
  [ENETUNREACH]: 'ERR_LNET_UNREACHABLE',
  [ENETDOWN]: 'ERR_LNET_UNREACHABLE',
  [ECONNREFUSED]: 'ERR_LNET_UNREACHABLE',
  [ECANCELED]: 'ERR_LNET_CANCELED',
  [ESHUTDOWN]: 'ERR_LNET_DOWN',
  [EIO]: 'ERR_LNET_IO',
};

const hints: Readonly<Record<number, string>> = {
  [ETIMEDOUT]: 'the node is down, or nothing at that portal and match bits accepted the message: LNet never says which',
  [EHOSTUNREACH]: 'check the NID and its port, and that a net or a route of this node reaches it',
  [ECONNREFUSED]: 'nothing listens there: is the node up, and its accept_port the same as here?',
  [ECONNRESET]: 'the node closed the link: is this its NID, and does it accept our source port (accept=all)?',
};

function requestError(errno: number, kind: RequestKind, target: Nid): LnetError {
  const hint = hints[-errno];
  return new LnetError(codes[-errno] ?? 'ERR_LNET_IO', {
    errno,
    message: `${kind === 'get' ? 'GET from' : 'PUT to'} ${target}: ${errnoText(errno)} (${errnoName(errno)})`,
    nids: [String(target)],
    isRetryable: errno !== -ESHUTDOWN,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** What an abort signal made of something: its reason is the cause. */
export function abortError(what: string, signal: AbortSignal, target: Nid): LnetError {
  return new LnetError('ERR_LNET_CANCELED', {
    errno: -ECANCELED,
    message: `${what} was aborted`,
    nids: [String(target)],
    cause: signal.reason,
  });
}
