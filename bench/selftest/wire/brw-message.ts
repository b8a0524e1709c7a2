import { layout, u32, u64 } from '../../../lnet/wire/layout.ts';
import { srpcMessage } from './srpc-message.ts';

/** Server to client. */
export const LST_BRW_READ = 1;
/** Client to server. */
export const LST_BRW_WRITE = 2;

export const LST_BRW_CHECK_NONE = 1;
export const LST_BRW_CHECK_SIMPLE = 2;
export const LST_BRW_CHECK_FULL = 3;

export const BRW_REQUEST = srpcMessage(
  12,
  layout('srpc_brw_reqst', 28, 'selftest §3.7', { rpyid: u64, bulkid: u64, rw: u32, length: u32, flags: u32 }),
);

export const BRW_REPLY = srpcMessage(13, layout('srpc_brw_reply', 4, 'selftest §3.7', { status: u32 }));
