import test from 'ava';
import { DIALECT_N, DIALECT_N2, printBlock } from './block.ts';
import { printClassic } from './classic.ts';
import { type Key, type Selection, selectItems, selectKeys } from './keys.ts';
import { printClassicReport, printManageFailures, printReport } from './report.ts';
import { blockOf, outputOf, treeOf } from './spec-example.test-support.ts';
import {
  BUFFER_KEYS,
  GLOBAL_KEYS,
  NET_KEYS,
  PEER_KEYS,
  PEER_LIST_KEYS,
  PING_KEYS,
  ROUTE_KEYS,
  routingItemKeys,
  STATISTICS_KEYS,
  UDSP_KEYS,
} from './tables.ts';
import type { Tree, TreeMap } from './tree.ts';

const level = (of: number): Selection => ({ level: of, isBackup: false });
const BACKUP: Selection = { level: 4, isBackup: true };

/** The items of a block of an example, with the table's selection. */
function items(text: string, block: string, keys: readonly Key[], selection: Selection): TreeMap {
  return { [block]: selectItems(keys, treeOf(text)[block] as Tree[], selection) };
}

const title =
  '`net show` (levels 0–4), `peer show` (0–4), `route show` (with and without -v) match key order, indent and quoting of 5.2–5.4 byte for byte.';

test(title, (t) => {
  const same = (example: string, block: string, keys: readonly Key[], of: number): void => {
    const text = outputOf(example);
    t.is(printBlock(items(text, block, keys, level(of)), DIALECT_N), text, example);
  };
  same('lnetctl net show', 'net', NET_KEYS, 0);
  same('lnetctl net show --net tcp -v 3', 'net', NET_KEYS, 3);
  same('lnetctl peer show -v 4', 'peer', PEER_KEYS, 4);
  same('lnetctl peer show --nid 192.168.2.20@tcp', 'peer', PEER_KEYS, 0);
  same('lnetctl peer list', 'peer list', PEER_LIST_KEYS, 0);
  same('lnetctl route show', 'route', ROUTE_KEYS, 0);
  same('lnetctl route show -v', 'route', ROUTE_KEYS, 1);
});

/** Names of the lines, to see what a level adds. */
const names = (text: string): string[] => [...text.matchAll(/^[ -]*([^:]+):/gm)].map((match) => match[1] as string);

test('each level of net show prints the keys of the table and no others', (t) => {
  const full = outputOf('lnetctl net show --net tcp -v 3');
  const at = (of: number): string[] => names(printBlock(items(full, 'net', NET_KEYS, level(of)), DIALECT_N));
  t.deepEqual(at(0), ['net', 'net type', 'local NI(s)', 'nid', 'status', 'interfaces', '0']);
  t.deepEqual(
    at(1).slice(7),
    [
      ['statistics', 'send_count', 'recv_count', 'drop_count'],
      ['tunables', 'peer_timeout', 'peer_credits', 'peer_buffer_credits', 'credits'],
      ['lnd tunables', 'conns_per_peer', 'timeout', 'tos', 'dev cpt', 'CPT'],
    ].flat(),
  );
  t.deepEqual(at(2), at(3));
});

test('each level of peer show prints the keys of the table and no others', (t) => {
  const full = outputOf('lnetctl peer show -v 4');
  const at = (of: number): string[] => names(printBlock(items(full, 'peer', PEER_KEYS, level(of)), DIALECT_N));
  t.deepEqual(at(0), ['peer', 'primary nid', 'Multi-Rail', 'peer ni', 'nid', 'state']);
  t.false(at(1).includes('sent_stats'));
  t.true(at(1).includes('statistics'));
  t.true(at(2).includes('sent_stats'));
  t.false(at(2).includes('peer state'));
  t.true(at(3).includes('peer state'));
  t.false(at(3).includes('udsp info'));
});

test('`routing show`, `global show`, `stats show`, `udsp show` use dialect C exactly; `stats show` has 26 lines below `statistics:`.', (t) => {
  const global = outputOf('lnetctl global show');
  const all = level(4);
  t.is(printClassic({ global: selectKeys(GLOBAL_KEYS, treeOf(global)['global'] as TreeMap, all) }), global);
  const statistics = blockOf('statistics:');
  const printed = printClassic({
    statistics: selectKeys(STATISTICS_KEYS, treeOf(statistics)['statistics'] as TreeMap, all),
  });
  t.is(printed, statistics);
  t.is(printed.split('\n').length - 2, 26);
  const routing = blockOf('routing:\n    - cpt[0]:\n          tiny:\n              npages: 0\n              nbuffers');
  const tree = treeOf(routing);
  t.is(
    printClassic({
      routing: (tree['routing'] as TreeMap[]).map((item, at) => selectKeys(routingItemKeys(at), item, all)),
      buffers: selectKeys(BUFFER_KEYS, tree['buffers'] as TreeMap, all),
    }),
    routing,
  );
  const udsp = outputOf('lnetctl udsp show');
  t.is(printClassic(items(udsp, 'udsp', UDSP_KEYS, all)), udsp);
});

