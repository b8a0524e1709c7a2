import test from 'ava';
import { createHash } from 'node:crypto';
import { LNET_MD_OP_GET, LNET_MD_OP_PUT } from '../../../lnet/portals/md.ts';
import { viewOf } from '../../../lnet/wire/layout.ts';
import { LNET_MSG_GET, LNET_MSG_PUT, LNET_MSG_REPLY } from '../../../lnet/wire/lnet-hdr.ts';
import { parseNid } from '../../../lnet/wire/nid.ts';
import { SimNet } from '../../../nals/sim/sim-net.ts';
import { BrwPattern } from '../brw/pattern.ts';
import { comparable } from '../testing/answer-rule.test-support.ts';
import { type CapturedMessage, readCapture } from '../testing/capture.test-support.ts';
import { RawPeer } from '../testing/raw-peer.test-support.ts';
import { HandServer } from '../testing/hand-server.test-support.ts';
import { HandConsole, type Sent, serveOn, sidOf, tapped } from '../testing/node-bench.test-support.ts';
import { SRPC_BATCH_OPC_RUN } from '../wire/batch-message.ts';
import { introduce, SimCore } from '../testing/sim-core.test-support.ts';
import { BRW_REQUEST, LST_BRW_READ } from '../wire/brw-message.ts';
import { SERVICES, type ServiceKind, SRPC_RDMA_PORTAL } from '../wire/service.ts';
import { SRPC_BODY_AT, SRPC_HDR, SRPC_MSG_BYTES, SRPC_RPYID_AT } from '../wire/srpc-message.ts';
import { encodeBrwParams, TEST_REQUEST } from '../wire/test-message.ts';

const CONSOLE = '10.77.0.11@tcp';
const CLIENT = '10.77.0.12@tcp';
const SERVER = '10.77.0.13@tcp';

/** A recorded request with everything that belongs to it. */
interface Exchange {
  readonly request: CapturedMessage;
  readonly service: ServiceKind;
  readonly rpyid: bigint;
  readonly reply: CapturedMessage;
}

const u64At = (bytes: Uint8Array, at: number): bigint => viewOf(bytes).getBigUint64(at, true);

/** The requests from one node to others with their replies, in recorded order. */
function exchanges(messages: readonly CapturedMessage[], from: string, to: readonly string[]): Exchange[] {
  const puts = messages.filter((message) => message.type === LNET_MSG_PUT && message.payloadLength === SRPC_MSG_BYTES);
  return puts.flatMap((request) => {
    const service = Object.values(SERVICES).find(({ portal }) => portal === request.portal)
      ? Object.values(SERVICES).find(({ request: { type } }) => type === SRPC_HDR.decode(viewOf(request.payload)).type)
      : undefined;
    if (!service || String(request.source) !== from || !to.includes(String(request.target))) return [];
    const rpyid = u64At(request.payload, SRPC_RPYID_AT);
    const reply = puts.find(
      (put) => put.portal === SRPC_RDMA_PORTAL && put.matchBits === rpyid && put.source === request.target,
    );
    return reply ? [{ request, service, rpyid, reply }] : [];
  });
}

/** Time of the recording that has passed since its first message. */
function follow(net: SimNet, start: number, { atUs }: CapturedMessage): void {
  const wait = start + atUs - net.clock.now();
  if (wait > 0) net.advance({ us: wait });
}

test('a recorded kernel console finds in our nodes what it found in kernel nodes: every answer, every GET', async (t) => {
  const messages = readCapture('lst');
  const net = new SimNet({ seed: 1 });
  const player = await SimCore.open(net, CONSOLE);
  const nodes = [serveOn(await SimCore.open(net, CLIENT)), serveOn(await SimCore.open(net, SERVER))];
  await introduce(net, [player, ...nodes.map(({ core }) => core)]);
  const peers = new Map([CLIENT, SERVER].map((nid) => [nid, new RawPeer(net, player, parseNid(nid))]));
  const sent = tapped(...nodes.map(({ core }) => core));
  const start = net.clock.now();

  const recorded = exchanges(messages, CONSOLE, [CLIENT, SERVER]);
  t.is(recorded.length, 28);
  for (const { request, service, rpyid, reply } of recorded) {
    follow(net, start, request);
    const peer = peers.get(String(request.target)) as RawPeer;
    const list = listOf(messages, request);
    if (list) peer.post(list.bulkid, list.bytes, LNET_MD_OP_GET);
    sent.length = 0;
    const answer = peer.exchange(service, request.payload, rpyid);
    if (!answer) throw new Error(`line ${request.line}: no answer`);
    t.deepEqual(comparable(answer), comparable(reply.payload), `line ${reply.line}`);
    const gets = sent.filter((message) => message.kind === 'GET' && message.to === CONSOLE);
    t.deepEqual(
      gets.map(({ matchBits, portal, length }) => ({ matchBits, portal, length })),
      list ? [{ matchBits: list.bulkid, portal: SRPC_RDMA_PORTAL, length: list.bytes.length }] : [],
    );
  }
  t.log(`${recorded.length} frames compared`);
});

