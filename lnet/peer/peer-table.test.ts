import test from 'ava';
import * as fc from 'fast-check';
import { checkProperty } from '../../test/property.ts';
import { TestNode, TestWire } from '../network-fixture.test-support.ts';
import { LNET_MSG_PUT } from '../wire/lnet-hdr.ts';
import { nid4, parseNid } from '../wire/nid.ts';
import { parseNet } from '../wire/net.ts';
import { peerState } from './peer-state.test-support.ts';

const A = '10.0.0.1@tcp';
const TCP = parseNet('tcp') as number;

/** The i-th of very many NIDs that somebody invents. */
const invented = (i: number) => nid4(TCP, 0x0b000000 + i);

test('a peer is found by any of its NIDs, a NID without peer is its own primary', (t) => {
  const node = new TestNode(new TestWire(), [A]);
  const [b, b2, c] = ['10.0.0.2@tcp', '10.1.0.2@tcp1', '10.0.0.3@tcp'].map(parseNid) as [never, never, never];
  node.network.merge.take(node.peerNi('10.0.0.2@tcp').peerNet.peer, b2);
  t.is(node.peers.primaryOf(b2), b);
  t.is(node.peers.primaryOf(c), c);
  t.deepEqual(
    [node.peers.areOnePeer(b, b2), node.peers.areOnePeer(b, c), node.peers.areOnePeer(c, c)],
    [true, false, false],
  );
});

test('a flood of invented NIDs fills the table and no more, and locks nobody out', (t) => {
  const wire = new TestWire();
  const node = new TestNode(wire, [A], { peerNisMax: 200 });
  const stubs = Array.from({ length: 20 }, (_, i) => wire.stub([`10.0.0.${i + 2}@tcp`]));
  for (const { nids } of stubs) node.put(String(nids[0]));
  node.network.peerConfig.add({ primary: parseNid('10.0.0.200@tcp'), isMultiRail: true });
  wire.run();
  const used = stubs.map(({ nids }) => node.peers.find(nids[0] as never));
  for (let i = 0; i < 10_000; i++) wire.send(invented(i), node.nid, { type: LNET_MSG_PUT, portal: 9 });
  wire.run();
  t.is(node.peers.size, 200);
  t.is(node.drops.peer_limit, 0);
  t.true(node.peers.evictedCount >= 9_800);
  t.true(
    stubs.every(({ nids }, i) => node.peers.find(nids[0] as never) === used[i]),
    'peers that this node talks to stay',
  );
  t.truthy(node.peers.find(parseNid('10.0.0.200@tcp')), 'and so do configured ones');

  wire.stub(['10.0.0.77@tcp']);
  node.put('10.0.0.77@tcp');
  wire.run();
  t.is(node.events.at(-1), 'SEND last', 'a new real peer finds room');
});

test('peers that this node has discovered make room only when no stranger is left, the most silent first', (t) => {
  const wire = new TestWire();
  const node = new TestNode(wire, [A], { peerNisMax: 3 });
  for (const host of [2, 3, 4]) {
    wire.stub([`10.0.0.${host}@tcp`]);
    node.put(`10.0.0.${host}@tcp`);
    wire.run();
  }
  wire.send(parseNid('10.0.0.2@tcp'), node.nid, { type: LNET_MSG_PUT, portal: 9 });
  wire.run();
  node.peers.ofTarget(invented(1));
  t.deepEqual(
    [2, 3, 4].map((host) => node.nidsOf(`10.0.0.${host}@tcp`).length),
    [1, 0, 1],
  );
  node.peers.ofTarget(invented(2));
  t.deepEqual([node.peers.find(invented(1)), node.peers.size], [undefined, 3], 'the stranger goes first');
});

