import { EINVAL, ESRCH } from '../../../lnet/errno.ts';
import type { RpcContext } from '../rpc/rpc-context.ts';
import { isAnySession, type SessionId } from '../wire/session-id.ts';
import { STAT_REPLY, STAT_REQUEST, type StatReply } from '../wire/stat-message.ts';
import { FrameworkService } from './framework-service.ts';
import type { Session } from './session.ts';
import type { SessionKeeper } from './session-keeper.ts';

/** Counters that are not set in a reply with a status. */
const UNSET: Omit<StatReply, 'status' | 'sid'> = {
  runningMs: 0,
  activeBatches: 0,
  zombieSessions: 0,
  brwErrors: 0,
  pingErrors: 0,
  rpcErrors: 0,
  rpcsSent: 0,
  rpcsRcvd: 0,
  rpcsDropped: 0,
  rpcsExpired: 0,
  bulkGet: 0n,
  bulkPut: 0n,
  lnetMsgsAlloc: 0,
  lnetMsgsMax: 0,
  lnetErrors: 0,
  lnetSendCount: 0,
  lnetRecvCount: 0,
  lnetRouteCount: 0,
  lnetDropCount: 0,
  lnetSendLength: 0n,
  lnetRecvLength: 0n,
  lnetRouteLength: 0n,
  lnetDropLength: 0n,
};

const refusal = (status: number, sid: SessionId): StatReply => ({ ...UNSET, status, sid });

/** selftest §6.7. */
export function statService(keeper: SessionKeeper, context: RpcContext) {
  return new FrameworkService(keeper, {
    request: STAT_REQUEST,
    reply: STAT_REPLY,
    refusesFeatures: 'foreign',
    refusal,
    newNote: () => null,
    handle: ({ sid }) => {
      if (isAnySession(sid)) return { reply: refusal(EINVAL, keeper.sid) };
      const session = keeper.sessionOf(sid);
      if (!session) return { reply: refusal(ESRCH, keeper.sid) };
      return { reply: counters(session, keeper.zombieCount, context) };
    },
  });
}

/** The three groups of selftest §3.4. 32-bit fields wrap on the wire, as a kernel's do. */
function counters(session: Session, zombieSessions: number, { core, counters: rpc }: RpcContext): StatReply {
  const { counters: lnet, pool, clock } = core;
  return {
    status: 0,
    sid: session.sid,
    runningMs: Math.floor((clock.now() - session.startedAt) / 1000),
    activeBatches: session.activeBatches,
    zombieSessions,
    brwErrors: session.brwErrors,
    pingErrors: session.pingErrors,
    rpcErrors: rpc.errors,
    rpcsSent: rpc.rpcsSent,
    rpcsRcvd: rpc.rpcsRcvd,
    rpcsDropped: rpc.rpcsDropped,
    rpcsExpired: rpc.rpcsExpired,
    bulkGet: BigInt(rpc.bulkGet),
    bulkPut: BigInt(rpc.bulkPut),
    lnetMsgsAlloc: pool.live,
    lnetMsgsMax: pool.liveMax,
    lnetErrors: lnet.errors,
    lnetSendCount: lnet.send_count,
    lnetRecvCount: lnet.recv_count,
    lnetRouteCount: lnet.route_count,
    lnetDropCount: lnet.drop_count,
    lnetSendLength: BigInt(lnet.send_length),
    lnetRecvLength: BigInt(lnet.recv_length),
    lnetRouteLength: BigInt(lnet.route_length),
    lnetDropLength: BigInt(lnet.drop_length),
  };
}
