import test from 'ava';
import { viewOf } from '../../../lnet/wire/layout.ts';
import { LNET_MSG_ACK, LNET_MSG_GET, LNET_MSG_PUT, LNET_MSG_REPLY, LnetHdr } from '../../../lnet/wire/lnet-hdr.ts';
import { NID_ANY, type Nid, parseNid } from '../../../lnet/wire/nid.ts';
import { encodePingInfo, makePingInfo } from '../../../lnet/wire/ping-info.ts';
import { specDump, specDumps, specTableBytes } from '../../../test/spec-example.ts';
import {
  mirrorConnType,
  SOCKLND_CONN_ANY,
  SOCKLND_CONN_BULK_IN,
  SOCKLND_CONN_BULK_OUT,
  SOCKLND_CONN_CONTROL,
} from './conn-type.ts';
import { encodeConnreq } from './connreq.ts';
import { encodeHello, encodeUnsupportedVersion, hdrFormOf, type Hello, type KsockVersion, readHello } from './hello.ts';
import { KSOCK_MSG_NOOP, MESSAGE_HEADER_BYTES, MessageHeader, writeLnetHeader } from './message-header.ts';
import { readZcAck, type ZcAck } from './zc-cookies.ts';
import { hexOf } from '../../../test/hex.ts';

/** The nodes of socklnd §13. */
const A = { nid: parseNid('192.168.1.10@tcp'), incarnation: 0x1886a1b2c3d4e5f0n };
const B = { nid: parseNid('192.168.1.20@tcp'), incarnation: 0x1886a1aa00112233n };
const A6 = { ...A, nid: parseNid('2001:db8::10@tcp') };
const B6 = { ...B, nid: parseNid('2001:db8::20@tcp') };

function helloOf(version: KsockVersion, from: typeof A, to: typeof A, type: number = SOCKLND_CONN_CONTROL): Hello {
  return {
    version,
    srcNid: from.nid,
    dstNid: to.nid,
    srcPid: 12345,
    dstPid: 0,
    srcIncarnation: from.incarnation,
    dstIncarnation: 0n,
    type,
  };
}

interface Message {
  readonly from: Nid;
  readonly to: Nid;
  readonly type: number;
  readonly handle: number;
  readonly hasMatchBits: boolean;
  readonly payload?: Uint8Array;
  readonly sinkLength?: number;
  readonly mlength?: number;
}

/** A message of portal 0 as A's interface cookie and one MD cookie make it. */
function messageBytes(version: KsockVersion, message: Message): Uint8Array {
  const payload = message.payload ?? new Uint8Array();
  const hdr = Object.assign(new LnetHdr(), {
    destNid: message.to,
    srcNid: message.from,
    destPid: 12345,
    srcPid: 12345,
    type: message.type,
    payloadLength: payload.length,
    interfaceCookieLow: 0xc0ffee01,
    interfaceCookieHigh: 0x1886a1b2,
    objectCookieLow: message.handle,
    matchBitsHigh: message.hasMatchBits ? 0x80000000 : 0,
    sinkLength: message.sinkLength ?? 0,
    mlength: message.mlength ?? 0,
  });
  const hdrBytes = version === 4 ? 96 : 72;
  const bytes = new Uint8Array(MESSAGE_HEADER_BYTES + hdrBytes + payload.length);
  writeLnetHeader(viewOf(bytes), 0);
  hdr.encode(viewOf(bytes), MESSAGE_HEADER_BYTES, hdrFormOf(version));
  bytes.set(payload, MESSAGE_HEADER_BYTES + hdrBytes);
  return bytes;
}

function pingInfoBytesOf(nid: Nid): Uint8Array {
  return encodePingInfo(makePingInfo({ features: 0x1e, pid: 12345, sequence: 1, entries: [{ nid, isUp: true }] }));
}

test('S1: Request bytes equal 13.1 / 13.9 (wire part)', (t) => {
  t.is(hexOf(encodeConnreq(B.nid)), hexOf(specDump('socklnd', '13.1')));
  t.is(hexOf(encodeConnreq(B6.nid)), hexOf(specDumps('socklnd', '13.9')[0] as Uint8Array));
});

