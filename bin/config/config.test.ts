import test from 'ava';
import { ConfigError } from '../../lnet/config/config-error.ts';
import type { NodePlan } from '../../lnet/config/plan.ts';
import { formatNet } from '../../lnet/wire/net.ts';
import { blockOf } from '../print/spec-example.test-support.ts';
import { HOST, planOf } from './host.test-support.ts';

/** A plan as short text, for comparing whole. */
function summary(plan: NodePlan): Record<string, unknown> {
  return {
    nets: plan.nets.map(
      (net) => `${formatNet(net.net)}: ${net.interfaces.map((ni) => `${ni.interfaceName}=${ni.nid}`).join(' ')}`,
    ),
    routes: plan.routes.map((r) => `${formatNet(r.net)} via ${r.gateway} hop ${r.hops} prio ${r.priority}`),
    peers: plan.peers.map((p) => `${p.primaryNid} ${p.isMultiRail} ${p.nids.join(' ')}`),
    settings: plan.settings,
  };
}

/** The complaint about a text, without the file's name. */
async function complaint(text: string, host = HOST): Promise<string> {
  try {
    await planOf(text, [], host);
    return 'none';
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return `${error.line}:${error.column}: ${error.reason} (${error.errno})`;
  }
}

const peerOf = (count: number): string =>
  `peer:\n- primary nid: 10.0.0.1@tcp\n  peer ni:\n  - nid: 10.0.0.[1-${count}]@tcp\n`;

const routeOf = (hop: string): string =>
  `net: [{net type: tcp, interfaces: [eth0]}]\nroute:\n- net: o2ib\n  gateway: 192.168.1.1@tcp\n  hop: ${hop}\n`;

const nidsOf = async (net: string): Promise<unknown> =>
  summary((await planOf(`net: [{net type: ${net}}]`)).plan)['nets'];

const named = (name: string): string => `net:\n- net type: tcp\n  interfaces:\n    0: ${name}\n`;

test('an ip-range that is no address pattern is refused', async (t) => {
  for (const bad of ['10.1.1', '10.1.1.256', '10.1.1.1-3', '10.1.1.[', 'fd00::/0', 'fd00::/129', 'fd0g::']) {
    t.is(
      await complaint(`ip2nets: [{net-spec: tcp, ip-range: {0: "${bad}"}}]`),
      `1:41: invalid value '${bad}' for key 'ip-range' (-22)`,
    );
  }
});

const YAML_EXAMPLES = [
  'net:\n    - net type: tcp\n      local NI(s):\n        - interfaces:\n              0: eth0\n',
  'net:\n    - net type: tcp\n      local NI(s):\n        - interfaces:\n              0: eth0\n          tunables',
];

test('Files of 7.1–7.4 import without error (those without routing and policies)', async (t) => {
  const client = await planOf(blockOf(YAML_EXAMPLES[0] as string));
  t.deepEqual(summary(client.plan), { nets: ['tcp: eth0=192.168.1.10@tcp'], routes: [], peers: [], settings: {} });
  const routed = await planOf(blockOf(YAML_EXAMPLES[1] as string));
  t.deepEqual(summary(routed.plan), {
    nets: ['tcp: eth0=192.168.1.10@tcp'],
    routes: ['o2ib via 192.168.1.1@tcp hop 1 prio 0'],
    peers: [],
    settings: { discovery: 1, retry_count: 2, transaction_timeout: 150 },
  });
  t.deepEqual(routed.plan.nets[0]?.tunables, {
    peerTimeoutS: 180,
    peerCredits: 16,
    peerBufferCredits: 0,
    credits: 256,
  });
  const rails = blockOf(
    'net:\n    - net type: tcp\n      local NI(s):\n        - interfaces:\n              0: eth0\n        - interfaces',
  );
  t.deepEqual(summary((await planOf(rails.slice(0, rails.indexOf('udsp:')))).plan), {
    nets: ['tcp: eth0=192.168.1.10@tcp eth1=192.168.2.10@tcp'],
    routes: [],
    peers: ['192.168.1.20@tcp true 192.168.1.20@tcp 192.168.2.20@tcp', '192.168.1.31@tcp false 192.168.1.31@tcp'],
    settings: {},
  });
  const router = blockOf(
    'net:\n    - net type: tcp\n      local NI(s):\n        - interfaces:\n              0: eth0\n          lnd tunables',
  );
  const endNode = await planOf(router.slice(0, router.indexOf('routing:')));
  t.deepEqual(summary(endNode.plan)['nets'], ['tcp: eth0=192.168.1.10@tcp', 'o2ib: ib0=10.10.0.1@o2ib']);
  t.deepEqual(
    endNode.plan.nets.map((net) => net.lndTunables),
    [{ conns_per_peer: 4 }, { conns_per_peer: 1 }],
  );
});

