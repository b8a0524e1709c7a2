import test from 'ava';
import { parseNid } from '../../lnet/wire/nid.ts';
import { putTx } from '../compliance/message.ts';
import { Recorder } from '../compliance/recorder.ts';
import { HeldPieces } from './held-pieces.ts';
import { PacketWriter } from './packet-writer.ts';
import { SendStream } from './send-stream.ts';

const NID = parseNid('10.0.0.1@udp');
const HEAD_BYTES = 76;

function streamOf(...lengths: number[]): SendStream {
  const stream = new SendStream(new Recorder('core'));
  for (const [number, length] of lengths.entries()) stream.queue(putTx(NID, NID, number, length));
  stream.peerWindow = 1_000_000;
  return stream;
}

const take = (stream: SendStream, room: number): [number, number] => {
  stream.next(room);
  return [stream.from, stream.to];
};

test('lost ranges leave before new ones, less what has arrived in the meantime', (t) => {
  const stream = streamOf(10_000);
  t.deepEqual(take(stream, 1_000), [0, 1_000]);
  t.deepEqual(take(stream, 1_000), [1_000, 2_000]);
  stream.lost(0, 2_000);
  stream.acknowledged(500, 1_200);
  t.deepEqual(take(stream, 1_000), [0, 500]);
  t.deepEqual(take(stream, 1_000), [1_200, 2_000]);
  t.deepEqual(take(stream, 1_000), [2_000, 3_000]);
  stream.acknowledged(0, 3_000);
  stream.lost(0, 3_000);
  t.deepEqual(take(stream, 1_000), [3_000, 4_000]);
});

test('a message is over when all its bytes have arrived, in whatever order', (t) => {
  const stream = streamOf(100, 200);
  const first = HEAD_BYTES + 100;
  const end = first + HEAD_BYTES + 200;
  stream.acknowledged(first, end);
  t.is(stream.reportSent(), 0);
  stream.acknowledged(0, first - 1);
  t.is(stream.reportSent(), 0);
  stream.acknowledged(first - 1, first);
  t.is(stream.reportSent(), 2);
  t.false(stream.isBusy);
});

test('any cut of the stream gives the same bytes, also when it is sent again', (t) => {
  const whole = bytesOf(streamOf(300, 0, 5_000, 10), 60_000);
  for (const room of [1, 7, 75, 76, 77, 500, 1_168])
    t.deepEqual(Buffer.compare(bytesOf(streamOf(300, 0, 5_000, 10), room), whole), 0);
  const again = streamOf(300, 0, 5_000, 10);
  t.is(Buffer.compare(bytesOf(again, 1_000), whole), 0);
  again.lost(0, whole.length);
  t.is(Buffer.compare(bytesOf(again, 333), whole), 0);
});

/** Everything that the stream sends, in pieces of at most `room` bytes. */
function bytesOf(stream: SendStream, room: number): Buffer {
  const writer = new PacketWriter();
  const parts: Uint8Array[] = [];
  while (stream.isReady) {
    stream.next(room);
    writer.begin(5, { low: 1, high: 1 }, 0);
    const headAt = writer.bytes;
    stream.write(writer);
    writer.end();
    parts.push(Buffer.concat(writer.segments).subarray(headAt));
  }
  return Buffer.concat(parts);
}

test('a small piece of a large datagram is copied out of it, so that held bytes are what they say', (t) => {
  const budget = { heldBytes: 0, heldBytesMax: 10_000 };
  const pieces = new HeldPieces(budget);
  const datagram = new Uint8Array(60_000);
  pieces.hold(5_000, datagram.subarray(0, 50_000));
  pieces.hold(100, datagram.subarray(50_000, 50_010));
  t.is(pieces.first?.bytes.buffer.byteLength, 10);
  pieces.consume(10);
  t.is(pieces.first?.bytes.buffer, datagram.buffer);
  t.is(budget.heldBytes, 50_000);
  pieces.clear();
  t.is(budget.heldBytes, 0);
});
