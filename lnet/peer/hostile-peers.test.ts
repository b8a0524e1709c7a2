import test from 'ava';
import * as fc from 'fast-check';
import { checkProperty } from '../../test/property.ts';
import { EHOSTUNREACH } from '../errno.ts';
import { LnetError } from '../error-code.ts';
import { stubInfo, type StubPeer, TestNode, TestWire } from '../network-fixture.test-support.ts';
import { LNET_MSG_GET, LNET_MSG_PUT } from '../wire/lnet-hdr.ts';
import { NET_ANY, parseNet } from '../wire/net.ts';
import { NID_ANY, parseNid } from '../wire/nid.ts';
import { peerState } from './peer-state.test-support.ts';

const OWN = ['10.0.0.1@tcp', '10.1.0.1@tcp1'];
const STUBS = ['10.0.0.2@tcp', '10.0.0.3@tcp', '10.0.0.4@tcp', '10.1.0.2@tcp1', '10.1.0.3@tcp1'];
const FAR = ['10.9.0.2@tcp9', '10.9.0.3@tcp9'];
const ALL = [...OWN, ...STUBS, ...FAR];

const stub = fc.nat({ max: STUBS.length - 1 });
const nid = fc.constantFrom(...ALL);
const info = fc.record({
  nids: fc.uniqueArray(fc.tuple(nid, fc.boolean()), { selector: ([text]) => text, maxLength: 6 }),
  features: fc.constantFrom(0x1e, 0x1e, 0x1a, 0x0e, 0x06, 0x1c, 0x7e),
  sequence: fc.nat({ max: 5 }),
  cutTo: fc.option(fc.nat({ max: 120 })),
});
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('put' as const), nid, wantsAck: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('push' as const), stub, info }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('tell' as const), stub, info }) },
  fc.record({ kind: fc.constant('silence' as const), stub, acks: fc.boolean() }),
  fc.record({ kind: fc.constant('request' as const), stub, nid, isGet: fc.boolean() }),
  fc.record({ kind: fc.constant('wait' as const), seconds: fc.constantFrom(0.00007, 0.001, 1, 70, 240) }),
  fc.record({ kind: fc.constant('route' as const), nid, isAdded: fc.boolean() }),
  fc.record({
    kind: fc.constant('configure' as const),
    nid,
    second: nid,
    isAdded: fc.boolean(),
    isMultiRail: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('rediscover' as const), nid, force: fc.boolean() }),
  fc.record({ kind: fc.constant('discovery' as const), isOn: fc.boolean() }),
  fc.record({ kind: fc.constant('rail' as const), isThere: fc.boolean() }),
);

function encode({
  nids,
  features,
  sequence,
  cutTo,
}: {
  nids: [string, boolean][];
  features: number;
  sequence: number;
  cutTo: number | null;
}) {
  const bytes = stubInfo(
    nids.map(([text, isUp]) => (isUp ? text : `!${text}`)),
    { features, sequence },
  );
  // What the encoder would never set: features that contradict the list.
  new DataView(bytes.buffer).setUint32(4, features, true);
  return cutTo === null ? bytes : bytes.subarray(0, Math.min(cutTo, bytes.length));
}

/** A person's mistakes are told, and change nothing here. */
function attempt(act: () => unknown): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof LnetError)) throw error;
  }
}