/** The destination list that a recorded TEST request offered. */
function listOf(
  messages: readonly CapturedMessage[],
  request: CapturedMessage,
): { readonly bulkid: bigint; readonly bytes: Uint8Array } | undefined {
  const { type } = SRPC_HDR.decode(viewOf(request.payload));
  if (type !== TEST_REQUEST.type) return undefined;
  const { bulkid, isClient } = TEST_REQUEST.body.decode(viewOf(request.payload), SRPC_BODY_AT);
  if (isClient === 0) return undefined;
  const reply = messages.find(
    ({ line, type: kind, payloadLength }) => line > request.line && kind === LNET_MSG_REPLY && payloadLength === 12,
  );
  return reply && { bulkid, bytes: Uint8Array.from(reply.payload) };
}

const CLIENTS = [
  { capture: 'lst', client: CLIENT, server: SERVER },
  { capture: 'router', client: CONSOLE, server: '10.77.0.13@tcp1' },
];

for (const { capture, client, server } of CLIENTS) {
  test(`${capture}: a recorded kernel client gets from our server the answers and the data of a kernel server`, async (t) => {
    const messages = readCapture(capture);
    const net = new SimNet({ seed: 1 });
    // Without the router between them both are on one net here.
    const player = await SimCore.open(net, client);
    const served = serveOn(await SimCore.open(net, SERVER));
    await introduce(net, [player, served.core]);
    const peer = new RawPeer(net, player, parseNid(SERVER));
    const pattern = new BrwPattern();
    const sent = tapped(served.core);

    const tests = firstOfEach(exchanges(messages, client, [server])).filter(({ service }) => service.portal === 50);
    for (const { request, service, rpyid, reply } of tests) {
      sent.length = 0;
      const bulk =
        service === SERVICES.brw ? BRW_REQUEST.body.decode(viewOf(request.payload), SRPC_BODY_AT) : undefined;
      const isRead = bulk?.rw === LST_BRW_READ;
      const memory = isRead ? new Uint8Array(bulk.length) : pattern.source(bulk?.length ?? 0);
      if (bulk) peer.post(bulk.bulkid, memory, isRead ? LNET_MD_OP_PUT : LNET_MD_OP_GET);
      const answer = peer.exchange(service, request.payload, rpyid);
      if (!answer) throw new Error(`line ${request.line}: no answer`);
      t.deepEqual(comparable(answer), comparable(reply.payload), `line ${reply.line}`);
      if (!bulk) continue;
      const theirs = messages.find(({ matchBits, portal }) => portal === SRPC_RDMA_PORTAL && matchBits === bulk.bulkid);
      const ours = sent.find(({ matchBits }) => matchBits === bulk.bulkid);
      t.deepEqual(shapeOfSent(ours), theirs && shapeOfCaptured(theirs));
      if (isRead) t.is(createHash('sha256').update(memory).digest('hex'), theirs?.payloadSha256 as string);
    }
    t.true(tests.length > 0);
    t.log(`${tests.length} frames compared`);
  });
}

/** A capture behind a router has each message twice: the first leg counts. */
function firstOfEach(list: readonly Exchange[]): Exchange[] {
  const seen = new Set<bigint>();
  return list.filter(({ rpyid }) => !seen.has(rpyid) && seen.add(rpyid));
}

function shapeOfSent(sent: Sent | undefined) {
  return sent && { kind: sent.kind, portal: sent.portal, length: sent.length };
}

