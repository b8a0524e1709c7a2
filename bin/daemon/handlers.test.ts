import test from 'ava';
import { DEFAULT_NALS } from '../../index.ts';
import { LnetError } from '../../lnet/error-code.ts';
import type { LnetNode } from '../../lnet/node.ts';
import { selectItems } from '../print/keys.ts';
import { GLOBAL_KEYS, NET_KEYS, PEER_KEYS, ROUTE_KEYS, STATISTICS_KEYS } from '../print/tables.ts';
import { isTreeList, isTreeMap, type Tree, type TreeMap } from '../print/tree.ts';
import type { Handlers } from './control-server.ts';
import { ReportedError } from './fault.ts';
import { importHandlers } from './handlers/import.ts';
import { pingHandlers } from './handlers/ping.ts';
import { setHandlers } from './handlers/set.ts';
import { showHandlers } from './handlers/show.ts';
import { call, startNodes, TEST_HOST } from './node.test-support.ts';

const ALL = { level: 4, isBackup: false };

const handlersOf = (node: LnetNode): Handlers => ({
  ...showHandlers(node),
  ...pingHandlers(node),
  ...setHandlers(node),
  ...importHandlers(node, TEST_HOST, { accept: 'all', acceptPort: 988 }),
});

/** Names of all keys, nested ones behind their parents, each once. */
function keysOf(tree: Tree): string[] {
  return [...new Set(paths(tree))].toSorted();
}

function paths(tree: Tree): string[] {
  if (isTreeList(tree)) return tree.flatMap(paths);
  if (!isTreeMap(tree)) return [];
  return Object.entries(tree).flatMap(([key, value]) => [key, ...paths(value).map((inner) => `${key}/${inner}`)]);
}

/** The mappings of a sequence below a key; none when it is not there. */
function mapsAt(tree: Tree | undefined, key: string): TreeMap[] {
  const found = isTreeMap(tree) ? tree[key] : undefined;
  return isTreeList(found) ? found.filter(isTreeMap) : [];
}

/** What an import refused, as its report has it. */
async function refusal(handlers: Handlers, text: string, mode = 'add'): Promise<string> {
  const error = await call(handlers, 'import', { mode, file: 'a.yaml', text }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ReportedError)) return `no report: ${String(error)}`;
  const { action, item, description } = error.report;
  return `${action}/${item} ${error.errno} ${description} at ${error.place}`;
}

test('what a node tells of itself has every key of the tables, and no key that the tables lack', async (t) => {
  const [node] = (await startNodes(t, ['127.0.0.21', '127.0.0.22'])) as [LnetNode, LnetNode];
  const handlers = handlersOf(node);
  await call(handlers, 'discover', { nid: '127.0.0.22@tcp' });
  await call(handlers, 'import', { mode: 'add', file: 'a', text: 'route: [{net: o2ib, gateway: 127.0.0.22@tcp}]' });
  const tables = { 'net.show': NET_KEYS, 'peer.show': PEER_KEYS, 'route.show': ROUTE_KEYS };
  for (const [op, keys] of Object.entries(tables)) {
    const shown = (await call(handlers, op)) as Tree[];
    t.true(shown.length > 0, op);
    t.deepEqual(keysOf(selectItems(keys, shown, ALL)), keysOf(shown), op);
  }
  for (const [op, keys] of Object.entries({ 'stats.show': STATISTICS_KEYS, 'global.show': GLOBAL_KEYS })) {
    const shown = (await call(handlers, op)) as TreeMap;
    t.deepEqual(
      keys.filter((key) => shown[key.name] === undefined),
      [],
      op,
    );
  }
});

