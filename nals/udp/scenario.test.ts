import test, { type ExecutionContext } from 'ava';
import {
  ECONNREFUSED,
  EIO,
  ENETUNREACH,
  ETIMEDOUT,
  HEALTH_LOCAL_ERROR,
  HEALTH_NETWORK_TIMEOUT,
  HEALTH_REMOTE_DROPPED,
  RX_WAIT,
} from '../../lnet/nal.ts';
import { viewOf } from '../../lnet/wire/layout.ts';
import { parseNid } from '../../lnet/wire/nid.ts';
import type { Arrival } from '../compliance/recorder.ts';
import { putTx, type TestTx } from '../compliance/message.ts';
import type { UdpCounterName } from './counters.ts';
import { encodeInit, type Opening } from './handshake.ts';
import { PORT, type TestNode, World } from './node.test-support.ts';
import type { Datagram } from './virtual-udp.test-support.ts';
import { INIT_BYTES, PACKET_ACCEPT, PACKET_DATA, PACKET_INIT, PACKET_REFUSE, PACKET_RETRY } from './wire.ts';

const A = '10.0.0.1@udp';
const B = '10.0.0.2@udp';

const put = (from: TestNode, to: TestNode, number: number, bytes = 100): TestTx =>
  putTx(from.ni.nid, to.ni.nid, number, bytes);

function sends(from: TestNode, to: TestNode, number: number, bytes = 100): TestTx {
  const tx = put(from, to, number, bytes);
  if (from.core.send(tx) !== 0) throw new Error('refused at once');
  return tx;
}

async function pair(world: World, tunables = {}): Promise<[TestNode, TestNode]> {
  return [await world.node(A, { tunables }), await world.node(B, { tunables })];
}

/** Two nodes with a link that is up. */
async function linked(world: World, tunables = {}): Promise<[TestNode, TestNode]> {
  const [a, b] = await pair(world, tunables);
  sends(a, b, 0);
  world.until(() => a.core.unfinished === 0, 'the link is up');
  world.ms(50);
  return [a, b];
}

/** The counters that changed during `act`. */
function changes(node: TestNode, act: () => void): Partial<Record<UdpCounterName, number>> {
  const before = { ...node.ni.counters };
  act();
  const changed = Object.entries(node.ni.counters).filter(([name, value]) => value !== before[name as UdpCounterName]);
  return Object.fromEntries(changed.map(([name, value]) => [name, value - before[name as UdpCounterName]]));
}

function opening(from: string, to: string, id: number, more: Partial<Opening> = {}): Opening {
  return {
    ownId: { low: id, high: id },
    srcNid: parseNid(from),
    dstNid: parseNid(to),
    incarnation: 1n,
    window: 65_536,
    pid: 12345,
    datagramBytesMax: 1_472,
    ackDelayMaxMs: 1,
    ...more,
  };
}

/** An INIT of somebody who only sends. */
function init(from: string, to: string, id: number, more: Partial<Opening> = {}, port = PORT): Datagram {
  return {
    from: parseNid(from).addressText,
    fromPort: port,
    to: parseNid(to).addressText,
    toPort: PORT,
    bytes: encodeInit(opening(from, to, id, more)),
  };
}

/** Notes the packets that go over the network, as type and sender. */
function packetsOf(world: World): { type: number; from: string; bytes: Uint8Array }[] {
  const seen: { type: number; from: string; bytes: Uint8Array }[] = [];
  world.net.watch = ({ bytes, from }) => {
    seen.push({ type: bytes[1] as number, from, bytes });
    return true;
  };
  return seen;
}

function quiet(t: ExecutionContext, ...nodes: TestNode[]): void {
  t.deepEqual(
    nodes.flatMap((node) => node.core.violations),
    [],
  );
}

test('a link takes INIT, ACCEPT and data: one round trip before the first message leaves', async (t) => {
  const world = new World({ seed: 1 });
  const seen = packetsOf(world);
  const [a, b] = await linked(world);
  t.deepEqual(
    seen.slice(0, 3).map(({ type, from }) => `${type} ${from}`),
    [`${PACKET_INIT} ${a.address}`, `${PACKET_ACCEPT} ${b.address}`, `${PACKET_DATA} ${a.address}`],
  );
  t.is(a.link.state, 'up');
  t.is(b.link.state, 'up');
  t.is(b.ni.counters.links_accepted, 1);
  quiet(t, a, b);
});

