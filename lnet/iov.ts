/** Scattered memory: fragments in order. Never copied by the core or by a NAL's sending side. */
export type Iov = readonly Uint8Array[];

/** No memory. */
export const EMPTY_IOV: Iov = [];

/** Most fragments of one memory descriptor: lnet-semantics §0.1. */
export const LNET_MAX_IOV = 256;

export function iovBytes(iov: Iov): number {
  let total = 0;
  for (const fragment of iov) total += fragment.length;
  return total;
}

/**
 * Appends to `into` views of the `length` bytes of `iov` that start at `offset`. Empty fragments are skipped; a whole
 * fragment is passed on as it is. The caller guarantees that the range lies inside.
 */
export function sliceIov(iov: Iov, offset: number, length: number, into: Uint8Array[]): void {
  let skip = offset;
  let left = length;
  for (const fragment of iov) {
    if (left === 0) return;
    if (skip >= fragment.length) {
      skip -= fragment.length;
      continue;
    }
    const take = Math.min(fragment.length - skip, left);
    into.push(skip === 0 && take === fragment.length ? fragment : fragment.subarray(skip, skip + take));
    left -= take;
    skip = 0;
  }
}

/** Copies bytes into scattered memory: for small messages and for the transports whose transfer is a copy. Gives the bytes copied. */
export function copyIntoIov(source: Uint8Array, iov: Iov, offset: number): number {
  let skip = offset;
  let done = 0;
  for (const fragment of iov) {
    if (done === source.length) break;
    if (skip >= fragment.length) {
      skip -= fragment.length;
      continue;
    }
    const take = Math.min(fragment.length - skip, source.length - done);
    fragment.set(done === 0 && take === source.length ? source : source.subarray(done, done + take), skip);
    done += take;
    skip = 0;
  }
  return done;
}

/** Copies `length` bytes of scattered memory from `offset` to the start of `target`. */
export function copyFromIov(iov: Iov, offset: number, length: number, target: Uint8Array, targetAt: number): void {
  let skip = offset;
  let at = targetAt;
  let left = length;
  for (const fragment of iov) {
    if (left === 0) return;
    if (skip >= fragment.length) {
      skip -= fragment.length;
      continue;
    }
    const take = Math.min(fragment.length - skip, left);
    target.set(skip === 0 && take === fragment.length ? fragment : fragment.subarray(skip, skip + take), at);
    at += take;
    left -= take;
    skip = 0;
  }
}

/** Copies between scattered memories: for transports whose transfer is a copy. The caller guarantees that both ranges lie inside. */
export function copyIov(source: Iov, sourceOffset: number, length: number, target: Iov, targetOffset: number): void {
  let skip = sourceOffset;
  let at = targetOffset;
  let left = length;
  for (const fragment of source) {
    if (left === 0) return;
    if (skip >= fragment.length) {
      skip -= fragment.length;
      continue;
    }
    const take = Math.min(fragment.length - skip, left);
    copyIntoIov(skip === 0 && take === fragment.length ? fragment : fragment.subarray(skip, skip + take), target, at);
    at += take;
    left -= take;
    skip = 0;
  }
}