test('`ping`/`discover` use indent 2 and the key `peer_ni`.', (t) => {
  const ping = outputOf('lnetctl ping 192.168.1.20@tcp');
  t.is(printBlock(items(ping, 'ping', PING_KEYS, level(0)), DIALECT_N2), ping);
  const discover = blockOf('discover:\n- primary nid');
  t.is(printBlock(items(discover, 'discover', PING_KEYS, level(0)), DIALECT_N2), discover);
});

test('export --backup prints net, route and peer as the example of 7.5', (t) => {
  const text = blockOf(
    'net:\n-     net type: tcp\n      local NI(s):\n      -     interfaces:\n                  0: eth0\n            tunables',
  );
  const tree = treeOf(text);
  const netlink = { net: NET_KEYS, route: ROUTE_KEYS, peer: PEER_KEYS };
  const printed = Object.entries(netlink).map(([block, keys]) =>
    printBlock({ [block]: selectItems(keys, tree[block] as Tree[], BACKUP) }, DIALECT_N),
  );
  t.is(printed.join(''), text.slice(0, text.indexOf('routing:')));
});

test('a backup leaves out what set-up does not need', (t) => {
  const full = outputOf('lnetctl net show --net tcp -v 3');
  const kept = names(printBlock(items(full, 'net', NET_KEYS, BACKUP), DIALECT_N));
  t.deepEqual(
    kept,
    [
      ['net', 'net type', 'local NI(s)', 'interfaces', '0'],
      ['tunables', 'peer_timeout', 'peer_credits', 'peer_buffer_credits', 'credits'],
      ['lnd tunables', 'conns_per_peer', 'tos', 'CPT'],
    ].flat(),
  );
});

test('a rejected netlink operation is reported as in 7.6', (t) => {
  const shown = blockOf('$ lnetctl route add --net o2ib --gateway').split('\n').slice(1, -2).join('\n');
  const report = { action: 'add', item: 'route', errno: -113 };
  t.is(printReport({ ...report, description: 'No interface configured on the same net as gateway' }), `${shown}\n`);
  t.is(
    printReport({
      action: 'manage',
      item: 'ping',
      errno: -22,
      description: '"Unable to parse nidlist: no valid NIDs in string"',
    }),
    '---\nmanage:\n-     ping:\n      errno: -22\n      descr: ! "\\"Unable to parse nidlist: no valid NIDs in string\\""\n...\n',
  );
});

test('a rejected classic operation is reported as in 3.2', (t) => {
  t.is(
    printClassicReport({
      action: 'add',
      item: 'retry_count',
      errno: -61,
      description: 'cannot configure retry count: Invalid argument',
    }),
    blockOf('add:\n    - retry_count:'),
  );
});

test('failed pings follow the successes, a text with an errno in single quotes', (t) => {
  const example = blockOf(
    'ping:\n- primary nid: 192.168.1.20@tcp\n  Multi-Rail: true\n  peer_ni:\n  - nid: 192.168.1.20@tcp\nmanage:',
  );
  const tree = treeOf(example);
  const successes = printBlock({ ping: selectItems(PING_KEYS, tree['ping'] as Tree[], level(0)) }, DIALECT_N2);
  const failures = printManageFailures([
    { action: 'manage', item: 'ping', errno: -110, description: 'failed to ping 10.0.0.9@tcp' },
  ]);
  t.is(successes + failures, example);
});

test('a value is quoted only when it would not read back as the same text', (t) => {
  const texts = [
    '[0,1]',
    '::1',
    'fd77::1@tcp6',
    '<?>',
    '-1',
    '7',
    'true',
    '',
    '*@tcp',
    'a: b',
    'eth0:1',
    "it's",
    '- x',
    'x #y',
  ];
  t.is(
    printBlock({ a: texts }, DIALECT_N2),
    [
      'a:',
      '- "[0,1]"',
      '- ::1',
      '- fd77::1@tcp6',
      '- <?>',
      '- "-1"',
      '- "7"',
      '- "true"',
      '- ""',
      '- "*@tcp"',
      '- "a: b"',
      '- eth0:1',
      "- it's",
      '- "- x"',
      '- "x #y"',
      '',
    ].join('\n'),
  );
  t.deepEqual(treeOf(printBlock({ a: texts }, DIALECT_N)), { a: texts });
});