test('S6: HELLO v3/v4 bytes equal 13.2 / 13.9, including reply mirroring (1->1, 2->3, 3->2, 0->0).', (t) => {
  const [request, reply] = specDumps('socklnd', '13.2') as [Uint8Array, Uint8Array];
  t.is(hexOf(encodeHello(helloOf(3, A, B))), hexOf(request));
  t.is(hexOf(encodeHello(helloOf(3, B, A))), hexOf(reply));
  const [request4, reply4] = specDumps('socklnd', '13.8') as [Uint8Array, Uint8Array];
  t.is(hexOf(encodeHello(helloOf(4, A, B))), hexOf(request4));
  t.is(hexOf(encodeHello(helloOf(4, B, A))), hexOf(reply4));
  const [, request6, reply6] = specDumps('socklnd', '13.9') as [Uint8Array, Uint8Array, Uint8Array];
  t.is(hexOf(encodeHello(helloOf(4, A6, B6))), hexOf(request6));
  t.is(hexOf(encodeHello(helloOf(4, B6, A6))), hexOf(reply6));
  const mirrors = [
    [SOCKLND_CONN_CONTROL, SOCKLND_CONN_CONTROL],
    [SOCKLND_CONN_BULK_IN, SOCKLND_CONN_BULK_OUT],
    [SOCKLND_CONN_BULK_OUT, SOCKLND_CONN_BULK_IN],
    [SOCKLND_CONN_ANY, SOCKLND_CONN_ANY],
  ] as const;
  for (const [sent, answered] of mirrors) t.is(mirrorConnType(sent), answered);
  for (const none of [4, 0xfffffffe, 0xffffffff]) t.is(mirrorConnType(none), undefined);
});

test('HELLO v1 equals 13.10', (t) => {
  const dump = specDump('socklnd', '13.10');
  const hello: Hello = { ...helloOf(1, A, B), dstNid: NID_ANY };
  t.deepEqual(readHello(dump), { kind: 'hello', hello, bytes: 72, isLittleEndian: true });
  t.is(hexOf(encodeHello(hello)), hexOf(dump));
});

test('the answer to an unknown version equals 13.11', (t) => {
  t.is(hexOf(encodeUnsupportedVersion({ ...B, pid: 12345 }, false)), hexOf(specDump('socklnd', '13.11')));
  const answer6 = readHello(encodeUnsupportedVersion({ ...B6, pid: 12345 }, true));
  t.like(answer6.kind === 'hello' && answer6.hello, { version: 4, srcNid: B6.nid, dstNid: B6.nid, type: 0xffffffff });
});

test('the NOOPs of 13.7 mean what the table says', (t) => {
  const expected: readonly (readonly [version: KsockVersion, ack: ZcAck])[] = [
    [3, { kind: 'keepalive' }],
    [3, { kind: 'values', cookies: [2n] }],
    [3, { kind: 'range', first: 2n, last: 5n }],
    [3, { kind: 'values', cookies: [7n, 3n] }],
    [2, { kind: 'values', cookies: [2n] }],
  ];
  const noops = specTableBytes('socklnd', '13.7');
  t.is(noops.length, expected.length);
  for (const [index, bytes] of noops.entries()) {
    const [version, ack] = expected[index] as (typeof expected)[number];
    const header = new MessageHeader();
    header.decode(viewOf(bytes), 0, true);
    t.is(header.type, KSOCK_MSG_NOOP);
    t.deepEqual(readZcAck(header, version), ack);
    const again = new Uint8Array(bytes.length);
    header.encode(viewOf(again), 0);
    t.is(hexOf(again), hexOf(bytes));
  }
});

test('S18: Messages equal 13.3-13.6 and 13.9 byte for byte.', (t) => {
  const ping = { type: LNET_MSG_GET, handle: 0x45, hasMatchBits: true, sinkLength: 272 };
  const pong = { type: LNET_MSG_REPLY, handle: 0x45, hasMatchBits: false };
  const push = { type: LNET_MSG_PUT, handle: 0x49, hasMatchBits: true, payload: pingInfoBytesOf(A.nid) };
  const ack = { type: LNET_MSG_ACK, handle: 0x49, hasMatchBits: true, mlength: 48 };
  const toB = { from: A.nid, to: B.nid };
  const toA = { from: B.nid, to: A.nid, payload: pingInfoBytesOf(B.nid) };
  t.is(hexOf(messageBytes(3, { ...toB, ...ping })), hexOf(specDump('socklnd', '13.3')));
  t.is(hexOf(messageBytes(3, { ...toA, ...pong })), hexOf(specDump('socklnd', '13.4')));
  t.is(hexOf(messageBytes(3, { ...toB, ...push })), hexOf(specDump('socklnd', '13.5')));
  t.is(hexOf(messageBytes(3, { from: B.nid, to: A.nid, ...ack })), hexOf(specDump('socklnd', '13.6')));
  const [, , , ping6, pong6] = specDumps('socklnd', '13.9');
  t.is(hexOf(messageBytes(4, { from: A6.nid, to: B6.nid, ...ping })), hexOf(ping6 as Uint8Array));
  const payload = pingInfoBytesOf(B6.nid);
  t.is(hexOf(messageBytes(4, { from: B6.nid, to: A6.nid, payload, ...pong })), hexOf(pong6 as Uint8Array));
});
