import test from 'ava';
import * as fc from 'fast-check';
import { isIPv6 } from 'node:net';
import { checkProperty } from '../../test/property.ts';
import { formatIpv6, parseIpv4, parseIpv6 } from './ip.ts';
import { viewOf } from './layout.ts';
import { formatNet, NET_ANY, NET_TYPES, netOf, parseNet } from './net.ts';
import {
  compareNids,
  isNid16At,
  NID16_BYTES,
  NID_ANY,
  NID_LOOPBACK,
  type Nid,
  nid4,
  nid4FromHalves,
  nid4Kind,
  nid16Kind,
  nidOfIpv6,
  nidOfText,
  parseNid,
  readNid16,
  tryParseNid,
} from './nid.ts';
import { parseNidRanges } from './nid-range.ts';
import { WireError } from './wire-error.ts';
import { bytesOf, hexOf } from '../../test/hex.ts';

function nid4Hex(nid: Nid): string {
  const bytes = new Uint8Array(8);
  nid4Kind.write(viewOf(bytes), 0, nid, false);
  return hexOf(bytes);
}

function readHex16(hex: string): Nid {
  return readNid16(viewOf(bytesOf(hex.replaceAll(' ', '').padEnd(40, '0'))), 0);
}

/** Table of lnet-wire §2.2: input, nid4 (undefined: not representable), nid16 without trailing zeros, canonical text. */
const NIDS: readonly (readonly [input: string, nid4: string | undefined, nid16: string, canonical: string])[] = [
  ['192.168.1.10@tcp', '00020000c0a8010a', '00 02 00 00 c0 a8 01 0a', '192.168.1.10@tcp'],
  ['192.168.1.10', '00020000c0a8010a', '00 02 00 00 c0 a8 01 0a', '192.168.1.10@tcp'],
  ['192.168.1.10@tcp0', '00020000c0a8010a', '00 02 00 00 c0 a8 01 0a', '192.168.1.10@tcp'],
  ['10.0.0.1@tcp3', '000200030a000001', '00 02 00 03 0a 00 00 01', '10.0.0.1@tcp3'],
  ['10.0.0.1@o2ib7', '000500070a000001', '00 05 00 07 0a 00 00 01', '10.0.0.1@o2ib7'],
  ['0x2a@gni1', '000d00010000002a', '00 0d 00 01 00 00 00 2a', '42@gni1'],
  ['42@kfi1', '001000010000002a', '00 10 00 01 00 00 00 2a', '42@kfi1'],
  ['10.1.2.3@gip', '000e00000a010203', '00 0e 00 00 0a 01 02 03', '10.1.2.3@gip'],
  ['9@bxi3f', '0013000000000009', '00 13 00 00 00 00 00 09', '9@bxi3f'],
  ['0@lo', '0009000000000000', '00 09 00 00', '0@lo'],
  ['5@lo', '0009000000000000', '00 09 00 00', '0@lo'],
  ['2001:db8::10@tcp', undefined, '0c 02 00 00 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 10', '2001:db8::10@tcp'],
  [
    '2001:DB8:0:0:0:0:0:10@tcp2',
    undefined,
    '0c 02 00 02 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 10',
    '2001:db8::10@tcp2',
  ],
  ['*', 'ffffffffffffffff', 'ff'.repeat(20), '<?>'],
];

/** Table of lnet-wire §2.4: expression, canonical print, a NID that matches, NIDs that do not. */
const RANGES: readonly (readonly [text: string, canonical: string, matching: string, others: readonly string[]])[] = [
  ['192.168.[1-3].[2-8/2]@tcp', '192.168.[1-3].[2-8/2]@tcp', '192.168.2.6@tcp', ['192.168.2.5@tcp']],
  [
    '192.168.1.0/24@tcp',
    '192.168.1.0/24@tcp',
    '192.168.1.77@tcp',
    ['192.168.2.1@tcp', '192.168.1.77@tcp1', '::ffff:192.168.1.77@tcp'],
  ],
  ['2001:db8::/32@tcp', '2001:db8::/32@tcp', '2001:db8:5::1@tcp', ['2001:db9::1@tcp']],
  ['10.*.*.[1,5]@o2ib3 *@tcp1', '10.[0-255].[0-255].[1,5]@o2ib3 *@tcp1', '10.9.9.5@o2ib3', ['10.9.9.2@o2ib3']],
  ['[1,3,5-9]@kfi', '[1,3,5-9]@kfi', '7@kfi', ['4@kfi']],
  ['10.0.0.1/32@tcp', '10.0.0.1@tcp', '10.0.0.1@tcp', ['10.0.0.2@tcp']],
];

