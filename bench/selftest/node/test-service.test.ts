import test from 'ava';
import { EBUSY, EINVAL, ENOENT, ENOMEM } from '../../../lnet/errno.ts';
import { nid4, parseNid } from '../../../lnet/wire/nid.ts';
import {
  bench,
  brwParams,
  CONSOLE_NID,
  HandConsole,
  nidAt,
  sidOf,
  tapped,
} from '../testing/node-bench.test-support.ts';
import { SimCore } from '../testing/sim-core.test-support.ts';
import { SRPC_BATCH_OPC_QUERY, SRPC_BATCH_OPC_RUN } from '../wire/batch-message.ts';
import { LST_BRW_CHECK_SIMPLE } from '../wire/brw-message.ts';
import { destinationAt, encodeDestinations } from '../wire/destination-list.ts';
import { SERVICES } from '../wire/service.ts';
import { NULL_SESSION_ID } from '../wire/session-id.ts';
import { encodeBrwParams, LST_LOOP_ENDLESS, TEST_REPLY } from '../wire/test-message.ts';

const sid = sidOf(1);
const target = [parseNid(nidAt(1))];

test('TEST errors: EINVAL / ENOENT / EBUSY as 6.8; the destination list is pulled with one GET of 12·ndest bytes.', async (t) => {
  const { peer, nodes } = await bench({ nodes: 2 });
  const [client] = nodes;
  t.like(peer.addTest({ sid, destinations: target }), { status: ENOENT, sid: NULL_SESSION_ID });
  peer.makeSession(sid);
  for (const wrong of [
    { loop: 0 },
    { concur: 0 },
    { concur: 1025 },
    { sid: NULL_SESSION_ID },
    { destinations: [] },
    { service: 10 },
  ])
    t.like(peer.addTest({ sid, destinations: target, ...wrong }), { status: EINVAL, sid }, JSON.stringify(wrong.loop));
  t.like(peer.addTest({ sid: sidOf(2), destinations: target }), { status: ENOENT, sid });

  const sent = tapped(...(client ? [client.core] : []));
  const three = [1, 2, 3].map((index) => parseNid(nidAt(index)));
  t.like(peer.addTest({ sid, loop: LST_LOOP_ENDLESS, destinations: three }), { status: 0, sid });
  const gets = sent.filter((message) => message.kind === 'GET');
  t.deepEqual(
    gets.map(({ portal, length }) => ({ portal, length })),
    [{ portal: 52, length: 36 }],
  );

  peer.batch(sid, 1n, SRPC_BATCH_OPC_RUN);
  t.like(peer.addTest({ sid, destinations: target }), { status: EBUSY, sid });
  t.like(peer.addTest({ sid, isClient: 0 }), { status: EBUSY, sid });
});

function tooMany(bytes: Uint8Array): Uint8Array {
  new DataView(bytes.buffer).setUint32(78, 87_297, true);
  return bytes;
}

test('more than 87296 destinations are refused before any list is pulled', async (t) => {
  const { peer, nodes } = await bench();
  peer.makeSession(sid);
  const sent = tapped(...nodes.map(({ core }) => core));
  t.like(peer.addTest({ sid, destinations: target }, { spoil: tooMany }), { status: EINVAL });
  t.false(sent.some((message) => message.kind === 'GET'));
});

test('brw parameters that no node can run are refused, after the list was pulled', async (t) => {
  const { peer } = await bench();
  peer.makeSession(sid);
  const brw = { sid, service: SERVICES.brw.id, destinations: target };
  for (const wrong of [
    { opc: 0 },
    { opc: 3 },
    { flags: 0 },
    { flags: 4 },
    { length: 1_048_584 },
    { length: 0 },
    { length: 12 },
    { offset: 4 },
    { offset: 4100 },
  ])
    t.like(peer.addTest({ ...brw, params: brwParams(wrong) }), { status: EINVAL, sid }, JSON.stringify(wrong));
  for (const right of [{ length: 1_048_576 }, { offset: 8, length: 4088 }, { offset: 4096 }, { length: 8 }])
    t.like(peer.addTest({ ...brw, params: brwParams(right) }), { status: 0, sid }, JSON.stringify(right));
});

test('a batch exists from the moment its id was seen, even when the test was refused', async (t) => {
  const { peer } = await bench({ node: { unitsMax: 1 } });
  peer.makeSession(sid);
  t.like(peer.batch(sid, 9n, SRPC_BATCH_OPC_QUERY), { status: ENOENT });
  t.like(peer.addTest({ sid, bid: 9n, concur: 2, destinations: target }), { status: ENOMEM });
  t.like(peer.batch(sid, 9n, SRPC_BATCH_OPC_QUERY), { status: 0, active: 0 });
});

