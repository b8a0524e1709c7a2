import type { OperationArgs } from '../../lnet/core-context.ts';
import { errnoName } from '../../lnet/errno.ts';
import { LNET_EVENT_ACK, LNET_EVENT_REPLY, LNET_EVENT_SEND, type LnetEvent } from '../../lnet/event.ts';
import type { LnetNode } from '../../lnet/node.ts';
import type { MdHandle } from '../../lnet/portals/md.ts';
import { u64High, u64Low } from '../../lnet/wire/lnet-hdr.ts';
import { NID_ANY, type Nid } from '../../lnet/wire/nid.ts';
import { LNET_PID_LUSTRE } from '../../lnet/wire/process-id.ts';
import { LatencyHistogram, type LatencySummary } from './latency-histogram.ts';
import { LOAD_MATCH_BITS, LOAD_PORTAL } from './target.ts';

export interface StreamOptions {
  /** `put`: until the target has acknowledged; `put-no-ack`: until the memory is free again; `get`: until the reply is there. */
  readonly operation: 'put' | 'put-no-ack' | 'get';
  readonly target: Nid;
  /** Cut into messages: sent by a PUT, filled by a GET; message i goes to, or comes from, the same place in the target's memory. */
  readonly memory: Uint8Array;
  readonly messageBytes: number;
  readonly inFlight: number;
  /** Ends the stream: this many messages, or the first message that ends after so many milliseconds. */
  readonly messages?: number;
  readonly durationMs?: number;
  /** Where latencies are recorded; default: a histogram of its own. */
  readonly latencies?: LatencyHistogram;
  /** Told of the bytes done so far, at most every {@link PROGRESS_MS}. */
  readonly onProgress?: (bytes: number) => void;
}

export interface StreamResult {
  readonly messages: number;
  readonly bytes: number;
  readonly ms: number;
  /** From the start of a message to its end, as `operation` defines it. */
  readonly latency: LatencySummary;
}

const PROGRESS_MS = 100;

/** One message's memory descriptor, bound for the whole stream. */
interface Slot {
  args: OperationArgs | undefined;
  readonly bytes: number;
  beginMs: number;
}

/** Event that ends a message. */
const DONE_EVENT = { put: LNET_EVENT_ACK, 'put-no-ack': LNET_EVENT_SEND, get: LNET_EVENT_REPLY } as const;

/**
 * Keeps a number of messages in flight until a count or a time is reached. Memory descriptors are bound once; a message in
 * flight costs no allocation here, so that what is measured is the node. Rejects at the first failure.
 */
export function runStream(node: LnetNode, options: StreamOptions): Promise<StreamResult> {
  return new Promise((resolve, reject) => {
    new Stream(node, options, resolve, reject).begin();
  });
}

class Stream {
  readonly #node: LnetNode;
  readonly #options: StreamOptions;
  readonly #resolve: (result: StreamResult) => void;
  readonly #reject: (error: Error) => void;
  readonly #slots: Slot[] = [];
  readonly #latencies: LatencyHistogram;
  readonly #doneEvent: number;
  readonly #messages: number;
  readonly #beginMs = performance.now();
  readonly #endMs: number;
  #started = 0;
  #done = 0;
  #bytes = 0;
  #nowMs = this.#beginMs;
  #toldMs = this.#beginMs;
  #failure: Error | undefined;

  constructor(
    node: LnetNode,
    options: StreamOptions,
    resolve: (result: StreamResult) => void,
    reject: (error: Error) => void,
  ) {
    this.#node = node;
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#latencies = options.latencies ?? new LatencyHistogram();
    this.#doneEvent = DONE_EVENT[options.operation];
    this.#messages = options.messages ?? Number.POSITIVE_INFINITY;
    this.#endMs = this.#beginMs + (options.durationMs ?? Number.POSITIVE_INFINITY);
    const { memory, messageBytes } = options;
    const handler = (event: LnetEvent): void => this.#handle(event);
    for (let at = 0; at < memory.length; at += messageBytes) {
      const part = memory.subarray(at, at + messageBytes);
      const slot: Slot = { args: undefined, bytes: part.length, beginMs: 0 };
      slot.args = this.#argumentsOf(node.bindMd({ memory: part, user: slot, handler }, false), at);
      this.#slots.push(slot);
    }
  }

  begin(): void {
    const atOnce = Math.min(this.#options.inFlight, this.#slots.length, this.#messages);
    for (let i = 0; i < atOnce && !this.#failure; i++) this.#start();
    if (this.#failure && this.#done >= this.#started) this.#finish();
  }

  #argumentsOf(md: MdHandle, offset: number): OperationArgs {
    const { target, operation } = this.#options;
    return {
      md,
      target,
      targetPid: LNET_PID_LUSTRE,
      self: NID_ANY,
      portal: LOAD_PORTAL,
      matchBitsLow: u64Low(LOAD_MATCH_BITS),
      matchBitsHigh: u64High(LOAD_MATCH_BITS),
      offset,
      hdrDataLow: 0,
      hdrDataHigh: 0,
      wantsAck: operation === 'put',
      isRecovery: false,
    };
  }

  #start(): void {
    const slot = this.#slots[this.#started % this.#slots.length] as Slot;
    const args = slot.args as OperationArgs;
    this.#started++;
    slot.beginMs = performance.now();
    const { operations } = this.#node.core;
    const errno = this.#options.operation === 'get' ? operations.get(args) : operations.put(args);
    if (errno !== 0) this.#fail(errno);
  }

  #handle(event: LnetEvent): void {
    if (event.status !== 0) this.#fail(event.status);
    else if (event.type === this.#doneEvent) this.#completed(event.md.user as Slot);
    else return;
    if (!this.#failure && this.#started < this.#messages && this.#nowMs < this.#endMs) this.#start();
    // A handler must not unlink its own memory descriptor at once: lnet-semantics §4.6.
    else if (this.#done >= this.#started) queueMicrotask(() => this.#finish());
  }

  #completed(slot: Slot): void {
    this.#nowMs = performance.now();
    this.#latencies.record((this.#nowMs - slot.beginMs) * 1_000);
    this.#bytes += slot.bytes;
    this.#done++;
    if (this.#nowMs - this.#toldMs < PROGRESS_MS) return;
    this.#toldMs = this.#nowMs;
    this.#options.onProgress?.(this.#bytes);
  }

  #fail(errno: number): void {
    const { operation, target } = this.#options;
    this.#failure ??= new Error(`${operation} to ${target} failed: ${errnoName(errno)}`);
    this.#done++;
  }

  #finish(): void {
    for (const { args } of this.#slots) if (args?.md.isLive) this.#node.unlinkMd(args.md);
    if (this.#failure) this.#reject(this.#failure);
    else
      this.#resolve({
        messages: this.#done,
        bytes: this.#bytes,
        ms: this.#nowMs - this.#beginMs,
        latency: this.#latencies.toJSON(),
      });
  }
}
