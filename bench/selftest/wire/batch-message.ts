import { layout, u32, u64 } from '../../../lnet/wire/layout.ts';
import { sessionIdKind } from './session-id.ts';
import { srpcMessage } from './srpc-message.ts';

export const SRPC_BATCH_OPC_RUN = 1;
export const SRPC_BATCH_OPC_STOP = 2;
export const SRPC_BATCH_OPC_QUERY = 3;

export const BATCH_REQUEST = srpcMessage(
  4,
  layout('srpc_batch_reqst', 44, 'selftest §3.3', {
    rpyid: u64,
    sid: sessionIdKind,
    bid: u64,
    opc: u32,
    testidx: u32,
    arg: u32,
  }),
);

export const BATCH_REPLY = srpcMessage(
  5,
  layout('srpc_batch_reply', 28, 'selftest §3.3', { status: u32, sid: sessionIdKind, active: u32, time: u32 }),
);
