import test from 'ava';
import { hexOf } from '../../test/hex.ts';
import { specDump, specDumps } from '../../test/spec-example.ts';
import { HEALTH_LOCAL_ERROR, HEALTH_NETWORK_TIMEOUT, HEALTH_REMOTE_DROPPED } from '../../lnet/nal.ts';
import { parseNid } from '../../lnet/wire/nid.ts';
import { putTx, type TestTx } from '../compliance/message.ts';
import { FAILURES_TOLD_MAX, PAIRS_REMEMBERED_MAX } from './tcp-ni.ts';
import { greeting, helloIn, helloOf, NONE, replyTo, type TestNode, World } from './node.test-support.ts';
import { encodeHello } from './wire/hello.ts';

const A = '192.168.1.10@tcp';
const B = '192.168.1.20@tcp';
const A_IP = '192.168.1.10';
const B_IP = '192.168.1.20';
const A6 = '2001:db8::10@tcp';
const B6 = '2001:db8::20@tcp';

/** Gives a node something to send, so that it connects. */
function send(node: TestNode, to: string, bytes = 10, number = 1): { tx: TestTx; status: number } {
  const tx = putTx(node.ni.nid, parseNid(to), number, bytes);
  return { tx, status: node.core.send(tx) };
}

test('S1: Request bytes equal 13.1 / 13.9; HELLO is sent without waiting.', async (t) => {
  const world = new World();
  const [peers, peers6] = [await world.listen(B_IP), await world.listen('2001:db8::20')];
  send(await world.node(A), B);
  send(await world.node(A6), B6);
  world.settle();
  // Nothing was answered, so that request and HELLO came without waiting.
  const bytes = peers[0]?.bytes as Uint8Array;
  t.is(hexOf(bytes.subarray(0, 16)), hexOf(specDump('socklnd', '13.1')));
  t.is(bytes.length, 16 + 56);
  t.is(helloIn(bytes, 16).type, 1);
  const bytes6 = peers6[0]?.bytes as Uint8Array;
  t.is(hexOf(bytes6.subarray(0, 28)), hexOf(specDumps('socklnd', '13.9')[0] as Uint8Array));
  t.is(bytes6.length, 28 + 80);
});

test('S4: Connector binds 1023..512 descending and retries the next port on address-in-use/not-available.', async (t) => {
  const world = new World();
  const peers = await world.listen(B_IP);
  const node = await world.node(A, { host: { portsInUse: new Set([1023, 1021]) } });
  world.net.tuples.add(`${A_IP} 1020 ${B_IP} 7988`);
  send(node, B);
  for (let i = 0; i < 3; i++) {
    world.settle();
    replyTo(peers[i]!);
  }
  world.settle();
  t.deepEqual(
    node.host.attempts.map((attempt) => attempt.fromPort),
    [1023, 1022, 1021, 1020, 1019, 1018],
  );
  t.true(node.host.attempts.every((attempt) => attempt.from === A_IP && attempt.toPort === 7988));

  const none = await world.node('192.168.1.11@tcp', {
    host: { portsInUse: new Set(Array.from({ length: 1024 }, (_, port) => port)) },
  });
  const { tx } = send(none, B);
  world.settle(100_000);
  t.is(none.host.attempts.length, 512);
  t.is(none.core.endOf(tx)?.errno, -98);
});

test('S8: Unknown version answered with own version and type NONE; connector receiving such an answer reconnects immediately with the offered version.', async (t) => {
  const world = new World();
  const peers = await world.listen(B_IP);
  const node = await world.node(A);
  const { tx } = send(node, B);
  world.settle();
  peers[0]?.take();
  peers[0]?.send(encodeHello(helloOf(B, B, NONE, { version: 2 })));
  world.settle();
  t.false(peers[0]?.isOpen);
  t.is(helloIn(peers[1]?.bytes as Uint8Array, 16).version, 2);
  replyTo(peers[1]!);
  world.settle();
  t.is(node.core.endOf(tx)?.errno, 0);
  t.is(node.ni.pairs[0]?.version, 2);
});