test('lo is first in `net show` and its tunables are all 0', async (t) => {
  const [node] = (await startNodes(t, ['127.0.0.23'])) as [LnetNode];
  const [lo, tcp, ...more] = (await call(handlersOf(node), 'net.show')) as TreeMap[];
  t.is(lo?.['net type'], 'lo');
  t.is(tcp?.['net type'], 'tcp');
  t.deepEqual(more, []);
  const [ni] = mapsAt(lo, 'local NI(s)');
  t.is(ni?.['nid'], '0@lo');
  t.is(ni?.['status'], 'up');
  t.false('interfaces' in (ni ?? {}));
  t.false('lnd tunables' in (ni ?? {}));
  t.deepEqual(ni?.['tunables'], { peer_timeout: 0, peer_credits: 0, peer_buffer_credits: 0, credits: 0 });
  const [tcpNi] = mapsAt(tcp, 'local NI(s)');
  t.deepEqual(Object.keys(tcpNi?.['lnd tunables'] as TreeMap), ['conns_per_peer', 'timeout', 'tos']);
  t.deepEqual(tcpNi?.['interfaces'], { 0: '127.0.0.23' });
});

test('net show without a match is an error, peer and route show without one are empty', async (t) => {
  const [node] = (await startNodes(t, ['127.0.0.24'])) as [LnetNode];
  const handlers = handlersOf(node);
  const error = await t.throwsAsync(call(handlers, 'net.show', { net: 'o2ib' }), { instanceOf: ReportedError });
  t.deepEqual([error.errno, error.report], [-100, { action: 'show', item: 'net', description: 'Network is down' }]);
  t.deepEqual(await call(handlers, 'peer.show', { nid: '127.0.0.99@tcp' }), []);
  t.deepEqual(await call(handlers, 'route.show'), []);
  await t.throwsAsync(call(handlers, 'net.show', { net: 'tcpx' }), { message: /'tcpx' is no network/ });
});

test('a ping and a discovery answer with what the peer said and what is known of it', async (t) => {
  const [node] = (await startNodes(t, ['127.0.0.25', '127.0.0.26'])) as [LnetNode, LnetNode];
  const handlers = handlersOf(node);
  const nid = '127.0.0.26@tcp';
  t.deepEqual(await call(handlers, 'ping', { nid }), { 'primary nid': nid, 'Multi-Rail': false, peer_ni: [{ nid }] });
  t.deepEqual(await call(handlers, 'discover', { nid, force: true }), {
    'primary nid': nid,
    'Multi-Rail': true,
    peer_ni: [{ nid }],
  });
  const [peer] = (await call(handlers, 'peer.show', { nid })) as TreeMap[];
  t.is(peer?.['Multi-Rail'], true);
  t.is(mapsAt(peer, 'peer ni')[0]?.['state'], 'NA');
  const error = await t.throwsAsync(call(handlers, 'ping', { nid: '127.0.0.99@tcp' }), { instanceOf: ReportedError });
  t.deepEqual(error.report, { action: 'manage', item: 'ping', description: 'failed to ping 127.0.0.99@tcp' });
  t.true(error.errno < 0);
});

test('statistics are reset, live messages stay counted', async (t) => {
  const [node] = (await startNodes(t, ['127.0.0.27', '127.0.0.28'])) as [LnetNode, LnetNode];
  const handlers = handlersOf(node);
  await call(handlers, 'ping', { nid: '127.0.0.28@tcp' });
  const before = (await call(handlers, 'stats.show')) as TreeMap;
  t.true((before['send_count'] as number) > 0);
  t.is(await call(handlers, 'stats.reset'), null);
  const after = (await call(handlers, 'stats.show')) as TreeMap;
  t.is(after['send_count'], 0);
  t.is(after['msgs_alloc'], before['msgs_alloc'] as number);
  const drops = (await call(handlers, 'drops.show')) as TreeMap[];
  t.true(drops.some((drop) => drop['reason'] === 'no_match' && drop['count'] === 0));
});

test('`global show` default values equal 5.6; lnd_timeout follows the formula after changing retry_count.', async (t) => {
  const [node] = (await startNodes(t, ['127.0.0.29'])) as [LnetNode];
  const handlers = handlersOf(node);
  const shown = async (): Promise<TreeMap> => (await call(handlers, 'global.show')) as TreeMap;
  t.is((await shown())['lnd_timeout'], 49);
  await call(handlers, 'set', { name: 'retry_count', value: 5 });
  t.is((await shown())['lnd_timeout'], 24);
  await t.throwsAsync(call(handlers, 'set', { name: 'retry_count', value: 151 }), { instanceOf: LnetError });
  t.is((await shown())['retry_count'], 5);
  await call(handlers, 'set', { name: 'max_interfaces', value: 3 });
  t.is((await shown())['max_interfaces'], 200);
  await call(handlers, 'set', { name: 'discovery', value: 0 });
  t.is((await shown())['discovery'], 0);
  await t.throwsAsync(call(handlers, 'set', { name: 'health_sensitivity', value: 1001 }), { message: /0\.\.1000/ });
  await t.throwsAsync(call(handlers, 'set', { name: 'constructor', value: 1 }), { message: /no setting/ });
});

