import test from 'ava';
import fc from 'fast-check';
import { viewOf } from '../../../lnet/wire/layout.ts';
import { parseNid } from '../../../lnet/wire/nid.ts';
import { BRW_REQUEST, LST_BRW_CHECK_FULL, LST_BRW_CHECK_SIMPLE, LST_BRW_READ, LST_BRW_WRITE } from './brw-message.ts';
import { type Destination, decodeDestinations, destinationAt, encodeDestinations } from './destination-list.ts';
import { areFeaturesAcceptable, hasUnknownFeatures } from './feature.ts';
import { LST_PING_TEST_MAGIC, PING_REPLY, PING_REQUEST } from './ping-message.ts';
import { consoleNidOf, isAnySession, NULL_SESSION_ID, sessionIdOf } from './session-id.ts';
import { MAKE_SESSION_REPLY, MAKE_SESSION_REQUEST } from './session-message.ts';
import { encodeSrpc, SRPC_BODY_AT, SRPC_HDR, SRPC_MSG_BYTES, type SrpcMessage, srpcByteOrder } from './srpc-message.ts';
import { STAT_REPLY } from './stat-message.ts';
import {
  BRW_PARAMS,
  decodeBrwParams,
  encodeBrwParams,
  LST_LOOP_ENDLESS,
  TEST_REPLY,
  TEST_REQUEST,
} from './test-message.ts';

/** The bytes of a hex dump, filled up with zeros to a whole message. */
function image(...rows: string[]): Buffer {
  const bytes = Buffer.alloc(SRPC_MSG_BYTES);
  Buffer.from(rows.join('').replaceAll(' ', ''), 'hex').copy(bytes);
  return bytes;
}

function encoded<F>(message: SrpcMessage<F>, body: Parameters<SrpcMessage<F>['body']['encode']>[0]): Buffer {
  const bytes = Buffer.alloc(SRPC_MSG_BYTES, 0xa5);
  encodeSrpc(viewOf(bytes), message, 1, body);
  return bytes;
}

const sid = sessionIdOf(parseNid('192.168.1.10@tcp'), 123456789);

