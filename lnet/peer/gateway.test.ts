import test from 'ava';
import { EHOSTUNREACH } from '../errno.ts';
import { stubInfo, type StubPeer, TestNode, type TestNodeOptions, TestWire } from '../network-fixture.test-support.ts';
import { LNET_MSG_GET, LNET_MSG_PUT } from '../wire/lnet-hdr.ts';
import { parseNet } from '../wire/net.ts';
import { parseNid } from '../wire/nid.ts';
import type { Route } from '../send/route-table.ts';

const A = '10.0.0.1@tcp';
const A_TCP1 = '10.1.0.1@tcp1';
const GW = '10.0.0.9@tcp';
const GW_TCP1 = '10.1.0.9@tcp1';
const GW_FAR = '10.9.0.9@tcp9';
const FAR = '10.9.0.5@tcp9';

interface Setup {
  readonly wire: TestWire;
  readonly node: TestNode;
  readonly stub: StubPeer;
  readonly route: Route;
  /** Whether a message to the far net finds the way. */
  readonly isUsable: () => boolean;
}

function setup(info: Uint8Array | null, hops?: number, options: TestNodeOptions = {}, nids = [A]): Setup {
  const wire = new TestWire();
  const node = new TestNode(wire, nids, options);
  const stub = wire.stub([GW, GW_TCP1], info);
  const net = parseNet('tcp9') as number;
  const route = node.network.routes.add({ net, gateway: parseNid(GW), hops, priority: 0 });
  wire.run();
  node.peer(FAR).flags = (1 << 4) | (1 << 8);
  const isUsable = (): boolean => {
    node.events.length = 0;
    node.put(FAR);
    wire.run(0.1);
    return node.events[0] === 'SEND last';
  };
  return { wire, node, stub, route, isUsable };
}

const router = (nids: readonly string[], sequence = 1) => stubInfo(nids, { features: 0x1a, sequence });

test('T44: A gateway whose info says routing disabled is not used.', (t) => {
  const { stub, node, wire, isUsable } = setup(stubInfo([GW, GW_FAR], { features: 0x1e }));
  t.false(isUsable());
  t.is(node.events[0], `SEND -${EHOSTUNREACH} last`);
  stub.push(node.nid, router([GW, GW_FAR], 2));
  wire.run();
  t.true(isUsable(), 'it has switched routing on');
});

test('T45: Single-hop route unusable when the gateway has no UP NI on the remote net (`avoid_asym_router_failure` = 1), usable with 0 or hops > 1.', (t) => {
  const without = router([GW]);
  t.false(setup(without, 1).isUsable());
  t.true(setup(without, 1, { settings: { avoid_asym_router_failure: 0 } }).isUsable());
  t.true(setup(without, 2).isUsable());
  t.true(setup(without).isUsable(), 'without hops nothing says that the gateway must be on that net');
  t.true(setup(router([GW, GW_FAR]), 1).isUsable());
  const down = router([GW, `!${GW_FAR}`]);
  t.false(setup(down, 1).isUsable());
  t.false(setup(down).isUsable(), 'its info shows that it is on that net, with no NI up');
});

test('T46: Gateways are pinged (and, if MR, pushed to) every 60 s on each local net.', (t) => {
  const { wire, stub } = setup(router([GW, GW_TCP1, GW_FAR]), undefined, {}, [A, A_TCP1]);
  wire.run(1);
  wire.log.length = 0;
  stub.pushes.length = 0;
  wire.run(600);
  const pings = (nid: string) => wire.sent(LNET_MSG_GET).filter(({ to }) => to === parseNid(nid)).length;
  t.deepEqual([pings(GW), pings(GW_TCP1)], [10, 10]);
  t.is(stub.pushes.length, 20);
});

test('a check takes the net that is due, not the one that selection would prefer', (t) => {
  const { wire, node } = setup(router([GW, GW_TCP1, GW_FAR]), undefined, {}, [A, A_TCP1]);
  wire.run(1);
  node.peer(GW).nets[1]!.priority = 0;
  wire.log.length = 0;
  wire.run(600);
  const pings = (nid: string) => wire.sent(LNET_MSG_GET).filter(({ to }) => to === parseNid(nid)).length;
  t.deepEqual([pings(GW), pings(GW_TCP1)], [10, 10]);
});