test('C1: Every row of the tables in 2.2 and 2.4 parses/prints/rejects as shown.', (t) => {
  for (const [input, nid4Text, nid16Text, canonical] of NIDS) {
    const nid = parseNid(input);
    t.is(String(nid), canonical, input);
    t.is(hexOf(nid.bytes), nid16Text.replaceAll(' ', '').padEnd(40, '0'), input);
    if (nid4Text === undefined) t.true(nid.isLarge, input);
    else t.is(nid4Hex(nid), nid4Text, input);
    t.is(parseNid(canonical), nid, 'canonical text names the same NID');
  }
  for (const text of ['0@lo0', '1.2.3@tcp', '1.2.3.256@tcp', '1.2.3.4@', '1.2.3.4@tcpx', '1@tofu'])
    t.is(t.throws(() => parseNid(text), { instanceOf: WireError })?.reason, 'bad_nid', text);
  for (const [text, canonical, matching, others] of RANGES) {
    const list = parseNidRanges(text);
    t.is(String(list), canonical);
    t.true(list.matches(parseNid(matching)), `${text} matches ${matching}`);
    for (const other of others) t.false(list.matches(parseNid(other)), `${text} does not match ${other}`);
  }
  for (const text of ['10.0.0.1-3@tcp', '10.0.0.0/0@tcp', '*@elan', '10.0.0.* @tcp'])
    t.is(t.throws(() => parseNidRanges(text), { instanceOf: WireError })?.reason, 'bad_value', text);
});

const anyNet = fc
  .record({ lnd: fc.integer({ min: 1, max: 254 }), number: fc.nat(65_535) })
  .map(({ lnd, number }) => netOf(lnd, number));
const anyNid4 = fc.record({ net: anyNet, address: fc.nat(0xffffffff) }).map(({ net, address }) => nid4(net, address));

test('C2: nid4<->nid16 conversion round-trips; ANY maps to all-ones in both; tail bytes of nid16 are zero.', (t) => {
  t.is(nid4Hex(NID_ANY), 'ff'.repeat(8));
  t.is(hexOf(NID_ANY.bytes), 'ff'.repeat(20));
  t.is(nid4FromHalves(0xffffffff, 0xffffffff), NID_ANY);
  t.is(readNid16(viewOf(NID_ANY.bytes), 0), NID_ANY);
  checkProperty(t, anyNid4, 2_000, (nid) => {
    if (readNid16(viewOf(nid.bytes), 0) !== nid) throw new Error('large form');
    if (nid4FromHalves(nid.net, nid.address) !== nid) throw new Error('small form');
    if (nid.bytes.subarray(8).some((byte) => byte !== 0)) throw new Error('tail');
    for (const littleEndian of [true, false]) {
      const view = new DataView(new ArrayBuffer(8));
      nid4Kind.write(view, 0, nid, littleEndian);
      if (nid4Kind.read(view, 0, littleEndian) !== nid) throw new Error('kind');
    }
  });
});

test('C3: nid16 with type 0xff is ANY whatever the other bytes; `nid_size` > 12 is refused.', (t) => {
  t.is(readHex16('05 ff 12 34 56'), NID_ANY);
  t.is(readHex16('ff ff'), NID_ANY);
  t.is(nid4FromHalves(0x00ff_0001, 7), NID_ANY);
  t.is(String(readHex16('0c 02 00 00 fd')), 'fd00::@tcp');
  for (const size of ['0d', '80', 'ff'])
    t.is(t.throws(() => readHex16(`${size} 02`), { instanceOf: WireError })?.reason, 'bad_nid');
  t.is(t.throws(() => readNid16(new DataView(new ArrayBuffer(19)), 0), { instanceOf: WireError })?.reason, 'short');
});

test('C4: `tcp` and `tcp0` compare equal and print `tcp`.', (t) => {
  t.is(parseNet('tcp'), parseNet('tcp0'));
  t.is(formatNet(parseNet('tcp0') as number), 'tcp');
  t.is(parseNid('10.0.0.1@tcp'), parseNid('10.0.0.1@tcp0'));
});

test('C5: Net number 65536 is rejected.', (t) => {
  t.is(parseNet('tcp65536'), undefined);
  t.is(parseNet('tcp65535'), netOf(2, 65_535));
  t.is(tryParseNid('10.0.0.1@tcp65536'), undefined);
});

test('an unknown type prints as <type:number>, with the address in hexadecimal', (t) => {
  t.is(String(nid4(netOf(17, 3), 0xabc)), 'abc@<17:3>');
  t.is(formatNet(netOf(17, 3)), '<17:3>');
  t.is(formatNet(NET_ANY), '<?>');
  t.is(nidOfText(netOf(17, 3), '10.0.0.1'), undefined);
});

test('every network name parses to its type, also where one is the beginning of another', (t) => {
  for (const { lnd, name } of NET_TYPES) {
    t.is(parseNet(name), netOf(lnd, 0));
    t.is(parseNet(`${name}7`), name === 'lo' ? undefined : netOf(lnd, 7));
    t.is(parseNet(`${name}x`), undefined);
    t.is(parseNet(`${name} 1`), undefined);
  }
});

test('only 0@lo itself is loopback', (t) => {
  t.true(NID_LOOPBACK.isLoopback);
  t.false(nid4(netOf(9, 0), 5).isLoopback);
  t.false(NID_ANY.isLoopback);
});

