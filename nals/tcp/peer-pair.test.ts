import test from 'ava';
import {
  HEALTH_LOCAL_ERROR,
  HEALTH_NETWORK_TIMEOUT,
  HEALTH_REMOTE_DROPPED,
  HEALTH_REMOTE_TIMEOUT,
  RX_WAIT,
} from '../../lnet/nal.ts';
import { parseNid } from '../../lnet/wire/nid.ts';
import { putTx, type TestTx } from '../compliance/message.ts';
import { CONN_MOVES } from './conn.ts';
import { DIALER_MOVES } from './dialer.ts';
import {
  greeting,
  helloIn,
  INCARNATION,
  messageOf,
  NONE,
  noopOf,
  type RawPeer,
  replyTo,
  type TestNode,
  World,
} from './node.test-support.ts';
import { SELECTION_OLD, SELECTION_TYPED } from './select.ts';
import { CONN_TYPE_NAMES } from './wire/conn-type.ts';

const A = '192.168.1.10@tcp';
const B = '192.168.1.20@tcp';
const C = '192.168.1.30@tcp';
const A_IP = '192.168.1.10';
const B_IP = '192.168.1.20';

function send(node: TestNode, to: string, bytes = 10, number = 1): { tx: TestTx; status: number } {
  const tx = putTx(node.ni.nid, parseNid(to), number, bytes);
  return { tx, status: node.core.send(tx) };
}

/** A hand-driven peer with connections of these types (in its own view) to a node. */
function setOf(world: World, nid: string, node: TestNode, types: readonly number[], firstPort = 1023): RawPeer[] {
  return types.map((type, i) => world.greet(nid, firstPort - i, node, type));
}

function named(table: typeof SELECTION_TYPED): unknown {
  return Object.fromEntries(
    Object.entries(table).map(([traffic, row]) => [
      traffic,
      Object.fromEntries(CONN_TYPE_NAMES.map((name, type) => [name, row[type as 0]])),
    ]),
  );
}

test('states and moves: connection, dialer, selection', (t) => {
  t.snapshot(CONN_MOVES, 'connection');
  t.snapshot(DIALER_MOVES, 'dialer');
  t.snapshot({ typed: named(SELECTION_TYPED), old: named(SELECTION_OLD) }, 'selection');
});

test('S14: Race: with a connect in progress, HELLO from a lower NID gets NONE, from a higher NID is accepted.', async (t) => {
  const world = new World();
  const node = await world.node(B);
  const lower = await world.listen(A_IP);
  const higher = await world.listen('192.168.1.30');
  send(node, A);
  send(node, C);
  world.settle();
  const loser = world.connect(A_IP, 1000, B_IP);
  loser.send(greeting(A, B, 1));
  const winner = world.connect('192.168.1.30', 1000, B_IP);
  winner.send(greeting(C, B, 1));
  world.settle();
  t.is(helloIn(loser.bytes).type, NONE);
  t.is(loser.end, 0);
  t.is(helloIn(winner.bytes).type, 1);
  t.true(winner.isOpen);
  t.is(winner.bytes.length, 56 + 24 + 72 + 10, 'what waited for a connection takes it');
  t.is(node.ni.counters.refused_race, 1);
  t.true(lower[0]?.isOpen && higher[0]?.isOpen);
});

test('a third attempt in a row is accepted even while we are connecting: a refusal could crash the peer', async (t) => {
  const world = new World();
  const node = await world.node(B);
  await world.listen(A_IP);
  send(node, A);
  world.settle();
  const types = [1, 1, 1].map((type, i) => {
    const peer = world.connect(A_IP, 1000 - i, B_IP);
    peer.send(greeting(A, B, type));
    world.seconds(1);
    return helloIn(peer.bytes).type;
  });
  t.deepEqual(types, [NONE, NONE, 1]);
});

