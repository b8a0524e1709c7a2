import test from 'ava';
import { EMPTY_IOV } from '../iov.ts';
import { MdTable } from './md-table.ts';
import type { Md } from './md.ts';

const SPEC = { memory: EMPTY_IOV };

function create(table: MdTable): Md {
  return table.create(SPEC, EMPTY_IOV, 0, true, false);
}

test('a cookie names a slot with type bits 1 below, and how often the slot was used', (t) => {
  const table = new MdTable();
  create(table);
  const second = create(table);
  t.deepEqual([second.cookieLow, second.cookieHigh, second.cookie], [(1 << 2) | 1, 1, 0x1_0000_0005n]);
});

test('a cookie resolves until its descriptor is removed, and never again', (t) => {
  const table = new MdTable();
  const first = create(table);
  t.is(table.find(first.cookieLow, first.cookieHigh), first);
  table.remove(first);
  const second = create(table);
  t.is(second.cookieLow, first.cookieLow);
  t.not(second.cookieHigh, first.cookieHigh);
  t.is(table.find(first.cookieLow, first.cookieHigh), undefined);
  t.is(table.find(second.cookieLow, second.cookieHigh), second);
});

test('bits that are no cookie of this table resolve to nothing', (t) => {
  const table = new MdTable();
  const { cookieLow, cookieHigh } = create(table);
  const wrong = [
    [cookieLow + 1, cookieHigh],
    [cookieLow - 1, cookieHigh],
    [cookieLow + 4, cookieHigh],
    [cookieLow, cookieHigh + 1],
    [cookieLow, 0],
    [0xffffffff, 0xffffffff],
    [0xfffffffd, 1],
  ] as const;
  for (const [low, high] of wrong) t.is(table.find(low, high), undefined, `${high}:${low}`);
});

test('a slot whose generations are used up is given up', (t) => {
  const table = new MdTable({ generationMax: 2 });
  const cookies = Array.from({ length: 5 }, () => {
    const md = create(table);
    table.remove(md);
    return md.cookie;
  });
  t.is(new Set(cookies).size, 5);
  t.is(cookies[2], 0x1_0000_0005n);
});

test('the table holds as many descriptors as its bound and no more', (t) => {
  const table = new MdTable({ mdsMax: 2 });
  const first = create(table);
  create(table);
  t.like(
    t.throws(() => create(table)),
    { code: 'ERR_LNET_LIMIT', errno: -12 },
  );
  table.remove(first);
  t.notThrows(() => create(table));
});

test('removing a descriptor twice is a programmer error', (t) => {
  const table = new MdTable();
  const md = create(table);
  table.remove(md);
  t.throws(() => table.remove(md), { message: /removed twice/ });
});
