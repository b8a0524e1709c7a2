import test from 'ava';
import * as fc from 'fast-check';
import { WireError } from '../../lnet/wire/wire-error.ts';
import { goldenFrames } from '../../ptlrpc/capture/golden.test-support.ts';
import type { LnetFrame } from '../../ptlrpc/capture/lnet-frame.ts';
import { checkProperty } from '../../test/property.ts';
import { pcapngHeader, pcapngPacket } from './pcapng.ts';
import { readRecording } from './recorded-frames.ts';
import { SegmentBuilder } from './segments.ts';
import { tcpStreams } from './tcp-streams.ts';

/** Frames whose payload was recorded whole, so that they can be played again. */
const GOLDEN = goldenFrames('fs-mount-ls-umount').filter(({ frame }) => frame.payload.length === frame.payloadBytes);

/** A capture of them, one packet a frame. */
function packets(): Uint8Array[] {
  const builder = new SegmentBuilder();
  return GOLDEN.flatMap(({ frame, head }, i) => {
    const bytes = Buffer.concat([head, frame.payload]);
    const captured = { atUs: i * 1000, from: frame.src, to: frame.dst, link: 1, bytes, length: bytes.length };
    return builder.packetsOf(captured).map((packet) => pcapngPacket(i * 1000, packet.bytes, packet.length));
  });
}

const fileOf = (blocks: readonly Uint8Array[]): Uint8Array => Buffer.concat([pcapngHeader('test', 'tcp'), ...blocks]);

const contentOf = ({ kind, src, dst, portal, matchBits, offset, payload }: LnetFrame): string =>
  [kind, src, dst, portal, matchBits, offset, Buffer.from(payload).toString('hex')].join(' ');

const WHOLE = GOLDEN.map(({ frame }) => contentOf(frame));

/** What a pcap holds of the same packets, with times in `units` per second. */
function pcapOf(blocks: readonly Uint8Array[], magic: number, isLittleEndian: boolean): Uint8Array {
  const header = Buffer.alloc(24);
  const u32 = (buffer: Buffer, value: number, at: number): unknown =>
    isLittleEndian ? buffer.writeUInt32LE(value, at) : buffer.writeUInt32BE(value, at);
  u32(header, magic, 0);
  u32(header, 1, 20);
  const records = blocks.flatMap((block, i) => {
    const kept = Buffer.from(block).readUInt32LE(20);
    const record = Buffer.alloc(16);
    u32(record, i, 0);
    u32(record, kept, 8);
    u32(record, kept, 12);
    return [record, block.subarray(28, 28 + kept)];
  });
  return Buffer.concat([header, ...records]);
}

test('pcapng gives back the frames that were written, in order', (t) => {
  const { frames, skippedBytes } = readRecording(fileOf(packets()));
  t.deepEqual(frames.map(contentOf), WHOLE);
  t.is(skippedBytes, 0);
  t.is(frames[10]?.timeS, 0.01);
});

test('pcap gives the same, in microseconds or nanoseconds, in either byte order', (t) => {
  for (const magic of [0xa1b2c3d4, 0xa1b23c4d])
    for (const isLittleEndian of [true, false])
      t.deepEqual(readRecording(pcapOf(packets(), magic, isLittleEndian)).frames.map(contentOf), WHOLE);
});

test('segments that came twice or out of order are put in order', (t) => {
  const blocks = packets();
  const disordered = blocks.flatMap((block, i) =>
    i % 3 === 0 && i > 3 ? [block, blocks[i - 2] as Uint8Array] : [block],
  );
  for (let i = 4; i + 4 < disordered.length; i += 6)
    [disordered[i], disordered[i + 4]] = [disordered[i + 4] as Uint8Array, disordered[i] as Uint8Array];
  t.deepEqual(readRecording(fileOf(disordered)).frames.map(contentOf).toSorted(), WHOLE.toSorted());
});

test('a packet that is missing costs its own frame only', (t) => {
  const blocks = packets();
  blocks.splice(20, 1);
  const expected = WHOLE.filter((_, i) => i !== 20);
  t.deepEqual(readRecording(fileOf(blocks)).frames.map(contentOf), expected);
});

test('a stream of other bytes holds no frames and is counted', (t) => {
  const bytes = new Uint8Array(5000).fill(0x41);
  const [{ frame }] = GOLDEN as [(typeof GOLDEN)[number]];
  const builder = new SegmentBuilder();
  const [packet] = builder.packetsOf({ atUs: 0, from: frame.src, to: frame.dst, link: 1, bytes, length: bytes.length });
  if (!packet) throw new Error('no packet');
  t.deepEqual(readRecording(fileOf([pcapngPacket(0, packet.bytes, packet.length)])), {
    frames: [],
    skippedBytes: 5000,
  });
});

const read = (text: string): unknown => readRecording(new TextEncoder().encode(text));

test('a text that is no JSON, and JSON that is no frame, are refused with the line', (t) => {
  t.throws(() => read('no capture'), { instanceOf: WireError, message: /line 1 / });
  t.throws(() => read('{"t":0,"kind":"noop"}\n{"t":"x"}'), { instanceOf: WireError, message: /line 2 / });
  t.throws(() => read('{"t":0,"kind":"message","hex":"c1"}'), { instanceOf: WireError, message: /line 1 / });
  t.notThrows(() => read('null\n'));
});

test('a capture file with bytes changed or cut off gives frames or a WireError', (t) => {
  const file = fileOf(packets().slice(0, 12));
  const change = fc.record({ at: fc.nat(file.length - 1), byte: fc.nat(255) });
  const input = fc.record({ changes: fc.array(change, { maxLength: 6 }), length: fc.nat(file.length) });
  checkProperty(t, input, 500, ({ changes, length }) => {
    const bytes = Uint8Array.from(file);
    for (const { at, byte } of changes) bytes[at] = byte;
    for (const part of [bytes, bytes.subarray(0, length)])
      try {
        readRecording(part);
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
      }
  });
});

test('packets of any bytes and any kind of link give streams without throwing', (t) => {
  const input = fc.array(
    fc.record({
      linkType: fc.constantFrom(1, 101, 113, 276, 7),
      bytes: fc.uint8Array({ maxLength: 120 }),
      version: fc.constantFrom(0x45, 0x60, 0x4f),
    }),
    { maxLength: 6 },
  );
  checkProperty(t, input, 2000, (parts) => {
    tcpStreams(
      parts.map(({ linkType, bytes, version }) => {
        const at =
          new Map([
            [1, 14],
            [113, 16],
            [276, 20],
          ]).get(linkType) ?? 0;
        if (bytes.length > at + 9) {
          bytes[at] = version;
          bytes[at + (version === 0x60 ? 6 : 9)] = 6;
        }
        return { atUs: 0, linkType, bytes };
      }),
    );
  });
});
