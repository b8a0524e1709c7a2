import test from 'ava';
import { errnoOf } from '../../test/errno-of.ts';
import { stubInfo, TestNode, TestWire } from '../network-fixture.test-support.ts';
import { parseNet } from '../wire/net.ts';
import { parseNid } from '../wire/nid.ts';
import { LNET_PEER_BAD_CONFIG, LNET_PEER_CONFIGURED, LNET_PEER_LOCK_PRIMARY, LNET_PEER_MULTI_RAIL } from './peer.ts';

const A = '10.0.0.1@tcp';
const B = '10.0.0.2@tcp';
const B_2 = '10.0.0.22@tcp';
const B_TCP1 = '10.1.0.2@tcp1';
const C = '10.0.0.3@tcp';
const C_TCP1 = '10.1.0.3@tcp1';

const nid = (text: string | undefined) => (text === undefined ? {} : { nid: parseNid(text) });

function setup() {
  const wire = new TestWire();
  const node = new TestNode(wire, [A]);
  const { peerConfig } = node.network;
  const add = (primary: string, second?: string, isMultiRail = true, locksPrimary = false): number =>
    errnoOf(() => peerConfig.add({ primary: parseNid(primary), ...nid(second), isMultiRail, locksPrimary }));
  const del = (primary: string, second?: string, force = false): number =>
    errnoOf(() => peerConfig.del({ primary: parseNid(primary), ...nid(second), force }));
  return { wire, node, add, del };
}

test('adding a peer makes it configured, Multi-Rail unless asked otherwise; again is no error', (t) => {
  const { node, add } = setup();
  t.deepEqual([add(B), add(C, undefined, false), add(B)], [0, 0, 0]);
  t.is(node.peer(B).flags, LNET_PEER_CONFIGURED | LNET_PEER_MULTI_RAIL);
  t.is(node.peer(C).flags, LNET_PEER_CONFIGURED);
});

test('adding a peer: -EEXIST for a NID of another one, -EPERM for the other kind', (t) => {
  const { add } = setup();
  add(B);
  add(B, B_2);
  t.deepEqual([add(B_2), add(B, undefined, false)], [-17, -1]);
});

test('a peer known from traffic or discovery gives way to configuration, and its routes stay', (t) => {
  const { wire, node, add } = setup();
  wire.stub([B, B_2]);
  const route = node.network.routes.add({
    net: parseNet('tcp9') as number,
    gateway: parseNid(B),
    hops: 1,
    priority: 0,
  });
  node.put(B);
  wire.run();
  t.deepEqual(node.nidsOf(B), [B, B_2]);
  t.is(add(B), 0);
  t.deepEqual(node.nidsOf(B), [B]);
  t.is(route.gateway, node.peer(B));
  t.is(route.gateway.gatewayRefs, 1);
  t.is(add(B_2), 0, 'a NID that discovery gave to no configured peer is free');
});

test('a peer locked without being configured is not replaced: -EEXIST by its primary NID, -EALREADY by another', (t) => {
  const { node, add } = setup();
  node.peerNi(B);
  node.network.merge.take(node.peer(B), parseNid(B_2));
  node.peer(B).flags = LNET_PEER_LOCK_PRIMARY;
  t.deepEqual([add(B), add(B_2)], [-17, -114]);
});

test('adding a NID: -ENOENT, -ENODEV, -EPERM, -EEXIST, -ENOTUNIQ', (t) => {
  const { node, add } = setup();
  t.is(add(B, B_2), -2);
  node.peerNi(B);
  t.is(add(B, B_2), -2, 'known, but not configured');
  add(B);
  t.deepEqual([add(B, B_2), add(B, B_2)], [0, 0]);
  t.is(add(B_2, C), -19);
  t.is(add(B, C, false), -1);
  add(C);
  t.is(add(B, C), -17);
  add('10.0.0.4@tcp', undefined, false);
  t.deepEqual([add('10.0.0.4@tcp', '10.0.0.5@tcp', false), add('10.0.0.4@tcp', C_TCP1, false)], [-76, 0]);
});

test('adding a NID takes it from a peer that nobody configured', (t) => {
  const { wire, node, add } = setup();
  wire.stub([C, C_TCP1]);
  node.put(C);
  wire.run();
  add(B);
  t.is(add(B, C_TCP1), 0);
  t.deepEqual([node.nidsOf(B), node.nidsOf(C)], [[B, C_TCP1], [C]]);
  t.is(add(B, C), 0);
  t.deepEqual(node.nidsOf(B).toSorted(), [B, C, C_TCP1].toSorted());
});

test('deleting: -ENOENT, -ENODEV, -ECHILD, -EBUSY, and the peer goes with its primary NID', (t) => {
  const { node, add, del } = setup();
  t.is(del(B), -2);
  add(B);
  add(B, B_2);
  add(C);
  t.deepEqual([del(B_2), del(B, C), del(B, '10.0.0.77@tcp'), del(B, B)], [-19, -10, -2, -16]);
  t.is(del(B, B_2), 0);
  t.deepEqual(node.nidsOf(B), [B]);
  t.is(del(B, B), 0);
  t.is(node.peers.find(parseNid(B)), undefined);
});

test('a locked peer only loses its other NIDs, unless forced', (t) => {
  const { node, add, del } = setup();
  add(B, undefined, true, true);
  add(B, B_2);
  t.is(del(B), 0);
  t.deepEqual(node.nidsOf(B), [B]);
  t.is(del(B, B), -1);
  t.is(del(B, undefined, true), 0);
  t.is(node.peers.size, 0);
});

test('what waits on a deleted peer is cancelled', (t) => {
  const { wire, node, del } = setup();
  wire.stub([B], null);
  node.put(B);
  wire.run();
  t.is(del(B), 0);
  t.deepEqual(node.events, ['SEND -125 last']);
  wire.run(300);
  t.deepEqual([node.pool.live, node.portals.mdCount, wire.clock.pending], [0, 2, 0]);
});

test('a configured peer that is not Multi-Rail stays so whatever it announces', (t) => {
  const { wire, node, add } = setup();
  const stub = wire.stub([B, B_TCP1]);
  add(B, undefined, false);
  node.put(B);
  wire.run();
  t.deepEqual([node.nidsOf(B), stub.pushes.length], [[B], 0]);
  t.deepEqual(node.events, ['SEND last']);
});

test('a peer that lists NIDs which configuration gave to another one is flagged, told about once, and cleared when it stops', (t) => {
  const { wire, node, add } = setup();
  add(C);
  add(C, C_TCP1);
  const stub = wire.stub([B], stubInfo([B, C_TCP1]));
  node.put(B);
  wire.run();
  t.deepEqual([node.nidsOf(B), node.nidsOf(C)], [[B], [C, C_TCP1]]);
  t.true(node.peer(B).has(LNET_PEER_BAD_CONFIG));
  for (let sequence = 2; sequence < 5; sequence++) {
    stub.push(node.nid, stubInfo([B, C_TCP1], { sequence }));
    wire.run();
  }
  t.is(node.logged.filter((line) => line.includes('lists')).length, 1);
  stub.push(node.nid, stubInfo([B], { sequence: 9 }));
  wire.run();
  t.false(node.peer(B).has(LNET_PEER_BAD_CONFIG));
});