test('a peer that asks for another version again and again is left alone after a few attempts', async (t) => {
  const world = new World();
  const peers = await world.listen(B_IP);
  const node = await world.node(A);
  const { tx } = send(node, B);
  for (let i = 0; i < 10; i++) {
    world.settle();
    peers[i]?.send(encodeHello(helloOf(B, B, NONE, { version: i % 2 === 0 ? 2 : 3 })));
  }
  t.true(peers.length < 6);
  t.is(node.core.endOf(tx)?.errno, -71);
});

test('S9: Reply with wrong NID, pid or type fails the attempt; NONE leads to a retry after 1 s.', async (t) => {
  for (const [changes, counter] of [
    [{ srcNid: parseNid('192.168.1.21@tcp') }, 'dial_wrong_peer'],
    [{ srcPid: 777 }, 'dial_wrong_peer'],
    [{ type: 2 }, 'dial_wrong_type'],
    [{ type: 9 }, 'dial_wrong_type'],
  ] as const) {
    const world = new World();
    const peers = await world.listen(B_IP);
    const node = await world.node(A);
    const { tx } = send(node, B);
    world.settle();
    replyTo(peers[0]!, changes);
    world.settle();
    t.is(node.core.endOf(tx)?.errno, -71, counter);
    t.is(node.ni.counters[counter], 1);
    t.is(peers[0]?.end, 0);
    t.is(node.logs.length, 1);
  }
  const world = new World();
  const peers = await world.listen(B_IP);
  const node = await world.node(A);
  const { tx } = send(node, B);
  world.settle();
  replyTo(peers[0]!, { type: NONE });
  world.seconds(0.98);
  t.is(peers.length, 1);
  world.seconds(0.04);
  t.is(peers.length, 2);
  replyTo(peers[1]!);
  world.settle();
  t.is(node.core.endOf(tx)?.errno, 0);
  t.is(node.ni.counters.dial_lost_race, 1);
});

test('three refusals in a row are enough for a set that has each type', async (t) => {
  const world = new World();
  const peers = await world.listen(B_IP);
  const node = await world.node(A, { tunables: { conns_per_peer: 2 } });
  send(node, B);
  for (let i = 0; i < 3; i++) {
    world.settle();
    replyTo(peers[i]!);
  }
  for (let i = 3; i < 6; i++) {
    world.seconds(1.1);
    replyTo(peers[i]!, { type: NONE });
  }
  world.seconds(30);
  send(node, B);
  world.seconds(30);
  t.is(peers.length, 6);
  t.is(node.ni.pairs[0]?.conns.length, 3);
});

test('S10: IPv4 uses v3, IPv6 uses v4.', async (t) => {
  const world = new World();
  const [peers, peers6] = [await world.listen(B_IP), await world.listen('2001:db8::20')];
  send(await world.node(A), B);
  send(await world.node(A6), B6);
  world.settle();
  t.is(helloIn(peers[0]?.bytes as Uint8Array, 16).version, 3);
  t.is(helloIn(peers6[0]?.bytes as Uint8Array, 28).version, 4);
});

test('S12: Connector opens CONTROL, BULK_IN, BULK_OUT in order; never ANY.', async (t) => {
  for (const [conns, expected] of [
    [1, [1, 2, 3]],
    [2, [1, 2, 3, 2, 3]],
    [3, [1, 2, 3, 2, 3, 2, 3]],
  ] as const) {
    const world = new World();
    const peers = await world.listen(B_IP);
    const node = await world.node(A, { tunables: { conns_per_peer: conns } });
    send(node, B);
    const types: number[] = [];
    for (let i = 0; i < 10; i++) {
      world.settle();
      t.true(peers.length <= i + 1, 'one handshake after the other');
      if (peers[i]) types.push(replyTo(peers[i]!).type);
    }
    t.deepEqual(types, expected);
  }
});

test('the number of bulk connections follows the speed of the device unless it is set', async (t) => {
  const world = new World();
  t.is((await world.node(A, { interfaceName: 'fast' })).ni.tunables.conns_per_peer, 4);
  t.is((await world.node(B)).ni.tunables.conns_per_peer, 1);
  const set = await world.node('192.168.1.30@tcp', { interfaceName: 'fast', tunables: { conns_per_peer: 2 } });
  t.is(set.ni.tunables.conns_per_peer, 2);
});