test('RX_WAIT closes the window: the sender stops, holds and memory stay bounded, a lost WINDOW stalls nobody', async (t) => {
  const world = new World({ seed: 2 });
  const [a, b] = await pair(world, { window_kb: 64 });
  b.core.answer = (arrival) => (arrival.number === 0 ? RX_WAIT : arrival.want());
  for (let number = 0; number < 20; number++) sends(a, b, number, 50_000);
  world.ms(20_000);
  t.is(b.core.arrivals.length, 1);
  t.true(b.ni.heldBytes > 0 && b.ni.heldBytes <= 65_536, `${b.ni.heldBytes} bytes held`);
  t.is(a.ni.counters.window_stalls, 1);
  const stalled = a.ni.counters.tx_packets;
  world.ms(10_000);
  t.true(a.ni.counters.tx_packets - stalled < 20, 'it asks now and then');
  // Every WINDOW that the receiver sends by itself is lost for a while.
  const cut = world.net.cut(a.address, b.address);
  (b.core.arrivals[0] as Arrival).resume();
  world.ms(100);
  cut.heal();
  world.until(() => a.core.unfinished === 0, 'all has gone through');
  t.is(b.core.placedArrivals.length, 20);
  t.is(b.ni.heldBytes, 0);
  quiet(t, a, b);
});

test('links hold no more than held_kb together: what comes ahead of its turn beyond it is not acknowledged, and comes again', async (t) => {
  const world = new World({ seed: 3 });
  const b = await world.node(B, { tunables: { held_kb: 1024 } });
  const others = await Promise.all([3, 4, 5, 6].map((host) => world.node(`10.0.0.${host}@udp`)));
  b.core.answer = () => RX_WAIT;
  for (const other of others) for (let number = 0; number < 4; number++) sends(other, b, number, 1_000_000);
  world.ms(5_000);
  t.true(b.ni.heldBytes <= 1_048_576 && b.ni.heldBytes > 900_000);
  t.true(b.ni.counters.dropped_no_room > 0);
  b.core.answer = (arrival) => arrival.want();
  for (const arrival of b.core.arrivals) if (arrival.state === 'waiting') arrival.resume();
  world.until(() => others.every((other) => other.core.unfinished === 0), 'all has gone through');
  t.is(b.core.placedArrivals.length, 16);
  quiet(t, b, ...others);
});

test('a peer that goes on from another port of its address keeps its link; one at another address is not heard', async (t) => {
  const world = new World({ seed: 4 });
  const [a, b] = await linked(world);
  // A translator on the way changes the source port of what a sends, and takes back what comes there.
  const link = b.link;
  let delayed: Datagram | undefined;
  world.net.watch = (datagram) => {
    if (datagram.from === a.address && datagram.fromPort === PORT) {
      if (!delayed) {
        delayed = datagram;
        return false;
      }
      world.net.send({ ...datagram, fromPort: 40_000 });
      return false;
    }
    if (datagram.to === a.address && datagram.toPort === 40_000) {
      world.net.send({ ...datagram, toPort: PORT });
      return false;
    }
    return true;
  };
  for (let number = 1; number < 5; number++) sends(a, b, number, 200_000);
  world.until(() => a.core.unfinished === 0, 'all is acknowledged');
  t.is(b.link, link);
  t.is(b.link.port, 40_000);
  t.is(b.ni.counters.peer_moved, 1);
  t.is(b.core.placedArrivals.length, 5);
  world.net.watch = () => true;
  world.net.send(delayed as Datagram);
  world.ms(1);
  t.is(b.link.port, 40_000, 'an old packet from the old port comes late');

  let stolen: Datagram | undefined;
  world.net.watch = (datagram) => {
    if (datagram.from !== a.address || datagram.to !== b.address) return true;
    stolen ??= datagram;
    return false;
  };
  sends(a, b, 9);
  world.ms(1);
  world.net.watch = () => true;
  const changed = changes(b, () => {
    world.net.send({ ...(stolen as Datagram), from: '10.0.0.66' });
    world.ms(1);
  });
  t.deepEqual(Object.keys(changed), ['rx_packets', 'rx_bytes', 'dropped_foreign_address']);
  world.until(() => a.core.unfinished === 0, 'it comes from the right address');
  quiet(t, a, b);
});

