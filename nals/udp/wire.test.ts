import test from 'ava';
import { viewOf } from '../../lnet/wire/layout.ts';
import { parseNid } from '../../lnet/wire/nid.ts';
import { bytesOf, hexOf } from '../../test/hex.ts';
import { AckFrame, AckRanges } from './ack-ranges.ts';
import { areFramesSound } from './frames.ts';
import {
  encodeAccept,
  encodeInit,
  encodeRefuse,
  encodeReset,
  encodeRetry,
  readOpening,
  readRefuse,
  readReset,
  readRetry,
} from './handshake.ts';
import { PacketWriter } from './packet-writer.ts';
import { INIT_BYTES, PACKET_DATA, readU53, REFUSE_BUSY, RESET_BYTES, writeU53 } from './wire.ts';

const OPENING = {
  ownId: { low: 0x44332211, high: 0x88776655 },
  srcNid: parseNid('10.0.0.1@udp'),
  dstNid: parseNid('fd00::2@udp3'),
  incarnation: 0x1886a1b2c3d4e5f0n,
  window: 4_194_304,
  pid: 12345,
  datagramBytesMax: 65_507,
  ackDelayMaxMs: 1,
};

const OPENING_HEX = [
  '1122334455667788', // ownConnId
  '00c000000a000001000000000000000000000000', // 10.0.0.1@udp
  '0cc00003fd000000000000000000000000000002', // fd00::2@udp3
  'f0e5d4c3b2a18618', // incarnation
  '0000400000000000', // window
  '39300000', // pid
  'e3ff0000', // datagramBytesMax
  '0100', // ackDelayMaxMs
].join('');

test('INIT is these bytes, padded to 1200, and reads as it was written', (t) => {
  const token = bytesOf('a1a2a3');
  const bytes = encodeInit(OPENING, token);
  t.is(bytes.length, INIT_BYTES);
  t.is(hexOf(bytes.subarray(0, 99)), `0101000000000000000000000000000000000000${OPENING_HEX}0300a1a2a3`);
  t.true(bytes.subarray(99).every((byte) => byte === 0));
  const { idBytes, token: read, ...opening } = readOpening(bytes, viewOf(bytes)) ?? {};
  t.like(opening, OPENING);
  t.is(hexOf(read as Uint8Array), 'a1a2a3');
  t.is(hexOf(idBytes as Uint8Array), '1122334455667788');
});

test('ACCEPT is addressed to the dialler and has no token', (t) => {
  const bytes = encodeAccept(OPENING, { low: 5, high: 6 });
  t.is(hexOf(bytes), `0103000005000000060000000000000000000000${OPENING_HEX}0000`);
});

const head = (type: string): string => `01${type}000000000000000000000000000000000000`;

test('RETRY, REFUSE and RESET are these bytes and read as they were written', (t) => {
  const id = bytesOf('1122334455667788');
  const retry = encodeRetry(id, bytesOf('aabb'));
  t.is(hexOf(retry), `${head('02')}11223344556677880200000000000000aabb`);
  t.deepEqual(readRetry(retry, viewOf(retry)), { id: OPENING.ownId, token: bytesOf('aabb') });
  const refuse = encodeRefuse(id, REFUSE_BUSY);
  t.is(hexOf(refuse), `${head('04')}1122334455667788040000000100000001`);
  t.deepEqual(readRefuse(refuse, viewOf(refuse)), { id: OPENING.ownId, reason: REFUSE_BUSY });
  const provoker = bytesOf(`010500001122334455667788${'ff'.repeat(40)}`);
  const reset = encodeReset(provoker);
  t.is(hexOf(reset), `${head('06')}010500001122334455667788`);
  t.is(reset.length, RESET_BYTES);
  t.deepEqual(readReset(reset, viewOf(reset)), OPENING.ownId);
});

test('a DATA packet with every frame is these bytes', (t) => {
  const writer = new PacketWriter();
  const acks = new AckRanges();
  for (const number of [0, 1, 2, 5, 7, 8]) acks.add(number, true, 1_000, 0);
  writer.begin(PACKET_DATA, { low: 1, high: 2 }, 0x1_0000_0003);
  writer.ack(acks, 1_050);
  writer.window(0x12345678);
  writer.ping();
  writer.close(-110);
  writer.data(1, 0x1122, 5);
  writer.copy(bytesOf('aabb'));
  writer.show(bytesOf('ccddee'));
  writer.end();
  t.is(writer.segments.length, 2);
  const bytes = Buffer.concat(writer.segments);
  t.is(bytes.length, writer.bytes);
  const frames = `
    02002000 0800000000000000 32000000 02000000 01000000 01000000 02000000 03000000
    04000800 7856341200000000
    01000000
    05000400 6e000000
    03010d00 2211000000000000 aabbccddee`;
  t.is(hexOf(bytes), `0105000001000000020000000300000001000000${frames.replaceAll(/\s/g, '')}`);
  t.true(areFramesSound(viewOf(bytes), new AckFrame()));
  for (let end = 20; end < bytes.length; end++) {
    const isBetweenFrames = [20 + 36, 20 + 48, 20 + 52, 20 + 60].includes(end);
    t.is(areFramesSound(viewOf(bytes.subarray(0, end)), new AckFrame()), isBetweenFrames, `cut at ${end}`);
  }
});

test('padding brings a packet to a length', (t) => {
  const writer = new PacketWriter();
  for (const bytes of [32, 1_200, 65_507]) {
    writer.begin(PACKET_DATA, { low: 1, high: 2 }, 0);
    writer.ping();
    writer.padTo(bytes);
    writer.end();
    const packet = Buffer.concat(writer.segments);
    t.is(packet.length, bytes);
    t.true(areFramesSound(viewOf(packet), new AckFrame()));
  }
});

test('a u64 is a number up to 2^53 - 1 and nothing above', (t) => {
  const view = new DataView(new ArrayBuffer(8));
  for (const value of [0, 1, 0xffffffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER]) {
    writeU53(view, 0, value);
    t.is(readU53(view, 0), value);
    t.is(view.getBigUint64(0, true), BigInt(value));
  }
  view.setBigUint64(0, 2n ** 53n, true);
  t.is(readU53(view, 0), Number.NaN);
});
