import test from 'ava';
import { netOf, SOCKLND } from '../wire/net.ts';
import { nid4, nidOfIpv6 } from '../wire/nid.ts';
import { Me } from './me.ts';
import { MeTable } from './me-table.ts';

const NET = netOf(SOCKLND, 0);
const ENTRIES = 10_000;

/** Keys that differ in one place only, as real ones do. */
const KEYS = {
  'consecutive match bits': (i: number) => ({ matchBits: BigInt(i) }),
  'match bits that are equal in their low 8 bits': (i: number) => ({ matchBits: BigInt(i) << 8n }),
  'match bits that differ in the upper half': (i: number) => ({ matchBits: BigInt(i) << 40n }),
  'addresses of one network': (i: number) => ({ nid: nid4(NET, 0x0a000000 + i) }),
  'networks of one address': (i: number) => ({ nid: nid4(netOf(SOCKLND, i), 0x0a000001) }),
  'IPv6 addresses': (i: number) => ({
    nid: nidOfIpv6(NET, Uint8Array.of(...new Array(14).fill(0xfd), i >> 8, i & 255)),
  }),
  'process ids': (i: number) => ({ pid: 0x80000000 + i }),
} as const;

for (const [name, keyOf] of Object.entries(KEYS)) {
  test(`an entry among 10,000 with ${name} is found after few others`, (t) => {
    const table = new MeTable(true);
    const mes = Array.from(
      { length: ENTRIES },
      (_, i) => new Me({ portal: 0, nid: nid4(NET, 1), pid: 12345, matchBits: 1n, ...keyOf(i) }),
    );
    for (const me of mes) table.add(me, false);
    let steps = 0;
    for (const me of mes) {
      let at = table.listOf(me.matchBitsLow, me.matchBitsHigh, me.nid, me.pid).first;
      for (; at !== me && at; at = at.next) steps++;
      t.is(at, me);
    }
    t.true(steps / ENTRIES < 2, `${steps / ENTRIES} others on the average`);
    for (const me of mes) table.remove(me);
    t.is(table.size, 0);
  });
}

test('a wildcard table finds entries by their match bits alone', (t) => {
  const table = new MeTable(false);
  const me = new Me({ portal: 0, nid: nid4(NET, 1), pid: 7, matchBits: 5n });
  table.add(me, false);
  t.is(table.listOf(5, 0, nid4(NET, 99), 12345).first, me);
});
