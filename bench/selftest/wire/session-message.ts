import { layout, u32, u64 } from '../../../lnet/wire/layout.ts';
import { sessionIdKind } from './session-id.ts';
import { nameKind } from './session-name.ts';
import { srpcMessage } from './srpc-message.ts';

export const MAKE_SESSION_REQUEST = srpcMessage(
  0,
  layout('srpc_mksn_reqst', 60, 'selftest §3.1', { rpyid: u64, sid: sessionIdKind, force: u32, name: nameKind }),
);

export const MAKE_SESSION_REPLY = srpcMessage(
  1,
  layout('srpc_mksn_reply', 56, 'selftest §3.1', { status: u32, sid: sessionIdKind, timeout: u32, name: nameKind }),
);

export const REMOVE_SESSION_REQUEST = srpcMessage(
  2,
  layout('srpc_rmsn_reqst', 24, 'selftest §3.2', { rpyid: u64, sid: sessionIdKind }),
);

export const REMOVE_SESSION_REPLY = srpcMessage(
  3,
  layout('srpc_rmsn_reply', 20, 'selftest §3.2', { status: u32, sid: sessionIdKind }),
);

export const DEBUG_REQUEST = srpcMessage(
  10,
  layout('srpc_debug_reqst', 28, 'selftest §3.6', { rpyid: u64, sid: sessionIdKind, flags: u32 }),
);

export const DEBUG_REPLY = srpcMessage(
  11,
  layout('srpc_debug_reply', 60, 'selftest §3.6', {
    status: u32,
    sid: sessionIdKind,
    timeout: u32,
    nbatch: u32,
    name: nameKind,
  }),
);

export const JOIN_REQUEST = srpcMessage(
  16,
  layout('srpc_join_reqst', 56, 'selftest §3.9', { rpyid: u64, sid: sessionIdKind, group: nameKind }),
);

export const JOIN_REPLY = srpcMessage(
  17,
  layout('srpc_join_reply', 56, 'selftest §3.9', { status: u32, sid: sessionIdKind, timeout: u32, session: nameKind }),
);