test('The byte images of 3.10 and 3.11 are produced exactly for the given inputs.', (t) => {
  t.deepEqual(
    encoded(MAKE_SESSION_REQUEST, { rpyid: 0x0001000000000001n, sid, force: 0, name: 'demo' }),
    image(
      '0d f0 b0 ee 01 00 00 00 00 00 00 00 00 00 00 00',
      '00 00 00 00 01 00 00 00 01 00 00 00 00 00 01 00',
      '0a 01 a8 c0 00 00 02 00 15 cd 5b 07 00 00 00 00',
      '00 00 00 00 64 65 6d 6f',
    ),
  );
  t.deepEqual(
    encoded(MAKE_SESSION_REPLY, { status: 0, sid, timeout: 100, name: '' }),
    image(
      '0d f0 b0 ee 01 00 00 00 01 00 00 00 00 00 00 00',
      '00 00 00 00 01 00 00 00 00 00 00 00 0a 01 a8 c0',
      '00 00 02 00 15 cd 5b 07 00 00 00 00 64 00 00 00',
    ),
  );
  const write = { opc: LST_BRW_WRITE, flags: LST_BRW_CHECK_SIMPLE, length: 1 << 20, offset: 0 };
  t.deepEqual(
    encoded(TEST_REQUEST, {
      rpyid: 0x0001000000000002n,
      bulkid: 0x0001000000000003n,
      sid,
      bid: 1n,
      service: 11,
      loop: LST_LOOP_ENDLESS,
      concur: 8,
      isClient: 1,
      stopOnError: 1,
      ndest: 2,
      params: encodeBrwParams(write, 1),
    }),
    image(
      '0d f0 b0 ee 01 00 00 00 08 00 00 00 00 00 00 00',
      '00 00 00 00 01 00 00 00 02 00 00 00 00 00 01 00',
      '03 00 00 00 00 00 01 00 0a 01 a8 c0 00 00 02 00',
      '15 cd 5b 07 00 00 00 00 01 00 00 00 00 00 00 00',
      '0b 00 00 00 ff ff ff ff 08 00 00 00 01 01 02 00',
      '00 00 02 00 02 00 00 00 10 00 00 00 00 00',
    ),
  );
  const list = Buffer.alloc(24);
  const targets = ['192.168.1.20@tcp', '192.168.1.21@tcp'].map((nid) => ({ nid: parseNid(nid), pid: 12345 }));
  encodeDestinations(targets, list);
  t.is(list.toString('hex'), '1401a8c000000200393000001501a8c00000020039300000');
  t.deepEqual(
    encoded(BRW_REQUEST, {
      rpyid: 0x0001000000000004n,
      bulkid: 0x0001000000000005n,
      rw: LST_BRW_WRITE,
      length: 1 << 20,
      flags: LST_BRW_CHECK_SIMPLE,
    }),
    image(
      '0d f0 b0 ee 01 00 00 00 0c 00 00 00 00 00 00 00',
      '00 00 00 00 01 00 00 00 04 00 00 00 00 00 01 00',
      '05 00 00 00 00 00 01 00 02 00 00 00 00 00 10 00',
      '02 00 00 00',
    ),
  );
  t.deepEqual(
    encoded(PING_REQUEST, {
      rpyid: 0x0001000000000006n,
      magic: LST_PING_TEST_MAGIC,
      seq: 7,
      sec: 0x6553f100n,
      nsec: 0x075bcd15n,
    }),
    image(
      '0d f0 b0 ee 01 00 00 00 0e 00 00 00 00 00 00 00',
      '00 00 00 00 01 00 00 00 06 00 00 00 00 00 01 00',
      'ce fa be ba 07 00 00 00 00 f1 53 65 00 00 00 00',
      '15 cd 5b 07',
    ),
  );
  t.deepEqual(
    encoded(PING_REPLY, { status: 0, magic: LST_PING_TEST_MAGIC, seq: 7 }),
    image(
      '0d f0 b0 ee 01 00 00 00 0f 00 00 00 00 00 00 00',
      '00 00 00 00 01 00 00 00 00 00 00 00 ce fa be ba',
      '07 00 00 00',
    ),
  );

  const recorded = sessionIdOf(parseNid('10.77.0.11@tcp'), 55603);
  const read = { opc: LST_BRW_READ, flags: LST_BRW_CHECK_FULL, length: 16384, offset: 0 };
  t.deepEqual(
    encoded(TEST_REQUEST, {
      rpyid: 0x0368000000000007n,
      bulkid: 0x0368000000000008n,
      sid: recorded,
      bid: 2n,
      service: 11,
      loop: 10,
      concur: 2,
      isClient: 1,
      stopOnError: 1,
      ndest: 1,
      params: encodeBrwParams(read, 1),
    }),
    image(
      '0df0b0ee 01000000 08000000 0000000000000000 01000000',
      '0700000000006803 0800000000006803 0b004d0a00000200 33d9000000000000 0200000000000000',
      '0b000000 0a000000 02000000 01 01 01000000 0100 0300 00400000 00000000',
    ),
  );
  t.deepEqual(
    encoded(TEST_REPLY, { status: 0, sid: recorded }),
    image('0df0b0ee 01000000 09000000 0000000000000000 01000000 00000000 0b004d0a00000200 33d9000000000000'),
  );
});

test('stat reply: lnet recv_length is at message offset 136, the last field ends at 160.', (t) => {
  t.is(SRPC_BODY_AT + STAT_REPLY.body.at.lnetRecvLength, 136);
  t.is(SRPC_BODY_AT + STAT_REPLY.body.at.lnetDropLength + 8, SRPC_MSG_BYTES);
});

test('TEST: concur at message offset 72, ndest at 78, brw length (v1) at 86.', (t) => {
  const { at } = TEST_REQUEST.body;
  t.is(SRPC_BODY_AT + at.concur, 72);
  t.is(SRPC_BODY_AT + at.ndest, 78);
  t.is(SRPC_BODY_AT + at.params + BRW_PARAMS.at.length, 86);
});