test('the last packet of a sender is acknowledged at once, however long an acknowledgement may be delayed', async (t) => {
  const world = new World({ seed: 33 });
  const [a, b] = await linked(world, { ack_delay_ms: 1_000 });
  sends(a, b, 1);
  world.ms(2);
  t.is(a.core.unfinished, 0);
});

test('a packet that is replayed is dropped by its number, and acknowledged bytes are not placed twice', async (t) => {
  const world = new World({ seed: 5 });
  const [a, b] = await pair(world);
  const recorded: Datagram[] = [];
  world.net.watch = (datagram) => {
    if (datagram.from === a.address && datagram.bytes[1] === PACKET_DATA) recorded.push(datagram);
    return true;
  };
  for (let number = 0; number < 5; number++) sends(a, b, number, 10_000);
  world.until(() => a.core.unfinished === 0, 'all is acknowledged');
  world.net.watch = () => true;
  const changed = changes(b, () => {
    for (const datagram of recorded) world.net.send(datagram);
    world.ms(10);
  });
  t.is(changed.dropped_duplicate, recorded.length);
  t.deepEqual(Object.keys(changed).toSorted(), ['dropped_duplicate', 'rx_bytes', 'rx_packets']);
  t.is(b.core.arrivals.length, 5);
  quiet(t, a, b);
});

test('what a half-open link sends is three times what its dialler sent at most, and it is forgotten after ten seconds', async (t) => {
  const world = new World({ seed: 6 });
  const b = await world.node(B);
  const deaf = { received: () => {}, drained: () => {}, failed: () => {} };
  await world.net.host().bind({ address: '10.0.0.1', port: PORT, bufferBytes: 0 }, deaf);
  const seen = packetsOf(world);
  world.net.send(init(A, B, 77));
  world.ms(1);
  t.is(b.link.state, 'halfOpen');
  const tx = putTx(b.ni.nid, parseNid(A), 1, 1_000_000);
  t.is(b.core.send(tx), 0);
  world.ms(9_900);
  const sent = seen.filter(({ from }) => from === b.address).reduce((sum, { bytes }) => sum + bytes.length, 0);
  t.true(sent > 0 && sent <= 3 * INIT_BYTES, `${sent} bytes`);
  world.ms(200);
  t.is(b.ni.links.length, 0);
  t.is(b.ni.counters.broken_silent_dialler, 1);
  t.like(b.core.endOf(tx), { errno: -ETIMEDOUT, health: HEALTH_NETWORK_TIMEOUT });
  quiet(t, b);
});

test('beyond half_open_max a dialler must prove its address; nothing is kept of those who do not', async (t) => {
  const world = new World({ seed: 7 });
  const b = await world.node(B, { tunables: { half_open_max: 10 } });
  for (let host = 1; host <= 100; host++) world.net.send(init(`10.0.1.${host}@udp`, B, host));
  world.ms(1);
  t.is(b.ni.links.length, 10);
  t.is(b.ni.counters.retries_sent, 90);
  const seen = packetsOf(world);
  const a = await world.node(A);
  sends(a, b, 1);
  world.until(() => a.core.unfinished === 0, 'an honest dialler gets in');
  t.true(seen.some(({ type, from }) => type === PACKET_RETRY && from === b.address));
  t.true(
    seen.every(({ type, bytes, from }) => from !== b.address || type === PACKET_DATA || bytes.length <= INIT_BYTES),
  );
  quiet(t, a, b);
});

test('a forged INIT does not end a link that stands', async (t) => {
  const world = new World({ seed: 8 });
  const [a, b] = await linked(world);
  const link = b.link;
  const changed = changes(b, () => {
    for (let id = 1; id <= 20; id++) world.net.send(init(A, B, id, { incarnation: BigInt(id) }));
    world.ms(100);
  });
  t.is(changed.retries_sent, 20);
  t.is(b.link, link);
  t.is(a.ni.counters.dropped_answer, 20);
  sends(a, b, 1);
  world.until(() => a.core.unfinished === 0, 'the link works');
  t.is(b.ni.counters.links_accepted, 1);
  quiet(t, a, b);
});