test('S15: HELLO with a new incarnation closes all old connections and gets NONE; the next attempt succeeds.', async (t) => {
  const world = new World();
  const node = await world.node(B);
  const old = setOf(world, A, node, [1, 2, 3]);
  const srcIncarnation = INCARNATION + 1n;
  const first = world.connect(A_IP, 900, B_IP);
  first.send(greeting(A, B, 1, { srcIncarnation }));
  world.settle();
  t.is(helloIn(first.bytes).type, NONE);
  t.true(old.every((peer) => peer.end === 0));
  t.is(node.ni.counters.refused_stale, 1);
  t.is(node.ni.counters.broken_stale, 1);
  const second = world.connect(A_IP, 899, B_IP);
  second.send(greeting(A, B, 1, { srcIncarnation }));
  world.settle();
  t.is(helloIn(second.bytes).type, 1);
  t.true(second.isOpen);
});

test('a HELLO of another version closes the connections there are, too', async (t) => {
  const world = new World();
  const node = await world.node(B);
  const old = setOf(world, A, node, [1, 2]);
  const peer = world.connect(A_IP, 900, B_IP);
  peer.send(greeting(A, B, 1, { version: 4 }));
  world.settle();
  t.is(helloIn(peer.bytes).type, NONE);
  t.true(old.every((each) => each.end === 0));
});

test('a reply with another incarnation closes the connections there are, and connects anew at once', async (t) => {
  const world = new World();
  const peers = await world.listen(B_IP);
  const node = await world.node(A);
  send(node, B);
  world.settle();
  replyTo(peers[0]!);
  world.settle();
  replyTo(peers[1]!, { srcIncarnation: INCARNATION + 1n });
  world.settle();
  t.is(peers[0]?.end, 0);
  t.is(node.ni.counters.dial_stale, 1);
  t.is(helloIn(peers[2]?.bytes as Uint8Array, 16).type, 1, 'CONTROL again');
  t.deepEqual(node.core.downs, []);
});

test('S16: Loss of one connection closes the whole set; next send reconnects.', async (t) => {
  const world = new World();
  const peers = await world.listen(B_IP);
  const node = await world.node(A);
  send(node, B);
  for (let i = 0; i < 3; i++) {
    world.settle();
    replyTo(peers[i]!);
  }
  world.settle();
  peers[1]?.close();
  world.settle();
  t.is(peers[0]?.end, 0);
  t.is(peers[2]?.end, 0);
  t.deepEqual(node.core.downs, [parseNid(B)]);
  t.is(node.ni.pairs.length, 0);
  t.is(send(node, B).status, 0);
  world.settle();
  t.is(helloIn(peers[3]?.bytes as Uint8Array, 16).type, 1);

  const passive = await world.node('192.168.1.40@tcp');
  const set = setOf(world, A, passive, [1, 2, 3], 600);
  set[2]?.stream?.reset();
  world.settle();
  t.true(set[0]?.end === 0 && set[1]?.end === 0);
});

test('what was queued ends with the connection: unsent as REMOTE_DROPPED, under way as LOCAL_ERROR', async (t) => {
  const world = new World();
  const node = await world.node(A);
  const [peer] = setOf(world, B, node, [1]);
  peer?.stopReading();
  peer?.send(messageOf({ from: B, to: A }));
  const txs = Array.from({ length: 8 }, (_, i) => send(node, B, 500_000, i).tx);
  world.settle();
  peer?.stream?.reset();
  world.settle();
  const ends = txs.map((tx) => node.core.endOf(tx));
  t.is(ends.length, 8);
  t.deepEqual(
    [...new Set(ends.map((end) => `${end?.errno} ${end?.health}`))],
    [`-5 ${HEALTH_LOCAL_ERROR}`, `-104 ${HEALTH_REMOTE_DROPPED}`],
  );
});