test('A full (non-backup) export of a kernel node imports: lo ignored, statistics ignored, `map_on_demand: true` accepted.', async (t) => {
  const { plan, warnings } = await planOf(`
net:
-     net type: lo
      local NI(s):
      -     nid: 0@lo
            status: up
-     net type: o2ib
      local NI(s):
      -     nid: 10.10.0.1@o2ib
            status: up
            interfaces:
                  0: ib0
            statistics:
                  send_count: 1204
                  recv_count: 1198
                  drop_count: 6
            sent_stats:
                  put: 800
            received_stats:
                  put: 800
            dropped_stats:
                  put: 800
            health stats:
                  fatal_error: 0
                  health value: 1000
            udsp info:
                  net priority: -1
            tunables:
                  peer_timeout: 180
                  peer_credits: 32
                  peer_buffer_credits: 0
                  credits: 256
            lnd tunables:
                  peercredits_hiw: 16
                  map_on_demand: true
                  ntx: 512
                  timeout: 50
                  tos: -1
            dev cpt: 0
            CPT: "[0,1]"
peer:
-     primary nid: 10.10.0.5@o2ib
      Multi-Rail: true
      peer state: 273
      peer ni:
      -     nid: 10.10.0.5@o2ib
            state: NA
            max_ni_tx_credits: 8
            statistics:
                  send_count: 14
global:
    numa_range: 0
    lnd_timeout: 49
`);
  t.deepEqual(warnings, []);
  t.deepEqual(summary(plan), {
    nets: ['o2ib: ib0=10.10.0.1@o2ib'],
    routes: [],
    peers: ['10.10.0.5@o2ib true 10.10.0.5@o2ib'],
    settings: { numa_range: 0 },
  });
  t.deepEqual(plan.nets[0]?.lndTunables, { peercredits_hiw: 16, ntx: 512, tos: -1 });
});

test('Both indentation dialects and flow style are accepted.', async (t) => {
  const forms = [
    'net:\n-     net type: tcp\n      local NI(s):\n      -     interfaces:\n                  0: eth0\nroute:\n-     net: o2ib\n      gateway: 192.168.1.1@tcp\n',
    'net:\n    - net type: tcp\n      local NI(s):\n        - interfaces:\n              0: eth0\nroute:\n    - net: o2ib\n      gateway: 192.168.1.1@tcp\n',
    '{net: [{net type: tcp, local NI(s): [{interfaces: {0: eth0}}]}], route: [{net: o2ib, gateway: 192.168.1.1@tcp}]}',
    '---\nnet:\n- {net type: tcp, interfaces: [eth0]}\nroute:\n- {net: o2ib, gateway: "192.168.1.1@tcp"}\n...\n',
  ];
  const plans = await Promise.all(forms.map(async (form) => summary((await planOf(form)).plan)));
  for (const plan of plans) t.deepEqual(plan, plans[0]);
});

const IP2NETS = `ip2nets:
    - net-spec: tcp1
      interfaces:
          0: eth1
      ip-range:
          0: 10.20.[0-3].*
    - net-spec: tcp
      ip-range:
          0: 192.168.1.[2-254]
      tunables:
          peer_credits: 16
`;

test('ip2nets: first matching rule per net; all listed interfaces must match; nothing matching gives errno −22 and "No ip2nets rules applied".', async (t) => {
  const spec = await planOf(IP2NETS);
  t.deepEqual(summary(spec.plan)['nets'], ['tcp1: eth1=10.20.2.5@tcp1', 'tcp: eth0=192.168.1.10@tcp']);
  t.is(spec.plan.nets[1]?.tunables.peerCredits, 16);
  const twice = await planOf(
    'ip2nets: [{net-spec: tcp, interfaces: {0: eth1}}, {net-spec: tcp, interfaces: {0: eth0}}]',
  );
  t.deepEqual(summary(twice.plan)['nets'], ['tcp: eth1=192.168.2.10@tcp']);
  const partly = await planOf(
    'ip2nets: [{net-spec: tcp, interfaces: {0: eth0, 1: eth9}}, {net-spec: udp, interfaces: {0: eth0}}]',
  );
  t.deepEqual(summary(partly.plan)['nets'], ['udp: eth0=192.168.1.10@udp']);
  const rule = '{net-spec: tcp, interfaces: {0: eth0, 1: eth1}, ip-range: {0: 192.168.1.*}}';
  t.is(await complaint(`ip2nets: [${rule}]`), '1:1: No ip2nets rules applied (-22)');
  const any = await planOf('ip2nets: [{net-spec: tcp}]');
  t.deepEqual(summary(any.plan)['nets'], ['tcp: eth0=192.168.1.10@tcp']);
  const ipv6 = await planOf('ip2nets: [{net-spec: tcp6, ip-range: {0: "fd00::/16"}}]');
  t.deepEqual(summary(ipv6.plan)['nets'], ['tcp6: eth0=fd00::10@tcp6 eth6=fd00::66@tcp6']);
});

