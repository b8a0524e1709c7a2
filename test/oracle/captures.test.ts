/** The dissector itself, tried on what kernel nodes have sent: what it reads there, and which faults it finds, is its own doing. */
import test from 'ava';
import type { CapturedFrame } from '../../bin/capture/frame.ts';
import { parseNid } from '../../lnet/wire/nid.ts';
import { type CapturedFrame as Recorded, readCapture } from '../replay/capture.ts';
import { fieldBytes, fieldsOf, messageType } from '../replay/frame-fields.ts';
import { nidText } from '../replay/frame-builder.ts';
import { testUnless } from '../skip.ts';
import { missingDissector } from './missing-tool.ts';
import { dissectFrames, faultsOf, type LnetMessage } from './tshark.ts';

/** A recorded frame as a tap would have seen it. */
function tapped({ src, dst, conn, head, payload, index }: Recorded): CapturedFrame {
  const bytes = Buffer.concat([head, payload]);
  const [from, to] = [src, dst].map(({ address }) => parseNid(`${address}@tcp`)) as [
    CapturedFrame['from'],
    CapturedFrame['to'],
  ];
  return { atUs: 1_700_000_000_000_000 + index, from, to, link: conn, bytes, length: bytes.length };
}

/** A recorded frame as an independent reader of lnet-wire §5 sees it. */
function meaningOf(frame: Recorded): LnetMessage {
  const number = (name: string): bigint => {
    const field = fieldsOf(frame).find((candidate) => candidate.name === name);
    if (!field) throw new Error(name);
    const bytes = fieldBytes(frame, field);
    return bytes.length === 4 ? BigInt(bytes.readUInt32LE(0)) : bytes.readBigUInt64LE(0);
  };
  const zc = { zcRequest: number('ksh.zcRequest'), zcAck: number('ksh.zcAck') };
  if (frame.kind === 'noop') return { ksmType: 'NOOP', ...zc };
  const type = messageType(frame);
  const handle = fieldsOf(frame).find(({ name }) => name === `${type}.handle`)!;
  const common: LnetMessage = {
    ksmType: 'LNET',
    ...zc,
    type: type.toUpperCase() as 'PUT',
    from: nidText(frame, 'hdr.srcNid'),
    to: nidText(frame, 'hdr.destNid'),
    srcPid: Number(number('hdr.srcPid')),
    destPid: Number(number('hdr.destPid')),
    payloadLength: Number(number('hdr.payloadLength')),
    interfaceCookie: frame.head.readBigUInt64LE(handle.at),
    objectCookie: frame.head.readBigUInt64LE(handle.at + 8),
  };
  if (type === 'reply') return common;
  const matchBits = number(`${type}.matchBits`);
  if (type === 'ack') return { ...common, matchBits, mlength: Number(number('ack.mlength')) };
  const place = { matchBits, portal: Number(number(`${type}.portal`)), offset: Number(number(`${type}.offset`)) };
  return type === 'put'
    ? { ...common, ...place, hdrData: number('put.hdrData') }
    : { ...common, ...place, sinkLength: Number(number('get.sinkLength')) };
}

const isMessage = ({ kind }: Recorded): boolean => kind === 'message' || kind === 'noop';

testUnless(missingDissector)('kernel traffic is read as it is meant, and without faults', (t) => {
  for (const [capture, count] of [
    ['ping-discover', 17],
    ['lst', 120],
    ['router', 90],
  ] as const) {
    const recorded = readCapture(capture).filter(isMessage).slice(0, count);
    const dissected = dissectFrames(recorded.map(tapped));
    t.deepEqual(
      dissected.map(({ message }) => message),
      recorded.map(meaningOf),
    );
    t.deepEqual(dissected.flatMap(faultsOf), []);
  }
});

testUnless(missingDissector)('the two pids of a header are told apart', (t) => {
  const reply = readCapture('ping-discover').find((frame) => isMessage(frame) && messageType(frame) === 'reply')!;
  const head = Buffer.from(reply.head);
  head.writeUInt32LE(0x80009c40, 24 + 16);
  const changed = { ...reply, head };
  t.deepEqual(dissectFrames([tapped(changed)])[0]?.message, meaningOf(changed));
  t.is(meaningOf(changed).destPid, 0x80009c40);
});

test('a fault is a fault', (t) => {
  const message = { ksmType: 'LNET', zcRequest: 0n, zcAck: 0n, type: 'PUT', payloadLength: 10 } as const;
  const one = { message, checksum: 0, source: '', target: '' };
  const known = 'Capture:106 offset:96 (length:0) msg_type:1 ib_type:00';
  t.deepEqual(faultsOf({ ...one, complaints: [known, 'Malformed Packet'] }), []);
  const short = 'Capture:105 offset:96 (length:0) msg_type:1 ib_type:00';
  t.deepEqual(faultsOf({ ...one, complaints: [short] }), [short]);
  const get = { ...message, type: 'GET' } as const;
  t.deepEqual(faultsOf({ ...one, message: get, complaints: ['Malformed Packet'] }), ['Malformed Packet']);
});
