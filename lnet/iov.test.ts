import test from 'ava';
import * as fc from 'fast-check';
import { checkProperty } from '../test/property.ts';
import { copyFromIov, copyIntoIov, iovBytes, type Iov, sliceIov } from './iov.ts';

const flat = (iov: Iov): Uint8Array => Uint8Array.from(iov.flatMap((fragment) => [...fragment]));
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** Scattered memory and a range inside it. */
const scattered = fc
  .array(fc.uint8Array({ maxLength: 12 }), { maxLength: 6 })
  .chain((iov) =>
    fc.tuple(fc.constant(iov), fc.nat(iovBytes(iov)), fc.nat(iovBytes(iov)), fc.uint8Array({ maxLength: 40 })),
  )
  .map(([iov, a, b, source]) => ({ iov, offset: Math.min(a, b), length: Math.abs(a - b), source }));

test('a slice is the range of the whole, in views of the same memory', (t) => {
  checkProperty(t, scattered, 2_000, ({ iov, offset, length }) => {
    const slice: Uint8Array[] = [];
    sliceIov(iov, offset, length, slice);
    if (!same(flat(slice), flat(iov).subarray(offset, offset + length))) throw new Error('other bytes');
    if (slice.some((fragment) => fragment.length === 0)) throw new Error('empty fragment');
    if (slice.some((fragment) => iov.every((whole) => whole.buffer !== fragment.buffer))) throw new Error('a copy');
  });
});

test('copying in touches the range and nothing else, and tells how much fitted', (t) => {
  checkProperty(t, scattered, 2_000, ({ iov, offset, source }) => {
    const before = flat(iov);
    const copied = copyIntoIov(source, iov, offset);
    if (copied !== Math.min(source.length, before.length - offset)) throw new Error(`${copied} bytes`);
    before.set(source.subarray(0, copied), offset);
    if (!same(flat(iov), before)) throw new Error('other bytes');
  });
});

test('copying out gives the range at its place', (t) => {
  checkProperty(t, scattered, 2_000, ({ iov, offset, length }) => {
    const target = new Uint8Array(length + 4).fill(0xee);
    const expected = target.slice();
    expected.set(flat(iov).subarray(offset, offset + length), 2);
    copyFromIov(iov, offset, length, target, 2);
    if (!same(target, expected)) throw new Error('other bytes');
  });
});
