import {
  ECONNREFUSED,
  ECONNRESET,
  EHOSTUNREACH,
  EIO,
  ENETDOWN,
  ENETUNREACH,
  ETIMEDOUT,
  HEALTH_LOCAL_ERROR,
  HEALTH_NETWORK_TIMEOUT,
  HEALTH_REMOTE_DROPPED,
  HEALTH_REMOTE_TIMEOUT,
  type HealthStatus,
} from '../../lnet/nal.ts';
import type { Reason } from './counters.ts';
import type { TxEnding } from './transmitter.ts';

/** Health status of a message of which nothing was sent: lnet-semantics §11.8. */
export function healthOfUnsent(errno: number): HealthStatus {
  switch (-errno) {
    case ETIMEDOUT:
      return HEALTH_NETWORK_TIMEOUT;
    case ENETDOWN:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ECONNREFUSED:
    case ECONNRESET:
      return HEALTH_REMOTE_DROPPED;
    default:
      return HEALTH_LOCAL_ERROR;
  }
}

/**
 * How the messages of a broken connection end: lnet-semantics §11.8. What was under way may have arrived in part, so LNet must
 * not send it again.
 */
export function endingOf(reason: Reason, errno: number): TxEnding {
  const status = errno === 0 ? -ECONNRESET : errno;
  const unsent = { errno: status, health: healthOfUnsent(status) };
  if (status !== -ETIMEDOUT) return { unsent, underWay: { errno: -EIO, health: HEALTH_LOCAL_ERROR } };
  const health = reason === 'broken_network' ? HEALTH_REMOTE_TIMEOUT : HEALTH_NETWORK_TIMEOUT;
  return { unsent, underWay: { errno: status, health } };
}