test('`import --del` of a file removes its nets, routes, peers; resets numa_range, max_interfaces, discovery.', async (t) => {
  const [node] = (await startNodes(t, ['127.0.0.30'])) as [LnetNode];
  const handlers = handlersOf(node);
  const text = [
    'net: [{net type: tcp1, interfaces: [127.0.0.30, 127.0.0.31]}]',
    'route: [{net: o2ib, gateway: 127.0.0.32@tcp1, hop: 2, priority: 3}]',
    'peer: [{primary nid: 127.0.0.33@tcp, peer ni: [{nid: 127.0.0.33@tcp1}]}]',
    'global: {numa_range: 4, discovery: 0}',
  ].join('\n');
  const request = { file: 'a.yaml', text };
  t.deepEqual(await call(handlers, 'import', { mode: 'add', ...request }), { warnings: [], blocks: [] });
  const { blocks } = (await call(handlers, 'import', { mode: 'show', ...request })) as { blocks: TreeMap[] };
  t.deepEqual(
    blocks.map((block) => Object.keys(block)[0]),
    ['net', 'route', 'peer', 'global'],
  );
  t.is(mapsAt(mapsAt(blocks[0], 'net')[0], 'local NI(s)').length, 2);
  t.like(mapsAt(blocks[1], 'route')[0], { net: 'o2ib', gateway: '127.0.0.32@tcp1', hop: 2, priority: 3 });
  t.is(mapsAt(mapsAt(blocks[2], 'peer')[0], 'peer ni').length, 2);
  t.like(blocks[3]?.['global'], { numa_range: 4, discovery: 0 });

  const reversed = text.split('\n').toReversed().join('\n');
  await call(handlers, 'import', { mode: 'del', file: 'a.yaml', text: reversed });
  t.deepEqual(await call(handlers, 'route.show'), []);
  t.deepEqual(await call(handlers, 'peer.show', { nid: '127.0.0.33@tcp' }), []);
  t.like(await call(handlers, 'global.show'), { numa_range: 0, max_interfaces: 200, discovery: 1 });
  await t.throwsAsync(call(handlers, 'net.show', { net: 'tcp1' }));
});

test('Unknown top-level key: `invalid key`, exit 234; earlier blocks stay applied.', async (t) => {
  const [node] = (await startNodes(t, ['127.0.0.34'])) as [LnetNode];
  const handlers = handlersOf(node);
  t.is(
    await refusal(handlers, 'global: {numa_range: 7}\nnets: []\nroute: [{net: o2ib, gateway: 127.0.0.9@tcp}]\n'),
    "add/import -22 invalid key 'nets' at a.yaml:2:1",
  );
  t.like(await call(handlers, 'global.show'), { numa_range: 7 });
  t.deepEqual(await call(handlers, 'route.show'), []);
});

