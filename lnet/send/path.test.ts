import test from 'ava';
import { EHOSTUNREACH, EINVAL } from '../errno.ts';
import { stubInfo, type StubPeer, TestNode, type TestNodeOptions, TestWire } from '../network-fixture.test-support.ts';
import { LNET_MSG_ACK, LNET_MSG_GET, LNET_MSG_PUT, LNET_MSG_REPLY } from '../wire/lnet-hdr.ts';
import { parseNet } from '../wire/net.ts';
import { parseNid } from '../wire/nid.ts';

const A = '10.0.0.1@tcp';
const A_2 = '10.0.0.11@tcp';
const A_TCP1 = '10.1.0.1@tcp1';
const B = '10.0.0.2@tcp';
const B_2 = '10.0.0.22@tcp';
const B_TCP1 = '10.1.0.2@tcp1';
const FAR = '10.9.0.5@tcp9';
const FAR_2 = '10.9.0.6@tcp9';
const GW = '10.0.0.9@tcp';
const GW_2 = '10.0.0.8@tcp';

/** A gateway: a stub that routes, and to which the far nodes answer by its own mouth. */
function gateway(wire: TestWire, nid: string, far: string, info?: Uint8Array): StubPeer {
  const stub = wire.stub([nid], info ?? stubInfo([nid, far], { features: 0x1a }));
  return stub;
}

function routed(node: TestNode, to: string, via: string, priority = 0, hops?: number): void {
  node.network.routes.add({ net: parseNet(to) as number, gateway: parseNid(via), hops, priority });
}

/** A node whose far peer is known without discovery, so that a test sees the choice alone. */
function nodeWithGateways(gateways: readonly string[], options: TestNodeOptions = {}) {
  const wire = new TestWire();
  const node = new TestNode(wire, [A], options);
  for (const nid of gateways) {
    gateway(wire, nid, `10.9.0.${nid.slice(7, 8)}@tcp9`);
    routed(node, 'tcp9', nid);
  }
  wire.run();
  node.peer(FAR).flags = (1 << 4) | (1 << 8);
  wire.log.length = 0;
  return { wire, node };
}

const forms = (wire: TestWire) => wire.log.map(({ from, to }) => `${from.isLarge ? 6 : 4}→${to.isLarge ? 6 : 4}`);

const putsOf = (wire: TestWire) => wire.sent(LNET_MSG_PUT, 4);

test('T33: Put to an unroutable NID returns 0 and yields SEND with -EHOSTUNREACH; bad `self` yields -EINVAL.', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  wire.stub([B]);
  a.put('10.7.0.1@tcp7');
  t.is(a.peers.size, 0, 'nothing is remembered about it');
  a.put(B);
  wire.run();
  a.put(B, { self: parseNid('10.0.0.99@tcp') });
  t.deepEqual(a.events, [`SEND -${EHOSTUNREACH} last`, 'SEND last', `SEND -${EINVAL} last`]);
});

test('an IPv4 NID is reached from IPv4 NIs only, an IPv6 one from IPv6 NIs only, whatever else speaks for another', (t) => {
  const [a6, b6] = ['fd77::1@tcp', 'fd77::2@tcp'];
  for (const features of [0x06, 0x1e]) {
    for (const peer of [[B], [b6], [B, b6]]) {
      const wire = new TestWire();
      const a = new TestNode(wire, [A, a6]);
      wire.stub(peer, stubInfo(peer, { features }));
      a.ni(A).priority = peer[0] === b6 ? 0 : 7;
      for (let i = 0; i < 6; i++) {
        a.put(peer[0] as string);
        wire.run();
      }
      t.deepEqual(
        [...new Set(forms(wire))].filter((form) => form === '4→6' || form === '6→4'),
        [],
        `${peer} ${features}`,
      );
      t.true(forms(wire).length > 6);
    }
  }
});

test('a node without NI of the form of address that a peer has does not reach it, and nobody is to blame', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, ['fd77::1@tcp']);
  wire.stub([B]);
  a.put(B);
  a.put(B, { self: a.nid });
  wire.run();
  t.deepEqual(a.events, [`SEND -${EHOSTUNREACH} last`, `SEND -${EHOSTUNREACH} last`]);
  t.deepEqual([wire.log, a.locals.all[1]?.health], [[], 1000]);
});

test('an NI that cannot reach a peer does not become its source for good', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A, 'fd77::1@tcp']);
  wire.stub([B], stubInfo([B], { features: 0x06 }));
  a.put(B);
  wire.run();
  a.locals.remove(parseNid(A));
  a.put(B);
  wire.run();
  a.openNi(A);
  a.put(B);
  wire.run();
  t.deepEqual(a.events, ['SEND last', `SEND -${EHOSTUNREACH} last`, 'SEND last']);
});

test('a net on which a Multi-Rail peer has no NID of our form of address is passed over', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A, A_TCP1]);
  wire.stub([B_TCP1, 'fd77::2@tcp'], stubInfo([B_TCP1, 'fd77::2@tcp']));
  for (let i = 0; i < 4; i++) {
    a.put(B_TCP1);
    wire.run();
  }
  t.deepEqual(new Set(a.events), new Set(['SEND last']));
  t.is(putsOf(wire).length, 4);
});