test('a message whose magic is reversed comes from the other byte order; any other magic from nobody', (t) => {
  const view = viewOf(new Uint8Array(SRPC_MSG_BYTES));
  t.is(srpcByteOrder(view), undefined);
  view.setUint32(SRPC_HDR.at.magic, 0xeeb0f00d, true);
  t.is(srpcByteOrder(view), 'little');
  view.setUint32(SRPC_HDR.at.magic, 0xeeb0f00d, false);
  t.is(srpcByteOrder(view), 'big');
});

test('a session name is cut at 31 bytes in both directions', (t) => {
  const long = 'x'.repeat(40);
  const view = viewOf(encoded(MAKE_SESSION_REQUEST, { rpyid: 0n, sid, force: 0, name: long }));
  t.is(MAKE_SESSION_REQUEST.body.decode(view, SRPC_BODY_AT).name, 'x'.repeat(31));
  view.setUint8(SRPC_BODY_AT + MAKE_SESSION_REQUEST.body.at.name + 31, 0x78);
  t.is(MAKE_SESSION_REQUEST.body.decode(view, SRPC_BODY_AT).name, 'x'.repeat(31));
});

test('the null sid is the any-NID; a real one is not, and names its console', (t) => {
  t.true(isAnySession(NULL_SESSION_ID));
  t.false(isAnySession(sid));
  t.is(String(consoleNidOf(sid)), '192.168.1.10@tcp');
});

test('features: known bits only, and never more than was asked for', (t) => {
  t.deepEqual([0, 1, 2, 3].map(hasUnknownFeatures), [false, false, true, true]);
  t.true(areFeaturesAcceptable(1, 0));
  t.false(areFeaturesAcceptable(0, 1));
  t.false(areFeaturesAcceptable(3, 2));
});

test('brw parameters without BULK_LEN count pages of 4096 bytes, with it bytes', (t) => {
  const params = { opc: LST_BRW_READ, flags: LST_BRW_CHECK_FULL, length: 16384, offset: 0 };
  t.is(Buffer.from(encodeBrwParams(params, 0)).toString('hex'), '010000000400000003000000');
  t.is(Buffer.from(encodeBrwParams(params, 1)).toString('hex'), '010003000040000000000000');
  for (const features of [0, 1])
    t.deepEqual(decodeBrwParams(encodeBrwParams(params, features), features, true), params);
});

const destination = fc.integer({ min: 0, max: 0xfffffffe }).map(
  (address): Destination => ({
    nid: parseNid(`${[24, 16, 8, 0].map((s) => (address >>> s) & 255).join('.')}@tcp`),
    pid: 12345,
  }),
);

test('a destination list reads back as it was written, also over page ends', (t) => {
  fc.assert(
    fc.property(fc.array(destination, { minLength: 1, maxLength: 700 }), (list) => {
      const bytes = new Uint8Array(destinationAt(list.length - 1) + 12);
      encodeDestinations(list, bytes);
      t.deepEqual(decodeDestinations(bytes, list.length, true), list);
    }),
    { numRuns: 30 },
  );
});

test('a destination list starts a new page after 341 entries', (t) => {
  t.deepEqual([0, 1, 340, 341, 682].map(destinationAt), [0, 12, 4080, 4096, 8192]);
});

test('a list that a kernel console cut by four bytes a page gets pid 12345; a list cut inside a NID is refused', (t) => {
  const list = Array.from({ length: 683 }, () => ({ nid: parseNid('10.0.0.1@tcp'), pid: 7 }));
  const bytes = new Uint8Array(destinationAt(682) + 12);
  encodeDestinations(list, bytes);
  t.is(decodeDestinations(bytes.subarray(0, 12 * 342), 342, true)?.at(-1)?.pid, 12345);
  t.is(decodeDestinations(bytes.subarray(0, 12 * 341), 341, true)?.at(-1)?.pid, 7);
  t.is(decodeDestinations(bytes.subarray(0, 12 * 683), 683, true), undefined);
  t.is(decodeDestinations(bytes.subarray(0, 5), 1, true), undefined);
});

test('the any-NID is no destination', (t) => {
  t.is(decodeDestinations(new Uint8Array(12).fill(0xff), 1, true), undefined);
});