test('what is sent again while the set is being closed does not choose one of it', async (t) => {
  const world = new World();
  const node = await world.node(A);
  const peers = setOf(world, B, node, [1, 3]);
  for (const peer of peers) {
    peer.stopReading();
    peer.send(noopOf(0n, 1n));
  }
  const again: TestTx[] = [];
  const sent = node.core.sent.bind(node.core);
  node.core.sent = (tx, errno, health) => {
    sent(tx, errno, health);
    if (errno !== 0 && tx.hdr.matchBitsLow < 4) {
      const copy = putTx(node.ni.nid, parseNid(B), 99, 10);
      again.push(copy);
      node.core.send(copy);
    }
  };
  for (let i = 0; i < 4; i++) send(node, B, 600_000, i);
  world.settle();
  peers[0]?.close();
  world.settle();
  t.true(again.length > 0);
  t.true(
    again.every((tx) => node.core.endOf(tx)?.errno === -111),
    'they waited for a new connection',
  );
  t.deepEqual(node.core.violations, []);
});

test('S27: v3 payload 927 goes to CONTROL, 928 to BULK_OUT; v4 903 / 904; BULK_IN never carries LNET messages.', async (t) => {
  for (const [version, small] of [
    [3, 927],
    [4, 903],
  ] as const) {
    const world = new World();
    const node = await world.node(A);
    // As the node sees them: CONTROL, BULK_OUT, BULK_IN.
    const [control, bulkOut, bulkIn] = [1, 2, 3].map((type, i) => {
      const peer = world.connect(B_IP, 1023 - i, A_IP);
      peer.send(greeting(B, A, type, { version }));
      world.settle();
      peer.take();
      return peer;
    }) as [RawPeer, RawPeer, RawPeer];
    const head = version === 3 ? 96 : 120;
    send(node, B, small);
    world.settle();
    t.is(control.take().length, head + small);
    send(node, B, small + 1);
    world.settle();
    t.is(bulkOut.take().length, head + small + 1);
    t.is(control.take().length + bulkIn.take().length, 0);
  }
});

test('S28: Falls back to the other of CONTROL/BULK_OUT when the preferred one is missing.', async (t) => {
  const world = new World();
  const node = await world.node(A);
  const [control] = setOf(world, B, node, [1]);
  const [bulkOut] = setOf(world, C, node, [2]);
  send(node, B, 50_000);
  send(node, C, 10);
  world.settle();
  t.is(control?.bytes.length, 96 + 50_000);
  t.is(bulkOut?.bytes.length, 96 + 10);
  t.is(node.host.attempts.length, 0);
});

test('connections that cannot carry a message are not used: it waits for one of our own', async (t) => {
  const world = new World();
  const node = await world.node(A);
  const set = setOf(world, B, node, [3, 0]);
  const peers = await world.listen(B_IP);
  send(node, B, 10);
  world.settle();
  t.is(helloIn(peers[0]?.bytes as Uint8Array, 16).type, 1);
  replyTo(peers[0]!);
  world.settle();
  t.is(peers[0]?.take().length, 96 + 10);
  t.true(set.every((peer) => peer.bytes.length === 0));
});

test('versions 1 and 2 use ANY first and BULK_IN at last', async (t) => {
  for (const version of [1, 2] as const) {
    const world = new World();
    const node = await world.node(A);
    const any = world.greet(B, 1000, node, 0, { version });
    world.greet(B, 999, node, 1, { version });
    const bulkIn = world.greet(C, 998, node, 3, { version });
    send(node, B, 10);
    send(node, C, 10);
    world.settle();
    const head = version === 1 ? 72 : 96;
    t.is(any.take().length, head + 10);
    t.is(bulkIn.take().length, head + 10);
    any.send(messageOf({ from: B, to: A, version, payload: new Uint8Array(2000), number: 7 }));
    any.send(messageOf({ from: B, to: A, version, payload: new Uint8Array(3), number: 8 }));
    world.settle();
    t.deepEqual(
      node.core.placedArrivals.map((arrival) => arrival.number),
      [7, 8],
    );
  }
});

