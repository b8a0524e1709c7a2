import { type DecodedBy, layout, u32, u64 } from '../../../lnet/wire/layout.ts';
import { sessionIdKind } from './session-id.ts';
import { srpcMessage } from './srpc-message.ts';

export const STAT_REQUEST = srpcMessage(
  6,
  layout('srpc_stat_reqst', 28, 'selftest §3.4', { rpyid: u64, sid: sessionIdKind, type: u32 }),
);

/** Fills the message to its end. Names are `group` + field: framework of the session, rpc and lnet of the whole node. */
export const STAT_REPLY = srpcMessage(
  7,
  layout('srpc_stat_reply', 136, 'selftest §3.4', {
    status: u32,
    sid: sessionIdKind,
    runningMs: u32,
    activeBatches: u32,
    zombieSessions: u32,
    brwErrors: u32,
    pingErrors: u32,
    rpcErrors: u32,
    rpcsSent: u32,
    rpcsRcvd: u32,
    rpcsDropped: u32,
    rpcsExpired: u32,
    bulkGet: u64,
    bulkPut: u64,
    lnetMsgsAlloc: u32,
    lnetMsgsMax: u32,
    lnetErrors: u32,
    lnetSendCount: u32,
    lnetRecvCount: u32,
    lnetRouteCount: u32,
    lnetDropCount: u32,
    lnetSendLength: u64,
    lnetRecvLength: u64,
    lnetRouteLength: u64,
    lnetDropLength: u64,
  }),
);

/** The three counter groups of one node, as they arrive. */
export type StatReply = DecodedBy<typeof STAT_REPLY.body>;
