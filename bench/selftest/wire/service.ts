import { BATCH_REPLY, BATCH_REQUEST } from './batch-message.ts';
import { BRW_REPLY, BRW_REQUEST } from './brw-message.ts';
import { PING_REPLY, PING_REQUEST } from './ping-message.ts';
import {
  DEBUG_REPLY,
  DEBUG_REQUEST,
  JOIN_REPLY,
  JOIN_REQUEST,
  MAKE_SESSION_REPLY,
  MAKE_SESSION_REQUEST,
  REMOVE_SESSION_REPLY,
  REMOVE_SESSION_REQUEST,
} from './session-message.ts';
import type { SrpcMessage } from './srpc-message.ts';
import { STAT_REPLY, STAT_REQUEST } from './stat-message.ts';
import { TEST_REPLY, TEST_REQUEST } from './test-message.ts';

/** Portals of selftest: selftest §1. */
export const SRPC_REQUEST_PORTAL = 50;
export const SRPC_FRAMEWORK_REQUEST_PORTAL = 51;
export const SRPC_RDMA_PORTAL = 52;

/** A service as both sides know it. Its id is the match bits of a request. */
export interface ServiceKind {
  readonly name: string;
  readonly id: number;
  readonly portal: number;
  readonly request: SrpcMessage<unknown>;
  readonly reply: SrpcMessage<unknown>;
}

function service<A, B>(name: string, id: number, request: SrpcMessage<A>, reply: SrpcMessage<B>): ServiceKind {
  const portal = id > 10 ? SRPC_REQUEST_PORTAL : SRPC_FRAMEWORK_REQUEST_PORTAL;
  return { name, id, portal, request, reply };
}

/** The table of selftest §1. Framework services are those on portal 51. */
export const SERVICES = {
  debug: service('debug', 0, DEBUG_REQUEST, DEBUG_REPLY),
  makeSession: service('make_session', 1, MAKE_SESSION_REQUEST, MAKE_SESSION_REPLY),
  removeSession: service('remove_session', 2, REMOVE_SESSION_REQUEST, REMOVE_SESSION_REPLY),
  batch: service('batch', 3, BATCH_REQUEST, BATCH_REPLY),
  test: service('test', 4, TEST_REQUEST, TEST_REPLY),
  stat: service('query_stat', 5, STAT_REQUEST, STAT_REPLY),
  join: service('join', 6, JOIN_REQUEST, JOIN_REPLY),
  brw: service('brw', 11, BRW_REQUEST, BRW_REPLY),
  ping: service('ping', 12, PING_REQUEST, PING_REPLY),
} as const satisfies Record<string, ServiceKind>;

/** Every message by its type number. */
export const SRPC_MESSAGES: ReadonlyMap<number, SrpcMessage<unknown>> = new Map(
  Object.values(SERVICES).flatMap(({ request, reply }) => [
    [request.type, request],
    [reply.type, reply],
  ]),
);