test('of several connections of a type the one with the shortest backlog is taken, equals in turn', async (t) => {
  const world = new World();
  const node = await world.node(A, { tunables: { conns_per_peer: 2 } });
  const [first, second] = setOf(world, B, node, [2, 2]) as [RawPeer, RawPeer];
  for (let i = 0; i < 4; i++) {
    send(node, B, 2000);
    world.settle();
  }
  t.is(first.take().length, 2 * 2096);
  t.is(second.take().length, 2 * 2096);
  send(node, B, 9000);
  for (let i = 0; i < 4; i++) send(node, B, 2000);
  world.settle();
  t.deepEqual(new Set([first.take().length, second.take().length]), new Set([9096, 4 * 2096]));
});

test('S30: Idle connections stay open indefinitely (with and without keepalives).', async (t) => {
  for (const keepalive of [0, 30]) {
    const world = new World();
    const node = await world.node(B, { tunables: { keepalive } });
    const set = setOf(world, A, node, [1, 2, 3]);
    world.seconds(36_000);
    t.true(set.every((peer) => peer.isOpen));
    const received = set.map((peer) => peer.bytes.length);
    // The node's BULK_IN is what the peer calls BULK_OUT.
    t.is(received[2]! > 0, keepalive > 0);
    t.is(received[0]! + received[1]!, 0);
  }
});

test('a keepalive NOOP follows 30 s without traffic, not sooner, and only there', async (t) => {
  const world = new World();
  const node = await world.node(B);
  const [control, bulkOut] = setOf(world, A, node, [1, 3]) as [RawPeer, RawPeer];
  world.seconds(29);
  control.send(noopOf(0n, 1n));
  world.seconds(29);
  t.is(bulkOut.bytes.length, 0);
  world.seconds(1 + 12.5);
  t.is(bulkOut.hex, `c0000000${'00'.repeat(12)}0100000000000000`);
  t.is(node.ni.counters.keepalives_received, 1);
});

test('S34: After restarting our node (new incarnation) traffic resumes within two connection attempts.', async (t) => {
  const world = new World();
  const b = await world.node(B);
  const before = await world.node(A);
  send(before, B);
  world.settle();
  t.is(b.core.placedArrivals.length, 1);
  // The machine of A dies; B does not notice.
  for (const end of world.net.ends) if (end.local.address === A_IP) end.vanish();
  world.net.listeners.delete(`${A_IP} 7988`);
  world.net.tuples.clear();
  const after = await world.node(A);
  send(after, B, 10, 2);
  world.seconds(1.1);
  t.is(b.core.placedArrivals.length, 2);
  t.true(after.host.attempts.length <= 2 + 2, 'one refusal, then the three connections');
  t.is(after.ni.counters.dial_lost_race + after.ni.counters.dial_failed, 1);
  world.seconds(2);
  t.is(after.core.unfinished, 0);
});

test('a message that stops in the middle closes the set after the timeout', async (t) => {
  const world = new World();
  const node = await world.node(B, { tunables: { timeout: 10 } });
  const set = setOf(world, A, node, [1, 3]) as [RawPeer, RawPeer];
  set[1].send(messageOf({ from: A, to: B, payload: new Uint8Array(5000) }).subarray(0, 3000));
  world.seconds(9.9);
  t.true(set.every((peer) => peer.isOpen));
  world.seconds(2.7);
  t.true(set.every((peer) => peer.end === 0));
  t.is(node.ni.counters.broken_rx_timeout, 1);
  t.is(node.core.arrivals[0]?.state, 'failed');
});