test('`net type` not first in its item: "Malformed input. Expect \'net type\' …".', async (t) => {
  t.is(
    await complaint('net:\n  - interfaces: {0: eth0}\n    net type: tcp\n'),
    "2:5: Malformed input. Expect 'net type' found 'interfaces' (-22)",
  );
  t.is(
    await complaint('ip2nets:\n  - tunables: {}\n'),
    "2:5: Malformed input. Expect 'net-spec' found 'tunables' (-22)",
  );
});

test('Route gateways and peer NIDs with ranges expand; more than 128 peer NIDs are refused.', async (t) => {
  const { plan } = await planOf(
    'net: [{net type: tcp, interfaces: [eth0]}]\nroute: [{net: o2ib, gateway: "192.168.1.[1-2]@tcp,192.168.1.9@tcp"}]\n' +
      'peer: [{primary nid: 192.168.1.20@tcp, peer ni: [{nid: "192.168.[2-3].20@tcp1"}]}]',
  );
  t.deepEqual(
    summary(plan)['routes'],
    [1, 2, 9].map((n) => `o2ib via 192.168.1.${n}@tcp hop undefined prio 0`),
  );
  t.deepEqual(summary(plan)['peers'], ['192.168.1.20@tcp true 192.168.1.20@tcp 192.168.2.20@tcp1 192.168.3.20@tcp1']);
  t.is((await planOf(peerOf(128))).plan.peers[0]?.nids.length, 128);
  t.is(await complaint(peerOf(129)), '4:10: failed to add peer (-22)');
});

test('hop −1 is accepted on input; hop 0 and 256 are refused.', async (t) => {
  t.is((await planOf(routeOf('-1'))).plan.routes[0]?.hops, undefined);
  t.is((await planOf(routeOf('1'))).plan.routes[0]?.hops, 1);
  t.is((await planOf(routeOf('0xff'))).plan.routes[0]?.hops, 255);
  for (const bad of ['0', '256', '-2', 'x']) {
    t.is(await complaint(routeOf(bad)), '5:8: invalid hop count must be between 1 and 255 (-22)');
  }
});

test('set constraints: retry_count vs transaction_timeout vs health_sensitivity; max_interfaces below 16 becomes 200.', async (t) => {
  const order = await planOf('global: {retry_count: 2, transaction_timeout: 150, health_sensitivity: 100}');
  t.deepEqual(order.plan.settings, { retry_count: 2, transaction_timeout: 150, health_sensitivity: 100 });
  t.is(
    await complaint('net: []\nglobal:\n  retry_count: 5\n  transaction_timeout: 5\n'),
    '2:1: invalid configuration (-22)',
  );
  t.is(await complaint('global: {retry_count: 1, health_sensitivity: 0}'), '1:1: invalid configuration (-22)');
  t.is(await complaint('global: {health_sensitivity: 0}'), 'none');
  t.is(await complaint('retry_count: 2\ntransaction_timeout: 1\n'), '1:1: invalid configuration (-22)');
  t.is(await complaint('global: {max_interfaces: 3}'), 'none');
});

test('global takes accept and accept_port, the older names, and the same keys at the top level', async (t) => {
  const { plan } = await planOf(
    'global: {accept: all, accept_port: 11988, max_intf: 64, discovery: 7}\nnuma: {range: 3}\nresponse_tracking: 1\n',
  );
  t.is(plan.accept, 'all');
  t.is(plan.acceptPort, 11988);
  t.deepEqual(plan.settings, { max_interfaces: 64, discovery: 1, numa_range: 3, response_tracking: 1 });
  t.deepEqual([(await planOf('net: []')).plan.accept, (await planOf('net: []')).plan.acceptPort], ['secure', 988]);
  t.is(await complaint('global:\n  accept: some\n'), "2:11: invalid value 'some' for key 'accept' (-22)");
  t.is(await complaint('accept_port: 70000'), "1:14: invalid value '70000' for key 'accept_port' (-22)");
});

