import type { Iov } from '../../lnet/nal.ts';

/** Copies `length` bytes from one scattered memory into another: the transfer itself of a network inside one process. */
export function moveIov(source: Iov, sourceOffset: number, target: Iov, targetOffset: number, length: number): void {
  let from = 0;
  let fromAt = sourceOffset;
  let to = 0;
  let toAt = targetOffset;
  let left = length;
  while (left > 0) {
    const fragment = source[from];
    const place = target[to];
    if (!fragment || !place) throw new RangeError(`${left} of ${length} bytes lie outside the scattered memory`);
    if (fromAt >= fragment.length) {
      fromAt -= fragment.length;
      from++;
    } else if (toAt >= place.length) {
      toAt -= place.length;
      to++;
    } else {
      const take = Math.min(left, fragment.length - fromAt, place.length - toAt);
      place.set(fromAt === 0 && take === fragment.length ? fragment : fragment.subarray(fromAt, fromAt + take), toAt);
      fromAt += take;
      toAt += take;
      left -= take;
    }
  }
}
