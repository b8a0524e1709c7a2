/** Damaged recordings and made-up streams against a whole node in virtual time. */
import test, { type ExecutionContext } from 'ava';
import * as fc from 'fast-check';
import { readCapture } from '../replay/capture.ts';
import { fieldsOf } from '../replay/frame-fields.ts';
import { PING_BITS } from './frames.ts';
import { LAZY_PORTAL, OPEN_BITS, OPEN_PORTAL, SHORT_PORTAL } from './victim-protocol.ts';
import { VirtualArena } from './virtual-arena.ts';

/** One frame of a peer, and where its fields are. */
interface Frame {
  readonly bytes: Buffer;
  readonly fields: readonly { readonly at: number; readonly size: number }[];
}

/** What a connector sent on a connection of a capture, frame by frame. */
interface Recording {
  readonly capture: string;
  readonly from: string;
  readonly port: number;
  readonly to: string;
  readonly frames: readonly Frame[];
}

const FRAMES_MAX = 12;

function recordingsOf(capture: string): Recording[] {
  const frames = readCapture(capture);
  const opened = frames.filter(({ kind, src }) => kind === 'connreq' && !src.address.includes(':'));
  return opened.map(({ conn, src, dst }) => ({
    capture,
    from: src.address,
    port: src.port,
    to: dst.address,
    frames: frames
      .filter((frame) => frame.conn === conn && frame.src.port === src.port)
      .slice(0, FRAMES_MAX)
      .map((frame) => {
        const fields = fieldsOf(frame).map(({ part, at, size }) => ({
          at: part === 'head' ? at : frame.head.length + at,
          size,
        }));
        return { bytes: Buffer.concat([frame.head, frame.payload]), fields };
      }),
  }));
}

const RECORDINGS = ['ping-discover', 'lst'].flatMap(recordingsOf);

/** Words that matter to somebody. */
const word = fc.oneof(
  fc.constantFrom(0, 1, 2, 3, 4, 5, 16, 17, 0xc0, 0xc1, 64, 72, 272, 12345, OPEN_PORTAL, LAZY_PORTAL, SHORT_PORTAL),
  fc.constantFrom(0x77, 0x80000000, 0x7fffffff, 0xffffffff, 1_048_576, 1_048_577, 0x70696e67, 0x45726963, 0xacce7100),
  fc.nat(0xffffffff),
);

/** Something done to one field of one frame, or to the stream around it. */
interface Damage {
  readonly kind: 'set' | 'flip' | 'cut' | 'drop' | 'repeat' | 'insert';
  readonly frame: number;
  readonly field: number;
  readonly word: number;
}

const damage: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom('set', 'set', 'set', 'flip', 'flip', 'cut', 'drop', 'repeat', 'insert'),
  frame: fc.nat(FRAMES_MAX),
  field: fc.nat(40),
  word,
});

function damaged(frames: readonly Frame[], { kind, frame: index, field: number, word: value }: Damage): Frame[] {
  const at = index % frames.length;
  const frame = frames[at] as Frame;
  const field = frame.fields[number % frame.fields.length] as Frame['fields'][number];
  const bytes = Buffer.from(frame.bytes);
  const whole = (changed: Buffer): Frame[] => frames.with(at, { bytes: changed, fields: frame.fields });
  switch (kind) {
    case 'set':
      for (let i = 0; i < Math.min(field.size, 4) && field.at + i < bytes.length; i++)
        bytes[field.at + i] = (value >>> (i * 8)) & 0xff;
      return whole(bytes);
    case 'flip':
      if (bytes.length > 0) bytes[value % bytes.length]! ^= 1 << (number & 7);
      return whole(bytes);
    case 'cut':
      return [...frames.slice(0, at), { bytes: bytes.subarray(0, field.at), fields: frame.fields }];
    case 'drop':
      return frames.length > 1 ? frames.toSpliced(at, 1) : [...frames];
    case 'repeat':
      return frames.toSpliced(at, 0, frame);
    default:
      return whole(Buffer.concat([bytes.subarray(0, field.at), Buffer.alloc(number, value), bytes.subarray(field.at)]));
  }
}

/** Tries a rule that waits; prints how many inputs were tried and the seed. */
async function check<T>(
  t: ExecutionContext,
  inputs: fc.Arbitrary<T>,
  runs: number,
  rule: (input: T) => Promise<void>,
): Promise<void> {
  let tried = 0;
  const property = fc.asyncProperty(inputs, async (input) => {
    tried++;
    await rule(input);
  });
  const result = await fc.check(property, { numRuns: runs });
  t.log(`${tried} inputs tried, seed ${result.seed}`);
  t.false(result.failed, `${String(result.errorInstance)}\n${fc.defaultReportMessage(result)?.slice(0, 3000)}`);
}

/**
 * Sends a stream on a new connection, in pieces. The node may take it or refuse it; either way it counts one reason for the end
 * of the connection, serves the good peer, and keeps nothing.
 */