test('an interface is a device, an IP address of this machine, or the first usable IPv4 one', async (t) => {
  t.deepEqual(await nidsOf('tcp'), ['tcp: eth0=192.168.1.10@tcp']);
  t.deepEqual(await nidsOf('tcp, interfaces: {0: "eth1[0,1]"}'), ['tcp: eth1=192.168.2.10@tcp']);
  t.deepEqual(await nidsOf('udp3, interfaces: [127.0.0.11, 127.0.0.12]'), [
    'udp3: 127.0.0.11=127.0.0.11@udp3 127.0.0.12=127.0.0.12@udp3',
  ]);
  t.deepEqual(await nidsOf('tcp, interfaces: ["::1"]'), ['tcp: ::1=::1@tcp']);
  t.deepEqual(await nidsOf('tcp, interfaces: [lo]'), ['tcp: lo=127.0.0.1@tcp']);
  t.deepEqual(await nidsOf('tcp, interfaces: [eth6]'), ['tcp: eth6=fd00::66@tcp']);
  t.deepEqual(await nidsOf('tcp, interfaces: ["fd00::10"]'), ['tcp: fd00::10=fd00::10@tcp']);
});

test('addresses that cannot be reached by others, or are not here, are refused where they stand', async (t) => {
  t.is(await complaint(named('eth9')), "4:8: No interface matching 'eth9' (-22)");
  t.is(await complaint(named('eth2')), "4:8: interface 'eth2' has no address that tcp can use (-22)");
  t.is(
    await complaint(named('fe80::2')),
    '4:8: fe80::2 is a link-local or unspecified address: it names no single node (-22)',
  );
  t.is(
    await complaint(named('169.254.3.3')),
    '4:8: 169.254.3.3 is a link-local or unspecified address: it names no single node (-22)',
  );
  t.is(await complaint(named('192.168.9.9')), '4:8: no interface of this machine has the address 192.168.9.9 (-22)');
  t.is(await complaint('net: [{net type: o2ib, interfaces: ["fd00::10"]}]'), '1:37: o2ib has no IPv6 addresses (-22)');
  const alone = { ...HOST, interfaces: () => HOST.interfaces().slice(0, 2) };
  t.is(await complaint('net:\n- net type: tcp\n', alone), '2:3: No UP interfaces were found (-22)');
});

test('a complaint names file, line, column, reason and remedy', async (t) => {
  const error = await t.throwsAsync(planOf('net:\n  - net type: tcp\n    interfaces:\n      0: eth9\n'), {
    instanceOf: ConfigError,
  });
  t.is(
    error.message,
    "site.yaml:4:10: No interface matching 'eth9'; interfaces of this machine that are up: lo, eth2, eth0, eth1, ib0, eth6",
  );
  t.is(error.code, 'ERR_LNET_BAD_CONFIG');
});

