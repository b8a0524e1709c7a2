import type { Measure, Measurement } from '../harness/case.ts';
import { freePort } from '../harness/free-port.ts';
import { siblingModule } from '../harness/package-root.ts';
import type { Program } from '../harness/program.ts';
import type { EndpointOptions, StreamCall } from '../load/endpoint-calls.ts';
import type { StreamResult } from '../load/stream.ts';
import { gigabytesPerSecond, medianLatency } from './peers.ts';

const SOURCE = '127.0.0.42';
const SINK = '127.0.0.43';

/** Extra time a call may take over its measuring time, ms. */
const SLACK_MS = 10_000;

/** How much longer the sender goes on than the receiver measures, ms: the end of the stream is no part of the rate. */
const TAIL_MS = 300;

/** Memory at both ends: a ring, as the bare peers have. */
const RING_BYTES = 16 << 20;

/** What one of our streams sends, and how. */
export interface Load {
  readonly messageBytes: number;
  /** Messages in flight; `peer_credits` is the same at both ends. */
  readonly inFlight: number;
  /** Default: tcp. */
  readonly net?: string;
  /** Of the NIs at both ends. */
  readonly lndTunables?: Readonly<Record<string, number>>;
}

interface Arrived {
  readonly bytes: number;
  readonly messages: number;
  readonly ms: number;
}

/** Two nodes in two processes, each with its ring. */
async function openEnds({ programs }: Measurement, load: Load): Promise<{ source: Program; sink: Program }> {
  const acceptPort = await freePort([SOURCE, SINK]);
  const start = async (address: string): Promise<Program> => {
    const program = programs.start(siblingModule(import.meta.url, '../load/endpoint'));
    const { inFlight, net = 'tcp', lndTunables = {} } = load;
    const options: EndpointOptions = { nets: { [net]: address }, peerCredits: Math.max(inFlight, 8), lndTunables };
    await program.call('open', { ...options, acceptPort });
    await program.call('provide', { bytes: RING_BYTES });
    return program;
  };
  const [source, sink] = await Promise.all([start(SOURCE), start(SINK)]);
  return { source, sink };
}

/** PUTs without acknowledgement from source to sink, counted where they arrive. */
async function putStream(measurement: Measurement, load: Load): Promise<Arrived> {
  const { warmUpMs, durationMs } = measurement;
  const { source, sink } = await openEnds(measurement, load);
  const limit = warmUpMs + durationMs + SLACK_MS;
  const call: StreamCall = {
    ...load,
    operation: 'put-no-ack',
    target: `${SINK}@${load.net ?? 'tcp'}`,
    spanBytes: ringOf(load),
    durationMs: warmUpMs + durationMs + TAIL_MS,
  };
  const [arrived] = await Promise.all([
    sink.call<Arrived>('measure', { warmUpMs, durationMs }, limit),
    source.call<StreamResult>('stream', call, limit),
  ]);
  return arrived;
}

/** GETs by the sink from the source, after a warm-up of the same. */
async function getStream(measurement: Measurement, load: Load): Promise<StreamResult> {
  const { warmUpMs, durationMs } = measurement;
  const { sink } = await openEnds(measurement, load);
  const call: StreamCall = {
    ...load,
    operation: 'get',
    target: `${SOURCE}@${load.net ?? 'tcp'}`,
    spanBytes: ringOf(load),
  };
  await sink.call('stream', { ...call, durationMs: warmUpMs }, warmUpMs + SLACK_MS);
  return sink.call('stream', { ...call, durationMs }, durationMs + SLACK_MS);
}

/** Large messages go around the whole ring; small ones have a place each for those in flight. */
function ringOf({ messageBytes, inFlight }: Load): number {
  return messageBytes * Math.max(inFlight, messageBytes >= 1 << 20 ? RING_BYTES / messageBytes : 0);
}

export function putBandwidth(load: Load): Measure {
  return async (measurement) => {
    const { bytes, ms } = await putStream(measurement, load);
    return { value: gigabytesPerSecond(bytes, ms) };
  };
}

/** PUTs a second. */
export function putRate(load: Load): Measure {
  return async (measurement) => {
    const { messages, ms } = await putStream(measurement, load);
    return { value: (messages / ms) * 1_000 };
  };
}

export function getBandwidth(load: Load): Measure {
  return async (measurement) => {
    const { bytes, ms, latency } = await getStream(measurement, load);
    return { ...medianLatency(latency), value: gigabytesPerSecond(bytes, ms) };
  };
}

/** Median time from GET to REPLY, µs. */
export function getLatency(load: Load): Measure {
  return async (measurement) => medianLatency((await getStream(measurement, load)).latency);
}