test('a table full of busy peers refuses new ones and counts them', (t) => {
  const wire = new TestWire();
  const node = new TestNode(wire, [A], { peerNisMax: 3 });
  for (const host of [2, 3, 4])
    node.network.peerConfig.add({ primary: parseNid(`10.0.0.${host}@tcp`), isMultiRail: true });
  wire.send(invented(1), node.nid, { type: LNET_MSG_PUT, portal: 9 });
  wire.run();
  t.deepEqual([node.drops.peer_limit, node.peers.refusedCount], [1, 1]);
  node.put(String(invented(2)));
  t.deepEqual([node.events, node.drops.peer_limit], [['SEND -113 last'], 2]);
});

test('a peer that is being discovered, has messages in its queue or is a gateway is never evicted', (t) => {
  const wire = new TestWire();
  const node = new TestNode(wire, [A], { peerNisMax: 3, tunables: { peerCredits: 1 } });
  node.network.routes.add({ net: parseNet('tcp9') as number, gateway: parseNid('10.0.0.2@tcp'), hops: 2, priority: 0 });
  wire.stub(['10.0.0.3@tcp'], null);
  node.put('10.0.0.3@tcp');
  wire.stub(['10.0.0.4@tcp']);
  node.put('10.0.0.4@tcp');
  wire.run();
  wire.fate = () => 'hold';
  node.put('10.0.0.4@tcp');
  const before = [2, 3, 4].map((host) => node.peer(`10.0.0.${host}@tcp`));
  t.is(node.peers.ofTarget(invented(1)), undefined);
  t.true([2, 3, 4].every((host, i) => node.peers.peerOf(parseNid(`10.0.0.${host}@tcp`)) === before[i]));
});

test('merging the same info again changes nothing more, and every NID has one peer', (t) => {
  const nids = ['10.0.0.2@tcp', '10.0.0.3@tcp', '10.0.0.4@tcp', '10.1.0.2@tcp1', '10.1.0.3@tcp1', '10.9.0.2@tcp9'];
  const list = fc.uniqueArray(fc.constantFrom(...nids), { minLength: 1, maxLength: 5 });
  const flags = fc.constantFrom(0x1, 0x1 | 0x10, 0x1 | 0x2, 0x1 | 0x8, 0x1 | (1 << 20), 0);
  const world = fc.array(fc.tuple(list, flags), { maxLength: 4 });
  const info = fc.record({
    entries: fc.uniqueArray(fc.record({ nid: fc.constantFrom(...nids), isUp: fc.boolean() }), {
      selector: ({ nid }) => nid,
      maxLength: 5,
    }),
    features: fc.constantFrom(0x1e, 0x1a, 0x0e),
    sequence: fc.integer({ min: 0, max: 9 }),
  });
  checkProperty(
    t,
    fc.tuple(world, info, fc.constantFrom(...nids), fc.boolean()),
    400,
    ([peers, told, teller, isGateway]) => {
      const node = new TestNode(new TestWire(), [A]);
      for (const [owned, peerFlags] of peers) {
        const { peer } = node.peerNi(owned[0] as string).peerNet;
        if (peer.flags !== 0) continue;
        peer.flags = 0x1;
        for (const nid of owned.slice(1)) node.network.merge.take(peer, parseNid(nid));
        peer.flags = peerFlags;
      }
      const parsed = {
        ...told,
        pid: 12345,
        entries: told.entries.map(({ nid, isUp }) => ({ nid: parseNid(nid), isUp })),
      };
      if (isGateway && teller.endsWith('@tcp'))
        node.network.routes.add({ net: parseNet('o2ib') as number, gateway: parseNid(teller), hops: 1, priority: 0 });
      let peer = node.peer(teller);
      const absorb = (): void => {
        for (let owner = node.network.merge.absorb(peer, parsed); owner !== peer; ) {
          peer = owner;
          owner = node.network.merge.absorb(peer, parsed);
        }
      };
      absorb();
      const once = peerState(node);
      absorb();
      if (peerState(node) !== once) throw new Error(`merged once:\n${once}\nmerged twice:\n${peerState(node)}`);
    },
  );
});
