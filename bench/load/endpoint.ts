/**
 * A node in a process of its own that moves memory as it is told: the far and the near end of bandwidth measurements and of
 * `npm start`. Uses nothing but the public interface.
 */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { createNode, type LnetNode, parseNid } from '../../index.ts';
import { noteToParent, serveParent } from '../harness/served.ts';
import type { EndpointOptions, StreamCall } from './endpoint-calls.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import { runStream, type StreamResult } from './stream.ts';
import { Target } from './target.ts';

let node: LnetNode | undefined;
let memory = Buffer.alloc(0);
let target: Target | undefined;
let latencies = new LatencyHistogram();

function running(): LnetNode {
  if (!node) throw new Error('the node has not been opened');
  return node;
}

/** Takes memory into use, as the place that peers reach. */
function adopt(bytes: number): void {
  target?.close();
  memory = Buffer.alloc(bytes);
  target = new Target(running(), memory);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

serveParent({
  open: async ({
    nets,
    acceptPort,
    peerCredits,
    lndTunables = {},
  }: EndpointOptions & { readonly acceptPort: number }) => {
    node = await createNode({
      nets,
      accept: 'all',
      acceptPort,
      lndTunables,
      tunables: peerCredits === undefined ? {} : { peerCredits },
    });
  },
  provide: ({ bytes }: { readonly bytes: number }) => adopt(bytes),
  load: async ({ path }: { readonly path: string }) => {
    const file = await open(path);
    try {
      adopt((await file.stat()).size);
      for (let at = 0; at < memory.length; ) {
        const { bytesRead } = await file.read(memory, at, memory.length - at, at);
        if (bytesRead === 0) throw new Error(`${path} ends after ${at} of ${memory.length} bytes`);
        at += bytesRead;
      }
    } finally {
      await file.close();
    }
  },
  clear: () => {
    memory.fill(0);
  },
  digest: () => createHash('sha256').update(memory).digest('hex'),
  stream: (call: StreamCall): Promise<StreamResult> => {
    if (!call.isContinued) latencies = new LatencyHistogram();
    const span = memory.subarray(0, call.spanBytes ?? memory.length);
    return runStream(running(), {
      ...call,
      target: parseNid(call.target),
      memory: span,
      latencies,
      onProgress: noteToParent,
    });
  },
  /** What arrives by PUT within a time, after another time has passed. */
  measure: async ({ warmUpMs, durationMs }: { readonly warmUpMs: number; readonly durationMs: number }) => {
    if (!target) throw new Error('there is no memory to measure');
    await pause(warmUpMs);
    const before = target.read();
    await pause(durationMs);
    const after = target.read();
    return {
      messages: after.messages - before.messages,
      bytes: after.bytes - before.bytes,
      ms: after.atMs - before.atMs,
    };
  },
  close: () => node?.close(),
});
