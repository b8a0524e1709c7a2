import test from 'ava';
import { parseCInteger, parseFlag } from './c-integer.ts';

test('numbers are read in C syntax, with a sign', (t) => {
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
    '-': undefined,
    ' 4 ': 4,
    '99999999999999999999': undefined,
  };
  t.deepEqual(Object.fromEntries(Object.keys(values).map((text) => [text, parseCInteger(text)])), values);
});

test('flags are read in any of their spellings', (t) => {
  t.deepEqual(['true', 'YES', 'On', '1'].map(parseFlag), [true, true, true, true]);
  t.deepEqual(['false', 'NO', 'Off', '0'].map(parseFlag), [false, false, false, false]);
  t.deepEqual(['', '2', 'maybe'].map(parseFlag), [undefined, undefined, undefined]);
});
