import test from 'ava';
import { errnoOf } from '../test/errno-of.ts';
import { NET_TUNABLES_DEFAULT, type NetTunables } from './local-ni.ts';
import { TestNode, TestWire } from './network-fixture.test-support.ts';
import { parseNet } from './wire/net.ts';
import { parseNid } from './wire/nid.ts';

const A = '10.0.0.1@tcp';
const A_2 = '10.0.0.11@tcp';
const A_TCP1 = '10.1.0.1@tcp1';
const B = '10.0.0.2@tcp';
const B_TCP1 = '10.1.0.2@tcp1';

function check(node: TestNode, nid: string, options: { name?: string; tunables?: Partial<NetTunables> } = {}): number {
  const { name = 'eth9', tunables = {} } = options;
  const request = {
    net: parseNid(nid).net,
    nid: parseNid(nid),
    interfaceName: name,
    tunables: { ...NET_TUNABLES_DEFAULT, ...tunables },
  };
  return errnoOf(() => node.locals.checkAdd(request));
}

test('T2: NI index 0 is `0@lo`; one past the last index gives -ENOENT.', (t) => {
  const node = new TestNode(new TestWire(), [A, A_TCP1]);
  t.is(String(node.locals.all[0]?.nid), '0@lo');
  t.is(node.locals.all[3], undefined);
  t.is(node.locals.realCount, 2);
});

test('NIs are listed net by net, in the order of configuration', (t) => {
  const node = new TestNode(new TestWire(), [A, A_TCP1, A_2]);
  t.deepEqual(
    node.locals.all.map((ni) => String(ni.nid)),
    ['0@lo', A, A_2, A_TCP1],
  );
});

test('adding an NI: -EEXIST, -EUSERS, -ENOSPC, -EINVAL, and loopback is there already', (t) => {
  const node = new TestNode(new TestWire(), [A], { settings: { max_interfaces: 16 } });
  t.is(check(node, A), -17);
  t.is(check(node, A_2, { name: `if-${A}` }), -17);
  t.is(check(node, '0@lo'), -22);
  t.is(check(node, A_2, { tunables: { credits: 0 } }), -22);
  t.is(check(node, A_2, { tunables: { peerCredits: 0 } }), -22);
  node.network.routes.add({ net: parseNet('tcp1') as number, gateway: parseNid(B), hops: 1, priority: 0 });
  t.is(check(node, A_TCP1), -87);
  t.is(check(node, A_2), 0);
  for (let i = 0; i < 14; i++) node.openNi(`10.0.1.${i}@tcp`);
  t.is(check(node, A_2), -28);
});

test('removing: loopback stays (-EINVAL), an unknown NID is told (-ENOENT)', (t) => {
  const node = new TestNode(new TestWire(), [A]);
  t.is(
    errnoOf(() => node.locals.remove(parseNid('0@lo'))),
    -22,
  );
  t.is(
    errnoOf(() => node.locals.remove(parseNid(A_2))),
    -2,
  );
});

test('with the last NI goes the net, its peer NIs, and every route through gateways on it', (t) => {
  const wire = new TestWire();
  const node = new TestNode(wire, [A, A_TCP1]);
  wire.stub([B, B_TCP1]);
  node.put(B);
  wire.run();
  node.network.routes.add({
    net: parseNet('tcp9') as number,
    gateway: parseNid('10.1.0.9@tcp1'),
    hops: 1,
    priority: 0,
  });
  node.locals.remove(parseNid(A_TCP1));
  t.is(node.locals.netOf(parseNet('tcp1') as number), undefined);
  t.deepEqual([node.nidsOf(B), node.nidsOf(B_TCP1), node.network.routes.all], [[B], [], []]);
  t.is(node.peers.find(parseNid('10.1.0.9@tcp1')), undefined);
});

test('a peer NI gets credits when its net becomes local, peer credits never above the credits of the NI', (t) => {
  const node = new TestNode(new TestWire(), [A], { tunables: { peerCredits: 8, credits: 4 } });
  t.is(node.peerNi(B_TCP1).creditsMax, 0);
  node.openNi(A_TCP1);
  t.deepEqual([node.peerNi(B_TCP1).credits, node.peerNi(B_TCP1).creditsMax], [4, 4]);
});