test('a recovery ping leaves from an NI of the form of address that the NID has, though its peer has others', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A, 'fd77::1@tcp']);
  a.ni('fd77::1@tcp').priority = 0;
  wire.stub([B, 'fd77::2@tcp']);
  a.put(B, { self: a.nid });
  wire.run();
  wire.log.length = 0;
  a.network.health.setPeer(a.peerNi(B), 950);
  wire.run(3);
  t.deepEqual(wire.story.slice(0, 1), ['10.0.0.1→10.0.0.2 GET 0']);
});

test('of a gateway with both forms of address the NID is used that this node can reach', (t) => {
  const wire = new TestWire();
  const node = new TestNode(wire, [A]);
  wire.stub([GW, 'fd77::9@tcp'], stubInfo([GW, 'fd77::9@tcp', '10.9.0.9@tcp9'], { features: 0x1a }));
  routed(node, 'tcp9', GW);
  wire.run();
  t.deepEqual(node.nidsOf(GW), [GW, 'fd77::9@tcp', '10.9.0.9@tcp9']);
  node.peer(FAR).flags = (1 << 4) | (1 << 8);
  for (let i = 0; i < 4; i++) node.put(FAR);
  t.deepEqual(new Set(putsOf(wire).map(({ to }) => String(to))), new Set([GW]));
  t.is(putsOf(wire).length, 4);
});

test('a message to 0@lo goes to loopback at once, whatever source was asked for', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  a.put('0@lo', { self: a.nid });
  const [carried] = wire.log;
  t.is(carried?.pid, 12345);
  t.deepEqual(
    [String(carried?.hdr.srcNid), String(carried?.hdr.destNid), String(carried?.to)],
    ['0@lo', '0@lo', '0@lo'],
  );
});

test('T43: Two equal routes alternate.', (t) => {
  const { wire, node } = nodeWithGateways([GW, GW_2]);
  for (let i = 0; i < 6; i++) {
    node.put(FAR);
    wire.run(0.001);
  }
  const hops = putsOf(wire).map(({ to }) => String(to));
  t.deepEqual(hops.slice(0, 2).toSorted(), [GW_2, GW]);
  t.deepEqual(hops.slice(2), [...hops.slice(0, 2), ...hops.slice(0, 2)]);
});

test('a routed message keeps its final NIDs and goes to pid 12345 of the gateway', (t) => {
  const { wire, node } = nodeWithGateways([GW]);
  node.put(FAR, { targetPid: 0x80009c40 });
  const [{ hdr, to, pid }] = putsOf(wire) as [ReturnType<typeof putsOf>[0] & object];
  t.deepEqual([String(hdr.srcNid), String(hdr.destNid), hdr.destPid, String(to), pid], [A, FAR, 0x80009c40, GW, 12345]);
});

test('T47: Response to a routed request goes back through the router it came from even if another route is better.', (t) => {
  const wire = new TestWire();
  const node = new TestNode(wire, [A]);
  node.serve();
  gateway(wire, GW, '10.9.0.9@tcp9');
  gateway(wire, GW_2, '10.9.0.8@tcp9');
  routed(node, 'tcp9', GW, 7, 9);
  routed(node, 'tcp9', GW_2, 0, 1);
  wire.run();
  wire.log.length = 0;
  const request = { srcNid: parseNid(FAR), portal: 4, matchBitsLow: 1, objectCookieLow: 1, sinkLength: 8 };
  wire.send(parseNid(GW), node.nid, { ...request, type: LNET_MSG_GET });
  wire.send(parseNid(GW), node.nid, { ...request, type: LNET_MSG_PUT });
  wire.run();
  const answers = wire.log.filter(({ hdr }) => hdr.type === LNET_MSG_ACK || hdr.type === LNET_MSG_REPLY);
  t.deepEqual(
    answers.map(({ to, hdr }) => [String(to), String(hdr.destNid), String(hdr.srcNid)]),
    [
      [GW, FAR, A],
      [GW, FAR, A],
    ],
  );
  node.network.routes.remove(parseNet('tcp9') as number, parseNid(GW));
  wire.log.length = 0;
  wire.send(parseNid(GW), node.nid, { ...request, type: LNET_MSG_GET });
  wire.run();
  t.deepEqual(
    wire.sent(LNET_MSG_REPLY).map(({ to }) => String(to)),
    [GW_2],
    'once it is no gateway any more, the usual choice decides',
  );
});