test('a peer that has restarted is noticed by its incarnation when it dials', async (t) => {
  const world = new World({ seed: 9 });
  const [a, b] = await linked(world);
  b.core.die();
  const place = `${b.address} ${PORT}`;
  const socket = world.net.sockets.get(place);
  if (socket) socket.send = () => {};
  world.net.sockets.delete(place);
  const reborn = await world.node(B);
  const stuck = sends(a, b, 5, 1_000);
  // What a sends into the dead link must not reach the new node before that dials.
  world.net.watch = ({ from, bytes }) =>
    from !== a.address || bytes[1] !== PACKET_DATA || a.ni.counters.broken_restarted > 0;
  sends(reborn, a, 1);
  world.until(() => reborn.core.unfinished === 0, 'the new node is heard');
  t.is(a.ni.counters.broken_restarted, 1);
  t.like(a.core.endOf(stuck), { errno: -EIO, health: HEALTH_LOCAL_ERROR });
  t.deepEqual(a.core.downs, [], 'its new link is there');
  quiet(t, a, reborn);
});

test('a peer that has restarted and is sent to answers RESET: the link ends, the next message makes a new one', async (t) => {
  const world = new World({ seed: 10 });
  const [a, b] = await linked(world);
  b.core.die();
  world.net.sockets.delete(`${b.address} ${PORT}`);
  const reborn = await world.node(B);
  const first = sends(a, b, 1);
  world.until(() => a.core.unfinished === 0, 'it learns of the restart');
  t.like(a.core.endOf(first), { errno: -EIO, health: HEALTH_LOCAL_ERROR });
  t.is(a.ni.counters.broken_reset, 1);
  t.is(reborn.ni.counters.resets_sent, 1);
  t.deepEqual(a.core.downs, [b.ni.nid]);
  sends(a, b, 2);
  world.until(() => reborn.core.placedArrivals.length === 1, 'the next one arrives');
  quiet(t, a, reborn);
});

test('RESET counts only if it quotes an id of the very peer; RESETs are limited in number', async (t) => {
  const world = new World({ seed: 11 });
  const [a, b] = await linked(world);
  const forged = new Uint8Array(32);
  forged.set([1, 6], 0);
  forged.set([1, PACKET_DATA, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8], 20);
  const changed = changes(a, () => {
    world.net.send({ from: b.address, fromPort: PORT, to: a.address, toPort: PORT, bytes: forged });
    world.ms(1);
  });
  t.is(changed.dropped_reset, 1);
  t.is(a.link.state, 'up');
  const stray = new Uint8Array(100);
  stray.set([1, PACKET_DATA, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9], 0);
  const limited = changes(b, () => {
    for (let n = 0; n < 150; n++)
      world.net.send({ from: '10.9.9.9', fromPort: PORT, to: b.address, toPort: PORT, bytes: stray });
    world.net.send({ from: '10.9.9.9', fromPort: PORT, to: b.address, toPort: PORT, bytes: stray.subarray(0, 31) });
    world.ms(1);
  });
  t.is(limited.resets_sent, 100);
  t.is(limited.dropped_reset_limit, 51);
  t.is(limited.dropped_unknown_link, 151);
});

test('an idle link is kept by pings; a peer that does not answer them is down after the timeout', async (t) => {
  const world = new World({ seed: 12 });
  const [a, b] = await linked(world, { keepalive: 30, timeout: 50 });
  world.ms(300_000);
  t.is(a.link.state, 'up');
  t.true(a.ni.counters.keepalives_sent + b.ni.counters.keepalives_sent >= 9);
  world.net.cut(a.address, b.address);
  world.ms(79_000 - 30_000);
  t.deepEqual(a.core.downs, []);
  world.ms(35_000);
  t.deepEqual(a.core.downs, [b.ni.nid]);
  t.is(a.ni.counters.broken_timeout, 1);
  t.is(b.ni.links.length, 0);
  quiet(t, a, b);
});

test('a process that died is noticed by the port unreachable that a probe finds, long before the timeout', async (t) => {
  const world = new World({ seed: 13 });
  const [a, b] = await linked(world);
  b.core.die();
  world.net.sockets.delete(`${b.address} ${PORT}`);
  const tx = sends(a, b, 1);
  world.ms(5_000);
  t.like(a.core.endOf(tx), { errno: -EIO, health: HEALTH_LOCAL_ERROR });
  t.is(a.ni.counters.broken_nobody, 1);
  t.deepEqual(a.core.downs, [b.ni.nid]);
});