test('the first message leaves on CONTROL before the bulk connections are opened', async (t) => {
  const world = new World();
  const peers = await world.listen(B_IP);
  const node = await world.node(A);
  send(node, B, 5000);
  world.settle();
  replyTo(peers[0]!);
  world.settle();
  t.is(peers.length, 2);
  t.is(peers[0]?.take().length, 24 + 72 + 5000);
});

test('S17: Back-off 1, 2, 4 ... 60 s after failures; reset on success.', async (t) => {
  const world = new World();
  const node = await world.node(A);
  const { tx } = send(node, B);
  world.settle();
  t.like(node.core.endOf(tx), { errno: -111, health: HEALTH_REMOTE_DROPPED });
  t.deepEqual(node.core.downs, [parseNid(B)]);
  for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
    world.seconds(seconds - 0.1);
    t.is(send(node, B).status, -5, `${seconds} s are not over`);
    world.seconds(0.1);
    const again = send(node, B);
    t.is(again.status, 0);
    world.settle();
    t.is(node.core.endOf(again.tx)?.errno, -111);
  }
  t.is(node.logs.length, 1, 'a person is told once');

  const peers = await world.listen(B_IP);
  world.seconds(60);
  const good = send(node, B);
  for (let i = 0; i < 3; i++) {
    world.settle();
    replyTo(peers[i]!);
  }
  world.settle();
  t.is(node.core.endOf(good.tx)?.errno, 0);
  peers[0]?.close();
  world.net.listeners.delete(`${B_IP} 7988`);
  world.settle();
  const lost = send(node, B);
  world.settle();
  t.is(node.core.endOf(lost.tx)?.errno, -111);
  world.seconds(1);
  t.is(send(node, B).status, 0, 'after a success the first interval is 1 s again');
});