test('a message that the core makes wait too long closes the set as well', async (t) => {
  const world = new World();
  const node = await world.node(B, { tunables: { timeout: 10 } });
  node.core.answer = () => RX_WAIT;
  const [peer] = setOf(world, A, node, [1]);
  peer?.send(messageOf({ from: A, to: B, payload: new Uint8Array(10) }));
  world.seconds(12.6);
  t.false(peer?.isOpen);
  t.is(node.core.arrivals[0]?.state, 'failed');
});

test('a message that waits for a connection fails after the timeout, counted from its own sending', async (t) => {
  const world = new World();
  const node = await world.node(B, { tunables: { timeout: 10 } });
  world.seconds(1000);
  world.net.cut(A_IP, B_IP);
  const first = send(node, A);
  world.seconds(9);
  const second = send(node, A);
  t.is(node.core.endOf(first.tx), undefined);
  world.seconds(3.5);
  for (const { tx } of [first, second])
    t.like(
      node.core.endOf(tx),
      { errno: -110, health: HEALTH_NETWORK_TIMEOUT },
      'the attempt that both waited for is over',
    );
});

test('a message that no connection there is may carry fails after the timeout, not before', async (t) => {
  const world = new World();
  const node = await world.node(B, { tunables: { timeout: 10 } });
  world.seconds(1000);
  setOf(world, A, node, [2, 3].slice(1));
  world.net.cut(A_IP, B_IP);
  const { tx } = send(node, A);
  world.seconds(9.9);
  t.is(node.core.endOf(tx), undefined);
  world.seconds(2.7);
  t.like(node.core.endOf(tx), { errno: -110, health: HEALTH_NETWORK_TIMEOUT });
});

test('a pair that could not be reached is remembered for its back-off and forgotten then', async (t) => {
  const world = new World();
  const node = await world.node(A);
  send(node, B);
  world.seconds(30);
  t.is(node.ni.pairs.length, 1);
  world.seconds(100);
  t.is(node.ni.pairs.length, 0);
});

test('a write that makes no progress closes the set after the timeout: NETWORK_TIMEOUT', async (t) => {
  const world = new World();
  const node = await world.node(B, { tunables: { timeout: 10 } });
  const [peer] = setOf(world, A, node, [1]);
  peer?.stopReading();
  peer?.send(noopOf(0n, 1n));
  world.settle();
  const txs = Array.from({ length: 4 }, (_, i) => send(node, A, 300_000, i).tx);
  world.seconds(9.9);
  t.true(node.core.ends.every((end) => end.errno === 0));
  world.seconds(2.7);
  t.is(node.ni.counters.broken_tx_timeout, 1);
  const failed = txs.map((tx) => node.core.endOf(tx)).filter((end) => end?.errno !== 0);
  t.true(failed.length > 1);
  t.true(failed.every((end) => end?.errno === -110 && end.health === HEALTH_NETWORK_TIMEOUT));
});

test('an error of TCP ends what was under way: ETIMEDOUT as REMOTE_TIMEOUT', async (t) => {
  const world = new World();
  const node = await world.node(B);
  const [peer] = setOf(world, A, node, [1]);
  peer?.stopReading();
  peer?.send(noopOf(0n, 1n));
  world.settle();
  const { tx } = send(node, A, 600_000);
  world.settle();
  world.net.ends.find((end) => end.local.address === B_IP && !end.isOver)?.fail(-110);
  t.like(node.core.endOf(tx), { errno: -110, health: HEALTH_REMOTE_TIMEOUT });
  t.is(node.ni.counters.broken_network, 1);
});

test('when a NID is down, the connections of its other processes are closed too, and it is reported once', async (t) => {
  const world = new World();
  const node = await world.node(B, { accept: 'all' });
  const [kernel] = setOf(world, A, node, [1]);
  const user = world.greet(A, 40_000, node, 1);
  kernel?.close();
  world.settle();
  t.is(user.end, 0);
  t.deepEqual(node.core.downs, [parseNid(A)]);
  t.is(node.ni.counters.broken_sibling, 1);
});

