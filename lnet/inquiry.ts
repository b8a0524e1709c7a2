import { US_PER_MS } from './clock.ts';
import { EINVAL, ENOMEM, EPROTO, ESHUTDOWN, ETIMEDOUT, errnoText } from './errno.ts';
import { LnetError, type LnetErrorCode } from './error-code.ts';
import type { LnetCore } from './lnet-core.ts';
import { LNET_PEER_MULTI_RAIL, type Peer } from './peer/peer.ts';
import { LNET_PROTO_PING_MATCHBITS, LNET_RESERVED_PORTAL } from './peer/reserved-portal.ts';
import { abortError, type LiveRequests, runRequest } from './request.ts';
import { type NidLike, requestOf } from './transfer.ts';
import type { Nid } from './wire/nid.ts';
import { decodePingInfo } from './wire/ping-info.ts';

/** What a node said of itself, or what is known of it. */
export interface PeerReport {
  /** NID that names the peer; undefined when the peer table knows nothing of it. */
  readonly primaryNid: Nid | undefined;
  readonly isMultiRail: boolean;
  /** Ping: as the node lists them. Discovery: as the peer table has them, the primary one first. */
  readonly nids: readonly Nid[];
}

export interface PingOptions {
  /** Milliseconds to wait for the answer; default 1000. */
  readonly timeoutMs?: number;
  /** Local NID to ask from; default: the core chooses. */
  readonly source?: NidLike;
  readonly signal?: AbortSignal;
}

export interface DiscoverOptions {
  /** Ask and tell even when both seem to know each other. */
  readonly force?: boolean;
  /** Ends the wait, with ERR_LNET_CANCELED; the discovery itself goes on. */
  readonly signal?: AbortSignal;
}

/** Room for the answer to a ping: what the kernel's `lnetctl ping` offers (lnet-wire §7.1). */
const PING_REPLY_BYTES_MAX = 3960;

/** {@link LnetNode.ping}. */
export async function pingNode(
  core: LnetCore,
  live: LiveRequests,
  nid: Nid,
  { timeoutMs = 1000, source, signal }: PingOptions,
): Promise<PeerReport> {
  const memory = new Uint8Array(PING_REPLY_BYTES_MAX);
  const end = new AbortController();
  const giveUp = (): void => end.abort(abortError(`ping of ${nid}`, signal as AbortSignal, nid));
  if (signal?.aborted) giveUp();
  signal?.addEventListener('abort', giveUp, { once: true });
  const alarm = core.clock.alarm(core.clock.now() + timeoutMs * US_PER_MS, () =>
    end.abort(pingTimeout(nid, timeoutMs)),
  );
  try {
    const request = requestOf({
      memory,
      target: nid,
      portal: LNET_RESERVED_PORTAL,
      matchBits: LNET_PROTO_PING_MATCHBITS,
      signal: end.signal,
      ...(source === undefined ? {} : { self: source }),
    });
    // The memory is nobody else's, so the caller need not wait until a link that hangs lets go of it.
    const { mlength } = await Promise.race([rejection(end.signal), runRequest(core, 'get', request, live)]);
    return reportOf(core.peers.peerOf(nid), nidsOf(nid, memory.subarray(0, mlength)));
  } finally {
    alarm.cancel();
    signal?.removeEventListener('abort', giveUp);
  }
}

/** {@link LnetNode.discover}. */
export async function discoverNode(core: LnetCore, nid: Nid, options: DiscoverOptions): Promise<PeerReport> {
  if (nid.isLoopback || nid.isAny)
    throw new LnetError('ERR_LNET_BAD_NID', { errno: -EINVAL, message: `${nid} names no node to discover` });
  await discoverOnce(core, nid, options);
  // A peer that has switched discovery off is forgotten by the very answer that says so: then ask what it is now.
  if (!core.peers.peerOf(nid)) await discoverOnce(core, nid, options);
  const peer = core.peers.peerOf(nid);
  return reportOf(peer, peer ? Array.from(peer.peerNis(), (peerNi) => peerNi.nid) : []);
}

async function discoverOnce(core: LnetCore, nid: Nid, { force, signal }: DiscoverOptions): Promise<void> {
  if (!core.isRunning) throw discoveryError(nid, -ESHUTDOWN);
  const known = core.peers.ofTarget(nid)?.peerNet.peer;
  if (!known) throw discoveryError(nid, -ENOMEM);
  const errno = await new Promise<number>((resolve, reject) => {
    const giveUp = (): void => reject(abortError(`discovery of ${nid}`, signal as AbortSignal, nid));
    if (signal?.aborted) {
      giveUp();
      return;
    }
    signal?.addEventListener('abort', giveUp, { once: true });
    core.discovery.rediscover(known, force === true, (result) => {
      signal?.removeEventListener('abort', giveUp);
      resolve(result);
    });
  });
  if (errno !== 0) throw discoveryError(nid, errno);
}

/** Rejects with the reason of the signal when that is aborted. */
function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (): void => reject(signal.reason as Error);
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}

function reportOf(peer: Peer | undefined, nids: readonly Nid[]): PeerReport {
  return { primaryNid: peer?.primaryNid, isMultiRail: peer?.has(LNET_PEER_MULTI_RAIL) ?? false, nids };
}

function nidsOf(nid: Nid, bytes: Uint8Array): Nid[] {
  try {
    const result = decodePingInfo(bytes);
    if (result.kind === 'truncated') throw new Error(`it is ${result.needBytes} bytes long, ${bytes.length} came`);
    return result.info.entries.map((entry) => entry.nid);
  } catch (cause) {
    throw new LnetError('ERR_LNET_PROTOCOL', {
      errno: -EPROTO,
      message: `failed to ping ${nid}: ${errnoText(EPROTO)}`,
      hint: 'its answer is no ping info',
      nids: [String(nid)],
      cause,
    });
  }
}

function pingTimeout(nid: Nid, timeoutMs: number): LnetError {
  return new LnetError('ERR_LNET_TIMED_OUT', {
    errno: -ETIMEDOUT,
    message: `failed to ping ${nid}: ${errnoText(ETIMEDOUT)}`,
    hint: `no answer within ${timeoutMs} ms`,
    nids: [String(nid)],
    isRetryable: true,
  });
}

const DISCOVERY_CODES: Readonly<Record<number, LnetErrorCode>> = {
  [ETIMEDOUT]: 'ERR_LNET_TIMED_OUT',
  [ESHUTDOWN]: 'ERR_LNET_DOWN',
  [ENOMEM]: 'ERR_LNET_LIMIT',
};

function discoveryError(nid: Nid, errno: number): LnetError {
  return new LnetError(DISCOVERY_CODES[-errno] ?? 'ERR_LNET_UNREACHABLE', {
    errno,
    message: `failed to discover ${nid}: ${errnoText(errno)}`,
    nids: [String(nid)],
    isRetryable: errno !== -ESHUTDOWN,
  });
}
