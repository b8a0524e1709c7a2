import test from 'ava';
import { parseNid } from '../../lnet/wire/nid.ts';
import { patternBytes } from '../compliance/memory.ts';
import { SimDatagramSocket } from './datagram.ts';
import { createFabric } from './fabric.ts';
import type { LinkConditions } from './link.ts';
import type { SimPort } from './port.ts';
import { recordedNode } from './recorded-node.test-support.ts';
import type { SimNet } from './sim-net.ts';

const A = parseNid('10.0.0.1@udp');
const B = parseNid('10.0.0.2@udp');

function sockets(conditions: Partial<LinkConditions>): {
  fabric: SimNet;
  a: SimDatagramSocket;
  b: SimDatagramSocket;
  arrived: Uint8Array[];
} {
  const fabric = createFabric({ seed: 1, conditions });
  const arrived: Uint8Array[] = [];
  const a = new SimDatagramSocket(fabric.node('a').portOf(A) as SimPort, () => undefined);
  const b = new SimDatagramSocket(fabric.node('b').portOf(B) as SimPort, (bytes, from) => {
    if (from === A) arrived.push(bytes);
  });
  return { fabric, a, b, arrived };
}

test('a datagram gathers its fragments and arrives whole, in memory of its own', (t) => {
  const { fabric, a, arrived } = sockets({});
  const fragment = Uint8Array.of(1, 2, 3);
  a.send([fragment, new Uint8Array(0), Uint8Array.of(4)], B);
  fragment.fill(9);
  fabric.runUntilIdle();
  t.deepEqual(
    arrived.map((bytes) => [...bytes]),
    [[1, 2, 3, 4]],
  );
});

test('a datagram longer than the MTU of its link vanishes, one that just fits passes', (t) => {
  const { fabric, a, arrived } = sockets({ mtuBytes: 1472 });
  a.send([new Uint8Array(1473)], B);
  a.send([new Uint8Array(1472)], B);
  fabric.runUntilIdle();
  t.deepEqual(
    arrived.map(({ length }) => length),
    [1472],
  );
  t.is(fabric.counts.tooLong, 1);
});

test('loss, duplicates and damage of datagrams come as often as asked for', (t) => {
  const { fabric, a, arrived } = sockets({ loss: 0.2, duplicate: 0.1, corrupt: 0.1, reorder: 0.1 });
  const sent = patternBytes(1, 60);
  for (let i = 0; i < 2_000; i++) a.send([sent], B);
  fabric.runUntilIdle();
  const { lost, duplicated, corrupted, reordered } = fabric.counts;
  t.is(arrived.length, 2_000 - lost + duplicated);
  t.is(arrived.filter((bytes) => Buffer.compare(bytes, sent) !== 0).length, corrupted);
  for (const [count, expected] of [
    [lost, 400],
    [duplicated, 160],
    [corrupted, 160],
    [reordered, 200],
  ] as const)
    t.true(Math.abs(count - expected) < 70, `${count} of about ${expected}`);
});

test('nobody learns of a datagram that went nowhere', (t) => {
  const { fabric, a, b, arrived } = sockets({});
  a.send([Uint8Array.of(1)], parseNid('10.9.9.9@udp'));
  b.close();
  a.send([Uint8Array.of(2)], B);
  fabric.isolate('b');
  a.send([Uint8Array.of(3)], B);
  b.send([Uint8Array.of(4)], A);
  fabric.runUntilIdle();
  t.deepEqual(arrived, []);
  t.throws(() => new SimDatagramSocket(fabric.node('a').portOf(A) as SimPort, () => undefined), { message: /in use/ });
});

test('a NAL that speaks in connections ignores a datagram', async (t) => {
  const { fabric, a } = sockets({});
  const node = await recordedNode(fabric, 'c', '10.0.0.3@udp');
  a.send([Uint8Array.of(1)], node.nid);
  fabric.runUntilIdle();
  t.deepEqual(node.arrivals, []);
});
