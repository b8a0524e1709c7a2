import { type DecodedBy, layout, u16, u32, u64, u8, unused } from '../../../lnet/wire/layout.ts';
import { bits, x32, x64 } from '../field-kind.ts';
import { OBD_CKSUM, OBD_CONNECT, OBD_CONNECT2 } from './connect-flag.ts';
import { MDS_INODELOCK } from './ldlm.ts';

/** What two peers agree on. A field counts only when its flag is set; without it, it may hold anything (ptlrpc §4.2). */
export const OBD_CONNECT_DATA = layout('obd_connect_data', 192, 'ptlrpc §4.4', {
  connectFlags: bits(u64, OBD_CONNECT),
  version: x32,
  grant: u32,
  index: u32,
  brwSize: u32,
  ibitsKnown: bits(u64, MDS_INODELOCK),
  grantBlkbits: u8,
  grantInobits: u8,
  grantTaxKb: u16,
  grantMaxBlks: u32,
  transno: u64,
  group: u32,
  cksumTypes: bits(u32, OBD_CKSUM),
  maxEasize: u32,
  instance: u32,
  maxbytes: u64,
  maxmodrpcs: u16,
  connPolicy: u8,
  padding0: unused(1),
  padding1: unused(4),
  connectFlags2: bits(u64, OBD_CONNECT2),
  comprType: x64,
  padding: unused(96),
});
export type ObdConnectData = DecodedBy<typeof OBD_CONNECT_DATA>;