test('what the schema does not know is refused with the text of the kernel', async (t) => {
  const cases: Readonly<Record<string, string>> = {
    'nets: []': "1:1: invalid key 'nets' (-22)",
    'global: {speed: 1}': "1:10: invalid key 'speed' (-22)",
    'global: {retry_count: }': "1:10: no value specified for key 'retry_count' (-22)",
    'global: {retry_count: two}': "1:23: invalid value 'two' for key 'retry_count' (-22)",
    'net: [{net type: tcp, speed: 1}]': "1:23: invalid key 'speed' (-22)",
    'net: [{net type: tcpx}]': "1:18: Invalid network ID 'tcpx' (-22)",
    'net: [{net type: gni}]': '1:7: LND type not supported (-22)',
    'net: [{net type: tcp, nal: warp}]': '1:28: LND type not supported (-22)',
    'net: [{net type: tcp, CPT: "[a]"}]': "1:28: Unable to parse CPT '[a]' (-22)",
    'net: [{net type: tcp, interfaces: [eth0, eth0]}]': '1:42: cannot add LNet NI (-17)',
    'route: [{gateway: 1.2.3.4@tcp}]': '1:9: missing mandatory parameter: network (-22)',
    'route: [{net: o2ib}]': '1:9: missing mandatory parameter: gateway (-22)',
    'route: [{net: x, gateway: 1.2.3.4@tcp}]': '1:15: cannot parse remote net (-22)',
    'route: [{net: lo, gateway: 1.2.3.4@tcp}]': '1:15: setting @lo not allowed (-22)',
    'route: [{net: "*", gateway: 1.2.3.4@tcp}]': '1:15: setting LNET_NET_ANY not allowed (-22)',
    'route: [{net: o2ib, gateway: 1.2.3.4}]': '1:30: cannot parse gateway (-22)',
    'route: [{net: o2ib, gateway: 0@lo}]': '1:30: setting @lo not allowed (-22)',
    'route: [{net: tcp, gateway: 1.2.3.4@tcp}]': '1:9: invalid settings for route creation (-22)',
    'route: [{net: o2ib, gateway: 1.2.3.4@tcp, priority: -1}]': '1:53: invalid priority, must not be negative (-22)',
    'route: [{net: o2ib, gateway: 1.2.3.4@tcp}]': '1:9: No interface configured on the same net as gateway (-113)',
    'peer: [{peer ni: []}]': '1:9: missing primary NID (-22)',
    'peer: [{primary nid: "*"}]': '1:22: unsupported primary NID (-22)',
    'peer: [{primary nid: 1.2.3.4@tcp, Multi-Rail: maybe}]': '1:47: invalid MR flag param (-22)',
    'peer: [{primary nid: 1.2.3.4@tcp, Multi-Rail: no, peer ni: [{nid: 1.2.3.5@tcp}]}]':
      '1:8: failed to add peer (-76)',
    'peer: [{primary nid: 1.2.3.4@tcp}, {primary nid: 1.2.3.4@tcp}]': '1:36: failed to add peer (-17)',
    'routing: {enable: 1}': '1:11: this node cannot route between networks yet (-22)',
    'routing: {enable: 0}': 'none',
    'buffers: {tiny: 2048}': '1:1: this node does not route: it has no buffers to size (-22)',
    'udsp: []': '1:1: this node has no selection policies yet (-22)',
    'services: {}': '1:1: this node runs no services yet (-22)',
    'ping: {nids: [1.2.3.4@tcp]}': "1:1: a 'ping:' block is no configuration (-22)",
    '': '1:1: no configuration (-22)',
    'net: 7': "1:6: 'net' must be a sequence (-22)",
    '- net': '1:1: the file must be a mapping (-22)',
  };
  const found = await Promise.all(Object.keys(cases).map(async (text) => [text, await complaint(text)]));
  t.deepEqual(Object.fromEntries(found), cases);
});

test('a route to a network of this node, or the same one twice, exists already', async (t) => {
  const net = 'net: [{net type: tcp, interfaces: [eth0]}, {net type: o2ib, interfaces: [ib0]}]\n';
  t.is(
    await complaint(`${net}route: [{net: tcp, gateway: 10.10.0.5@o2ib}]`),
    '2:9: Route already exists or the specified network is local (-17)',
  );
  const route = '{net: tcp9, gateway: 10.10.0.5@o2ib}';
  t.is(
    await complaint(`${net}route: [${route}, ${route}]`),
    '2:47: Route already exists or the specified network is local (-17)',
  );
});

test('Legacy strings of section 9 configure the same nets and routes as their YAML equivalents.', async (t) => {
  const legacy = await planOf(
    'networks: "tcp0(eth0[0,1],eth1),o2ib(ib0)[2,3]"\nroutes: "tcp9 1 10.10.0.[5-6]@o2ib:2"\n',
  );
  const modern = await planOf(
    'net: [{net type: tcp, interfaces: [eth0, eth1]}, {net type: o2ib, interfaces: [ib0]}]\n' +
      'route: [{net: tcp9, hop: 1, gateway: "10.10.0.[5-6]@o2ib", priority: 2}]\n',
  );
  t.deepEqual(summary(legacy.plan), summary(modern.plan));
  const byAddress = await planOf('ip2nets: "tcp1(eth1) 10.20.[0-3].*; tcp 192.168.1.[2-254]; udp 172.16.*.*"');
  t.deepEqual(summary(byAddress.plan)['nets'], ['tcp1: eth1=192.168.2.10@tcp1', 'tcp: eth0=192.168.1.10@tcp']);
});