test('accept: none and secure, an unknown NID, a foreign NID, a broken INIT: each refused and counted for itself', async (t) => {
  const world = new World({ seed: 14 });
  const none = await world.node('10.0.0.5@udp', { accept: 'none' });
  const secure = await world.node('10.0.0.6@udp', { accept: 'secure' });
  const cases: readonly [TestNode, UdpCounterName, Datagram, boolean][] = [
    [none, 'refused_not_accepting', init(A, '10.0.0.5@udp', 1), true],
    [secure, 'refused_insecure_port', init(A, '10.0.0.6@udp', 1, {}, 1_024), true],
    [secure, 'refused_unknown_nid', init(A, '10.0.0.6@udp7', 1), false],
    [secure, 'refused_address', { ...init(A, '10.0.0.6@udp', 1), from: '10.0.0.99' }, false],
    [
      secure,
      'refused_bad_init',
      { ...init(A, '10.0.0.6@udp', 1), bytes: init(A, '10.0.0.6@udp', 1).bytes.subarray(0, 1_199) },
      false,
    ],
    [secure, 'refused_bad_init', init(A, '10.0.0.6@udp', 0), false],
    [secure, 'refused_bad_init', init(A, '10.0.0.6@udp', 1, { datagramBytesMax: 1_199 }), false],
  ];
  for (const [node, counter, datagram, answers] of cases) {
    const place = datagram.to === none.address ? datagram : { ...datagram, to: secure.address };
    const seen = packetsOf(world);
    const changed = changes(node, () => {
      world.net.send(place);
      world.ms(1);
    });
    t.is(changed[counter], 1, counter);
    if (answers) t.true(seen.some(({ type, from }) => type === PACKET_REFUSE && from === node.address));
    t.is(node.ni.links.length, 0);
  }
  t.is(
    changes(secure, () => {
      world.net.send({ ...init(A, '10.0.0.6@udp', 3), to: secure.address, fromPort: 1_023 });
      world.ms(1);
    }).links_accepted,
    1,
  );
});

test('a dialler that is refused: -ECONNREFUSED, REMOTE_DROPPED, peer down', async (t) => {
  const world = new World({ seed: 15 });
  const a = await world.node(A);
  const b = await world.node(B, { accept: 'none' });
  const tx = sends(a, b, 1);
  world.until(() => a.core.unfinished === 0, 'it is refused');
  t.like(a.core.endOf(tx), { errno: -ECONNREFUSED, health: HEALTH_REMOTE_DROPPED });
  t.is(a.ni.counters.dial_refused, 1);
  t.deepEqual(a.core.downs, [b.ni.nid]);
});

test('an INIT of another version is answered with the versions spoken here, and links are limited by links_max', async (t) => {
  const world = new World({ seed: 16 });
  const b = await world.node(B, { tunables: { links_max: 2 } });
  const seen = packetsOf(world);
  const future = init(A, B, 5);
  future.bytes[0] = 2;
  world.net.send(future);
  world.ms(1);
  t.is(b.ni.counters.dropped_version, 1);
  const answer = seen.find(({ from }) => from === b.address)?.bytes as Uint8Array;
  t.deepEqual([answer[1], viewOf(answer).getUint32(28, true), answer.at(-1)], [PACKET_REFUSE, 3, 1]);
  for (let host = 1; host <= 5; host++) world.net.send(init(`10.0.2.${host}@udp`, B, host));
  world.ms(1);
  t.is(b.ni.links.length, 2);
  t.is(b.ni.counters.refused_link_limit, 3);
});

test('the system has no way to the peer: its error, REMOTE_DROPPED', async (t) => {
  const world = new World({ seed: 17 });
  const [a, b] = await linked(world);
  const socket = world.net.sockets.get(`${a.address} ${PORT}`);
  if (socket) socket.errno = -ENETUNREACH;
  const tx = sends(a, b, 1);
  world.ms(10_000);
  t.like(a.core.endOf(tx), { errno: -EIO, health: HEALTH_LOCAL_ERROR });
  t.is(a.ni.counters.broken_unreachable, 1);
  const next = sends(a, b, 2);
  world.ms(10_000);
  t.like(a.core.endOf(next), { errno: -ENETUNREACH, health: HEALTH_REMOTE_DROPPED });
  t.is(a.ni.counters.dial_unreachable, 1);
  t.true(a.ni.counters.send_errors > 0);
});

