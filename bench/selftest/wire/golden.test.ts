import test from 'ava';
import { createHash } from 'node:crypto';
import { viewOf } from '../../../lnet/wire/layout.ts';
import { LNET_MSG_GET, LNET_MSG_PUT, LNET_MSG_REPLY } from '../../../lnet/wire/lnet-hdr.ts';
import { BrwPattern } from '../brw/pattern.ts';
import { type CapturedMessage, readCapture } from '../testing/capture.test-support.ts';
import { BRW_REQUEST, LST_BRW_CHECK_FULL, LST_BRW_CHECK_SIMPLE } from './brw-message.ts';
import { decodeDestinations, encodeDestinations, PACKED_ID } from './destination-list.ts';
import { SERVICES, SRPC_MESSAGES, SRPC_RDMA_PORTAL } from './service.ts';
import { encodeSrpc, SRPC_BODY_AT, SRPC_HDR, SRPC_MSG_BYTES, SRPC_MSG_VERSION, srpcByteOrder } from './srpc-message.ts';
import { decodeBrwParams, encodeBrwParams, TEST_REQUEST } from './test-message.ts';

const CAPTURES = ['lst', 'router'] as const;

const isSrpc = (message: CapturedMessage): boolean => message.portal >= 50 && message.payloadLength === SRPC_MSG_BYTES;

for (const name of CAPTURES) {
  const messages = readCapture(name);
  const rpcs = messages.filter(isSrpc);

  test(`${name}: every recorded request and reply decodes and encodes to the same bytes`, (t) => {
    for (const { payload, line } of rpcs) {
      const view = viewOf(payload);
      t.is(srpcByteOrder(view), 'little', `line ${line}`);
      const hdr = SRPC_HDR.decode(view);
      t.is(hdr.version, SRPC_MSG_VERSION);
      const message = SRPC_MESSAGES.get(hdr.type);
      if (!message) throw new Error(`line ${line}: type ${hdr.type}`);
      const again = new Uint8Array(SRPC_MSG_BYTES);
      encodeSrpc(viewOf(again), message, hdr.features, message.body.decode(view, SRPC_BODY_AT));
      t.deepEqual(Buffer.from(again), Buffer.from(payload), `line ${line}`);
    }
    t.log(`${rpcs.length} frames compared`);
  });

  test(`${name}: the same messages read in the other byte order are the same values`, (t) => {
    for (const { payload } of rpcs) {
      const { type, features } = SRPC_HDR.decode(viewOf(payload));
      const message = SRPC_MESSAGES.get(type);
      if (!message) throw new Error(`type ${type}`);
      const body = message.body.decode(viewOf(payload), SRPC_BODY_AT);
      const swapped = viewOf(new Uint8Array(SRPC_MSG_BYTES));
      encodeSrpc(swapped, message, features, body, false);
      t.is(srpcByteOrder(swapped), 'big');
      t.deepEqual(message.body.decode(swapped, SRPC_BODY_AT, false), body);
    }
  });

  test(`${name}: requests are on the portal and match bits of their service, replies on 52 under their rpyid`, (t) => {
    const rpyids = new Set<bigint>();
    for (const message of rpcs) {
      const { type } = SRPC_HDR.decode(viewOf(message.payload));
      const service = Object.values(SERVICES).find(
        ({ request, reply }) => request.type === type || reply.type === type,
      );
      if (!service) throw new Error(`line ${message.line}: type ${type}`);
      if (service.request.type === type) {
        t.is(message.portal, service.portal);
        t.is(message.matchBits, BigInt(service.id));
        rpyids.add(viewOf(message.payload).getBigUint64(SRPC_BODY_AT, true));
      } else {
        t.is(message.portal, SRPC_RDMA_PORTAL);
        t.true(rpyids.has(message.matchBits));
      }
    }
  });

  test(`${name}: brw data rebuilt from the pattern has the recorded SHA-256`, (t) => {
    const pattern = new BrwPattern();
    const flagsOf = brwFlagsByBulkid(rpcs);
    let compared = 0;
    for (const message of messages.filter((candidate) => candidate.payloadSha256 !== undefined)) {
      // A REPLY names no match bits: which request it answers follows from its length, one test of the session per length.
      const simple = message.type === LNET_MSG_REPLY && message.payloadLength === 65_536;
      if (message.type === LNET_MSG_PUT) t.is(flagsOf.get(message.matchBits), LST_BRW_CHECK_FULL);
      const data = Buffer.from(pattern.source(message.payloadLength));
      // A kernel sender leaves what a simple check does not look at; in this recording it was zero.
      if (simple) for (let page = 0; page < data.length; page += 4096) data.fill(0, page + 8, page + 4088);
      t.is(createHash('sha256').update(data).digest('hex'), message.payloadSha256 as string, `line ${message.line}`);
      const flags = simple ? LST_BRW_CHECK_SIMPLE : LST_BRW_CHECK_FULL;
      t.is(pattern.faultAt(data, { flags, littleEndian: true, usesPages: true }), -1);
      compared++;
    }
    t.log(`${compared} bulk frames compared`);
    t.true(compared > 0);
  });
}

test('lst: recorded destination lists decode and encode to the same bytes', (t) => {
  const messages = readCapture('lst');
  const lists = messages.filter(
    (message) => message.type === LNET_MSG_REPLY && message.payloadLength === PACKED_ID.size,
  );
  t.is(lists.length, 4);
  for (const { payload } of lists) {
    const destinations = decodeDestinations(payload, 1, true);
    if (!destinations) throw new Error('no list');
    t.is(String(destinations[0]?.nid), '10.77.0.13@tcp');
    const again = new Uint8Array(payload.length);
    encodeDestinations(destinations, again);
    t.deepEqual(Buffer.from(again), Buffer.from(payload));
  }
});

test('lst: the union of recorded brw tests decodes and encodes to the same bytes', (t) => {
  const tests = readCapture('lst').filter(
    (message) => isSrpc(message) && SRPC_HDR.decode(viewOf(message.payload)).type === TEST_REQUEST.type,
  );
  const brw = tests
    .map(({ payload }) => TEST_REQUEST.body.decode(viewOf(payload), SRPC_BODY_AT))
    .filter((body) => body.service === SERVICES.brw.id);
  t.is(brw.length, 6);
  for (const { params } of brw)
    t.deepEqual(encodeBrwParams(decodeBrwParams(params, 1, true), 1), Uint8Array.from(params));
});

test('lst: every GET on portal 52 asks for a whole list or a whole transfer', (t) => {
  const gets = readCapture('lst').filter((message) => message.type === LNET_MSG_GET && message.portal === 52);
  t.deepEqual(
    [...new Set(gets.map((message) => message.sinkLength))].toSorted((a, b) => a - b),
    [12, 65_536],
  );
  t.true(gets.every((message) => message.offset === 0));
});

function brwFlagsByBulkid(rpcs: readonly CapturedMessage[]): Map<bigint, number> {
  const flags = new Map<bigint, number>();
  for (const { payload } of rpcs) {
    const view = viewOf(payload);
    if (SRPC_HDR.decode(view).type !== BRW_REQUEST.type) continue;
    const body = BRW_REQUEST.body.decode(view, SRPC_BODY_AT);
    flags.set(body.bulkid, body.flags);
  }
  return flags;
}
