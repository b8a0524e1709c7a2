/** Public names of the core. */
export { type Clock, type Instant, US_PER_MS, US_PER_S } from './clock.ts';
export type { NetPlan, NiPlan, NodePlan, PeerPlan, RoutePlan } from './config/plan.ts';
export { PLAN_DEFAULT } from './config/plan.ts';
export type { OperationArgs } from './core-context.ts';
export { DROP_REASONS, type DropReason } from './counters.ts';
export { errnoName, errnoText } from './errno.ts';
export { LNET_ERROR_CODES, LnetError, type LnetErrorCode } from './error-code.ts';
export {
  type EventHandler,
  LNET_EVENT_ACK,
  LNET_EVENT_GET,
  LNET_EVENT_NAMES,
  LNET_EVENT_PUT,
  LNET_EVENT_REPLY,
  LNET_EVENT_SEND,
  LNET_EVENT_UNLINK,
  LnetEvent,
  type LnetEventType,
} from './event.ts';
export { HEALTH_NAMES, type HealthStatus } from './health-status.ts';
export type { Iov } from './iov.ts';
export { LnetCore } from './lnet-core.ts';
export { LocalNet, LocalNi, NET_TUNABLES_DEFAULT, type NetTunables } from './local-ni.ts';
export type { Nal, NalEnv, NalFactory, NalNi } from './nal.ts';
export { LnetNode, type NodeOptions } from './node.ts';
export type { DiscoverOptions, PeerReport, PingOptions } from './inquiry.ts';
export type { NidLike, PutOptions, TransferOptions } from './transfer.ts';
export { EventQueue, type EventQueueOptions } from './portals/event-queue.ts';
export * from './portals/md.ts';
export { LNET_PID_ANY, LNET_PID_LUSTRE, Me, type MePosition, type MeSpec } from './portals/me.ts';
export { type Random, seededRandom } from './random.ts';
export type { RequestResult } from './request.ts';
export type { SettingName, SettingValues } from './settings.ts';
export { LNET_MTU } from './wire/lnet-hdr.ts';
export { formatNet, type NetId, parseNet } from './wire/net.ts';
export { NID_ANY, NID_LOOPBACK, Nid, parseNid, tryParseNid } from './wire/nid.ts';
