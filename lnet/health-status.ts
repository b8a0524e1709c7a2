/** How a transmission ended, as the NAL saw it: lnet-semantics §11.3. The numbers are those of the fault rules' masks. */
export const HEALTH_OK = 0;
export const HEALTH_LOCAL_INTERRUPT = 1;
export const HEALTH_LOCAL_DROPPED = 2;
export const HEALTH_LOCAL_ABORTED = 3;
export const HEALTH_LOCAL_NO_ROUTE = 4;
export const HEALTH_LOCAL_ERROR = 5;
export const HEALTH_LOCAL_TIMEOUT = 6;
export const HEALTH_REMOTE_ERROR = 7;
export const HEALTH_REMOTE_DROPPED = 8;
export const HEALTH_REMOTE_TIMEOUT = 9;
export const HEALTH_NETWORK_TIMEOUT = 10;

export type HealthStatus = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10;

/** Names as the fault commands write them, by number. */
export const HEALTH_NAMES = [
  'ok',
  'local_interrupt',
  'local_dropped',
  'local_aborted',
  'local_no_route',
  'local_error',
  'local_timeout',
  'remote_error',
  'remote_dropped',
  'remote_timeout',
  'network_timeout',
] as const;
