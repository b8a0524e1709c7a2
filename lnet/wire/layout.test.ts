import test from 'ava';
import { layout, raw, toSafeNumber, u8, u16, u32, u64, unused, viewOf } from './layout.ts';
import { WireError } from './wire-error.ts';

const RECORD = layout('record', 24, 'test', { a: u8, b: u8, c: u16, d: u32, e: u64, f: raw(5), g: unused(3) });
const value = { a: 1, b: 2, c: 0x0304, d: 0x05060708, e: 0x090a0b0c0d0e0f10n, f: Uint8Array.of(1, 2, 3, 4, 5) };

test('fields follow each other in the order of the declaration', (t) => {
  t.deepEqual(RECORD.at, { a: 0, b: 1, c: 2, d: 4, e: 8, f: 16, g: 21 });
});

test('a record is written and read in either byte order, opaque bytes as they are, unused ones as zero', (t) => {
  const bytes = new Uint8Array(26).fill(0xee);
  RECORD.encode(value, viewOf(bytes), 1);
  t.deepEqual([...bytes], [0xee, 1, 2, 4, 3, 8, 7, 6, 5, 16, 15, 14, 13, 12, 11, 10, 9, 1, 2, 3, 4, 5, 0, 0, 0, 0xee]);
  t.deepEqual(RECORD.decode(viewOf(bytes), 1), value);
  RECORD.encode(value, viewOf(bytes), 1, false);
  t.deepEqual([...bytes.subarray(1, 9)], [1, 2, 3, 4, 5, 6, 7, 8]);
  t.deepEqual(RECORD.decode(viewOf(bytes), 1, false), value);
});

test('a record that does not fit is a WireError to read and a RangeError to write', (t) => {
  const view = new DataView(new ArrayBuffer(24));
  t.is(t.throws(() => RECORD.decode(view, 1), { instanceOf: WireError })?.reason, 'short');
  t.throws(() => RECORD.encode(value, view, 1), { instanceOf: RangeError });
  t.throws(() => RECORD.encode({ ...value, f: new Uint8Array(4) }, view), { instanceOf: RangeError });
});

test('a table that does not add up to its stated size stops the program', (t) => {
  t.throws(() => layout('slip', 7, 'test', { a: u32, b: u32 }), { message: /8 bytes, 7 declared/ });
});

test('a u64 becomes a number only when that is exact', (t) => {
  t.is(toSafeNumber(2n ** 53n - 1n), Number.MAX_SAFE_INTEGER);
  t.is(t.throws(() => toSafeNumber(2n ** 53n), { instanceOf: WireError })?.reason, 'unsafe_integer');
});
