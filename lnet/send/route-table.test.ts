import test from 'ava';
import { errnoOf } from '../../test/errno-of.ts';
import { TestNode, TestWire } from '../network-fixture.test-support.ts';
import { NET_ANY, parseNet } from '../wire/net.ts';
import { NID_ANY, parseNid } from '../wire/nid.ts';

const A = '10.0.0.1@tcp';
const GW = '10.0.0.9@tcp';
const GW_2 = '10.0.0.8@tcp';

const net = (text: string): number => parseNet(text) as number;

function add(node: TestNode, to: string, gateway: string, hops?: number, priority = 0): unknown {
  return node.network.routes.add({ net: net(to), gateway: parseNid(gateway), hops, priority });
}

test('T41: Adding a route to a local net -EEXIST; via a gateway on a non-local net -EHOSTUNREACH; hops 0 or 256 -EINVAL; duplicate -EEXIST.', (t) => {
  const node = new TestNode(new TestWire(), [A]);
  t.is(
    errnoOf(() => add(node, 'tcp', '10.0.0.9@tcp1')),
    -17,
  );
  t.is(
    errnoOf(() => add(node, 'o2ib', '10.0.0.9@tcp7')),
    -113,
  );
  for (const hops of [0, 256, 1.5])
    t.is(
      errnoOf(() => add(node, 'o2ib', GW, hops)),
      -22,
    );
  for (const hops of [1, 255]) add(node, `o2ib${hops}`, GW, hops);
  add(node, 'o2ib', GW, 3, 2);
  t.is(
    errnoOf(() => add(node, 'o2ib', GW)),
    -17,
  );
  t.deepEqual(
    node.network.routes.to(net('o2ib')).map(({ hops, priority }) => [hops, priority]),
    [[3, 2]],
    'adding again changes neither hops nor priority',
  );
});

test('a route needs a real gateway, a real net, and two different nets (-EINVAL)', (t) => {
  const node = new TestNode(new TestWire(), [A]);
  for (const [to, gateway] of [
    ['o2ib', '0@lo'],
    ['o2ib', '*'],
    ['lo', GW],
    ['o2ib3', '10.0.0.9@o2ib3'],
  ] as const)
    t.is(
      errnoOf(() => add(node, to, gateway)),
      -22,
      `${to} via ${gateway}`,
    );
  t.is(
    errnoOf(() => node.network.routes.add({ net: NET_ANY, gateway: parseNid(GW), hops: 1, priority: 0 })),
    -22,
  );
});

test('a second NID of the same gateway peer is the same route (-EEXIST)', (t) => {
  const node = new TestNode(new TestWire(), [A]);
  node.network.peerConfig.add({ primary: parseNid(GW), isMultiRail: true });
  node.network.peerConfig.add({ primary: parseNid(GW), nid: parseNid(GW_2), isMultiRail: true });
  add(node, 'o2ib', GW);
  t.is(
    errnoOf(() => add(node, 'o2ib', GW_2)),
    -17,
  );
});

test('routes are deleted by net, by gateway, or all; only an unknown net is an error (-ENOENT)', (t) => {
  const node = new TestNode(new TestWire(), [A]);
  const { routes } = node.network;
  for (const to of ['o2ib', 'o2ib1']) for (const gateway of [GW, GW_2]) add(node, to, gateway);
  t.is(
    errnoOf(() => routes.remove(net('o2ib9'), NID_ANY)),
    -2,
  );
  t.is(
    errnoOf(() => routes.remove(net('o2ib'), parseNid('10.0.0.77@tcp'))),
    0,
  );
  routes.remove(net('o2ib'), parseNid(GW));
  t.is(routes.all.length, 3);
  routes.remove(NET_ANY, parseNid(GW));
  t.deepEqual(
    routes.all.map((route) => String(route.gatewayNid)),
    [GW_2, GW_2],
  );
  t.is(node.peer(GW).gatewayRefs, 0);
  routes.remove(NET_ANY, NID_ANY);
  t.is(routes.all.length, 0);
});

test('a gateway cannot be deleted as a peer until its routes are gone (-EBUSY)', (t) => {
  const node = new TestNode(new TestWire(), [A]);
  add(node, 'o2ib', GW);
  const primary = parseNid(GW);
  t.is(
    errnoOf(() => node.network.peerConfig.del({ primary })),
    -16,
  );
  node.network.routes.remove(NET_ANY, NID_ANY);
  t.is(
    errnoOf(() => node.network.peerConfig.del({ primary })),
    0,
  );
});

function orderOf(seed: number): string {
  const node = new TestNode(new TestWire(), [A], { seed });
  for (let i = 1; i <= 6; i++) add(node, 'o2ib', `10.0.0.${i + 10}@tcp`);
  return node.network.routes
    .to(net('o2ib'))
    .map((route) => route.gatewayNid.addressText)
    .join();
}

test('the place of a new route in its list is random, and follows from the seed', (t) => {
  t.is(orderOf(1), orderOf(1));
  t.true(new Set([1, 2, 3, 4].map(orderOf)).size > 1);
});

test('when discovery makes two gateways one peer, the better of their routes to a net stays', (t) => {
  const node = new TestNode(new TestWire(), [A]);
  add(node, 'o2ib', GW, 2, 1);
  add(node, 'o2ib', GW_2, 2, 0);
  add(node, 'o2ib1', GW_2, 1, 0);
  const peer = node.peer(GW);
  node.network.merge.take(peer, parseNid(GW_2));
  t.deepEqual(
    node.network.routes.all.map((route) => [route.net, String(route.gatewayNid), route.gateway === peer]),
    [
      [net('o2ib'), GW_2, true],
      [net('o2ib1'), GW_2, true],
    ],
  );
  t.is(peer.gatewayRefs, 2);
});