test('a legacy text may name routes of other nodes; a gateway that is this node would make it a router', async (t) => {
  const net = 'net: [{net type: tcp, interfaces: [eth0]}]\n';
  const { plan } = await planOf(`${net}routes: "o2ib 192.168.1.1@tcp; o2ib 10.9.9.9@tcp7; tcp 10.1.1.1@o2ib"`);
  t.deepEqual(summary(plan)['routes'], ['o2ib via 192.168.1.1@tcp hop undefined prio 0']);
  t.regex(
    await complaint(`${net}routes: "o2ib 192.168.1.10@tcp"`),
    /^2:9: 192\.168\.1\.10@tcp is this node: the text makes it a router/,
  );
  t.regex(await complaint('routes: "o2ib"'), /^1:9: 'o2ib': expected NET/);
  t.regex(await complaint('networks: "tcp(eth0"'), /^1:11: /);
  t.is(await complaint('networks: '), "1:1: no value specified for key 'networks' (-22)");
  t.is(await complaint('ip2nets: "tcp 172.16.*.*"'), "1:10: 'ip2nets': no rule matches an address of this node (-2)");
});

test('unknown tunables and keys that a kernel ignores are skipped with a warning', async (t) => {
  const { plan, warnings } = await planOf(
    'net:\n- net type: tcp\n  interfaces: [eth0]\n  tunables: {credits: 64, warp: 9, peer_credits: 0, peer_timeout: 0}\n  lnd tunables: {nagle: 1, tos: 16}\n' +
      'peer:\n- primary nid: 1.2.3.4@tcp\n  colour: red\n',
  );
  t.deepEqual(plan.nets[0]?.tunables, { peerTimeoutS: 0, peerCredits: 8, peerBufferCredits: 0, credits: 64 });
  t.deepEqual(plan.nets[0]?.lndTunables, { tos: 16 });
  t.deepEqual(warnings, [
    "site.yaml:4:27: Ignoring unrecognized key 'warp' for 'tunables'",
    "site.yaml:5:18: Ignoring unrecognized key 'nagle' for 'lnd tunables'",
    "site.yaml:8:3: Ignoring unrecognized key 'colour' for 'peer'",
  ]);
  t.is(
    await complaint('net: [{net type: tcp, lnd tunables: {tos: 256}}]'),
    "1:43: invalid value '256' for key 'tos' (-22)",
  );
});

test('a net that comes again gains NIs and keeps its first tunables', async (t) => {
  const { plan } = await planOf(
    'net:\n- {net type: tcp, interfaces: [eth0], tunables: {credits: 64}}\n- {net type: tcp0, interfaces: [eth1], tunables: {credits: 32}}\n',
  );
  t.deepEqual(summary(plan)['nets'], ['tcp: eth0=192.168.1.10@tcp eth1=192.168.2.10@tcp']);
  t.is(plan.nets[0]?.tunables.credits, 64);
});

test('keys that the caller reads itself are handed on, and are unknown when it does not', async (t) => {
  const { extensions } = await planOf('net: []\nshare: /srv\n', ['share']);
  t.deepEqual(extensions.get('share')?.value, { kind: 'scalar', text: '/srv', line: 2, column: 8 });
  t.is(await complaint('net: []\nshare: /srv\n'), "2:1: invalid key 'share' (-22)");
});

test('text that is no YAML, or uses what the schema has no use for, is refused where it stands', async (t) => {
  t.regex(await complaint('net:\n  - net type: tcp\n   x: [\n'), /^3:/);
  t.regex(await complaint('net: []\nnet: []\n'), /^2:1: Map keys must be unique/);
  t.is(await complaint('net: &a []\nroute: *a\n'), '1:9: anchors and aliases are not supported (-22)');
  t.is(await complaint('net: []\n---\nnet: []\n'), '2:1: more than one YAML document (-22)');
  t.is(await complaint('? [a]\n: b\n'), '1:3: a key must be plain text (-22)');
  for (const deep of [
    `net: ${'['.repeat(500_000)}`,
    `net: ${'- '.repeat(250_000)}`,
    '? '.repeat(250_000),
    `net:\n${' '.repeat(257)}a: b`,
  ]) {
    t.regex(await complaint(deep), /^[12]:1: nested too deeply/);
  }
  t.regex(await complaint(Array.from({ length: 60 }, (_, i) => `${' '.repeat(i)}a:\n`).join('')), /nested too deeply/);
  t.is(await complaint(`net: []\n${'#'.repeat(1_048_576)}`), '1:1: longer than 1048576 bytes (-22)');
});
