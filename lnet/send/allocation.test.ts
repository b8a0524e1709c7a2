import test from 'ava';
import v8 from 'node:v8';
import vm from 'node:vm';
import { HEALTH_OK } from '../health-status.ts';
import type { NalTx } from '../nal.ts';
import { TestNode, TestWire } from '../network-fixture.test-support.ts';
import { LNET_PEER_DISCOVERED, LNET_PEER_NIDS_UPTODATE } from '../peer/peer.ts';
import { nid4, parseNid } from '../wire/nid.ts';
import { parseNet } from '../wire/net.ts';

v8.setFlagsFromString('--expose-gc');
const collectGarbage = vm.runInNewContext('gc') as () => void;

function heapBytes(): number {
  for (let i = 0; i < 3; i++) collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** A node whose NAL ends each transmission at once, and that knows its peer. */
function setup(nids: readonly string[]) {
  const node = new TestNode(new TestWire(), nids);
  for (const ni of node.locals.all) {
    Object.assign(ni.link, {
      send: (tx: NalTx) => {
        node.upcalls.sent(tx, 0, HEALTH_OK);
        return 0;
      },
    });
  }
  node.peer('10.0.0.2@tcp').flags = LNET_PEER_DISCOVERED | LNET_PEER_NIDS_UPTODATE;
  const args = {
    target: parseNid('10.0.0.2@tcp'),
    targetPid: 12345,
    self: parseNid('*'),
    portal: 4,
    matchBitsLow: 1,
    matchBitsHigh: 0,
    offset: 0,
    hdrDataLow: 0,
    hdrDataHigh: 0,
    wantsAck: false,
    isRecovery: false,
    md: node.portals.bindMd({ memory: new Uint8Array(8) }, false),
  };
  return { node, args };
}

/** Far below one small object for each message, far above what the engine itself allocates meanwhile. */
const BYTES_PER_MESSAGE_MAX = 8;

function bytesPerRun(run: () => void): number {
  const runs = 50_000;
  for (let i = 0; i < runs; i++) run();
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < runs; i++) run();
  return (process.memoryUsage().heapUsed - before) / runs;
}

test('sending to a known peer allocates nothing, neither with one NI nor with several', (t) => {
  for (const nids of [['10.0.0.1@tcp'], ['10.0.0.1@tcp', '10.0.0.11@tcp', '10.1.0.1@tcp1']]) {
    const { node, args } = setup(nids);
    const bytes = bytesPerRun(() => node.operations.put(args));
    t.true(bytes < BYTES_PER_MESSAGE_MAX, `${bytes} bytes for each PUT over ${nids.length} NIs`);
    t.is(node.counters.send_count, 100_000);
  }
});

test('tracking a response allocates nothing', (t) => {
  const { node, args } = setup(['10.0.0.1@tcp']);
  const bytes = bytesPerRun(() => node.operations.get(args));
  t.true(bytes < BYTES_PER_MESSAGE_MAX, `${bytes} bytes for each GET`);
  t.is(node.trackers.live, 0);
});

test('ten thousand idle peers cost less than 2 KB each', (t) => {
  const node = new TestNode(new TestWire(), ['10.0.0.1@tcp']);
  const net = parseNet('tcp') as number;
  const nids = Array.from({ length: 10_000 }, (_, i) => nid4(net, 0x0b000000 + i));
  const ni = node.ni('10.0.0.1@tcp');
  const before = heapBytes();
  for (const nid of nids) node.peers.ofSender(ni, nid);
  const bytes = (heapBytes() - before) / nids.length;
  t.log(`${Math.round(bytes)} bytes for each peer`);
  t.true(bytes < 2048);
  t.is(node.peers.size, 10_000);
});
