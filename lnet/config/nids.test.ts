import test from 'ava';
import { array, assert, constantFrom, property } from 'fast-check';
import { parseAddressPattern } from './address-pattern.ts';
import { parseCInteger } from './c-integer.ts';
import { checkCptSet, interfaceName } from './interface-list.ts';
import { NidsError, parseNids } from './nids.ts';

const texts = (list: string): string[] => parseNids(list).map(String);
const reason = (list: string): string => {
  try {
    parseNids(list);
    return 'none';
  } catch (error) {
    if (!(error instanceof NidsError)) throw error;
    return error.message;
  }
};

test('NIDS: commas, ranges with and without stride, in address and net number', (t) => {
  t.deepEqual(
    texts('10.1.1.[2-4,8]@tcp'),
    [2, 3, 4, 8].map((n) => `10.1.1.${n}@tcp`),
  );
  t.deepEqual(texts('10.0.0.1@tcp0,10.0.1.1@tcp1'), ['10.0.0.1@tcp', '10.0.1.1@tcp1']);
  t.deepEqual(texts('[1-9/4]@kfi[1,2]'), ['1@kfi1', '1@kfi2', '5@kfi1', '5@kfi2', '9@kfi1', '9@kfi2']);
  t.deepEqual(texts('10.0.0.[1,1]@tcp'), ['10.0.0.1@tcp']);
  t.is(parseNids('10.0.[0-1].[1-64]@tcp').length, 128);
});

test('NIDS: what is no list of NIDs is refused with the reason of lnetctl §4', (t) => {
  const reasons: Readonly<Record<string, string>> = {
    '': 'no valid NIDs in string',
    '*@tcp': 'asterisk not allowed in nidstring',
    '<?>': 'LNET_ANY_NID is unsupported',
    '10.0.0.1': 'invalid NID in nidstr',
    '10.0.0.1@tcp,': 'invalid NID in nidstr',
    '10.0.0.256@tcp': 'invalid NID in nidstr',
    '10.0.0.[1-3@tcp': 'incomplete bracket set',
    '10.0.0.1-3]@tcp': 'incomplete bracket set',
    '10.0.0.]1[@tcp': 'improper bracket ordering',
    '10.0.0.[1-[2]]@tcp': 'improper bracket ordering',
    '10.0.0.[1-]@tcp': 'range needs number after -',
    '10.0.0.[1-3/]@tcp': 'range needs number after /',
    '10.0.0.[1,]@tcp': 'range needs number after ,',
    '10.0.0.[3-1]@tcp': 'range is wrong order',
    '10.0.0.[1-3/0]@tcp': 'invalid character in range',
    '10.0.0.[a]@tcp': 'invalid character in range',
    '10.0.[0-1].[1-65]@tcp': 'more than 128 NIDs',
    '[0-4294967295]@kfi': 'range has more than 65536 values',
  };
  t.deepEqual(Object.fromEntries(Object.keys(reasons).map((list) => [list, reason(list)])), reasons);
});

test('NIDS: any text gives NIDs or a reason, soon', (t) => {
  const piece = constantFrom('10.0.0.', '[', ']', '-', '/', ',', '1', '9999999', '@tcp', '@', '*', ' ', '0x');
  assert(
    property(array(piece, { maxLength: 30 }), (pieces) => reason(pieces.join('')).length > 0),
    { seed: 11 },
  );
  t.pass();
});

test('interface lists: a CPT set is checked and dropped', (t) => {
  t.is(interfaceName('eth0[0,1]'), 'eth0');
  t.is(interfaceName(' ib0[2-3] '), 'ib0');
  t.is(interfaceName('eth0:1'), 'eth0:1');
  for (const good of ['[0,1]', '[0-3]', '0', '0-3']) t.notThrows(() => checkCptSet(good));
  for (const bad of ['eth0[', 'eth0[x]', '[0]', '']) t.throws(() => interfaceName(bad));
});

test('numbers are read in C syntax', (t) => {
  const values: Readonly<Record<string, number | undefined>> = {
    '10': 10,
    '0x1F': 31,
    '010': 8,
    '0': 0,
    '-1': -1,
    '+7': 7,
    '08': undefined,
    '1.5': undefined,
    '1e3': undefined,
    '': undefined,
    ' 4 ': 4,
    '99999999999999999999': undefined,
  };
  t.deepEqual(Object.fromEntries(Object.keys(values).map((text) => [text, parseCInteger(text)])), values);
});

const four = (text: string): number => text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);

const matches = (pattern: string, address: string): boolean => parseAddressPattern(pattern).matches(four(address));

test('ip2nets patterns match whole addresses', (t) => {
  t.true(matches('192.168.[0-3].*', '192.168.3.255'));
  t.false(matches('192.168.[0-3].*', '192.168.4.1'));
  t.true(matches('10.1.1.[2-8/2,15]', '10.1.1.15'));
  t.false(matches('10.1.1.[2-8/2]', '10.1.1.5'));
  for (const bad of ['10.1.1', '10.1.1.256', '10.1.1.1-3', '10.1.1.[', 'fd00::/0', 'fd00::/129', 'fd0g::']) {
    t.throws(() => parseAddressPattern(bad), undefined, bad);
  }
});
