import { areBrwParamsSafe } from '../brw/brw-params.ts';
import { LST_FEAT_BULK_LEN } from '../wire/feature.ts';
import { type BrwParams, LST_PAGE_BYTES } from '../wire/test-message.ts';

const pages = (bytes: number): number => Math.ceil(bytes / LST_PAGE_BYTES);

/**
 * Whether a kernel node survives a test with these parameters: whole words only, and an offset that stays in the first page and
 * needs no page more than the length alone (selftest §11.1 rows 1 and 2). Without BULK_LEN lengths are whole pages.
 */
export function areBrwParamsKernelSafe(params: BrwParams, features: number): boolean {
  const { length, offset } = params;
  if (!areBrwParamsSafe(params) || offset >= LST_PAGE_BYTES || pages(offset + length) !== pages(length)) return false;
  return (features & LST_FEAT_BULK_LEN) !== 0 || (length % LST_PAGE_BYTES === 0 && offset === 0);
}
