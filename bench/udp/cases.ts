import type { AddressInfo } from 'node:net';
import type { BenchCase, Measure, Peer } from '../harness/case.ts';
import { commandHindrance } from '../harness/command-hindrance.ts';
import { siblingModule } from '../harness/package-root.ts';
import { getBandwidth, getLatency, type Load, putBandwidth, putRate } from '../tcp/ours.ts';
import { gigabytesPerSecond, iperf3 } from '../tcp/peers.ts';

const MIB = 1 << 20;
const SENDER = '127.0.0.44';
const RECEIVER = '127.0.0.45';

const iperf3Hindrance = commandHindrance('iperf3', 'try apt-get install iperf3');

/** Bare `node:dgram` stream with a window, GB/s. */
function bareDatagrams(datagramBytes: number): Measure {
  return async ({ programs, warmUpMs, durationMs }) => {
    const receiver = programs.start(siblingModule(import.meta.url, './bare-receiver'));
    const sender = programs.start(siblingModule(import.meta.url, './bare-sender'));
    const target = await receiver.call<AddressInfo>('bind', { host: RECEIVER });
    await sender.call('stream', { host: SENDER, target, datagramBytes });
    const arrived = await receiver.call<{ bytes: number; ms: number }>(
      'measure',
      { warmUpMs, durationMs },
      warmUpMs + durationMs + 10_000,
    );
    return { value: gigabytesPerSecond(arrived.bytes, arrived.ms) };
  };
}

/** Peers of a bulk stream with datagrams of one size; the target against iperf3 leaves a fifth of what bare sockets reach. */
function bulkPeers(datagramBytes: number, overIperf3: string | null): readonly Peer[] {
  return [
    { name: 'bare node:dgram with a window', target: '>=0.8', measure: bareDatagrams(datagramBytes) },
    { name: 'iperf3 over TCP, one stream', target: overIperf3, hindrance: iperf3Hindrance, measure: iperf3(undefined) },
  ];
}

function udp(name: string, unit: string, load: Load, ours: (load: Load) => Measure, peers: readonly Peer[]): BenchCase {
  const conditions = {
    nal: 'udp',
    path: 'loopback, two processes',
    messageBytes: load.messageBytes,
    concurrency: load.inFlight,
    datagramBytes: load.lndTunables?.['datagram_max'] ?? 'as large as the path takes',
  };
  return { bench: 'udp', case: name, unit, conditions, ours: ours({ ...load, net: 'udp' }), peers };
}

const bulk = (datagram_max: number): Load => ({ messageBytes: MIB, inFlight: 8, lndTunables: { datagram_max } });
const LARGEST: Load = { messageBytes: MIB, inFlight: 8 };

export const UDP_CASES: readonly BenchCase[] = [
  udp('PUT stream 1 MiB, 8 KiB datagrams', 'GB/s', bulk(8192), putBandwidth, bulkPeers(8192, '>=0.25')),
  udp('PUT stream 1 MiB, 1472 B datagrams', 'GB/s', bulk(1472), putBandwidth, bulkPeers(1472, '>=0.06')),
  udp('PUT stream 1 MiB, largest datagrams', 'GB/s', LARGEST, putBandwidth, bulkPeers(65_507, '>=0.5')),
  udp('GET stream 1 MiB, 8 KiB datagrams', 'GB/s', bulk(8192), getBandwidth, bulkPeers(8192, '>=0.25')),
  udp('PUT stream 64 B', 'msg/s', { messageBytes: 64, inFlight: 256 }, putRate, []),
  udp('GET round trip 64 B', 'us', { messageBytes: 64, inFlight: 1 }, getLatency, []),
];
