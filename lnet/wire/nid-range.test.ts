import test from 'ava';
import * as fc from 'fast-check';
import { checkProperty } from '../../test/property.ts';
import { parseNid } from './nid.ts';
import { parseNidRanges } from './nid-range.ts';
import { WireError } from './wire-error.ts';

const canonical = (text: string): string => String(parseNidRanges(text));
const matches = (text: string, nid: string): boolean => parseNidRanges(text).matches(parseNid(nid));

test('ranges of one net are printed together, prefixes before ranges, in order of the nets', (t) => {
  t.is(
    canonical('10.0.0.[1-2]@tcp  5@kfi 10.1.0.0/16@tcp0 fd00::/8@tcp 7@kfi'),
    '10.1.0.0/16@tcp fd00::/8@tcp 10.0.0.[1-2]@tcp 5@kfi 7@kfi',
  );
});

test('a whole net makes its other ranges superfluous', (t) => {
  t.is(canonical('10.0.0.1@tcp *@tcp'), '*@tcp');
  t.true(matches('10.0.0.1@tcp *@tcp', 'fd00::1@tcp'));
  t.false(matches('*@tcp', '10.0.0.1@tcp1'));
});

test('a single value prints bare, a star as its bounds, a step of one not at all', (t) => {
  t.is(canonical('10.[7].[1-5/1].[3-3/2]@tcp'), '10.7.[1-5].3@tcp');
  t.is(canonical('[*]@gni 0x10@gni1 010@gni2'), '[0-4294967295]@gni 16@gni1 8@gni2');
  t.is(canonical('10.0.0.1@tcp0x1f'), '10.0.0.1@tcp31');
});

test('a bare IPv6 address means all its bits, and prints without them', (t) => {
  t.is(canonical('fd00::1@tcp'), 'fd00::1@tcp');
  t.is(canonical('fd00::1/128@tcp'), 'fd00::1@tcp');
  t.true(matches('fd00::1@tcp', 'fd00::1@tcp'));
  t.false(matches('fd00::1@tcp', 'fd00::2@tcp'));
});

test('a prefix compares its bits and no others, in addresses of its family', (t) => {
  t.true(matches('10.0.0.128/25@tcp', '10.0.0.255@tcp'));
  t.false(matches('10.0.0.128/25@tcp', '10.0.0.127@tcp'));
  t.true(matches('2001:db8:8000::/33@tcp', '2001:db8:ffff::1@tcp'));
  t.false(matches('2001:db8:8000::/33@tcp', '2001:db8:7fff::1@tcp'));
  t.false(matches('10.0.0.0/8@tcp', '0a00::@tcp'));
});

test('an address range never matches a large NID by its first bytes', (t) => {
  t.false(matches('32.1.13.184@tcp', '2001:db8::1@tcp'));
  t.false(matches('*.*.*.*@tcp', '2001:db8::1@tcp'));
});

test('the prefix branch is taken for a slash that no bracket follows', (t) => {
  t.true(matches('10.0.0.[2-8/2]@tcp', '10.0.0.4@tcp'));
  t.true(matches('10.0.0.0/30@o2ib', '10.0.0.3@o2ib'));
});

test('what is no NID list is rejected by item', (t) => {
  for (const text of [
    '',
    ' ',
    '10.0.0.1',
    '@tcp',
    '10.0.0.1@',
    '10.0.0.1@tcp65536',
    '10.0.0.1@tcp0x10000',
    '10.0.0@tcp',
    '10.0.0.256@tcp',
    '10.0.0.[1-256]@tcp',
    '10.0.0.[3-1]@tcp',
    '10.0.0.[1-9/0]@tcp',
    '10.0.0.[1,]@tcp',
    '10.0.0.[]@tcp',
    '10.0.0.[1@tcp',
    '10.0.0.08@tcp',
    '10.0.0.0/33@tcp',
    '10.0.0.0/@tcp',
    'fd00::/129@tcp',
    'fd00::/0@tcp',
    'fd00::1@o2ib',
    'fd00::1@kfi',
    '4294967296@kfi',
    '0@lo1',
    '<?>',
  ])
    t.is(t.throws(() => parseNidRanges(text), { instanceOf: WireError })?.reason, 'bad_value', text);
});

test('the canonical text of any list means the same', (t) => {
  const octet = fc.oneof(
    fc.constant('*'),
    fc.nat(255).map(String),
    fc
      .record({ low: fc.nat(255), span: fc.nat(255), step: fc.integer({ min: 1, max: 9 }) })
      .map(({ low, span, step }) => `[${low}-${Math.min(255, low + span)}/${step},${low}]`),
  );
  const item = fc.oneof(
    fc.tuple(octet, octet, octet, octet).map((octets) => `${octets.join('.')}@tcp`),
    fc.tuple(fc.ipV4(), fc.integer({ min: 1, max: 32 })).map(([address, bits]) => `${address}/${bits}@tcp`),
    fc.tuple(fc.ipV6(), fc.integer({ min: 1, max: 128 })).map(([address, bits]) => `${address}/${bits}@tcp`),
  );
  const input = fc.record({
    items: fc.array(item, { minLength: 1, maxLength: 5 }),
    nids: fc.array(fc.oneof(fc.ipV4(), fc.ipV6()), { maxLength: 20 }),
  });
  checkProperty(t, input, 1_000, ({ items, nids }) => {
    const list = parseNidRanges(items.join(' '));
    const again = parseNidRanges(String(list));
    // A /32 prints as an address, which is a range when read again and then stands behind the prefixes.
    if (canonical(String(again)) !== String(again)) throw new Error(`${again}, printed again, differs`);
    for (const address of nids) {
      const nid = parseNid(`${address}@tcp`);
      if (list.matches(nid) !== again.matches(nid)) throw new Error(`${nid} in ${list}`);
    }
  });
});

test('no text makes the parser do anything but give a list or a WireError', (t) => {
  const piece = fc.constantFrom(
    '10',
    '.',
    '[',
    ']',
    '-',
    '/',
    ',',
    '*',
    '@tcp',
    '@kfi',
    ' ',
    ':',
    'fd00::',
    '0x1',
    '08',
    '@',
  );
  const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
  checkProperty(t, text, 5_000, (input) => {
    try {
      parseNidRanges(input);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  });
});