test('a path that stops to carry large datagrams is a black hole: the base size works on, and what was lost comes again', async (t) => {
  const world = new World({ seed: 18 });
  const [a, b] = await linked(world);
  for (let number = 1; number < 4; number++) sends(a, b, number, 300_000);
  world.until(() => a.core.unfinished === 0, 'the size is found');
  t.is(a.link.toJSON()['datagramBytes'], 1_472);
  world.net.conditions = { ...world.net.conditions, mtu: 1_300 };
  for (let number = 4; number < 8; number++) sends(a, b, number, 300_000);
  world.until(() => a.core.unfinished === 0, 'all comes through all the same');
  t.is(a.ni.counters.mtu_black_holes, 1);
  t.is(a.link.toJSON()['datagramBytes'], 1_200);
  t.is(b.core.placedArrivals.length, 8);
  quiet(t, a, b);
});

test('a system that takes no datagram for a while delays messages and loses none', async (t) => {
  const world = new World({ seed: 19 });
  const [a, b] = await linked(world);
  const socket = world.net.sockets.get(`${a.address} ${PORT}`);
  for (const place of world.net.sockets.values()) place.blocksAfter = 3;
  const reports: boolean[] = [];
  const sent = a.core.sent.bind(a.core);
  a.core.sent = (tx, errno, health) => {
    reports.push(socket?.isBlocked ?? true);
    sent(tx, errno, health);
  };
  for (let number = 1; number <= 10; number++) {
    sends(a, b, number, 60_000);
    sends(b, a, number, 60_000);
  }
  world.until(() => a.core.unfinished + b.core.unfinished === 0, 'all is acknowledged');
  t.true(a.ni.counters.tx_blocked > 0);
  t.is(a.ni.counters.dropped_blocked, 0);
  t.true(
    reports.length === 10 && reports.every((isBlocked) => !isBlocked),
    'memory that may still be read is not free',
  );
  t.is(a.core.placedArrivals.length, 10);
  t.is(b.core.placedArrivals.length, 11);
  quiet(t, a, b);
});

test('both dial at once: the link that the higher NID dials stays, for both, and nothing is lost', async (t) => {
  for (let seed = 20; seed < 30; seed++) {
    const world = new World({ seed, loss: 0.1, jitterUs: 500 });
    const [a, b] = await pair(world);
    for (let number = 0; number < 5; number++) {
      sends(a, b, number);
      sends(b, a, number);
    }
    world.until(() => a.core.unfinished + b.core.unfinished === 0, 'all is acknowledged');
    t.deepEqual([a.ni.links.length, b.ni.links.length], [1, 1]);
    t.is(a.core.placedArrivals.length, 5);
    t.is(b.core.placedArrivals.length, 5);
    quiet(t, a, b);
  }
});

test('the NI learns within five seconds that its address has gone and come back', async (t) => {
  const world = new World({ seed: 31 });
  const a = await world.node(A);
  a.host.lostAddresses.add(a.address);
  world.ms(5_100);
  a.host.lostAddresses.clear();
  world.ms(5_100);
  t.deepEqual(a.core.fatals, [true, false]);
});

test('NIs that differ in nothing but their net share a socket', async (t) => {
  const world = new World({ seed: 32 });
  const { UdpNal } = await import('./udp-nal.ts');
  const { envOf } = await import('./node.test-support.ts');
  const b = await world.node(B);
  const other = new UdpNal(envOf(world.clock, b.core), world.net.host());
  const open = (nid: string) =>
    other.openNi({ nid: parseNid(nid), interfaceName: 'eth0', accept: 'all', acceptPort: PORT, tunables: {} });
  const [one, two] = await Promise.all([open('10.0.0.7@udp'), open('10.0.0.7@udp1')]);
  t.is(world.net.sockets.size, 2);
  await t.throwsAsync(open('10.0.0.7@udp1'), { code: 'ERR_LNET_EXISTS' });
  await one.close();
  t.is(world.net.sockets.size, 2);
  await two.close();
  t.is(world.net.sockets.size, 1);
  await t.throwsAsync(open(B), { code: 'ERR_LNET_LISTEN' });
});
