/** Statements that need both a core and TCP under it. */
import test from 'ava';
import { stubInfo, TestNode, TestWire } from '../lnet/network-fixture.test-support.ts';
import { LNET_PEER_MULTI_RAIL } from '../lnet/peer/peer.ts';
import { LnetHdr, LNET_MSG_ACK, LNET_MSG_GET } from '../lnet/wire/lnet-hdr.ts';
import { NID_ANY, parseNid } from '../lnet/wire/nid.ts';
import { viewOf } from '../lnet/wire/layout.ts';
import { greeting, messageOf, type RawPeer, replyTo, World } from '../nals/tcp/node.test-support.ts';
import { readConnreq } from '../nals/tcp/wire/connreq.ts';
import { serve, settled, tcpNiOf, virtualNode } from './virtual-node.ts';

const A = '10.0.0.1@tcp';
const B = '10.0.0.2@tcp';
const PORTAL = 40;

const transfer = (changes: object = {}) => ({
  target: B,
  portal: PORTAL,
  matchBits: 1n,
  memory: new Uint8Array(8),
  ...changes,
});

/** Headers of the LNet messages in the bytes that a hand-driven peer received. */
function messagesIn(bytes: Uint8Array, form: 4 | 16 = 4): LnetHdr[] {
  const found: LnetHdr[] = [];
  const headBytes = 24 + (form === 4 ? 72 : 96);
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] === 0xc0) {
      at += 24;
      continue;
    }
    const hdr = new LnetHdr();
    hdr.decode(viewOf(bytes), at + 24, form, NID_ANY, NID_ANY);
    found.push(hdr);
    at += headBytes + hdr.payloadLength;
  }
  return found;
}

for (const [own, other, kind] of [
  [A, B, ''],
  ['fd77::1@tcp', 'fd77::2@tcp', ' (large NIDs)'],
] as const) {
  const [to, from] = [parseNid(other), parseNid(own)];
  const [form, version] = from.isLarge ? ([16, 4] as const) : ([4, 3] as const);
  const header = { destNid: to, srcNid: from, srcPid: 12345, destPid: 12345 };

  test(`C7: \`dest_nid\` equals the NID named in the connection request; \`src_nid\`/\`src_pid\` equal those of HELLO.${kind}`, async (t) => {
    const world = new World();
    const node = await virtualNode(world, [own]);
    const incoming = await world.listen(to.addressText);
    node.put(transfer({ target: other })).catch(() => undefined);
    world.settle();
    const [peer] = incoming as [RawPeer];
    const request = readConnreq(peer.bytes);
    const hello = replyTo(peer);
    world.settle();
    t.is(request.kind === 'request' && request.nid, to);
    t.like(hello, { srcNid: from, srcPid: 12345, dstNid: to });
    t.like(messagesIn(peer.take(), form)[0], { type: LNET_MSG_GET, ...header });
  });

  test(`an answer names the NIDs of the handshake that the peer made${kind}`, async (t) => {
    const world = new World();
    const node = await virtualNode(world, [own]);
    serve(node, PORTAL);
    const peer = world.connect(to.addressText, 1000, from.addressText);
    peer.send(greeting(other, own, 1, { version }));
    world.settle();
    peer.take();
    peer.send(messageOf({ from: other, to: own, number: 1, version, portal: PORTAL }));
    world.settle();
    t.like(messagesIn(peer.take(), form)[0], { type: LNET_MSG_ACK, ...header });
  });
}

test('T20: A held PUT on a TCP connection blocks later messages of the same connection until resolved.', async (t) => {
  const world = new World();
  const [a, b] = [await virtualNode(world, [A]), await virtualNode(world, [B])];
  const events = serve(b, PORTAL);
  b.core.portals.setLazy(41);
  await settled(world, a.discover(B));
  world.settle();
  const held = a.put(transfer({ portal: 41 }));
  const behind = a.put(transfer());
  const onAnother = a.put(transfer({ memory: new Uint8Array(2000) }));
  await settled(world, onAnother);
  world.seconds(5);
  t.is(b.core.portals.delayedCount, 1);
  t.deepEqual(
    events.map(({ mlength }) => mlength),
    [2000],
    'what took the bulk connection is there, what took the same is not',
  );
  const heldEvents = serve(b, 41);
  await settled(world, Promise.all([held, behind]));
  t.deepEqual([heldEvents.length, events.length], [1, 2]);
});

test('a held PUT whose connection is lost is dropped, and its MD is free for others', async (t) => {
  const world = new World();
  const [a, b] = [await virtualNode(world, [A]), await virtualNode(world, [B])];
  b.core.portals.setLazy(41);
  await settled(world, a.discover(B));
  a.put(transfer({ portal: 41 })).catch(() => undefined);
  world.settle();
  t.is(b.core.portals.delayedCount, 1);
  await settled(world, a.close());
  world.settle();
  t.deepEqual([b.core.portals.delayedCount, b.core.drops.lazy_link_lost, b.core.pool.live], [0, 1, 0]);
  t.is(serve(b, 41).length, 0);
});

