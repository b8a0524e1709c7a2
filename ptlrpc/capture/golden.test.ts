import test from 'ava';
import { viewOf } from '../../lnet/wire/layout.ts';
import { hexOf } from '../../test/hex.ts';
import { BATCH_HEAD, BUT_HEADER, subMessages } from '../wire/batch.ts';
import { describe, describeInFull } from '../wire/describe.ts';
import { FORMATS } from '../wire/formats.ts';
import { encodeMessage } from '../wire/message.ts';
import { isReplyPortal, REPLY_PORTAL_OF } from '../wire/portal.ts';
import { reencode } from '../wire/reencode.test-support.ts';
import { RpcHead } from '../wire/rpc-head.ts';
import { readRpcMessage, type RpcMessage } from '../wire/rpc-message.ts';
import { decodeDirPage, encodeDirPage, LUDA } from '../wire/struct/dir-page.ts';
import { decodeLayoutEa, encodeLovPlain } from '../wire/struct/layout-ea.ts';
import { FILE_SYSTEM_CAPTURES, goldenFrames } from './golden.test-support.ts';
import type { LnetFrame } from './lnet-frame.ts';
import { type RpcExchange, RpcTracker } from './rpc-tracker.ts';

interface Message {
  readonly line: number;
  readonly frame: LnetFrame;
  readonly rpc: RpcMessage;
  readonly exchange: RpcExchange | undefined;
}

/** Every message of a capture, read with the format of its request. */
function messagesOf(capture: string): readonly Message[] {
  const tracker = new RpcTracker();
  return goldenFrames(capture).flatMap(({ line, frame }) => {
    const seen = tracker.add(frame);
    if (seen.kind === 'bad') throw new Error(`${capture} line ${line}: ${seen.error.message}`);
    return 'rpc' in seen ? [{ line, frame, rpc: seen.rpc, exchange: seen.exchange }] : [];
  });
}

const joined = (high: number, low: number): bigint => (BigInt(high) << 32n) | BigInt(low);

