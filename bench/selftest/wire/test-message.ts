import { layout, raw, u16, u32, u64, u8, unused, viewOf } from '../../../lnet/wire/layout.ts';
import { LST_FEAT_BULK_LEN } from './feature.ts';
import { sessionIdKind } from './session-id.ts';
import { srpcMessage } from './srpc-message.ts';

/** `loop` of an endless test. */
export const LST_LOOP_ENDLESS = 0xffffffff;
export const LST_CONCURRENCY_MAX = 1024;

/** Adds a test instance to a batch; `params` is one of the three layouts below. */
export const TEST_REQUEST = srpcMessage(
  8,
  layout('srpc_test_reqst', 70, 'selftest §3.5', {
    rpyid: u64,
    bulkid: u64,
    sid: sessionIdKind,
    bid: u64,
    service: u32,
    loop: u32,
    concur: u32,
    isClient: u8,
    stopOnError: u8,
    ndest: u32,
    params: raw(12),
  }),
);

export const TEST_REPLY = srpcMessage(
  9,
  layout('srpc_test_reply', 20, 'selftest §3.5', { status: u32, sid: sessionIdKind }),
);

export const PING_PARAMS = layout('test_ping_req', 12, 'selftest §3.5', { size: u32, flags: u32, unused: unused(4) });

/** With LST_FEAT_BULK_LEN. */
export const BRW_PARAMS = layout('test_bulk_req_v1', 12, 'selftest §3.5', {
  opc: u16,
  flags: u16,
  length: u32,
  offset: u32,
});

/** Without LST_FEAT_BULK_LEN. */
export const BRW_PARAMS_V0 = layout('test_bulk_req', 12, 'selftest §3.5', { opc: u32, pages: u32, flags: u32 });

export const LST_PAGE_BYTES = 4096;

/** What a brw test moves, whichever form it came in. */
export interface BrwParams {
  /** LST_BRW_READ or LST_BRW_WRITE. */
  readonly opc: number;
  /** LST_BRW_CHECK_*. */
  readonly flags: number;
  readonly length: number;
  readonly offset: number;
}

/** Reads the union of a TEST request as the features say. */
export function decodeBrwParams(params: Uint8Array, features: number, littleEndian: boolean): BrwParams {
  const view = viewOf(params);
  if ((features & LST_FEAT_BULK_LEN) !== 0) return BRW_PARAMS.decode(view, 0, littleEndian);
  const { opc, pages, flags } = BRW_PARAMS_V0.decode(view, 0, littleEndian);
  return { opc, flags, length: pages * LST_PAGE_BYTES, offset: 0 };
}

/** Writes the union as the features say. Without BULK_LEN the length must be a multiple of the page size. */
export function encodeBrwParams(params: BrwParams, features: number): Uint8Array {
  const bytes = new Uint8Array(BRW_PARAMS.size);
  const { opc, flags, length } = params;
  if ((features & LST_FEAT_BULK_LEN) !== 0) BRW_PARAMS.encode(params, viewOf(bytes));
  else BRW_PARAMS_V0.encode({ opc, flags, pages: length / LST_PAGE_BYTES }, viewOf(bytes));
  return bytes;
}

/** The union of a ping test: nothing in it has an effect. */
export function encodePingParams(): Uint8Array {
  return new Uint8Array(PING_PARAMS.size);
}