test('a gateway that does not answer is dead with all its routes until it does', (t) => {
  const { wire, node, stub, route, isUsable } = setup(router([GW, GW_FAR]));
  stub.info = null;
  wire.run(60 + 226);
  t.false(isUsable());
  t.deepEqual(
    [route.gateway.isAlive, route.isCachedAlive, node.network.gateways.isAlive(route.gateway)],
    [false, false, false],
  );
  stub.info = router([GW, GW_FAR], 2);
  wire.run(226);
  t.true(isUsable());
});

test('a message that comes through a dead gateway shows that it lives', (t) => {
  const { wire, node, stub, route, isUsable } = setup(router([GW, GW_FAR]));
  stub.info = null;
  wire.run(60 + 226);
  t.false(isUsable());
  wire.send(parseNid(GW), node.nid, { type: LNET_MSG_PUT, srcNid: parseNid(FAR), portal: 9 });
  wire.run(0.1);
  t.deepEqual([route.gateway.isAlive, node.peerNi(GW).isUp, node.peerNi(GW_FAR).isUp], [true, true, true]);
  t.true(isUsable());
});

test('a route outlives the peer of its gateway: the configured NID has another one', (t) => {
  const { wire, node, stub, route } = setup(router([GW_TCP1, GW, GW_FAR]), undefined, {}, [A, A_TCP1]);
  t.is(route.gateway.primaryNid, parseNid(GW_TCP1));
  stub.push(node.nid, router([GW_TCP1], 2));
  wire.run(0.5);
  t.deepEqual(node.nidsOf(GW_TCP1), [GW_TCP1]);
  node.locals.remove(parseNid(A_TCP1));
  t.true(route.gateway === node.peers.peerOf(parseNid(GW)));
  t.is(route.gateway.gatewayRefs, 1);
});

test('messages through a gateway are not held while it is checked', (t) => {
  const { wire, stub, isUsable } = setup(router([GW, GW_FAR]));
  stub.info = null;
  wire.run(70);
  t.true(isUsable());
});

test('with `check_routers_before_use` a route is dead until its gateway was checked', (t) => {
  const wire = new TestWire();
  const node = new TestNode(wire, [A], { settings: { check_routers_before_use: 1 } });
  wire.stub([GW], router([GW, GW_FAR]));
  const net = parseNet('tcp9') as number;
  const route = node.network.routes.add({ net, gateway: parseNid(GW), hops: undefined, priority: 0 });
  const { gateways } = node.network;
  t.deepEqual([gateways.isRouteAlive(route), gateways.areChecked], [false, false]);
  wire.run();
  t.deepEqual([gateways.isRouteAlive(route), gateways.areChecked], [true, true]);
});

test('router checks end with the last route', (t) => {
  const { wire, node } = setup(router([GW, GW_FAR]));
  node.network.routes.remove(parseNet('tcp9') as number, parseNid(GW));
  wire.run(300);
  t.is(wire.clock.pending, 0);
});

test('notices about a peer NI: order in time, `auto_down`, and what they do to routes', (t) => {
  const { wire, node, route } = setup(stubInfo([GW], { features: 0x0a }));
  const { gateways } = node.network;
  const ni = node.ni(A);
  const nid = parseNid(GW);
  const now = node.clock.now();
  const notice = { nid, ni, resets: false };
  t.is(gateways.notice({ ...notice, isUp: true, at: now + 1 }), -22);
  t.is(gateways.notice({ ...notice, nid: parseNid(GW_FAR), isUp: true, at: now }), -22);
  t.is(gateways.notice({ ...notice, nid: parseNid('10.0.0.77@tcp'), isUp: false, at: now }), 0);
  t.is(node.peers.find(parseNid('10.0.0.77@tcp')), undefined);
  wire.run();
  node.network.peerDown(ni.link, nid);
  t.deepEqual([node.peerNi(GW).isUp, route.isCachedAlive], [false, false], 'no discovery there: the notice decides');
  t.is(gateways.notice({ ...notice, isUp: true, at: now }), 0);
  t.false(node.peerNi(GW).isUp, 'older than what is known');
  node.peerNi(GW).health = 300;
  gateways.notice({ nid, ni: null, isUp: true, at: node.clock.now(), resets: true });
  t.deepEqual([node.peerNi(GW).isUp, route.isCachedAlive, node.peerNi(GW).health], [true, true, 1000]);
  node.settings.change({ auto_down: 0 });
  node.network.peerDown(ni.link, nid);
  t.true(node.peerNi(GW).isUp);
});
