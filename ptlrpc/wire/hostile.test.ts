import test from 'ava';
import * as fc from 'fast-check';
import { viewOf } from '../../lnet/wire/layout.ts';
import { WireError } from '../../lnet/wire/wire-error.ts';
import { checkProperty } from '../../test/property.ts';
import { FILE_SYSTEM_CAPTURES, goldenFrames } from '../capture/golden.test-support.ts';
import { RpcTracker } from '../capture/rpc-tracker.ts';
import { subMessages } from './batch.ts';
import { describe, describeInFull } from './describe.ts';
import { encodeMessage } from './message.ts';
import { EMPTY_BODY, encodeBody, PTLRPC_MSG_VERSION } from './ptlrpc-body.ts';
import { reencode } from './reencode.test-support.ts';
import { RpcHead } from './rpc-head.ts';
import { RPC_FORMATS } from './formats.ts';
import { readRpcMessage, type RpcMessage } from './rpc-message.ts';
import { decodeDirPage } from './struct/dir-page.ts';
import { decodeLayoutEa } from './struct/layout-ea.ts';

/** Recorded messages that are whole, one of each shape. */
const SAMPLES: readonly RpcMessage[] = (() => {
  const found = new Map<string, RpcMessage>();
  for (const capture of FILE_SYSTEM_CAPTURES) {
    const tracker = new RpcTracker();
    for (const { frame } of goldenFrames(capture)) {
      const seen = tracker.add(frame);
      if (!('rpc' in seen) || frame.payload.length < frame.payloadBytes) continue;
      found.set(`${seen.rpc.format?.name} ${seen.rpc.message.bufferLengths}`, seen.rpc);
    }
  }
  return [...found.values()];
})();

/** A value, or a WireError: then it can be described, and its head read. Anything else that is thrown fails the test. */
function tryMessage(bytes: Uint8Array, sample?: RpcMessage): void {
  new RpcHead().read(viewOf(bytes), 0, bytes.length);
  try {
    const rpc = readRpcMessage(bytes, undefined, sample?.format);
    describe(rpc);
    describeInFull(rpc);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
}

const change = fc.record({ at: fc.nat(), byte: fc.nat(255) });

test('a recorded message with bytes changed or cut off is a value or a WireError', (t) => {
  const input = fc.record({
    sample: fc.nat(SAMPLES.length - 1),
    changes: fc.array(change, { maxLength: 8 }),
    length: fc.option(fc.nat(1200), { nil: undefined }),
  });
  checkProperty(t, input, 3000, ({ sample, changes, length }) => {
    const rpc = SAMPLES[sample] as RpcMessage;
    const bytes = rpc.message.bytes.slice(0, length);
    for (const { at, byte } of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
    tryMessage(bytes, rpc);
  });
});

test('a recorded message whose header or body words are extreme is a value or a WireError', (t) => {
  const word = fc.constantFrom(0, 1, 31, 32, 33, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff);
  const input = fc.record({
    sample: fc.nat(SAMPLES.length - 1),
    words: fc.array(fc.tuple(fc.nat(120), word), { maxLength: 4 }),
  });
  checkProperty(t, input, 3000, ({ sample, words }) => {
    const rpc = SAMPLES[sample] as RpcMessage;
    const bytes = rpc.message.bytes.slice();
    for (const [at, value] of words) if (at * 4 + 4 <= bytes.length) viewOf(bytes).setUint32(at * 4, value, true);
    tryMessage(bytes, rpc);
  });
});

test('buffers of any bytes under any opcode are a value or a WireError', (t) => {
  const input = fc.record({
    format: fc.nat(RPC_FORMATS.length - 1),
    isRequest: fc.boolean(),
    buffers: fc.array(fc.uint8Array({ maxLength: 260 }), { maxLength: 12 }),
    littleEndian: fc.boolean(),
  });
  checkProperty(t, input, 3000, ({ format, isRequest, buffers, littleEndian }) => {
    const { opc, version } = RPC_FORMATS[format] as (typeof RPC_FORMATS)[number];
    const body = encodeBody(
      { ...EMPTY_BODY, type: isRequest ? 4711 : 4713, opc, version: version | PTLRPC_MSG_VERSION },
      littleEndian,
    );
    tryMessage(encodeMessage([body, ...buffers], {}, littleEndian));
  });
});

test('a message that was read is written as bytes that read the same', (t) => {
  const input = fc.record({ sample: fc.nat(SAMPLES.length - 1), changes: fc.array(change, { maxLength: 6 }) });
  let accepted = 0;
  checkProperty(t, input, 2000, ({ sample, changes }) => {
    const { message, format } = SAMPLES[sample] as RpcMessage;
    const bytes = message.bytes.slice();
    for (const { at, byte } of changes) bytes[at % bytes.length] = byte;
    let rpc: RpcMessage;
    try {
      rpc = readRpcMessage(bytes, undefined, format);
    } catch (error) {
      if (error instanceof WireError) return;
      throw error;
    }
    accepted++;
    const again = readRpcMessage(reencode(rpc), undefined, rpc.format);
    t.deepEqual(again.body, rpc.body);
    t.deepEqual(again.values, rpc.values);
  });
  t.log(`${accepted} accepted`);
});

test('nested structures of any bytes are a value or a WireError', (t) => {
  const magic = fc.constantFrom('d00bd10b', 'd00bd30b', 'd00bd60b', '0100ad00', '0100dfba', 'ffffffff');
  const input = fc.tuple(magic, fc.uint8Array({ maxLength: 300 }));
  checkProperty(t, input, 3000, ([first, rest]) => {
    const bytes = Uint8Array.from([...Buffer.from(first, 'hex'), ...rest]);
    for (const read of [
      () => decodeLayoutEa(bytes),
      () => decodeDirPage(bytes),
      () => decodeDirPage(bytes, true),
      () => subMessages(bytes, 0),
      () => subMessages(bytes, 0, true),
      () => subMessages(bytes, 24),
    ])
      try {
        read();
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
      }
  });
});

test('a tracker takes frames of any content without throwing', (t) => {
  const frames = goldenFrames('fs-io').slice(0, 60);
  const input = fc.array(fc.record({ frame: fc.nat(frames.length - 1), at: fc.nat(900), byte: fc.nat(255) }), {
    maxLength: 20,
  });
  checkProperty(t, input, 300, (steps) => {
    const tracker = new RpcTracker();
    for (const { frame, at, byte } of steps) {
      const original = (frames[frame] as (typeof frames)[number]).frame;
      const payload = original.payload.slice();
      if (payload.length > 0) payload[at % payload.length] = byte;
      tracker.add({ ...original, payload });
    }
  });
});