for (const capture of FILE_SYSTEM_CAPTURES) {
  const messages = messagesOf(capture);

  test(`${capture}: every RPC decodes and encodes to the same bytes`, (t) => {
    let cut = 0;
    for (const { line, frame, rpc } of messages) {
      const again = reencode(rpc);
      t.is(again.length, frame.payloadBytes, `line ${line}`);
      t.is(hexOf(again.subarray(0, frame.payload.length)), hexOf(frame.payload), `line ${line} ${describe(rpc)}`);
      if (frame.payload.length < frame.payloadBytes) cut++;
    }
    t.log(`${messages.length - cut} messages whole, ${cut} as far as they were recorded`);
    const expected = goldenFrames(capture).filter(
      ({ frame }) => frame.kind === 'put' && (REPLY_PORTAL_OF.has(frame.portal) || isReplyPortal(frame.portal)),
    );
    t.is(messages.length, expected.length);
  });

  test(`${capture}: no message is of an unknown form, none has buffers that its format does not know`, (t) => {
    for (const { line, rpc } of messages) {
      t.not(rpc.format, undefined, `line ${line}`);
      const known = Object.keys((rpc.isRequest ? rpc.format?.request : rpc.format?.reply) ?? {}).length;
      t.true(rpc.message.bufferCount - 1 <= known, `line ${line} ${describe(rpc)}`);
      // A variant that was not recognised would leave its intent unread.
      if (rpc.isRequest) t.is(FORMATS.ofRequest(rpc.message, rpc.body), rpc.format);
    }
  });

  test(`${capture}: the same values written in the other byte order read as the same values`, (t) => {
    for (const { line, rpc } of messages) {
      if (rpc.cut.length > 0 || rpc.body.opc === BATCH_OPC) continue;
      const swapped = readRpcMessage(reencode(rpc, false), undefined, rpc.format);
      t.false(swapped.message.littleEndian);
      t.deepEqual(swapped.body, rpc.body, `line ${line}`);
      t.deepEqual(swapped.values, rpc.values, `line ${line}`);
    }
  });

  test(`${capture}: the head read by view says what the decoded body says`, (t) => {
    const head = new RpcHead();
    for (const { rpc } of messages)
      for (const bytes of [reencode(rpc), reencode(rpc, false)]) {
        t.is(head.read(viewOf(bytes), 0, bytes.length), undefined);
        const { body, message } = rpc;
        t.like(head, {
          type: body.type,
          opc: body.opc,
          status: body.status,
          version: body.version,
          flags: body.flags,
          opFlags: body.opFlags,
          tag: body.tag,
          connCnt: body.connCnt,
          timeout: body.timeout,
          serviceTime: body.serviceTime,
          headerFlags: message.header.flags,
          repsize: message.header.repsize,
          bufferCount: message.bufferCount,
        });
        t.is(joined(head.handleHigh, head.handleLow), body.handle);
        t.is(joined(head.transnoHigh, head.transnoLow), body.transno);
        t.is(joined(head.mbitsHigh, head.mbitsLow), body.mbits);
        t.is(joined(head.lastXidHigh, head.lastXidLow), body.lastXid);
        t.is(joined(head.lastCommittedHigh, head.lastCommittedLow), body.lastCommitted);
      }
  });

  test(`${capture}: every reply finds its request, every reply is on the portal of its service`, (t) => {
    for (const { line, frame, rpc, exchange } of messages) {
      if (rpc.isRequest) continue;
      const request = exchange?.requests.at(-1);
      if (!request) {
        t.fail(`line ${line}: ${describe(rpc)}`);
        continue;
      }
      t.is(request.rpc.body.opc, rpc.body.opc);
      t.is(frame.portal, REPLY_PORTAL_OF.get(request.frame.portal) as number, `line ${line}`);
    }
  });

  test(`${capture}: requests are on the portal and carry the version that their format declares`, (t) => {
    for (const { line, frame, rpc } of messages) {
      const { format } = rpc;
      if (!rpc.isRequest || !format) continue;
      t.is(rpc.body.version, format.version | 3, `line ${line}`);
      // Enqueues go to the portal of whatever target they are for.
      if (format.portal === undefined || format.name === 'LDLM_ENQUEUE') continue;
      t.true([format.portal, ...format.otherPortals].includes(frame.portal), `line ${line} ${format.name}`);
    }
  });

  test(`${capture}: every message can be described on one line and in full`, (t) => {
    for (const { rpc, exchange } of messages) {
      const options = exchange ? { xid: exchange.xid } : {};
      const line = describe(rpc, options);
      t.false(line.includes('\n'));
      t.true(describeInFull(rpc, options).startsWith(line));
    }
  });
}

const BATCH_OPC = 63;

test('fs-two-clients: the sub-messages of a batch are messages that encode to the same bytes', (t) => {
  let compared = 0;
  for (const { rpc, frame } of messagesOf('fs-two-clients')) {
    if (rpc.body.opc !== BATCH_OPC) continue;
    const bytes = rpc.message.buffer(1) as Uint8Array;
    const headBytes = rpc.isRequest ? BUT_HEADER.size : 0;
    const isCut = frame.payload.length < frame.payloadBytes;
    const parts = subMessages(bytes, headBytes, isCut);
    let at = headBytes + BATCH_HEAD.size;
    for (const part of parts) {
      const buffers = part.bufferLengths.map((_, i) => part.buffer(i) as Uint8Array);
      const again = encodeMessage(buffers, part.header);
      t.is(hexOf(again), hexOf(bytes.subarray(at, at + again.length)));
      at += again.length;
      compared++;
    }
  }
  t.log(`${compared} sub-messages compared`);
  t.true(compared > 0);
});