test('T48: `drop_asym_route` = 1 drops a routed message arriving through a router without a route to the source net; 0 accepts.', (t) => {
  for (const drop_asym_route of [0, 1]) {
    const wire = new TestWire();
    const node = new TestNode(wire, [A], { settings: { drop_asym_route } });
    node.serve();
    gateway(wire, GW, '10.9.0.9@tcp9');
    gateway(wire, GW_2, '10.9.0.8@tcp9');
    routed(node, 'tcp9', GW);
    wire.run();
    const put = { type: LNET_MSG_PUT, srcNid: parseNid(FAR), portal: 4, matchBitsLow: 1 };
    wire.send(parseNid(GW), node.nid, put);
    wire.run();
    t.is(node.drops.asymmetric_route, 0);
    wire.send(parseNid(GW_2), node.nid, put);
    wire.run();
    t.is(node.drops.asymmetric_route, drop_asym_route);
  }
});

test('a Multi-Rail peer is reached over all pairs of NIs in turn', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A, A_2, A_TCP1]);
  wire.stub([B, B_2, B_TCP1]);
  a.put(B);
  wire.run();
  wire.log.length = 0;
  for (let i = 0; i < 24; i++) {
    a.put(B);
    wire.run(0.001);
  }
  const puts = putsOf(wire);
  const uses = (of: (carried: (typeof puts)[0]) => unknown) => {
    const counts = new Map<string, number>();
    for (const carried of puts) counts.set(String(of(carried)), (counts.get(String(of(carried))) ?? 0) + 1);
    return Object.fromEntries(counts);
  };
  t.deepEqual(
    uses(({ from }) => from),
    { [A]: 6, [A_2]: 6, [A_TCP1]: 12 },
  );
  t.deepEqual(
    uses(({ to }) => to),
    { [B]: 6, [B_2]: 6, [B_TCP1]: 12 },
  );
  t.true(puts.every(({ hdr, to }) => hdr.destNid === to));
});

test('a fixed source leaves no choice: exactly that NI, exactly the NID given', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A, A_2]);
  wire.stub([B, B_2]);
  a.put(B);
  wire.run();
  wire.log.length = 0;
  for (let i = 0; i < 4; i++) a.put(B_2, { self: parseNid(A_2) });
  wire.run();
  t.deepEqual(new Set(putsOf(wire).map(({ from, to }) => `${from} ${to}`)), new Set([`${A_2} ${B_2}`]));
});

test('a Multi-Rail peer off all local nets is reached through a route, over its healthiest NID', (t) => {
  const { wire, node } = nodeWithGateways([GW]);
  node.network.peerConfig.add({ primary: parseNid(FAR), isMultiRail: true });
  node.network.peerConfig.add({ primary: parseNid(FAR), nid: parseNid(FAR_2), isMultiRail: true });
  node.peer(FAR).flags |= (1 << 4) | (1 << 8) | (1 << 1);
  node.peerNi(FAR).health = 900;
  node.put(FAR);
  const [put] = putsOf(wire);
  t.deepEqual([String(put?.to), String(put?.hdr.destNid)], [GW, FAR_2]);
});

test('a Multi-Rail peer that is routed by the NID given but direct by another is reached directly', (t) => {
  const { wire, node } = nodeWithGateways([GW]);
  wire.stub([B]);
  node.network.peerConfig.add({ primary: parseNid(FAR), isMultiRail: true });
  node.network.peerConfig.add({ primary: parseNid(FAR), nid: parseNid(B), isMultiRail: true });
  node.peer(FAR).flags |= (1 << 4) | (1 << 8) | (1 << 1);
  node.put(FAR);
  const [put] = putsOf(wire);
  t.deepEqual([String(put?.to), String(put?.hdr.destNid)], [B, B]);
});

test('first contact makes the NI over which a peer was heard its source from then on', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A, A_2]);
  wire.stub([B], stubInfo([B], { features: 0x06 }));
  wire.send(parseNid(B), parseNid(A_2), { type: LNET_MSG_GET, portal: 0, matchBitsHigh: 0x8000_0000, sinkLength: 272 });
  wire.run();
  for (let i = 0; i < 4; i++) a.put(B);
  wire.run();
  t.deepEqual(new Set(putsOf(wire).map(({ from }) => String(from))), new Set([A_2]));
});

test('without router checks a gateway is discovered before its first use, and the message waits', (t) => {
  const wire = new TestWire();
  const node = new TestNode(wire, [A], { settings: { alive_router_check_interval: 0 } });
  gateway(wire, GW, '10.9.0.9@tcp9');
  routed(node, 'tcp9', GW);
  node.peer(FAR).flags = (1 << 4) | (1 << 8);
  wire.run();
  t.deepEqual(wire.story, []);
  node.put(FAR);
  wire.run();
  t.is(wire.story.at(0), '10.0.0.1→10.0.0.9 GET 0');
  t.is(wire.story.at(-1), '10.0.0.1→10.0.0.9 PUT 4');
});

test('an answer to a peer behind an unprivileged port goes to the pid of its connection', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  a.serve();
  wire.stub([B]);
  const request = { type: LNET_MSG_GET, portal: 4, matchBitsLow: 1, sinkLength: 8, srcPid: 0x80009c40 };
  wire.send(parseNid(B), a.nid, request);
  wire.run();
  const [reply] = wire.sent(LNET_MSG_REPLY);
  t.deepEqual([reply?.pid, reply?.hdr.destPid], [0x80009c40, 0x80009c40]);
});