test('a failed attempt to reach another process of a NID leaves its connections alone: any peer can cause one by a header', async (t) => {
  const world = new World();
  const node = await world.node(B);
  const [kernel] = setOf(world, A, node, [1]);
  const other = putTx(node.ni.nid, parseNid(A), 2, 10);
  other.nextHopPid = 777;
  t.is(node.core.send(other), 0);
  world.settle();
  t.is(node.core.endOf(other)?.errno, -111);
  t.true(kernel?.isOpen);
  t.deepEqual(node.core.downs, []);
  t.is(node.ni.counters.broken_sibling, 0);
});

test('an unused duplicate that the peer drops after a race costs nothing', async (t) => {
  const world = new World();
  const peers = await world.listen(A_IP);
  const node = await world.node(B);
  send(node, A);
  for (let i = 0; i < 3; i++) {
    world.settle();
    replyTo(peers[i]!);
  }
  world.settle();
  const duplicate = world.greet(A, 1000, node, 1);
  t.is(node.ni.pairs[0]?.conns.length, 4);
  duplicate.close();
  world.settle();
  t.is(node.ni.counters.duplicates_dropped, 1);
  t.is(node.ni.connectionCount, 3, 'the limit on connections counts it no more');
  t.true(peers.every((peer) => peer.isOpen));
});

test('a large NID does not fit a connection that negotiated small ones: the message fails, the connection stays', async (t) => {
  const world = new World();
  const node = await world.node(B);
  const [peer] = setOf(world, A, node, [1]);
  const tx = putTx(parseNid('2001:db8::1@tcp7'), parseNid(A), 1, 10);
  t.is(node.core.send(tx), -22);
  t.true(peer?.isOpen);
  const waiting = putTx(parseNid('2001:db8::1@tcp7'), parseNid(C), 1, 10);
  const peers = await world.listen('192.168.1.30');
  t.is(node.core.send(waiting), 0);
  world.settle();
  replyTo(peers[0]!);
  world.settle();
  t.is(node.core.endOf(waiting)?.errno, -22);
  t.is(node.ni.counters.tx_nid_too_large, 2);
});

test('own NID: a node reaches itself through the link', async (t) => {
  const world = new World();
  const node = await world.node(B);
  for (let i = 0; i < 10; i++) {
    send(node, B, i * 700, i);
    world.settle();
  }
  world.seconds(5);
  t.is(node.core.placedArrivals.length, 10);
  t.is(node.core.unfinished, 0);
  t.deepEqual(node.core.downs, []);
});

test('the loss of the address is reported, and its return', async (t) => {
  const world = new World();
  const node = await world.node(B);
  node.host.lostAddresses.add(B_IP);
  world.seconds(6);
  node.host.lostAddresses.clear();
  world.seconds(20);
  t.deepEqual(node.core.fatals, [true, false]);
});

test('closing ends everything once and forgets the peers', async (t) => {
  const world = new World();
  const node = await world.node(B);
  const [peer] = setOf(world, A, node, [1]);
  await world.listen('192.168.1.30');
  send(node, C);
  world.settle();
  await node.core.close();
  world.settle();
  t.is(peer?.end, 0);
  t.deepEqual(node.core.violations, []);
  t.is(node.core.ends[0]?.errno, -108);
  t.is(node.ni.pairs.length, 0);
  world.seconds(100);
  t.is(world.clock.pending, 0, 'no timer is left');
});

test('what peers leave behind is forgotten', async (t) => {
  const world = new World();
  const node = await world.node(B, { accept: 'all' });
  for (let i = 0; i < 50; i++) world.greet(`192.168.3.${i}@tcp`, 40_000 + i, node, 1).close();
  world.settle();
  t.is(node.ni.pairs.length, 0);
  send(node, C);
  world.settle();
  t.is(node.ni.pairs.length, 1, 'the time between attempts is remembered');
  world.seconds(100);
  t.is(node.ni.pairs.length, 0);
});
