import test from 'ava';
import { stubInfo, TestNode, type TestNodeOptions, TestWire } from '../network-fixture.test-support.ts';
import { parseNet } from '../wire/net.ts';
import { parseNid } from '../wire/nid.ts';
import { distanceTo, findPrimaryNid } from './distance.ts';

const A = '10.0.0.1@tcp';
const A_TCP1 = '10.1.0.1@tcp1';
const B = '10.0.0.2@tcp';
const B_TCP1 = '10.1.0.2@tcp1';

function distances(node: TestNode, ...nids: readonly string[]) {
  return nids.map((nid) => {
    const found = distanceTo(node, node.network, parseNid(nid));
    return found && [found.distance, String(found.source), found.order];
  });
}

test('distance: own NID 0, same net 1, routed one more than the fewest hops, else none (lnet-semantics §1.8)', (t) => {
  const node = new TestNode(new TestWire(), [A, '10.0.0.11@tcp', A_TCP1]);
  const net = parseNet('tcp9') as number;
  node.network.routes.add({ net, gateway: parseNid('10.1.0.9@tcp1'), hops: 2, priority: 0 });
  node.network.routes.add({ net, gateway: parseNid('10.0.0.9@tcp'), hops: 4, priority: 0 });
  t.deepEqual(distances(node, '0@lo', A_TCP1, B, B_TCP1, '10.9.0.1@tcp9', '10.8.0.1@tcp8'), [
    [0, '0@lo', 0],
    [0, A_TCP1, 1],
    [1, A, 3],
    [1, A_TCP1, 5],
    [3, A_TCP1, 6],
    undefined,
  ]);
});

test('`local_nid_dist_zero` 0 makes own NIDs as far as a neighbour', (t) => {
  const node = new TestNode(new TestWire(), [A], { settings: { local_nid_dist_zero: 0 } });
  t.deepEqual(distances(node, A), [[1, A, 1]]);
});

function ask(options: TestNodeOptions = {}, info?: Uint8Array | null) {
  const wire = new TestWire();
  const node = new TestNode(wire, [A, A_TCP1], options);
  wire.stub([B, B_TCP1], info);
  const answers: string[] = [];
  const primary = (nid: string) =>
    findPrimaryNid(node, node.network, parseNid(nid), (found, errno) => answers.push(`${found} ${errno}`));
  return { wire, node, answers, primary };
}

test('the primary NID of a peer is found by discovery, and known at once afterwards', (t) => {
  const { wire, answers, primary } = ask();
  primary(B_TCP1);
  t.deepEqual(answers, []);
  wire.run();
  t.deepEqual(answers, [`${B} 0`]);
  primary(B_TCP1);
  primary('0@lo');
  t.deepEqual(answers.slice(1), [`${B} 0`, '0@lo 0']);
});

test('two peers that turn out to be one give one primary NID', (t) => {
  const { wire, answers, primary } = ask();
  primary(B);
  primary(B_TCP1);
  wire.run();
  t.deepEqual(answers, [`${B} 0`, `${B} 0`]);
});

test('with discovery off, or no way there, nobody is asked', (t) => {
  const off = ask({ settings: { discovery: 0 } });
  off.primary(B_TCP1);
  t.deepEqual(off.answers, [`${B_TCP1} 0`]);
  t.deepEqual(off.wire.log, []);
  const { answers, primary, node } = ask();
  primary('10.7.0.1@tcp7');
  t.deepEqual(answers, ['10.7.0.1@tcp7 -113']);
  t.is(node.peers.size, 0);
});

test('when discovery fails the NID stays as it was', (t) => {
  const { wire, answers, primary } = ask({}, stubInfo([B]).subarray(0, 12));
  primary(B);
  wire.run();
  t.deepEqual(answers, [`${B} -71`]);
});
