import type { AddressInfo } from 'node:net';
import type { Measure, Measured, Measurement } from '../harness/case.ts';
import { freePort } from '../harness/free-port.ts';
import { siblingModule } from '../harness/package-root.ts';
import type { LatencySummary } from '../load/latency-histogram.ts';

/** Where the servers of the comparisons listen. */
const HOST = '127.0.0.41';

/** Bytes of the frame and LNet header in front of each payload on a v3 connection: socklnd §4.1. */
const HEADER_BYTES = 24 + 72;

/** Extra time a call may take over its measuring time, ms. */
const SLACK_MS = 10_000;

const module = (name: string): URL => siblingModule(import.meta.url, `./${name}`);

const spanOf = ({ warmUpMs, durationMs }: Measurement): number => warmUpMs + durationMs + SLACK_MS;

export function gigabytesPerSecond(bytes: number, ms: number): number {
  return bytes / ms / 1e6;
}

/** A latency measurement: the median, with its percentiles as detail. */
export function medianLatency(latencies: LatencySummary): Measured {
  const { count, p50, p99, p999 } = latencies;
  return { value: p50, detail: { count, p50, p99, 'p99.9': p999 } };
}

/** Bare `node:net` stream of framed messages, GB/s. */
export function bareStream(payloadBytes: number): Measure {
  return async (measurement) => {
    const { programs, warmUpMs, durationMs } = measurement;
    const sender = programs.start(module('bare-sender'));
    const receiver = programs.start(module('bare-receiver'));
    const { port } = await sender.call<AddressInfo>('listen', { host: HOST, headerBytes: HEADER_BYTES, payloadBytes });
    const result = await receiver.call<{ bytes: number; ms: number }>(
      'receive',
      { host: HOST, port, warmUpMs, durationMs },
      spanOf(measurement),
    );
    return { value: gigabytesPerSecond(result.bytes, result.ms) };
  };
}

/** Bare `node:net` ping-pong, median round trip in microseconds. */
export function barePingPong(payloadBytes: number): Measure {
  return async (measurement) => {
    const { programs, warmUpMs, durationMs } = measurement;
    const echo = programs.start(module('bare-echo'));
    const ping = programs.start(module('bare-ping'));
    const { port } = await echo.call<AddressInfo>('listen', { host: HOST });
    const latencies = await ping.call<LatencySummary>(
      'ping',
      { host: HOST, port, payloadBytes, warmUpMs, durationMs },
      spanOf(measurement),
    );
    return medianLatency(latencies);
  };
}

/** ZeroMQ PUSH/PULL stream, messages a second. */
export function zeromqStream(payloadBytes: number): Measure {
  return async (measurement) => {
    const { programs, warmUpMs, durationMs } = measurement;
    const push = programs.start(module('zeromq-push'));
    const pull = programs.start(module('zeromq-pull'));
    const endpoint = await push.call<string>('listen', { host: HOST, payloadBytes });
    const result = await pull.call<{ messages: number; ms: number }>(
      'receive',
      { endpoint, warmUpMs, durationMs },
      spanOf(measurement),
    );
    return { value: (result.messages / result.ms) * 1_000 };
  };
}

interface IperfReport {
  readonly end?: { readonly sum_received: { readonly bits_per_second: number } };
  readonly error?: string;
}

/** iperf3, one stream, GB/s. It measures whole seconds; the first one is its warm-up. */
export function iperf3(writeBytes: number | undefined): Measure {
  return async ({ programs, durationMs }) => {
    const port = String(await freePort([HOST]));
    await programs.serve('iperf3', ['-s', '-1', '-B', HOST, '-p', port, '--forceflush'], 'listening on');
    const seconds = String(Math.max(1, Math.round(durationMs / 1_000)));
    const size = writeBytes === undefined ? [] : ['-l', String(writeBytes)];
    const output = await programs.run('iperf3', ['-c', HOST, '-p', port, '-t', seconds, '-O', '1', '-J', ...size]);
    const report = JSON.parse(output.stdout) as IperfReport;
    if (!report.end) throw new Error(`iperf3: ${report.error ?? output.stderr}`);
    return { value: report.end.sum_received.bits_per_second / 8e9 };
  };
}