async function withstand(
  arena: VirtualArena,
  stream: Buffer,
  from: { readonly address: string; readonly port: number },
  piece: number,
): Promise<void> {
  const { world } = arena;
  const before = arena.endings;
  world.net.readMax = piece;
  const peer = arena.connect(from.address, from.port);
  if (stream.length > 0) peer.send(stream);
  world.settle();
  world.net.readMax = Number.POSITIVE_INFINITY;
  await arena.checkServed();
  peer.close();
  // All timeouts: of handshakes, of connections, of responses, of peers that cannot be reached.
  world.seconds(60);
  const ended = arena.endings - before;
  if (ended !== 1) throw new Error(`${ended} reasons counted for the end of one connection`);
  arena.checkAtRest();
}

test('recorded connections with damaged fields: each ends for one reason, others are served, nothing is left', async (t) => {
  t.true(RECORDINGS.length >= 6);
  const arenas = new Map<string, Promise<VirtualArena>>();
  const inputs = fc.record({
    recording: fc.nat(RECORDINGS.length - 1),
    damages: fc.array(damage, { minLength: 1, maxLength: 3 }),
    piece: fc.constantFrom(1, 7, 24, 97, 1448, 1_000_000),
  });
  await check(t, inputs, 600, async ({ recording, damages, piece }) => {
    const { from, port, to, frames } = RECORDINGS[recording] as Recording;
    const stream = Buffer.concat(damages.reduce<readonly Frame[]>(damaged, frames).map(({ bytes }) => bytes));
    if (!arenas.has(to)) arenas.set(to, VirtualArena.open('damaged', [`${to}@tcp`], '10.77.0.99@tcp'));
    const arena = await (arenas.get(to) as Promise<VirtualArena>);
    // Single bytes of a long stream tell nothing new and take long.
    await withstand(arena, stream.subarray(0, piece === 1 ? 1500 : 40_000), { address: from, port }, piece);
  });
});

/** Halves of the NID 10.77.0.`last`@tcp`net`. */
const nid = (last: number, net: number): readonly number[] => [0x0a4d0000 + last, 0x20000 + net];

const NODE = '10.77.0.12';
const PEER = '10.77.0.11';

test('headers of any content behind a good handshake: each ends for one reason, others are served, nothing is left', async (t) => {
  const arena = await VirtualArena.open('headers', [`${NODE}@tcp`, `${NODE}@tcp1`], '10.77.0.99@tcp');
  const [request, hello] = (RECORDINGS.find(({ to, from }) => to === NODE && from === PEER) as Recording).frames;
  const nids = fc.oneof(
    fc.constantFrom(nid(11, 0), nid(12, 0)),
    fc.constantFrom(nid(12, 1), nid(11, 1), nid(99, 0), [0, 0x90000], [0xffffffff, 0xffffffff]),
    fc.tuple(word, word),
  );
  const half = fc.constantFrom(0, 0xffffffff, 1);
  const header = fc.record({
    ksh: fc.oneof(
      { weight: 9, arbitrary: fc.constant([0xc1, 0, 0, 0, 0, 0]) },
      { weight: 1, arbitrary: fc.array(word, { minLength: 6, maxLength: 6 }) },
    ),
    dest: fc.oneof({ weight: 4, arbitrary: fc.constant(nid(12, 0)) }, { weight: 1, arbitrary: nids }),
    source: fc.oneof({ weight: 4, arbitrary: fc.constant(nid(11, 0)) }, { weight: 1, arbitrary: nids }),
    pids: fc.tuple(word, word),
    type: fc.oneof({ weight: 9, arbitrary: fc.nat(3) }, { weight: 1, arbitrary: word }),
    length: fc.oneof(
      { weight: 5, arbitrary: fc.constant(0) },
      { weight: 3, arbitrary: fc.nat(3000) },
      { weight: 1, arbitrary: word },
    ),
    handle: fc.oneof(fc.tuple(half, half, half, half), fc.tuple(word, word, word, word)),
    bits: fc.oneof(fc.constantFrom(OPEN_BITS, PING_BITS), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })),
    tail: fc.tuple(word, word, word, word),
  });
  await check(t, fc.array(header, { minLength: 1, maxLength: 8 }), 600, async (headers) => {
    const frames = headers.map(({ ksh, dest, source, pids, type, length, handle, bits, tail }) => {
      const words = [...ksh, ...dest, ...source, ...pids, type, length, ...handle];
      const bytes = Buffer.alloc(24 + 72 + (length <= 3000 ? length : 0), 0x5a);
      words.forEach((value, i) => bytes.writeUInt32LE(value >>> 0, i * 4));
      bytes.writeBigUInt64LE(bits, 24 + 48);
      tail.forEach((value, i) => bytes.writeUInt32LE(value >>> 0, 24 + 56 + i * 4));
      return bytes;
    });
    const stream = Buffer.concat([request!.bytes, hello!.bytes, ...frames]);
    await withstand(arena, stream, { address: PEER, port: 1023 }, 1448);
  });
});
