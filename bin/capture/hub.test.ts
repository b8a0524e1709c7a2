import test from 'ava';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LnetNode } from '../../lnet/node.ts';
import type { NalTap } from '../../lnet/nal.ts';
import { parseNid } from '../../lnet/wire/nid.ts';
import { startNodes } from '../daemon/node.test-support.ts';
import { captureHandlers } from '../daemon/handlers/capture.ts';
import type { RequestStream } from '../daemon/control-server.ts';
import type { Tree, TreeMap } from '../print/tree.ts';
import type { CapturedFrame } from './frame.ts';
import { CaptureHub } from './hub.ts';
import { summaryOf } from './summary.ts';

/** A stream that keeps what it gets and says when it is full. */
function fakeStream(capacity = Number.POSITIVE_INFINITY): {
  stream: RequestStream;
  items: TreeMap[];
  abort: () => void;
  drain: () => void;
} {
  const items: TreeMap[] = [];
  const controller = new AbortController();
  let drain: (() => void) | undefined;
  return {
    items,
    abort: () => controller.abort(),
    drain: () => drain?.(),
    stream: {
      signal: controller.signal,
      item: (part: Tree) => items.push(part as TreeMap) < capacity,
      drained: () => new Promise((resolve) => (drain = resolve)),
    },
  };
}

test('a capture sees the messages of a ping in both directions, as socklnd framed them', async (t) => {
  const [a, b] = (await startNodes(t, ['127.0.0.81', '127.0.0.82'])) as [LnetNode, LnetNode];
  const tcp = a.nals.filter((nal) => nal.name === 'tcp');
  const hub = new CaptureHub(tcp, a.core.clock);
  const frames: CapturedFrame[] = [];
  const listener = { snapBytes: 4096, frame: (frame: CapturedFrame) => void frames.push(frame) };
  hub.add(listener);
  await a.ping(b.nid as NonNullable<typeof b.nid>);
  hub.remove(listener);
  await a.ping(b.nid as NonNullable<typeof b.nid>);
  t.deepEqual(
    frames.map((frame) => [String(frame.from), String(frame.to), frame.length]),
    [
      ['127.0.0.81@tcp', '127.0.0.82@tcp', 96],
      ['127.0.0.82@tcp', '127.0.0.81@tcp', 144],
    ],
  );
  t.true(frames.every((frame) => frame.bytes.length === frame.length && frame.bytes[0] === 0xc1));
  t.regex(
    summaryOf(frames[0] as CapturedFrame),
    /^[0-9:.]{15} 127\.0\.0\.81@tcp > 127\.0\.0\.82@tcp GET portal 0 match 0x8000000000000000 offset 0 wants 3960 /,
  );
  t.regex(summaryOf(frames[1] as CapturedFrame), / REPLY length 48 \(127\.0\.0\.82@tcp -> 127\.0\.0\.81@tcp\)$/);
  t.is(tcp[0]?.tap, null);
});

test('a capture ends after its count, its time or when nobody wants it any more, and takes the tap with it', async (t) => {
  const [a, b] = (await startNodes(t, ['127.0.0.83', '127.0.0.84'])) as [LnetNode, LnetNode];
  const tcp = a.nals.filter((nal) => nal.name === 'tcp');
  const { capture } = captureHandlers(new CaptureHub(tcp, a.core.clock));
  const counted = fakeStream();
  const result = capture?.({ count: 1, snap_bytes: 24 }, counted.stream);
  await a.ping(b.nid as NonNullable<typeof b.nid>);
  t.deepEqual(await result, { frames: 1, lost: 0 });
  t.is(counted.items.length, 1);
  t.like(counted.items[0], { from: '127.0.0.83@tcp', to: '127.0.0.84@tcp', length: 96 });
  t.is(Buffer.from(counted.items[0]?.['data'] as string, 'base64').length, 24);
  t.is(tcp[0]?.tap, null);
  const aborted = fakeStream();
  const waiting = capture?.({}, aborted.stream);
  aborted.abort();
  t.deepEqual(await waiting, { frames: 0, lost: 0 });
  t.is(tcp[0]?.tap, null);
});

test('a client that does not keep up loses frames, which are counted, and goes on when it can', async (t) => {
  const nid = parseNid('10.0.0.1@tcp');
  const nal = { name: 'tcp', tap: null as NalTap | null };
  const clock = { wallNs: () => 1_000_000n };
  const hub = new CaptureHub([nal] as never, clock as never);
  const { capture } = captureHandlers(hub);
  const slow = fakeStream(2);
  const result = capture?.({ count: 3 }, slow.stream);
  const send = (): void => nal.tap?.frame('out', { nid } as never, nid, 1, [new Uint8Array(30)], 30);
  for (let i = 0; i < 4; i++) send();
  t.is(slow.items.length, 2);
  slow.drain();
  await nextTurn();
  send();
  t.deepEqual(await result, { frames: 3, lost: 2 });
});

test('a listing names what it can and says when it cannot', (t) => {
  const nid = parseNid('10.0.0.1@tcp');
  const frame = { atUs: 1_000_001, from: nid, to: nid, link: 1, length: 96 };
  t.is(
    summaryOf({ ...frame, bytes: Uint8Array.of(0xc0, 0, 0, 0) }),
    '00:00:01.000001 10.0.0.1@tcp > 10.0.0.1@tcp NOOP',
  );
  t.regex(summaryOf({ ...frame, bytes: new Uint8Array(40) }), /96 bytes, cut too short to tell$/);
  t.regex(summaryOf({ ...frame, bytes: new Uint8Array(96).fill(0xff) }), /type 4294967295/);
});
