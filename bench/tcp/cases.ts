import type { BenchCase, Measure, Peer } from '../harness/case.ts';
import { commandHindrance } from '../harness/command-hindrance.ts';
import { peerPackageHindrance } from '../harness/peer-package.ts';
import { getBandwidth, getLatency, type Load, putBandwidth, putRate } from './ours.ts';
import { barePingPong, bareStream, iperf3, zeromqStream } from './peers.ts';

const MIB = 1 << 20;

const iperf3Hindrance = commandHindrance('iperf3', 'try apt-get install iperf3');

const zeromq = (payloadBytes: number, target: string | null): Peer => ({
  name: 'zeromq 6 PUSH/PULL',
  target,
  hindrance: () => peerPackageHindrance('zeromq'),
  measure: zeromqStream(payloadBytes),
});

const bulkPeers: readonly Peer[] = [
  { name: 'bare node:net, corked header', target: '>=0.95', measure: bareStream(MIB) },
  { name: 'iperf3, one stream', target: '>=1.2', hindrance: iperf3Hindrance, measure: iperf3(undefined) },
  { name: 'iperf3, one stream, 1 MiB writes', target: null, hindrance: iperf3Hindrance, measure: iperf3(MIB) },
];

const BULK: Load = { messageBytes: MIB, inFlight: 8 };
const PAGE: Load = { messageBytes: 4096, inFlight: 256 };
const SMALL: Load = { messageBytes: 64, inFlight: 256 };
const SINGLE: Load = { messageBytes: 64, inFlight: 1 };

function tcp(name: string, unit: string, load: Load, ours: Measure, peers: readonly Peer[]): BenchCase {
  const conditions = {
    nal: 'tcp',
    path: 'loopback, two processes',
    messageBytes: load.messageBytes,
    concurrency: load.inFlight,
  };
  return { bench: 'tcp', case: name, unit, conditions, ours, peers };
}

export const TCP_CASES: readonly BenchCase[] = [
  tcp('PUT stream 1 MiB', 'GB/s', BULK, putBandwidth(BULK), bulkPeers),
  tcp('GET stream 1 MiB', 'GB/s', BULK, getBandwidth(BULK), bulkPeers),
  tcp('PUT stream 4 KiB', 'msg/s', PAGE, putRate(PAGE), [zeromq(4096, null)]),
  tcp('PUT stream 64 B', 'msg/s', SMALL, putRate(SMALL), [zeromq(64, '>=4')]),
  tcp('GET round trip 64 B', 'us', SINGLE, getLatency(SINGLE), [
    { name: 'bare node:net ping-pong', target: '<=1.3', measure: barePingPong(64) },
  ]),
];
