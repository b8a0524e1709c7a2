import test from 'ava';
import { LnetError } from '../error-code.ts';
import { expandNidList } from './nid-list.ts';

const nids = (text: string, max?: number): string[] => expandNidList(text, max).map(String);

test('a NID list gives every NID of its ranges, in order', (t) => {
  t.deepEqual(nids('10.0.0.1@tcp,10.0.1.1@tcp1'), ['10.0.0.1@tcp', '10.0.1.1@tcp1']);
  t.deepEqual(
    nids('10.1.1.[2-5,8]@tcp'),
    [2, 3, 4, 5, 8].map((last) => `10.1.1.${last}@tcp`),
  );
  t.deepEqual(nids('10.0.0.[1-4]@tcp,10.0.1.1@tcp1').length, 5);
  t.deepEqual(nids('10.0.0.[1-7/3]@tcp'), ['10.0.0.1@tcp', '10.0.0.4@tcp', '10.0.0.7@tcp']);
  t.deepEqual(nids('10.[1,2].0.[3,4]@o2ib[0-1]'), [
    '10.1.0.3@o2ib',
    '10.1.0.3@o2ib1',
    '10.1.0.4@o2ib',
    '10.1.0.4@o2ib1',
    '10.2.0.3@o2ib',
    '10.2.0.3@o2ib1',
    '10.2.0.4@o2ib',
    '10.2.0.4@o2ib1',
  ]);
  t.deepEqual(nids('2001:db8::1@tcp, [5-6]@kfi'), ['2001:db8::1@tcp', '5@kfi', '6@kfi']);
});

test('what is no NID list is refused with the text that lnetctl prints', (t) => {
  const cases: Readonly<Record<string, string>> = {
    '10.0.0.*@tcp': 'asterisk not allowed in nidstring',
    '<?>': 'Unable to parse nidlist: LNET_ANY_NID is unsupported',
    '': 'Unable to parse nidlist: no valid NIDs in string',
    ' ': 'Unable to parse nidlist: no valid NIDs in string',
    '10.0.0.1': 'Unable to parse nidlist: invalid NID in nidstr',
    '10.0.0.1@tcp,': 'Unable to parse nidlist: invalid NID in nidstr',
    '10.0.0.[255-256]@tcp': 'Unable to parse nidlist: invalid NID in nidstr',
    '10.0.0.1-3@tcp': 'Unable to parse nidlist: [] are missing',
    '10.0.0.[]@tcp': 'Unable to parse nidlist: [] are missing',
    '10.0.0.[1-3@tcp': 'Unable to parse nidlist: incomplete bracket set',
    '10.0.0.1]@tcp': 'Unable to parse nidlist: incomplete bracket set',
    '10.0.0.]1[@tcp': 'Unable to parse nidlist: improper bracket ordering',
    '10.0.0.[[1]]@tcp': 'Unable to parse nidlist: improper bracket ordering',
    '10.0.0.[1-]@tcp': 'Unable to parse nidlist: range needs number after -',
    '10.0.0.[1-/2]@tcp': 'Unable to parse nidlist: range needs number after -',
    '10.0.0.[1-4/]@tcp': 'Unable to parse nidlist: range needs number after /',
    '10.0.0.[1-4/0]@tcp': 'Unable to parse nidlist: range needs number after /',
    '10.0.0.[1,]@tcp': 'Unable to parse nidlist: range needs number after ,',
    '10.0.0.[4-1]@tcp': 'Unable to parse nidlist: range is wrong order',
    '10.0.0.[a]@tcp': 'Unable to parse nidlist: invalid character in range',
    '10.0.0.[1;2]@tcp': 'Unable to parse nidlist: invalid character in range',
  };
  for (const [text, message] of Object.entries(cases))
    t.is(t.throws(() => expandNidList(text), { instanceOf: LnetError })?.message, message, text);
});

test('a list of a peer gives at most 128 NIDs, however long the range is', (t) => {
  t.is(nids('10.0.0.[1-128]@tcp').length, 128);
  t.is(nids('10.0.0.[1-127]@tcp,10.0.1.1@tcp').length, 128);
  for (const text of [
    '10.0.0.[1-129]@tcp',
    '10.0.0.[1-128]@tcp,10.0.1.1@tcp',
    '[0-4294967295]@kfi',
    '[0-99].[0-99].0.1@tcp',
  ])
    t.is(t.throws(() => expandNidList(text), { instanceOf: LnetError })?.code, 'ERR_LNET_LIMIT', text);
  t.is(nids('10.0.[0-3].[0-255]@tcp', 1024).length, 1024);
});
