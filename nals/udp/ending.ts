import {
  ECONNREFUSED,
  ECONNRESET,
  EIO,
  EPROTO,
  ESHUTDOWN,
  ESTALE,
  ETIMEDOUT,
  HEALTH_LOCAL_ERROR,
  HEALTH_NETWORK_TIMEOUT,
  HEALTH_REMOTE_DROPPED,
  type HealthStatus,
} from '../../lnet/nal.ts';
import type { LinkEnd } from './counters.ts';
import type { StreamEnding } from './send-stream.ts';

interface End {
  /** What its transmissions are told; 0: the error of the system. */
  readonly errno: number;
  readonly health: HealthStatus;
  /** The peer is told, once. */
  readonly saysSo: boolean;
}

const TIMEOUT: End = { errno: -ETIMEDOUT, health: HEALTH_NETWORK_TIMEOUT, saysSo: true };
const PROTOCOL: End = { errno: -EPROTO, health: HEALTH_LOCAL_ERROR, saysSo: true };
const RESET: End = { errno: -ECONNRESET, health: HEALTH_REMOTE_DROPPED, saysSo: false };
const REFUSED: End = { errno: -ECONNREFUSED, health: HEALTH_REMOTE_DROPPED, saysSo: false };
const UNREACHABLE: End = { errno: 0, health: HEALTH_REMOTE_DROPPED, saysSo: false };

/** How each end of a link looks to its transmissions and to the peer: lnet-semantics §11.8. */
export const LINK_ENDS: Readonly<Record<LinkEnd, End>> = {
  dial_refused: REFUSED,
  dial_nobody: REFUSED,
  dial_timeout: TIMEOUT,
  dial_unreachable: UNREACHABLE,
  broken_timeout: TIMEOUT,
  broken_nobody: RESET,
  broken_unreachable: UNREACHABLE,
  broken_closed: RESET,
  broken_reset: RESET,
  broken_restarted: { errno: -ESTALE, health: HEALTH_LOCAL_ERROR, saysSo: false },
  broken_redialled: RESET,
  broken_silent_dialler: TIMEOUT,
  broken_window: PROTOCOL,
  broken_ack: PROTOCOL,
  broken_record: PROTOCOL,
  broken_too_long: PROTOCOL,
  broken_by_lnet: PROTOCOL,
  closed_by_us: { errno: -ESHUTDOWN, health: HEALTH_LOCAL_ERROR, saysSo: true },
};

/**
 * What the transmissions of a link that ended are told. What was under way may have arrived, so it is not said to be dropped,
 * unless time has run out.
 */
export function endingOf(end: LinkEnd, systemErrno: number): StreamEnding {
  const { errno: fixed, health } = LINK_ENDS[end];
  const errno = fixed === 0 ? systemErrno : fixed;
  const unsent = { errno, health };
  const isTimeout = errno === -ETIMEDOUT;
  return { unsent, underWay: isTimeout ? unsent : { errno: -EIO, health: HEALTH_LOCAL_ERROR } };
}
