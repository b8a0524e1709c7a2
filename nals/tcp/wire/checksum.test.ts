import test from 'ava';
import * as fc from 'fast-check';
import { checkProperty } from '../../../test/property.ts';
import { specDump } from '../../../test/spec-example.ts';
import { CHECKSUM_START, updateChecksum } from './checksum.ts';

/** The definition, bit by bit: socklnd §5. */
function slowChecksum(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return crc >>> 0;
}

test('S20: v2 vectors of section 5 verify; "123456789" -> `0x340bc6d9` (wire part)', (t) => {
  t.is(updateChecksum(CHECKSUM_START, new TextEncoder().encode('123456789')), 0x340bc6d9);
  const noop = new Uint8Array(24);
  noop[0] = 0xc0;
  noop[16] = 2;
  t.is(updateChecksum(CHECKSUM_START, noop), 0x757e3d7d);
  t.is(updateChecksum(CHECKSUM_START, specDump('socklnd', '13.3')), 0xb716bf61);
});

test('nothing leaves the checksum as it is', (t) => {
  t.is(updateChecksum(CHECKSUM_START, new Uint8Array()), CHECKSUM_START);
  t.is(updateChecksum(0x12345678, new Uint8Array()), 0x12345678);
});

test('the checksum of fragments is that of the whole, and is the defined one', (t) => {
  checkProperty(t, fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }), 1_000, (fragments) => {
    const whole = Uint8Array.from(fragments.flatMap((fragment) => [...fragment]));
    const pieces = fragments.reduce(updateChecksum, CHECKSUM_START);
    if (pieces !== updateChecksum(CHECKSUM_START, whole) || pieces !== slowChecksum(whole)) throw new Error('differs');
  });
});