function shapeOfCaptured({ type, portal, payloadLength, sinkLength }: CapturedMessage) {
  return type === LNET_MSG_GET
    ? { kind: 'GET', portal, length: sinkLength }
    : { kind: 'PUT', portal, length: payloadLength };
}

/** Tests whose client side was recorded: what a kernel client asks for with these parameters. */
const RECORDED_TESTS = [
  { capture: 'lst', client: CLIENT, server: SERVER, params: { opc: 1, flags: 3, length: 4096, offset: 0 } },
  { capture: 'lst', client: CLIENT, server: SERVER, params: { opc: 1, flags: 3, length: 16_384, offset: 0 } },
  { capture: 'lst', client: CLIENT, server: SERVER, params: { opc: 2, flags: 2, length: 65_536, offset: 0 } },
  {
    capture: 'router',
    client: CONSOLE,
    server: '10.77.0.13@tcp1',
    params: { opc: 1, flags: 3, length: 1_048_576, offset: 0 },
  },
  {
    capture: 'router',
    client: CONSOLE,
    server: '10.77.0.13@tcp1',
    params: { opc: 2, flags: 3, length: 1_048_576, offset: 0 },
  },
] as const;

for (const { capture, client, server, params } of RECORDED_TESTS) {
  const what = `${params.opc === LST_BRW_READ ? 'read' : 'write'} ${params.length}`;
  test(`${capture}: our client asks a recorded kernel server as a kernel client did, brw ${what}`, async (t) => {
    const messages = readCapture(capture);
    const recorded = exchanges(messages, client, [server]).filter(({ service, request }) => {
      const body =
        service === SERVICES.brw ? BRW_REQUEST.body.decode(viewOf(request.payload), SRPC_BODY_AT) : undefined;
      return body?.rw === params.opc && body.length === params.length && body.flags === params.flags;
    });
    const [{ request: theirs, reply } = { request: undefined, reply: undefined }] = recorded;
    if (!theirs) throw new Error('not recorded');
    const { bulkid } = BRW_REQUEST.body.decode(viewOf(theirs.payload), SRPC_BODY_AT);
    const bulk = messages.find(
      ({ portal, matchBits, type }) => portal === SRPC_RDMA_PORTAL && matchBits === bulkid && type === LNET_MSG_PUT,
    );

    const net = new SimNet({ seed: 1 });
    const hand = await SimCore.open(net, CONSOLE);
    const node = serveOn(await SimCore.open(net, CLIENT));
    const kernel = await SimCore.open(net, SERVER);
    await introduce(net, [hand, node.core, kernel]);
    const pattern = new BrwPattern();
    const wrong: string[] = [];
    const recordedServer: HandServer = new HandServer(kernel, SERVICES.brw, (request) => {
      const ours = BRW_REQUEST.body.decode(viewOf(request.bytes), SRPC_BODY_AT);
      t.deepEqual(comparable(request.bytes), comparable(theirs.payload));
      t.is(ours.bulkid, ours.rpyid + 1n);
      const answer = (): void => recordedServer.put(request.from, request.rpyid, Uint8Array.from(reply.payload));
      if (params.opc === LST_BRW_READ) {
        const data = pattern.source(params.length);
        t.is(createHash('sha256').update(data).digest('hex'), bulk?.payloadSha256 as string);
        recordedServer.put(request.from, request.bulkid, data);
        answer();
        return;
      }
      const data = new Uint8Array(params.length);
      recordedServer.get(request.from, request.bulkid, data, () => {
        // Where the kernel looks: page ends for a simple check, every word for a full one.
        if (pattern.faultAt(data, { flags: params.flags, littleEndian: true, usesPages: true }) >= 0)
          wrong.push('data');
        answer();
      });
    });

    const console = new HandConsole(net, hand, parseNid(CLIENT));
    const sid = sidOf(1);
    console.makeSession(sid);
    const destinations = [parseNid(SERVER)];
    const instance = {
      sid,
      service: SERVICES.brw.id,
      loop: 4,
      concur: 2,
      params: encodeBrwParams(params, 1),
      destinations,
    };
    t.like(console.addTest(instance), { status: 0 });
    console.batch(sid, 1n, SRPC_BATCH_OPC_RUN);
    net.advance({ us: 1_000_000 });
    t.like(console.stat(sid), { rpcsSent: 8, brwErrors: 0, rpcErrors: 0, activeBatches: 0 });
    t.deepEqual(wrong, []);
  });
}