test('what the running node refuses is reported with the words of the kernel and its place in the file', async (t) => {
  const [node] = (await startNodes(t, ['127.0.0.35'])) as [LnetNode];
  const handlers = handlersOf(node);
  const cases: Readonly<Record<string, string>> = {
    'net: [{net type: tcp, interfaces: [127.0.0.35]}]': 'add/net -17 cannot add LNet NI at a.yaml:1:7',
    'route:\n- {net: o2ib, gateway: 172.16.0.1@tcp5}':
      'add/route -113 No interface configured on the same net as gateway at a.yaml:2:3',
    'route: [{net: tcp, gateway: 172.16.0.1@tcp5}]':
      'add/route -17 Route already exists or the specified network is local at a.yaml:1:9',
    'global: {retry_count: 200}': 'add/global -22 invalid configuration at a.yaml:1:1',
    'global: {accept: secure}':
      'add/global -1 accept and accept_port cannot be changed while the node runs at a.yaml:1:1',
    'share: /tmp': "add/import -22 'share' cannot be changed while the node runs at a.yaml:1:1",
    'ping: {nids: [127.0.0.1@tcp]}': "add/import -22 invalid key 'ping' at a.yaml:1:1",
  };
  for (const [text, expected] of Object.entries(cases)) t.is(await refusal(handlers, text), expected);
  t.is(await refusal(handlers, 'net: []', 'exec'), "manage/import -22 invalid key 'net' at a.yaml:1:1");
  t.is(
    await refusal(handlers, 'route: [{net: o2ib, gateway: 172.16.0.1@tcp}]', 'del'),
    'del/route -2 failed to delete route at a.yaml:1:9',
  );
  t.is(
    await refusal(handlers, 'peer: [{primary nid: 172.16.0.1@tcp}]', 'del'),
    'del/peer -2 cannot find peer at a.yaml:1:8',
  );
  await call(handlers, 'import', {
    mode: 'add',
    file: 'a',
    text: 'routes: "o2ib 172.16.0.1@tcp5; tcp 172.16.0.1@tcp5"',
  });
  t.deepEqual(await call(handlers, 'route.show'), []);
});

test('`import --exec` runs ping and discover blocks (timeout in milliseconds) and refuses others.', async (t) => {
  const [node] = (await startNodes(t, ['127.0.0.36'])) as [LnetNode];
  const text =
    'ping:\n  timeout: 2000\n  source: 127.0.0.36@tcp\n  nids:\n    0: 127.0.0.1@tcp\n    1: 127.0.0.2@tcp\ndiscover: {nids: [127.0.0.3@tcp]}\n';
  const { blocks } = (await call(handlersOf(node), 'import', { mode: 'exec', file: 'a', text })) as { blocks: Tree };
  t.deepEqual(blocks, [
    { op: 'ping', nids: ['127.0.0.1@tcp', '127.0.0.2@tcp'], timeout_ms: 2000, source: '127.0.0.36@tcp' },
    { op: 'discover', nids: ['127.0.0.3@tcp'] },
  ]);
});

test('arguments that an operation does not know, or of another type, are refused', async (t) => {
  const [node] = (await startNodes(t, ['127.0.0.37'])) as [LnetNode];
  const handlers = handlersOf(node);
  const bad: [string, TreeMap, RegExp][] = [
    ['net.show', { more: 1 }, /'more' is unknown/],
    ['net.show', { net: 4 }, /'net' must be text/],
    ['stats.show', { x: 1 }, /'x' is unknown/],
    ['ping', {}, /'nid' is missing/],
    ['ping', { nid: '1.2.3' }, /'1\.2\.3' is no NID/],
    ['ping', { nid: '1.2.3.4@tcp', timeout_ms: 1.5 }, /whole number/],
    ['discover', { nid: '1.2.3.4@tcp', force: 1 }, /true or false/],
    ['import', { mode: 'burn', file: 'a', text: '' }, /one of add, del, show, exec/],
    ['set', { name: 'retry_count' }, /'value' is missing/],
  ];
  for (const [op, args, message] of bad) await t.throwsAsync(call(handlers, op, args), { message }, op);
});

test('nal show tells what each driver is, can do, takes and counts', async (t) => {
  const [node] = (await startNodes(t, ['127.0.0.38'])) as [LnetNode];
  const nals = (await call(handlersOf(node), 'nal.show')) as TreeMap[];
  t.deepEqual(
    nals.map((nal) => nal['name']),
    Object.keys(DEFAULT_NALS),
  );
  const tcp = nals[1] as TreeMap;
  t.regex(tcp['description'] as string, /socklnd/);
  t.true(
    (tcp['tunables'] as TreeMap[]).some((tunable) => tunable['name'] === 'conns_per_peer' && tunable['help'] !== ''),
  );
  const [ni] = tcp['interfaces'] as TreeMap[];
  t.is(ni?.['nid'], '127.0.0.38@tcp');
  t.deepEqual(Object.keys(ni?.['counters'] as TreeMap), Object.keys(tcp['counters'] as TreeMap));
});