test('of peers that cannot be reached so many are remembered, and a person is told of fewer', async (t) => {
  const world = new World();
  const node = await world.node(A);
  const count = PAIRS_REMEMBERED_MAX + 100;
  for (let i = 0; i < count; i++) {
    send(node, `192.168.${2 + (i >> 8)}.${i & 255}@tcp`);
    world.settle(1000);
  }
  t.is(node.ni.counters.dial_failed, count);
  t.is(node.ni.pairs.length, PAIRS_REMEMBERED_MAX);
  t.is(node.logs.length, FAILURES_TOLD_MAX);
  world.seconds(60);
  send(node, B);
  world.settle();
  t.regex(node.logs.at(-1) as string, /192\.168\.1\.20@tcp.* \(and \d+ more peers since/);
  world.seconds(120);
  t.deepEqual(node.ni.pairs, [], 'none is remembered for ever');
});

test('a message that waits while an attempt hangs fails with the attempt, after the timeout', async (t) => {
  const world = new World();
  const node = await world.node(A, { tunables: { timeout: 10 } });
  world.net.cut(A_IP, B_IP);
  const { tx } = send(node, B);
  world.seconds(9.9);
  t.is(node.core.endOf(tx), undefined);
  world.seconds(0.2);
  t.like(node.core.endOf(tx), { errno: -110, health: HEALTH_NETWORK_TIMEOUT });
  t.is(node.ni.counters.dial_timeout, 1);
});

test('a peer that takes the connection and says nothing is given up after the timeout', async (t) => {
  const world = new World();
  const peers = await world.listen(B_IP);
  const node = await world.node(A, { tunables: { timeout: 10 } });
  const { tx } = send(node, B);
  world.seconds(9.9);
  t.true(peers[0]?.isOpen);
  world.seconds(0.2);
  t.is(peers[0]?.end, 0);
  t.is(node.core.endOf(tx)?.errno, -110);
});

test('what answers with something else than a HELLO fails the attempt', async (t) => {
  const world = new World();
  const peers = await world.listen(B_IP);
  const node = await world.node(A);
  const { tx } = send(node, B);
  world.settle();
  peers[0]?.send(Buffer.from('220 mail.example.org ESMTP'));
  world.settle();
  t.like(node.core.endOf(tx), { errno: -71, health: HEALTH_LOCAL_ERROR });
  t.is(node.ni.counters.dial_bad_reply, 1);
  t.regex(node.logs[0] as string, /does not speak LNet/);

  const older = new World();
  const olderPeers = await older.listen(B_IP);
  const other = await older.node(A);
  const refused = send(other, B);
  older.settle();
  // A version answer of the acceptor where HELLO was expected.
  olderPeers[0]?.send('0071ceac010000000000000000000000');
  older.settle();
  t.is(other.core.endOf(refused.tx)?.errno, -71);
});

test('without privileges: any port, one CONTROL connection that carries everything both ways', async (t) => {
  const world = new World();
  const a = await world.node(A, { accept: 'all', host: { isPrivileged: false } });
  const b = await world.node(B, { accept: 'all', host: { isPrivileged: false } });
  send(a, B, 100_000);
  world.settle();
  t.deepEqual(
    a.host.attempts.map((attempt) => attempt.fromPort),
    [1023, 0],
  );
  t.is(a.logs.length, 1);
  t.regex(a.logs[0] as string, /CAP_NET_BIND_SERVICE/);
  const [arrival] = b.core.placedArrivals;
  t.is(arrival?.fromPid, (0x80000000 + 32_768) >>> 0);
  t.is(b.ni.pairs[0]?.conns.length, 1);
  for (const bytes of [10, 100_000]) {
    const back = putTx(b.ni.nid, a.ni.nid, 5, bytes);
    back.nextHopPid = arrival?.fromPid as number;
    t.is(b.core.send(back), 0);
  }
  send(a, B, 10);
  world.settle();
  t.is(a.core.placedArrivals.length, 2);
  t.is(b.core.placedArrivals.length, 2);
  t.is(a.host.attempts.length, 2, 'no further connection');
  t.is(a.ni.pairs[0]?.conns.length, 1);
  t.is(a.logs.length, 1);
});

test('a peer that closes before HELLO on an unprivileged source port is explained, once', async (t) => {
  const world = new World();
  await world.node(B);
  const node = await world.node(A, { host: { isPrivileged: false } });
  const { tx } = send(node, B);
  world.settle();
  t.like(node.core.endOf(tx), { errno: -104, health: HEALTH_REMOTE_DROPPED });
  t.is(node.ni.counters.dial_insecure_port, 1);
  t.regex(node.logs[1] as string, /ERR_LNET_REFUSED_INSECURE_PORT.*accept=all/);
  world.seconds(1);
  send(node, B);
  world.settle();
  t.is(node.ni.counters.dial_insecure_port, 2);
  t.is(node.logs.length, 2);
});

test('no IPv6 connection is opened from a port above 1023, but to this machine', async (t) => {
  const world = new World();
  const peers = await world.listen('2001:db8::20');
  const own = await world.listen('2001:db8::11');
  const host = { isPrivileged: false, ownAddresses: ['2001:db8::11'] };
  const node = await world.node(A6, { host });
  const { tx } = send(node, B6);
  world.settle();
  t.like(node.core.endOf(tx), { errno: -13 });
  t.is(peers.length, 0);
  t.is(node.ni.counters.dial_unsafe_ipv6, 1);
  t.true(node.logs.some((line) => line.startsWith('ERR_LNET_UNSAFE_IPV6_PORT')));
  send(node, '2001:db8::11@tcp');
  world.settle();
  t.is(helloIn(own[0]?.bytes as Uint8Array, 28).type, 1);
});

test('a peer that closes what it has accepted is not dialled without end', async (t) => {
  const world = new World();
  const peers = await world.listen(B_IP);
  const node = await world.node(A);
  send(node, B);
  for (let i = 0; i < 20; i++) {
    world.settle();
    const peer = peers.at(-1);
    if (!peer?.isOpen || peer.bytes.length === 0) continue;
    replyTo(peer);
    peer.close();
  }
  t.true(peers.length <= 2);
  t.deepEqual(node.core.downs, [parseNid(B)]);
});

test('a connection that the peer made meanwhile completes the set', async (t) => {
  const world = new World();
  const node = await world.node(A);
  const peers = await world.listen(B_IP);
  send(node, B);
  world.settle();
  for (const [port, type] of [
    [1000, 3],
    [999, 2],
  ] as const) {
    const peer = world.connect(B_IP, port, A_IP);
    peer.send(greeting(B, A, type));
    world.settle();
    t.is(helloIn(peer.bytes).type, type === 3 ? 2 : 3);
  }
  replyTo(peers[0]!);
  world.settle();
  t.is(peers.length, 1, 'BULK_IN and BULK_OUT are there');
});
