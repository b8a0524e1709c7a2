import test from 'ava';
import * as fc from 'fast-check';
import { parseNid } from '../../../lnet/wire/nid.ts';
import { WireError } from '../../../lnet/wire/wire-error.ts';
import { checkProperty } from '../../../test/property.ts';
import { type ConnreqStep, encodeConnreq, encodeVersionAnswer, readConnreq } from './connreq.ts';
import { bytesOf, hexOf } from '../../../test/hex.ts';

const SMALL = parseNid('192.168.1.20@tcp');
const LARGE = parseNid('2001:db8::20@tcp');

/** What a big-endian connector sends: integers swapped, a large NID as it is. */
function swapped(bytes: Uint8Array): Uint8Array {
  const out = bytes.slice();
  const widths = bytes.length === 16 ? [4, 4, 8] : [4, 4];
  let at = 0;
  for (const width of widths) {
    out.set(bytes.slice(at, at + width).toReversed(), at);
    at += width;
  }
  return out;
}

test('a request is recognised in both versions and byte orders, and what follows is left alone', (t) => {
  for (const nid of [SMALL, LARGE]) {
    const bytes = encodeConnreq(nid);
    for (const sent of [bytes, swapped(bytes)]) {
      t.deepEqual(readConnreq(sent), { kind: 'request', nid, bytes: bytes.length });
      t.deepEqual(readConnreq(Uint8Array.of(...sent, 0x63, 0x69)), { kind: 'request', nid, bytes: bytes.length });
    }
  }
});

test('magic, version and NID are each judged as soon as they are there', (t) => {
  for (const [nid, size] of [
    [SMALL, 16],
    [LARGE, 28],
  ] as const) {
    const bytes = encodeConnreq(nid);
    for (let length = 0; length < size; length++) {
      const expected: ConnreqStep = { kind: 'more', bytes: length < 4 ? 4 : length < 8 ? 8 : size };
      t.deepEqual(readConnreq(bytes.subarray(0, length)), expected);
    }
  }
});

test('S2: Acceptor reproduces every row of 13.11 and of 1.4 (wire part)', (t) => {
  const answer: ConnreqStep = { kind: 'version-answer' };
  t.deepEqual(readConnreq(bytesOf('00 71 ce ac 03 00 00 00')), answer, 'version 3');
  t.deepEqual(readConnreq(bytesOf('ac ce 71 00 00 00 00 03')), answer, 'version 3, swapped');
  t.deepEqual(readConnreq(bytesOf('00 71 ce ac 00 00 00 00')), answer, 'version 0');
  t.deepEqual(readConnreq(bytesOf('63 69 72 45')), answer, 'probe');
  t.deepEqual(readConnreq(bytesOf('45 72 69 63')), answer, 'probe, swapped');
  t.is(hexOf(encodeVersionAnswer()), '0071ceac010000000000000000000000');
  for (const magic of ['01 71 ce ac', '00 00 00 00', 'ed 0d bc ee', '47 45 54 20'])
    t.is(t.throws(() => readConnreq(bytesOf(magic)), { instanceOf: WireError })?.reason, 'bad_magic');
  const impossible = encodeConnreq(LARGE);
  impossible[8] = 13;
  t.is(t.throws(() => readConnreq(impossible), { instanceOf: WireError })?.reason, 'bad_nid');
});

test('any beginning of a stream gives a step or a WireError, and asks only for more than it has', (t) => {
  const start = fc.constantFrom(encodeConnreq(SMALL), encodeConnreq(LARGE), swapped(encodeConnreq(SMALL)));
  const input = fc.record({
    bytes: start,
    length: fc.nat(40),
    noise: fc.array(fc.record({ at: fc.nat(27), value: fc.nat(255) }), { maxLength: 3 }),
  });
  checkProperty(t, input, 3_000, ({ bytes, length, noise }) => {
    const sent = new Uint8Array(40);
    sent.set(bytes);
    for (const { at, value } of noise) sent[at] = value;
    try {
      const step = readConnreq(sent.subarray(0, length));
      if (step.kind === 'more' && step.bytes <= length) throw new Error(`asks for ${step.bytes} of ${length}`);
      if (step.kind === 'request' && step.bytes > length) throw new Error(`takes ${step.bytes} of ${length}`);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  });
});
