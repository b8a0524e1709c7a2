import test from 'ava';
import { expandNodeIds } from './node-id-list.ts';

const expand = (text: string): unknown => {
  const list = expandNodeIds(text);
  return 'fault' in list ? list.fault : list.nids.map(String);
};

test('an id list expands its brackets left to right, in order', (t) => {
  t.deepEqual(
    expand('192.168.1.[2-5,9]@tcp'),
    [2, 3, 4, 5, 9].map((host) => `192.168.1.${host}@tcp`),
  );
  t.deepEqual(expand('10.[1-2].0.[1-9/4]@o2ib'), [
    '10.1.0.1@o2ib',
    '10.1.0.5@o2ib',
    '10.1.0.9@o2ib',
    '10.2.0.1@o2ib',
    '10.2.0.5@o2ib',
    '10.2.0.9@o2ib',
  ]);
  t.deepEqual(expand('10.0.0.1@tcp[1-2]'), ['10.0.0.1@tcp1', '10.0.0.1@tcp2']);
  t.deepEqual(expand('10.0.0.1'), ['10.0.0.1@tcp']);
});

test('an id list with a syntax error is refused as a whole', (t) => {
  for (const text of [
    '10.0.0.[1-2@tcp',
    '10.0.0.1-2]@tcp',
    '10.0.0.[]@tcp',
    '10.0.0.[2-1]@tcp',
    '10.0.0.[1-1]@tcp',
    '10.0.0.[1-9/0]@tcp',
    '10.0.0.[*]@tcp',
    '10.0.0.[0x1]@tcp',
    '10.0.0.[1,]@tcp',
    '10.0.0.1@tcp,10.0.0.2@tcp',
    '10.[0-255].[0-255].[0-255]@tcp',
  ])
    t.is(expand(text), `Syntax error in "${text}"`);
});

test('an id list with a NID that no selftest node can have is refused as a whole', (t) => {
  t.is(expand('10.0.0.[255-256]@tcp'), 'Invalid nid: 10.0.0.256@tcp');
  t.is(expand('fd77::1@tcp'), 'Invalid nid: fd77::1@tcp');
  t.is(expand('0@lo'), 'Invalid nid: 0@lo');
  t.is(expand('host@tcp'), 'Invalid nid: host@tcp');
  t.is(expand(''), 'Invalid nid: ');
});