test('whatever peers say, the peer table stays sound, every operation ends and the node comes to rest', (t) => {
  const script = fc.tuple(fc.constantFrom(3, 1000), fc.array(step, { minLength: 1, maxLength: 40 }));
  checkProperty(t, script, 300, ([peerNisMax, steps]) => {
    const wire = new TestWire();
    const node = new TestNode(wire, OWN, { settings: { recovery_limit: 100 }, peerNisMax });
    node.serve();
    const stubs = STUBS.map((text) => wire.stub([text])) as [StubPeer, ...StubPeer[]];
    const { network } = node;
    let begun = 0;
    const run = (next: (typeof steps)[number]): void => {
      const talker = 'stub' in next ? (stubs[next.stub] as StubPeer) : stubs[0];
      const from = talker.nids[0] as (typeof talker.nids)[0];
      const to = node.locals.all.find((ni) => ni.nid.net === from.net)?.nid;
      switch (next.kind) {
        case 'put':
          begun++;
          node.put(next.nid, { wantsAck: next.wantsAck });
          break;
        case 'push':
          if (to) talker.push(to, encode(next.info));
          break;
        case 'tell':
          talker.info = encode(next.info);
          break;
        case 'silence':
          talker.info = null;
          talker.acksPushes = next.acks;
          break;
        case 'request': {
          const fields = { srcNid: parseNid(next.nid), portal: 4, matchBitsLow: 1, objectCookieLow: 1, sinkLength: 8 };
          if (to) wire.send(from, to, { ...fields, type: next.isGet ? LNET_MSG_GET : LNET_MSG_PUT });
          break;
        }
        case 'wait':
          wire.run(next.seconds);
          break;
        case 'route':
          attempt(() => {
            const net = parseNet('tcp9') as number;
            if (next.isAdded) network.routes.add({ net, gateway: parseNid(next.nid), hops: undefined, priority: 0 });
            else network.routes.remove(net, parseNid(next.nid));
          });
          break;
        case 'configure':
          attempt(() => {
            const [primary, second] = [parseNid(next.nid), parseNid(next.second)];
            if (!next.isAdded) network.peerConfig.del({ primary });
            else network.peerConfig.add({ primary, nid: second, isMultiRail: next.isMultiRail });
            if (next.isAdded) network.peerConfig.add({ primary, isMultiRail: next.isMultiRail });
          });
          break;
        case 'rediscover': {
          const peer = node.peers.ofTarget(parseNid(next.nid))?.peerNet.peer;
          if (peer) network.discovery.rediscover(peer, next.force, () => {});
          break;
        }
        case 'discovery':
          network.changeSettings({ discovery: next.isOn ? 1 : 0 });
          break;
        case 'rail':
          attempt(() => {
            if (next.isThere) node.openNi('10.1.0.1@tcp1');
            else node.locals.remove(parseNid('10.1.0.1@tcp1'));
          });
      }
    };
    for (const next of steps) {
      run(next);
      peerState(node);
    }
    network.routes.remove(NET_ANY, NID_ANY);
    wire.run(3000);
    peerState(node);
    const ended = node.events.filter((event) => event.endsWith('last')).length;
    const left = {
      pool: node.pool.live,
      mds: node.portals.mdCount,
      trackers: node.trackers.live,
      unended: begun - ended,
    };
    const rest = { ...left, active: network.discovery.activeCount, resends: network.resends.size };
    if (JSON.stringify(rest) !== '{"pool":0,"mds":3,"trackers":0,"unended":0,"active":0,"resends":0}')
      throw new Error(`not at rest: ${JSON.stringify(rest)}`);
    node.stop();
    wire.run(300);
    if (node.portals.mdCount !== 1) throw new Error(`${node.portals.mdCount} memory descriptors after the stop`);
  });
});

test('a peer that names another primary NID at each ping makes nothing wait for ever', (t) => {
  const wire = new TestWire();
  const node = new TestNode(wire, ['10.0.0.1@tcp']);
  const liar = wire.stub(['10.0.0.2@tcp']);
  let lies = 0;
  wire.fate = ({ hdr }) => {
    if (hdr.type === LNET_MSG_GET) liar.info = stubInfo([`10.5.${lies >> 8}.${lies++ & 255}@tcp5`]);
    return 'deliver';
  };
  node.put('10.0.0.2@tcp');
  wire.run(60);
  t.deepEqual(node.events, [`SEND -${EHOSTUNREACH} last`]);
  t.true(lies < 20, `${lies} pings`);
});

test("a NID of this node is not taken for another one's, whatever a peer lists", (t) => {
  const wire = new TestWire();
  const [own] = OWN as [string];
  const node = new TestNode(wire, [own]);
  const [thief, impostor] = [wire.stub(['10.0.0.2@tcp']), wire.stub(['10.0.0.3@tcp'])];
  thief.info = stubInfo(['10.0.0.2@tcp', own]);
  impostor.info = stubInfo([own, '10.0.0.3@tcp']);
  for (const { nids } of [thief, impostor]) node.put(String(nids[0]));
  wire.run();
  t.is(node.peers.find(parseNid(own)), undefined);
  t.deepEqual(node.events, ['SEND last', 'SEND last']);
  node.put(own);
  wire.run();
  t.deepEqual(node.nidsOf(own), [own], 'but this node may discover itself');
});
