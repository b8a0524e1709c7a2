import { layout, raw, u16, u32, u64, unused } from '../../../lnet/wire/layout.ts';
import { bits, x32, x64 } from '../field-kind.ts';
import { fid } from './fid.ts';

/** A page of an index that a server reads from another. */
export const IDX_INFO = layout('idx_info', 80, 'ptlrpc §10.7', {
  magic: x32,
  flags: bits(u32, { NOHASH: 1, VARKEY: 2, VARREC: 4, NONUNQ: 8, NOKEY: 16 }),
  count: u16,
  padding0: unused(2),
  attrs: x32,
  fid,
  version: u64,
  hashStart: x64,
  hashEnd: x64,
  keysize: u16,
  recsize: u16,
  padding: unused(20),
});

/** Space that a server asks the quota master for. Its size is known, not its fields. */
export const QUOTA_BODY = layout('quota_body', 112, 'ptlrpc §10.9', { bytes: raw(112) });

/** A quota command. Its size is known, not its fields. */
export const OBD_QUOTACTL = layout('obd_quotactl', 112, 'ptlrpc §10.9', { bytes: raw(112) });

/** Progress of the online checker. Its size is known, not its fields. */
export const LFSCK_REQUEST = layout('lfsck_request', 96, 'ptlrpc §10.9', { bytes: raw(96) });
export const LFSCK_REPLY = layout('lfsck_reply', 16, 'ptlrpc §10.9', { bytes: raw(16) });

/** Bodies of HSM requests. Their size is known, not their fields. */
export const HSM_PROGRESS = layout('hsm_progress', 64, 'ptlrpc §10.9', { bytes: raw(64) });
export const HSM_REQUEST = layout('hsm_request', 24, 'ptlrpc §10.9', { bytes: raw(24) });
export const HSM_USER_ITEM = layout('hsm_user_item', 32, 'ptlrpc §10.9', { bytes: raw(32) });
export const HSM_USER_STATE = layout('hsm_user_state', 32, 'ptlrpc §10.9', { bytes: raw(32) });
