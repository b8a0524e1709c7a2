import {
  ECONNREFUSED,
  ECONNRESET,
  EHOSTUNREACH,
  EIO,
  ENETDOWN,
  ENETUNREACH,
  EPROTO,
  ESHUTDOWN,
  ESTALE,
  ETIMEDOUT,
  HEALTH_LOCAL_ERROR,
  HEALTH_NETWORK_TIMEOUT,
  HEALTH_REMOTE_DROPPED,
  type HealthStatus,
} from '../../lnet/nal.ts';

/** Why a connection ended: the status of what waited for it, and whether the other end must be told. */
export const ENDINGS = {
  /** Nothing listens there, or it does not accept. */
  refused: { errno: -ECONNREFUSED, tellsPeer: false },
  /** There is no such node. */
  unreachable: { errno: -EHOSTUNREACH, tellsPeer: false },
  /** No connection, no acknowledgement or no answer of the core for the driver timeout: socklnd §8.1. */
  timedOut: { errno: -ETIMEDOUT, tellsPeer: true },
  /** The other end closed, died, or does not know the connection. */
  reset: { errno: -ECONNRESET, tellsPeer: false },
  /** The peer says hello in another incarnation: it has restarted (socklnd §3.4). */
  restarted: { errno: -ESTALE, tellsPeer: false },
  /** The core called the peer broken. */
  broken: { errno: -EPROTO, tellsPeer: true },
  /** This NI closes. */
  stopped: { errno: -ESHUTDOWN, tellsPeer: true },
} as const;

export type Ending = keyof typeof ENDINGS;

/** How a transmission ended that never left this node: lnet-semantics §11.8. */
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

/** Errno of a transmission that was under way: nobody can say whether it arrived, so LNet must not resend it (lnet-semantics §11.8). */
export function errnoOfUnacknowledged(errno: number): number {
  return errno === -ETIMEDOUT ? errno : -EIO;
}
