import { type DecodedBy, layout, u16, u32, u64, u8 } from '../../../lnet/wire/layout.ts';
import { bits, list, named, text, x32, x64 } from '../field-kind.ts';

/** Which table a client reads from the MGS. For RECOVER `recNidSize` is the largest NID understood, for NODEMAP the pass. */
export const MGS_CONFIG_BODY = layout('mgs_config_body', 80, 'ptlrpc §10.5', {
  name: text(64),
  offset: u64,
  type: named(u16, { CONFIG: 0, SPTLRPC: 1, RECOVER: 2, PARAMS: 3, NODEMAP: 4, BARRIER: 5 }),
  recNidSize: u8,
  bits: u8,
  units: u32,
});

/** How much of it the bulk holds. */
export const MGS_CONFIG_RES = layout('mgs_config_res', 16, 'ptlrpc §10.5', { offset: u64, size: u64 });

/** Entry of the table of targets' NIDs, in bulk; `nidCount` NIDs of `nidSize` bytes follow, the next entry after `length`. */
export const MGS_NIDTBL_ENTRY = layout('mgs_nidtbl_entry', 24, 'ptlrpc §10.5', {
  version: u64,
  instance: u32,
  index: u32,
  length: u32,
  type: named(u8, { MDT: 1, OST: 2 }),
  nidType: u8,
  nidSize: u8,
  nidCount: u8,
});

/** What a server tells the MGS about one of its targets. NIDs as text may follow. */
export const MGS_TARGET_INFO = layout('mgs_target_info', 4544, 'mds-ost §1.13', {
  lustreVer: x32,
  stripeIndex: u32,
  configVer: u32,
  flags: bits(u32, {
    SV_TYPE_MDT: 0x1,
    SV_TYPE_OST: 0x2,
    SV_TYPE_MGS: 0x4,
    NEED_INDEX: 0x10,
    VIRGIN: 0x20,
    UPDATE: 0x40,
    WRITECONF: 0x100,
    PARAM: 0x400,
    IR_CAPABLE: 0x2000,
    ERROR: 0x4000,
  }),
  nidCount: u32,
  instance: u32,
  fsname: text(64),
  svname: text(64),
  uuid: text(40),
  nids: list(x64, 32),
  params: text(4096),
});
export type MgsTargetInfo = DecodedBy<typeof MGS_TARGET_INFO>;
