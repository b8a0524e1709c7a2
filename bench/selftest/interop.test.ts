/**
 * The two statements of the checklist that ask for live kernel nodes. There is none where these tests run, so its part is played:
 * framing, order and data are those of the recordings, which `replay.test.ts` of node and console compare byte by byte.
 */
import test from 'ava';
import { parseNid } from '../../lnet/wire/nid.ts';
import { SimNet } from '../../nals/sim/sim-net.ts';
import { BrwPattern } from './brw/pattern.ts';
import { lstBench } from './testing/lst-bench.test-support.ts';
import { bench, HandConsole, nidAt, rest, serveOn, sidOf } from './testing/node-bench.test-support.ts';
import { PlayedKernelServer } from './testing/played-kernel.test-support.ts';
import { RawPeer } from './testing/raw-peer.test-support.ts';
import { introduce, SimCore } from './testing/sim-core.test-support.ts';
import { SRPC_BATCH_OPC_RUN } from './wire/batch-message.ts';
import { BRW_REPLY, BRW_REQUEST, LST_BRW_CHECK_FULL, LST_BRW_READ, LST_BRW_WRITE } from './wire/brw-message.ts';
import { LST_PING_TEST_MAGIC, PING_REPLY, PING_REQUEST } from './wire/ping-message.ts';
import { SERVICES } from './wire/service.ts';
import { encodeBrwParams } from './wire/test-message.ts';

const SIZES = [4096, 1_048_576];
const OPCODES = [LST_BRW_READ, LST_BRW_WRITE];
const MATRIX = SIZES.flatMap((length) => OPCODES.map((opc) => ({ opc, flags: LST_BRW_CHECK_FULL, length, offset: 0 })));

test(`End to end: kernel console, one kernel and one TypeScript node, both directions, ping and brw read/write at 4 KiB and 1 MiB with check=full, zero errors. (the kernel is played)`, async (t) => {
  const net = new SimNet({ seed: 1 });
  const hand = await SimCore.open(net, '10.77.0.11@tcp');
  const ours = serveOn(await SimCore.open(net, nidAt(0)));
  const core = await SimCore.open(net, nidAt(1));
  const kernel = new PlayedKernelServer(core);
  await introduce(net, [hand, ours.core, core]);

  // Our node as client of the kernel.
  const console = new HandConsole(net, hand, ours.core.nid);
  const sid = sidOf(1);
  const destinations = [core.nid];
  console.makeSession(sid);
  console.addTest({ sid, loop: 10, concur: 2, destinations });
  for (const params of MATRIX) {
    const instance = { sid, service: SERVICES.brw.id, loop: 5, concur: 2, params: encodeBrwParams(params, 1) };
    console.addTest({ ...instance, destinations });
  }
  console.batch(sid, 1n, SRPC_BATCH_OPC_RUN);
  net.advance({ us: 2_000_000 });
  const rpcs = 20 + 10 * MATRIX.length;
  t.like(console.stat(sid), { rpcsSent: rpcs, brwErrors: 0, pingErrors: 0, rpcErrors: 0, activeBatches: 0 });
  t.is(kernel.served, rpcs);
  t.is(kernel.faults, 0);

  // The kernel as client of our node.
  const client = new RawPeer(net, core, ours.core.nid);
  const pattern = new BrwPattern();
  const ping = { magic: LST_PING_TEST_MAGIC, seq: 3, sec: 1n, nsec: 1n };
  t.like(client.ask(SERVICES.ping, [PING_REQUEST, PING_REPLY], ping)?.body, { status: 0, seq: 3 });
  for (const { opc: rw, flags, length } of MATRIX) {
    const isRead = rw === LST_BRW_READ;
    const memory = isRead ? new Uint8Array(length) : pattern.source(length);
    const bulk = { memory, direction: isRead ? 'fromServer' : 'toServer' } as const;
    const answer = client.ask(SERVICES.brw, [BRW_REQUEST, BRW_REPLY], { rw, length, flags }, { bulk });
    t.like(answer?.body, { status: 0 }, `${rw} ${length}`);
    t.is(pattern.faultAt(memory, { flags, littleEndian: true, usesPages: true }), -1);
  }
});

test(`End to end: TypeScript console, two kernel nodes, same matrix, zero errors. (our nodes in their place; console/replay.test.ts has recorded kernel nodes)`, async (t) => {
  const b = await lstBench();
  await b.ok('new_session x');
  await b.ok('add_group a 10.77.0.12@tcp');
  await b.ok('add_group b 10.77.0.13@tcp');
  for (const [from, to] of [
    ['a', 'b'],
    ['b', 'a'],
  ]) {
    await b.ok(`add_test --loop 10 --concurrency 2 --from ${from} --to ${to} ping`);
    for (const size of ['4K', '1M'])
      for (const rw of ['read', 'write'])
        await b.ok(`add_test --loop 5 --concurrency 2 --from ${from} --to ${to} brw ${rw} check=full size=${size}`);
  }
  await b.ok('run');
  b.net.advance({ us: 2_000_000 });
  t.is(await b.ok('query'), 'batch [0] is stopped\n');
  t.is(await b.ok('show_error a b'), 'a:\nTotal 0 error nodes in a\nb:\nTotal 0 error nodes in b\n');
  t.deepEqual(
    b.nodes.map(({ selftest }) => selftest.context.counters.rpcsSent),
    [60, 60],
  );
});

test('kernel and TypeScript nodes are servers of one test', async (t) => {
  const b = await bench({ nodes: 2 });
  const kernel = await SimCore.open(b.net, '10.77.0.30@tcp');
  const played = new PlayedKernelServer(kernel);
  const sid = sidOf(1);
  b.peer.makeSession(sid);
  const destinations = [parseNid(nidAt(1)), kernel.nid];
  const params = encodeBrwParams({ opc: LST_BRW_WRITE, flags: LST_BRW_CHECK_FULL, length: 65_536, offset: 0 }, 1);
  b.peer.addTest({ sid, service: SERVICES.brw.id, loop: 10, concur: 3, params, destinations });
  b.peer.batch(sid, 1n, SRPC_BATCH_OPC_RUN);
  rest(b);
  t.like(b.peer.stat(sid), { rpcsSent: 60, brwErrors: 0 });
  t.is(played.served, 30);
  t.is(b.nodes[1]?.context.counters.bulkGet, 30 * 65_536);
});
