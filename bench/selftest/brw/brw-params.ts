import { LNET_MTU } from '../../../lnet/wire/lnet-hdr.ts';
import { LST_BRW_CHECK_FULL, LST_BRW_CHECK_NONE, LST_BRW_READ, LST_BRW_WRITE } from '../wire/brw-message.ts';
import { type BrwParams, LST_PAGE_BYTES } from '../wire/test-message.ts';

/** Largest brw transfer, bytes: selftest §7.2. */
export const LST_BRW_BYTES_MAX = LNET_MTU;

export function isBrwOpcode(rw: number): boolean {
  return rw === LST_BRW_READ || rw === LST_BRW_WRITE;
}

export function isBrwCheck(flags: number): boolean {
  return flags >= LST_BRW_CHECK_NONE && flags <= LST_BRW_CHECK_FULL;
}

/**
 * Whether a node runs a client instance with these parameters. Stricter than a kernel node (selftest §6.8 row 5) where that
 * would send what crashes a kernel server: lengths that are 0 or not whole words (selftest §11.1).
 */
export function areBrwParamsSafe({ opc, flags, length, offset }: BrwParams): boolean {
  return (
    isBrwOpcode(opc) &&
    isBrwCheck(flags) &&
    length > 0 &&
    length <= LST_BRW_BYTES_MAX &&
    length % 8 === 0 &&
    (offset % LST_PAGE_BYTES) % 8 === 0
  );
}
