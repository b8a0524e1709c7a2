import test from 'ava';
import * as fc from 'fast-check';
import { viewOf } from '../../../lnet/wire/layout.ts';
import { LNET_PID_LUSTRE } from '../../../lnet/wire/process-id.ts';
import { type Nid, NID_ANY, parseNid } from '../../../lnet/wire/nid.ts';
import { WireError } from '../../../lnet/wire/wire-error.ts';
import { checkProperty } from '../../../test/property.ts';
import { encodeConnreq, readConnreq } from './connreq.ts';
import {
  encodeHello,
  firstVersionFor,
  hdrFormOf,
  type Hello,
  type HelloStep,
  type KsockVersion,
  readHello,
} from './hello.ts';
import { KSOCK_MSG, MessageHeader } from './message-header.ts';
import { bytesOf } from '../../../test/hex.ts';

const VERSIONS: readonly KsockVersion[] = [1, 2, 3, 4];

function helloOf(version: KsockVersion, src: Nid = parseNid('10.0.0.1@tcp')): Hello {
  return {
    version,
    srcNid: src,
    dstNid: version === 1 ? NID_ANY : parseNid('10.0.0.2@tcp'),
    srcPid: LNET_PID_LUSTRE,
    dstPid: version === 1 ? 0 : 7,
    srcIncarnation: 0x0102030405060708n,
    dstIncarnation: version === 1 ? 0n : 0xf1f2f3f4f5f6f7f8n,
    type: 2,
  };
}

/** Widths of the integers of a HELLO, in order; 20 and more: not swapped. */
const WIDTHS: Readonly<Record<2 | 3 | 4, readonly number[]>> = {
  2: [4, 4, 8, 8, 4, 4, 8, 8, 4, 4],
  3: [4, 4, 8, 8, 4, 4, 8, 8, 4, 4],
  4: [4, 4, 20, 20, 4, 4, 8, 8, 4, 4],
};

function swapped(bytes: Uint8Array, widths: readonly number[]): Uint8Array {
  const out = bytes.slice();
  let at = 0;
  for (const width of widths) {
    if (width < 20) out.set(bytes.slice(at, at + width).toReversed(), at);
    at += width;
  }
  return out;
}

/** A HELLO with an address list, little-endian. */
function withList(version: 1 | 2 | 3 | 4, addresses: readonly number[]): Uint8Array {
  const head = encodeHello(helloOf(version));
  const bytes = new Uint8Array(head.length + 4 * addresses.length);
  bytes.set(head);
  const view = viewOf(bytes);
  if (version === 1) view.setUint32(28, 4 * addresses.length, true);
  else view.setUint32(version === 4 ? 76 : 52, addresses.length, true);
  addresses.forEach((address, index) => view.setUint32(head.length + 4 * index, address, true));
  return bytes;
}

const reasonOf = (act: () => unknown): string | undefined => {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof WireError) return error.reason;
    throw error;
  }
};

test('S7: `nips` 1..16 accepted and skipped on v2/v3; 17 or a zero address closes; v4 never reads a list.', (t) => {
  for (const version of [1, 2, 3] as const) {
    const headBytes = encodeHello(helloOf(version)).length;
    for (let count = 0; count <= 16; count++) {
      const bytes = withList(version, new Array<number>(count).fill(0x0a000001));
      const expected: HelloStep = { kind: 'hello', hello: helloOf(version), bytes: bytes.length, isLittleEndian: true };
      t.deepEqual(readHello(bytes), expected);
      if (count > 0) t.deepEqual(readHello(bytes.subarray(0, headBytes)), { kind: 'more', bytes: bytes.length });
    }
    // Refused before the list is read.
    const tooMany = withList(version, new Array<number>(17).fill(1)).subarray(0, headBytes);
    t.is(
      reasonOf(() => readHello(tooMany)),
      'bad_length',
    );
    t.is(
      reasonOf(() => readHello(withList(version, [1, 0]))),
      'bad_value',
    );
  }
  for (const nips of [1, 17, 0xffffffff]) {
    const bytes = encodeHello(helloOf(4));
    viewOf(bytes).setUint32(76, nips, true);
    t.deepEqual(readHello(bytes), { kind: 'hello', hello: helloOf(4), bytes: 80, isLittleEndian: true });
  }
});

test('S11: Byte-swapped request, HELLO (v2/v3/v4) and framing are understood; own output is always LE.', (t) => {
  const nid = parseNid('10.0.0.2@tcp');
  t.like(readConnreq(swapped(encodeConnreq(nid), [4, 4, 8])), { nid });
  for (const version of [2, 3, 4] as const) {
    const bytes = encodeHello(helloOf(version));
    const expected: HelloStep = { kind: 'hello', hello: helloOf(version), bytes: bytes.length, isLittleEndian: false };
    const step = readHello(swapped(bytes, WIDTHS[version]));
    t.deepEqual(step, expected);
    t.deepEqual(step.kind === 'hello' && encodeHello(step.hello), bytes, 'little-endian again');
  }
  const cookies = { type: 0xc1, csum: 0x01020304, zcCookie0: 0x1112131415161718n, zcCookie1: 0x2122232425262728n };
  const frame = new DataView(new ArrayBuffer(KSOCK_MSG.size));
  KSOCK_MSG.encode(cookies, frame, 0, false);
  const header = new MessageHeader();
  header.decode(frame, 0, false);
  header.encode(frame, 0);
  t.deepEqual(KSOCK_MSG.decode(frame, 0, true), cookies);
});