test('an address longer than four bytes and shorter than IPv6 prints in hexadecimal', (t) => {
  t.is(String(readHex16('02 02 00 01 0a 00 00 01 02 03')), '0a0000010203@tcp1');
});

test('a NID with bytes behind its address is another one: kernel nodes compare them too', (t) => {
  t.not(readHex16('00 02 00 00 0a 00 00 01 00 00 01'), parseNid('10.0.0.1@tcp'));
});

test('NIDs are compared byte by byte in the large form', (t) => {
  const sorted = ['10.0.0.1@tcp', '10.0.0.2@tcp', '11.0.0.1@tcp', '9.0.0.1@tcp1', 'fd00::1@tcp'].map(parseNid);
  sorted.forEach((a, i) => {
    sorted.forEach((b, j) => t.is(Math.sign(compareNids(a, b)), Math.sign(i === j ? 0 : bytesOrder(a, b))));
  });
  t.true(compareNids(parseNid('10.0.0.1@tcp'), parseNid('10.0.0.2@tcp')) < 0);
  t.true(compareNids(parseNid('192.168.0.1@tcp'), parseNid('10.0.0.2@tcp')) > 0);
});

const bytesOrder = (a: Nid, b: Nid): number => Buffer.compare(a.bytes, b.bytes);

test('the text of a NID names the same NID', (t) => {
  const named = fc.oneof(
    fc
      .record({ type: fc.constantFrom(...NET_TYPES), number: fc.nat(65_535), address: fc.nat(0xffffffff) })
      .filter(({ type }) => type.name !== 'lo')
      .map(({ type, number, address }) => nid4(netOf(type.lnd, number), address)),
    fc
      .record({ number: fc.nat(65_535), address: fc.uint8Array({ minLength: 16, maxLength: 16 }) })
      .map(({ number, address }) => nidOfIpv6(netOf(2, number), address)),
  );
  checkProperty(t, named, 3_000, (nid) => {
    if (parseNid(String(nid)) !== nid) throw new Error(String(nid));
    if (String(nid).length > 63) throw new Error('longer than 63 characters');
  });
});

test('IPv6 text is accepted exactly when the runtime accepts it, and comes out in canonical form', (t) => {
  const piece = fc.constantFrom(
    '',
    ':',
    '::',
    '0',
    '00000',
    'f',
    'FD00',
    'g',
    '1.2.3.4',
    '01.2.3.4',
    '1.2.3',
    '.',
    '%',
    '1234:',
    '256.1.1.1',
  );
  const text = fc.oneof(
    fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
    fc.array(piece, { maxLength: 9 }).map((pieces) => pieces.join(':')),
    fc.ipV6(),
  );
  checkProperty(t, text, 10_000, (input) => {
    const bytes = parseIpv6(input);
    if ((bytes !== undefined) !== (isIPv6(input) && !input.includes('%'))) throw new Error(`'${input}'`);
    if (!bytes) return;
    const canonical = formatIpv6(bytes);
    if (hexOf(parseIpv6(canonical) as Uint8Array) !== hexOf(bytes)) throw new Error(canonical);
    const mapped = canonical.startsWith('::ffff:') && canonical.includes('.');
    if (!mapped && new URL(`http://[${input}]/`).hostname !== `[${canonical}]`) throw new Error(canonical);
  });
});

test('no text makes the NID parser do anything but give a NID or nothing', (t) => {
  const piece = fc.constantFrom(
    '@',
    'tcp',
    'o2ib',
    '0',
    '65536',
    '10.0.0.1',
    'fd00::1',
    '0x',
    '*',
    '<?>',
    '-',
    ' ',
    '\0',
    '😀',
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join('')),
  );
  checkProperty(t, text, 3_000, (input) => {
    const nid = tryParseNid(input);
    if (nid && tryParseNid(String(nid)) !== nid) throw new Error(input);
  });
});

test('the address of any four bytes is found again at its place', (t) => {
  checkProperty(t, fc.uint8Array({ minLength: 24, maxLength: 40 }), 2_000, (bytes) => {
    const view = viewOf(bytes);
    let nid: Nid;
    try {
      nid = readNid16(view, 3);
    } catch (error) {
      if (error instanceof WireError) return;
      throw error;
    }
    if (nid !== NID_ANY && !isNid16At(view, 3, nid)) throw new Error('bytes differ');
    const copy = new Uint8Array(NID16_BYTES + 1);
    nid16Kind.write(viewOf(copy), 1, nid, true);
    if (readNid16(viewOf(copy), 1) !== nid) throw new Error('not the same NID');
  });
});

test('a dotted quad has four decimal numbers of at most three digits', (t) => {
  t.is(parseIpv4('255.255.255.255'), 0xffffffff);
  for (const text of ['1.2.3', '1.2.3.4.5', '1.2.3.', '1.2.3.-4', '1.2.3.0x4', '0001.2.3.4', ' 1.2.3.4', '1.2.3.256'])
    t.is(parseIpv4(text), undefined, text);
});