test('between processes without privilege everything works in both directions, each connection being a peer of its own', async (t) => {
  const world = new World();
  const host = { isPrivileged: false };
  const [a, b] = [await virtualNode(world, [A], { host }), await virtualNode(world, [B], { host })];
  const atA = serve(a, PORTAL);
  const atB = serve(b, PORTAL);
  await settled(world, a.put(transfer()));
  await settled(world, a.get(transfer()));
  await settled(world, b.put(transfer({ target: A })));
  await settled(world, b.discover(A, { force: true }));
  for (const [events, nid] of [
    [atB, A],
    [atA, B],
  ] as const) {
    t.true(events.length > 0);
    t.true(
      events.every(({ initiatorNid, initiatorPid }) => String(initiatorNid) === nid && initiatorPid >= 0x8000_0000),
    );
  }
  t.true(tcpNiOf(a).pairs.every(({ conns }) => conns.length === 1));
});

test('a router on an unprivileged port is itself in what it says, and the source of others in what it forwards', async (t) => {
  const world = new World();
  const node = await virtualNode(world, [A]);
  const events = serve(node, PORTAL);
  const router = world.connect('10.0.0.9', 40_000, '10.0.0.1');
  router.send(greeting('10.0.0.9@tcp', A, 1));
  world.settle();
  for (const from of ['10.0.0.77@tcp', '10.9.0.5@tcp9'])
    router.send(messageOf({ from, to: A, number: 1, portal: PORTAL }));
  world.settle();
  t.deepEqual(
    events.map(({ sourceNid, sourcePid }) => `${sourcePid}-${sourceNid}`),
    ['2147523648-10.0.0.9@tcp', '12345-10.9.0.5@tcp9'],
  );
});

test('a node reaches its own NID over TCP, as recovery pings do', async (t) => {
  const world = new World();
  const a = await virtualNode(world, [A]);
  const events = serve(a, PORTAL);
  const self = transfer({ target: A, memory: new Uint8Array(4000) });
  await settled(world, a.ping(A));
  await settled(world, a.put(self));
  await settled(world, a.get(self));
  t.deepEqual(
    events.map(({ typeName }) => typeName),
    ['PUT', 'GET'],
  );
  await settled(world, a.close());
  t.is(a.core.pool.live, 0);
});

test('closing a node ends its links, its half-open handshakes and its timers', async (t) => {
  const world = new World();
  const [a, b] = [await virtualNode(world, [A]), await virtualNode(world, [B])];
  await settled(world, a.ping(B));
  const silent = world.connect('10.0.0.8', 1000, '10.0.0.1');
  const refused = world.connect('10.0.0.7', 1000, '10.0.0.1');
  refused.send('0071ceac03000000');
  const calls = [a.ping('10.0.0.66@tcp'), a.put(transfer()), a.get(transfer({ memory: new Uint8Array(4096) }))];
  const ends = Promise.allSettled(calls);
  world.clock.advance({ us: 60 });
  await settled(world, a.close());
  t.true((await settled(world, ends)).every(({ status }) => status === 'rejected'));
  await settled(world, b.close());
  world.settle();
  t.is(world.clock.next, undefined, 'no alarm is left');
  t.deepEqual([silent.isOpen, refused.isOpen, world.net.listeners.size, world.net.tuples.size], [false, false, 0, 0]);
  t.deepEqual([a.core.pool.live, b.core.pool.live], [0, 0]);
});

for (const [title, first] of [
  ['the restarted side speaks first', 'b'],
  ['the surviving side speaks first', 'a'],
] as const) {
  test(`a peer that died without a word is reached again after its restart: ${title}`, async (t) => {
    const world = new World();
    const a = await virtualNode(world, [A]);
    serve(a, PORTAL);
    const before = await virtualNode(world, [B]);
    serve(before, PORTAL);
    await settled(world, a.put(transfer()));
    for (const end of world.net.ends) if (end.local.address === '10.0.0.2') end.vanish();
    world.net.listeners.delete('10.0.0.2 7988');
    world.net.tuples.clear();
    const b = await virtualNode(world, [B]);
    serve(b, PORTAL);
    const begun = world.clock.now();
    // What meets the dead connection is lost with it: what was under way may have arrived.
    if (first === 'a') await t.throwsAsync(settled(world, a.put(transfer())), { code: 'ERR_LNET_IO' });
    else await settled(world, b.put(transfer({ target: A })));
    await settled(world, a.put(transfer()));
    await settled(world, b.put(transfer({ target: A })));
    t.true(world.clock.now() - begun < 1_100_000, 'one refusal at most');
  });
}

test('S33: `lnetctl discover <our NID>` shows Multi-Rail true when publishing `0x1e` and false when publishing `0x06`.', async (t) => {
  for (const discovery of [1, 0]) {
    const world = new World();
    const [a, b] = [await virtualNode(world, [A]), await virtualNode(world, [B], { settings: { discovery } })];
    const report = await settled(world, a.discover(B));
    t.is(report.isMultiRail, discovery === 1, 'one of us asks');
    t.is(
      b.core.pingInfo.bytes[4],
      discovery === 1 ? 0x1e : 0x0e,
      'without discovery Multi-Rail is said and does not count',
    );
    t.is(b.nis[1]?.received.put, discovery === 1 ? 1 : 0, 'and only who is Multi-Rail gets a push');
  }
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  wire.stub([B], stubInfo([B], { features: 0x06 }));
  wire.stub(['10.0.0.3@tcp'], stubInfo(['10.0.0.3@tcp'], { features: 0x1e }));
  for (const nid of [B, '10.0.0.3@tcp']) a.put(nid);
  wire.run();
  t.deepEqual(
    [B, '10.0.0.3@tcp'].map((nid) => a.peer(nid).has(LNET_PEER_MULTI_RAIL)),
    [false, true],
  );
});