test('each part of a HELLO is judged as soon as it is there', (t) => {
  for (const version of VERSIONS) {
    const bytes = encodeHello(helloOf(version));
    for (let length = 0; length < bytes.length; length++) {
      const expected = length < 4 ? 4 : length < 8 ? 8 : bytes.length;
      t.deepEqual(
        readHello(bytes.subarray(0, length)),
        { kind: 'more', bytes: expected },
        `v${version}, ${length} bytes`,
      );
    }
  }
});

test('an unknown version is told from its first eight bytes', (t) => {
  t.deepEqual(readHello(bytesOf('6369724505000000')), { kind: 'unsupported-version', version: 5 });
  t.deepEqual(readHello(bytesOf('4572696300000005')), { kind: 'unsupported-version', version: 5 });
  t.deepEqual(readHello(bytesOf('6369724501000000')), { kind: 'unsupported-version', version: 1 });
  t.deepEqual(readHello(bytesOf('ed0dbcee02000000')), { kind: 'unsupported-version', version: 2 });
  t.deepEqual(readHello(bytesOf('ed0dbcee01000100')), { kind: 'unsupported-version', version: 1 });
});

test('a foreign magic, a refusal of the acceptor included, is no HELLO', (t) => {
  for (const magic of ['0071ceac', 'eebc0ded', '00000000'])
    t.is(
      reasonOf(() => readHello(bytesOf(magic))),
      'bad_magic',
    );
});

function helloV1With(at: number, value: number): Uint8Array {
  const bytes = encodeHello(helloOf(1));
  viewOf(bytes).setUint32(at, value, true);
  return bytes;
}

test('a version 1 HELLO of another message type, or with a list that is no list, is refused', (t) => {
  t.is(
    reasonOf(() => readHello(helloV1With(24, 1))),
    'bad_type',
  );
  t.is(
    reasonOf(() => readHello(helloV1With(28, 6))),
    'bad_length',
  );
  t.is(
    reasonOf(() => readHello(helloV1With(28, 68))),
    'bad_length',
  );
});

test('a large NID needs version 4', (t) => {
  const hello = helloOf(3, parseNid('fd00::1@tcp'));
  t.throws(() => encodeHello(hello), { instanceOf: RangeError });
  t.is(encodeHello({ ...hello, version: 4 }).length, 80);
});

test('IPv4 begins with version 3 and 72-byte headers, IPv6 with version 4 and 96-byte headers', (t) => {
  t.deepEqual([false, true].map(firstVersionFor), [3, 4]);
  t.deepEqual(VERSIONS.map(hdrFormOf), [4, 4, 4, 16]);
});

const u32s = fc.nat(0xffffffff);
const u64s = fc.bigInt({ min: 0n, max: 0xffffffffffffffffn });
const small = fc.ipV4().map((address) => parseNid(`${address}@tcp3`));
const anyHello: fc.Arbitrary<Hello> = fc.constantFrom(2 as const, 3 as const, 4 as const).chain((version) => {
  const nid =
    version === 4
      ? fc.oneof(
          small,
          fc.ipV6().map((address) => parseNid(`${address}@tcp`)),
        )
      : small;
  return fc.record({
    version: fc.constant(version),
    srcNid: nid,
    dstNid: nid,
    srcPid: u32s,
    dstPid: u32s,
    srcIncarnation: u64s,
    dstIncarnation: u64s,
    type: u32s,
  });
});

test('any HELLO comes back from its bytes, in both byte orders', (t) => {
  checkProperty(t, anyHello, 2_000, (hello) => {
    const bytes = encodeHello(hello);
    for (const sent of [bytes, swapped(bytes, WIDTHS[hello.version as 2 | 3 | 4])]) {
      const step = readHello(sent);
      if (step.kind !== 'hello') throw new Error(step.kind);
      const back = encodeHello(step.hello);
      if (Buffer.compare(back, bytes) !== 0 || step.hello.srcNid !== hello.srcNid) throw new Error('differs');
    }
  });
});

test('any beginning of a damaged HELLO gives a step or a WireError, and asks for a bounded number of bytes', (t) => {
  const input = fc.record({
    hello: anyHello,
    isV1: fc.boolean(),
    length: fc.nat(160),
    noise: fc.array(fc.record({ at: fc.nat(79), bit: fc.nat(7) }), { maxLength: 4 }),
  });
  checkProperty(t, input, 5_000, ({ hello, isV1, length, noise }) => {
    const sent = new Uint8Array(160).fill(1);
    sent.set(isV1 ? encodeHello(helloOf(1)) : encodeHello(hello));
    for (const { at, bit } of noise) sent[at] = (sent[at] as number) ^ (1 << bit);
    try {
      const step = readHello(sent.subarray(0, length));
      if (step.kind === 'more' && (step.bytes <= length || step.bytes > 72 + 64))
        throw new Error(`asks for ${step.bytes}`);
      if (step.kind === 'hello' && step.bytes > length) throw new Error(`takes ${step.bytes} of ${length}`);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  });
});
