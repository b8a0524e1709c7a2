import { EINVAL, errnoName } from '../errno.ts';
import { LnetError } from '../error-code.ts';
import { type Iov, iovBytes, LNET_MAX_IOV } from '../iov.ts';
import { LNET_MTU } from '../wire/lnet-hdr.ts';
import { LNET_MD_MAX_SIZE, LNET_MD_OP_GET, LNET_MD_OP_PUT, LNET_MD_THRESH_INF, type MdSpec } from './md.ts';

/** The memory of a spec as fragments. */
export function iovOf(spec: MdSpec): Iov {
  return spec.memory instanceof Uint8Array ? [spec.memory] : spec.memory;
}

/**
 * Checks what a user asks of a memory descriptor and gives its length, bytes: lnet-semantics §3.3. Throws {@link LnetError}
 * (-EINVAL). The kernel's limits on fragments that cross pages have no meaning for memory of a process.
 */
export function checkMdSpec(spec: MdSpec, iov: Iov, isBound: boolean): number {
  const length = iovBytes(iov);
  const fault = faultOf(spec, iov, length, isBound);
  if (fault) {
    throw new LnetError('ERR_LNET_BAD_ARGUMENT', { errno: -EINVAL, message: `${errnoName(EINVAL)}: ${fault}` });
  }
  return length;
}

function faultOf(spec: MdSpec, iov: Iov, length: number, isBound: boolean): string | undefined {
  const { options = 0, threshold = LNET_MD_THRESH_INF, maxSize = 0 } = spec;
  const isTarget = (options & (LNET_MD_OP_PUT | LNET_MD_OP_GET)) !== 0;
  if (iov.length > LNET_MAX_IOV) return `memory has ${iov.length} fragments, at most ${LNET_MAX_IOV} are possible`;
  if (!Number.isSafeInteger(threshold) || threshold < LNET_MD_THRESH_INF)
    return `threshold ${threshold} must be a whole number of operations, or -1 for no limit`;
  if ((options & LNET_MD_MAX_SIZE) !== 0 && !(Number.isSafeInteger(maxSize) && maxSize >= 0 && maxSize <= length))
    return `max size ${maxSize} is outside 0..${length}, the length of the memory`;
  if (isBound && isTarget) return 'LNET_MD_OP_PUT and LNET_MD_OP_GET are for attached memory descriptors only';
  if (!isBound && !isTarget) return 'an attached memory descriptor needs LNET_MD_OP_PUT, LNET_MD_OP_GET or both';
  if (isBound && length > LNET_MTU)
    return `memory to send or fetch is ${length} bytes long, at most ${LNET_MTU} are possible`;
  return undefined;
}