test('every layout EA recorded decodes and encodes to the same bytes', (t) => {
  let compared = 0;
  for (const capture of FILE_SYSTEM_CAPTURES)
    for (const { rpc } of messagesOf(capture))
      for (const name of ['md', 'lvb', 'eadata']) {
        const ea = rpc.values?.[name];
        if (!(ea instanceof Uint8Array) || ea.length < 32 || viewOf(ea).getUint32(0, true) !== 0x0bd10bd0) continue;
        const decoded = decodeLayoutEa(ea);
        if (decoded.kind !== 'plain') throw new Error(decoded.kind);
        const again = encodeLovPlain(decoded);
        t.is(hexOf(again), hexOf(ea.subarray(0, again.length)));
        // Only a request for a new file has more: its buffer is as large as the client's default EA.
        t.true(name === 'eadata' ? ea.subarray(again.length).every((byte) => byte === 0) : ea.length === again.length);
        compared++;
      }
  t.log(`${compared} layouts compared`);
  t.true(compared > 0);
});

test('every directory page recorded holds names that encode to the same entries', (t) => {
  let names = 0;
  for (const capture of FILE_SYSTEM_CAPTURES)
    for (const { frame } of goldenFrames(capture)) {
      if (frame.portal !== 14 || frame.kind !== 'put') continue;
      const isCut = frame.payload.length < frame.payloadBytes;
      const page = decodeDirPage(frame.payload, isCut);
      names += page.entries.length;
      const again = decodeDirPage(encodeDirPage(page, LUDA.FID | LUDA.TYPE | LUDA['64BITHASH']));
      t.deepEqual(again, page);
    }
  t.log(`${names} names`);
  t.true(names > 0);
});

test('fs-io: bulk is found by match bits, each read and write has the bytes that it asked for', (t) => {
  const tracker = new RpcTracker();
  const exchanges = new Set<RpcExchange>();
  for (const { frame } of goldenFrames('fs-io')) {
    const seen = tracker.add(frame);
    if (seen.kind === 'bulk' || seen.kind === 'bulk-ask') t.not(seen.exchange, undefined);
    if ('exchange' in seen && seen.exchange) exchanges.add(seen.exchange);
  }
  let chunks = 0;
  for (const { bulk, requests, replies } of exchanges) {
    const niobufs = requests[0]?.rpc.values?.['niobufs'] as readonly { readonly len: number }[] | undefined;
    if (!niobufs || bulk.length === 0) continue;
    const asked = niobufs.reduce((sum, { len }) => sum + len, 0);
    const moved = bulk.reduce((sum, { frame }) => sum + frame.payloadBytes, 0);
    t.is(moved, asked);
    t.is(replies.length, 1);
    chunks += bulk.length;
  }
  t.is(chunks, 8);
});

test('fs-resend: a request that was sent again is one exchange with its replies', (t) => {
  const resent = new Set<RpcExchange>();
  for (const { exchange } of messagesOf('fs-resend'))
    if (exchange && exchange.requests.length > 1) resent.add(exchange);
  t.true(resent.size > 0);
  for (const { requests, replies } of resent) {
    t.true((requests.at(-1)?.rpc.body.flags ?? 0) % 4 >= 2, 'the second carries RESENT');
    t.true(replies.length > 0);
  }
  t.log(`${resent.size} requests sent again`);
});

test('fs-evict: early replies are told from final ones', (t) => {
  const early = new Set<RpcExchange>();
  for (const { exchange } of messagesOf('fs-evict'))
    if (exchange && exchange.earlyReplies.length > 0) early.add(exchange);
  for (const { earlyReplies, replies } of early) {
    t.true(earlyReplies.every(({ frame, rpc }) => frame.offset === 0 && rpc.message.header.cksum !== 0));
    t.true(replies.every(({ frame, rpc }) => frame.offset === 224 && rpc.message.header.cksum === 0));
  }
  t.true(early.size > 0);
});
