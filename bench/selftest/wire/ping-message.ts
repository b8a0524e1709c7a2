import { layout, u32, u64 } from '../../../lnet/wire/layout.ts';
import { srpcMessage } from './srpc-message.ts';

export const LST_PING_TEST_MAGIC = 0xbabeface;

export const PING_REQUEST = srpcMessage(
  14,
  layout('srpc_ping_reqst', 32, 'selftest §3.8', { rpyid: u64, magic: u32, seq: u32, sec: u64, nsec: u64 }),
);

export const PING_REPLY = srpcMessage(
  15,
  layout('srpc_ping_reply', 12, 'selftest §3.8', { status: u32, magic: u32, seq: u32 }),
);