test('units and their memory are bounded; a session that ends gives its share back', async (t) => {
  const { peer, nodes } = await bench({ node: { unitsMax: 4, clientBulkBytesMax: 3 * 4096 } });
  const budget = nodes[0]?.node.budget;
  peer.makeSession(sid);
  t.like(peer.addTest({ sid, concur: 5, destinations: target }), { status: ENOMEM });
  const brw = { sid, service: SERVICES.brw.id, destinations: target };
  t.like(peer.addTest({ ...brw, concur: 4, params: brwParams({}) }), { status: ENOMEM });
  t.like(peer.addTest({ ...brw, concur: 3, params: brwParams({}) }), { status: 0 });
  t.like(peer.addTest({ ...brw, concur: 1, params: brwParams({}) }), { status: ENOMEM });
  t.like({ units: budget?.units, bytes: budget?.bytes }, { units: 3, bytes: 3 * 4096 });
  peer.removeSession(sid);
  t.like({ units: budget?.units, bytes: budget?.bytes }, { units: 0, bytes: 0 });
});

test('a destination list over several pages is taken entry by entry, with pid 12345 for the one cut off', async (t) => {
  const { peer, nodes } = await bench();
  peer.makeSession(sid);
  const many = Array.from({ length: 342 }, (_, index) => nid4(0x00020000, 0x0a000000 + index));
  const list = new Uint8Array(destinationAt(341) + 12);
  encodeDestinations(
    many.map((nid) => ({ nid, pid: 12345 })),
    list,
  );
  // What a kernel console with BULK_LEN sends: 12 bytes for each entry, although a page holds 4 more.
  const bulk = { memory: list.subarray(0, 12 * 342), direction: 'toServer' } as const;
  t.like(peer.addTest({ sid, destinations: many }, { bulk }), { status: 0 });
  peer.batch(sid, 1n, SRPC_BATCH_OPC_RUN);
  const peers = nodes[0]?.core.node.core.peers;
  t.true(many.every((nid) => peers?.find(nid) !== undefined));
});

test('a list from which a NID is missing is refused', async (t) => {
  const { peer } = await bench();
  peer.makeSession(sid);
  const three = [1, 2, 3].map((index) => parseNid(nidAt(index)));
  const bulk = { memory: new Uint8Array(30), direction: 'toServer' } as const;
  t.like(peer.addTest({ sid, destinations: three }, { bulk }), { status: EINVAL, sid });
});

test('a list that never comes ends without reply when LNet gives up', async (t) => {
  const { peer, nodes, net } = await bench();
  peer.makeSession(sid);
  t.is(
    peer.addTest({ sid, destinations: target }, { bulk: { memory: new Uint8Array(12), direction: 'fromServer' } }),
    undefined,
  );
  net.advance({ us: 148 * 1_000_000 });
  t.is(nodes[0]?.context.counters.drops.bulk_failed, 0);
  net.advance({ us: 78 * 1_000_000 });
  t.is(nodes[0]?.context.counters.drops.bulk_failed, 1);
});

test('without BULK_LEN the page count is taken from the parameters and the list from whole pages', async (t) => {
  const { peer, nodes, net } = await bench({ nodes: 2 });
  peer.makeSession(sid, { features: 0 });
  const list = new Uint8Array(4096);
  encodeDestinations([{ nid: target[0] as never, pid: 12345 }], list);
  const params = encodeBrwParams({ opc: 1, flags: LST_BRW_CHECK_SIMPLE, length: 8192, offset: 0 }, 0);
  const bulk = { memory: list, direction: 'toServer' } as const;
  const options = { features: 0, bulk };
  t.like(peer.addTest({ sid, service: SERVICES.brw.id, params, destinations: target }, options), { status: 0 });
  const sent = tapped(...nodes.map(({ core }) => core));
  peer.batch(sid, 1n, SRPC_BATCH_OPC_RUN, {}, { features: 0 });
  net.advance({ us: 100_000 });
  const request = sent.find((message) => message.portal === 50);
  t.is(request?.payload.readUInt32LE(20), 0, 'brw requests carry the features of the session');
  t.is(request?.payload.readUInt32LE(24 + 20), 8192);
  t.like(peer.stat(sid, { features: 0 }), { brwErrors: 0, rpcsSent: 1 });
});

test('a session may change while the list is pulled: the test is judged again', async (t) => {
  const { peer, nodes, net } = await bench();
  const [client] = nodes;
  peer.makeSession(sid);
  const rival = new HandConsole(net, await SimCore.open(net, '10.77.0.10@tcp'), parseNid(nidAt(0)));
  const sent = tapped(...(client ? [client.core] : []));
  // Long enough for the request and the node's GET, too short for the REPLY.
  t.is(peer.addTest({ sid, destinations: target }, { waitUs: 70 }), undefined);
  net.shape({ from: CONSOLE_NID }, { latencyUs: 10_000 });
  t.is(sent.at(-1)?.kind, 'GET');
  t.like(rival.makeSession(sidOf(2), { force: 1 }), { status: 0 });
  net.advance({ us: 20_000 });
  const reply = sent.at(-1);
  t.is(reply?.payload.readUInt32LE(8), TEST_REPLY.type);
  t.is(reply?.payload.readUInt32LE(24), ENOENT);
});
