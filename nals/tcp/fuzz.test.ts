/** What peers send that no peer should: the node keeps its promises to the core and serves the others. */
import test, { type ExecutionContext } from 'ava';
import * as fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hexOf } from '../../test/hex.ts';
import { checkProperty } from '../../test/property.ts';
import { ROOT } from '../../test/tidy/source-tree.ts';
import { EPROTO, RX_WAIT, seededRandom } from '../../lnet/nal.ts';
import type { Arrival } from '../compliance/recorder.ts';
import { greeting, helloIn, messageOf, type TestNode, World } from './node.test-support.ts';

/** One direction of one recorded connection: from the connector to the acceptor. */
interface Recorded {
  readonly from: string;
  readonly fromPort: number;
  readonly to: string;
  readonly net: string;
  readonly bytes: Uint8Array;
}

interface Line {
  readonly conn: number;
  readonly src: string;
  readonly dst: string;
  readonly kind: string;
  readonly hex: string;
  readonly payload?: string;
  readonly payloadLength?: number;
}

const FRAMES_MAX = 12;

/** The connections of a capture that begin with their handshake, their first frames; cut payloads filled up with zeros. */
function recorded(capture: string): Recorded[] {
  const lines = readFileSync(join(ROOT, 'test', 'golden', `${capture}.jsonl`), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  const requests = lines.filter((line) => line.kind === 'connreq');
  return requests.map((request) => {
    const frames = lines.filter((line) => line.conn === request.conn && line.src === request.src).slice(0, FRAMES_MAX);
    const bytes = frames.map((frame) => {
      const payload = Buffer.alloc(frame.payloadLength ?? 0);
      payload.write(frame.payload ?? '', 'hex');
      return Buffer.concat([Buffer.from(frame.hex, 'hex'), payload]);
    });
    const [from, port] = splitPlace(request.src);
    const isIpv6 = from.includes(':');
    return {
      from,
      fromPort: port,
      to: splitPlace(request.dst)[0],
      net: isIpv6 ? 'tcp6' : 'tcp',
      bytes: Buffer.concat(bytes),
    };
  });
}

function splitPlace(place: string): [address: string, port: number] {
  const at = place.lastIndexOf(':');
  return [place.slice(0, at).replaceAll(/[[\]]/g, ''), Number(place.slice(at + 1))];
}

const RECORDED = ['ping-discover', 'largenid', 'lst'].flatMap(recorded);

/** A core that takes, cuts, delays and refuses at random. */
function moody(node: TestNode, seed: number): { resume(): void } {
  const random = seededRandom(seed);
  const waiting: Arrival[] = [];
  node.core.answer = (arrival) => {
    // The core refuses what is too long before it asks for memory.
    if (arrival.hdr.payloadLength > 1_048_576 || random.below(20) === 0) return -EPROTO;
    if (random.below(4) > 0) return arrival.want(random.below(arrival.hdr.payloadLength + 1));
    waiting.push(arrival);
    return RX_WAIT;
  };
  return {
    resume: () => {
      for (const arrival of waiting.splice(0))
        if (arrival.state === 'waiting') arrival.resume(Math.min(arrival.hdr.payloadLength, random.below(100_000)));
    },
  };
}

/** Sends a stream to a fresh node in pieces of this size; meanwhile another peer must be served. */
async function withstand(stream: Uint8Array, where: Recorded, piece: number, seed: number): Promise<string> {
  const world = new World(`seed ${seed}`);
  const nid = `${where.to}@${where.net}`;
  const node = await world.node(nid, { tunables: { timeout: 10 } });
  const core = moody(node, seed);
  world.net.readMax = piece;
  const peer = world.connect(where.from, where.fromPort, where.to);
  if (stream.length > 0) peer.send(stream);
  world.settle();
  core.resume();
  // A well-behaved peer on the same listener.
  const otherAddress = where.net === 'tcp6' ? 'fd77::99' : '10.77.0.99';
  const other = world.connect(otherAddress, 1000, where.to);
  const version = where.net === 'tcp6' ? 4 : 3;
  other.send(greeting(`${otherAddress}@${where.net}`, nid, 1, { version }));
  world.settle();
  const served = helloIn(other.bytes).type === 1;
  core.resume();
  world.seconds(60);
  core.resume();
  world.seconds(60);
  peer.close();
  other.close();
  world.settle();
  await node.core.close();
  const left = `${node.core.unplaced} open, ${node.core.violations.join('; ')}`;
  return served ? left : `not served, ${left}`;
}

/** Damage done to a stream of this length. */
interface Damage {
  readonly kind: 'flip' | 'cut' | 'insert' | 'repeat' | 'drop';
  readonly at: number;
  readonly size: number;
  readonly value: number;
}

const damage: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom('flip', 'cut', 'insert', 'repeat', 'drop'),
  at: fc.nat(4000),
  size: fc.integer({ min: 1, max: 100 }),
  value: fc.nat(255),
});

function damaged(bytes: Uint8Array, { kind, at, size, value }: Damage): Uint8Array {
  const from = at % Math.max(bytes.length, 1);
  const [head, tail] = [bytes.subarray(0, from), bytes.subarray(from)];
  switch (kind) {
    case 'flip': {
      const copy = Uint8Array.from(bytes);
      if (from < copy.length) copy[from]! ^= value | 1;
      return copy;
    }
    case 'cut':
      return head;
    case 'insert':
      return Buffer.concat([head, Buffer.alloc(size, value), tail]);
    case 'repeat':
      return Buffer.concat([head, tail.subarray(0, size), tail]);
    default:
      return Buffer.concat([head, tail.subarray(size)]);
  }
}

/** As {@link checkProperty}, for a rule that waits. */
async function checkAsync<T>(
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
  t.false(result.failed, fc.defaultReportMessage(result) ?? '');
}

test('recorded kernel streams, damaged: every message taken is ended, and other peers are served meanwhile', async (t) => {
  t.true(RECORDED.length > 5);
  const inputs = fc.record({
    stream: fc.nat(RECORDED.length - 1),
    damages: fc.array(damage, { minLength: 0, maxLength: 3 }),
    piece: fc.constantFrom(1, 5, 24, 97, 1000, 1_000_000),
    seed: fc.nat(),
  });
  await checkAsync(t, inputs, 800, async ({ stream, damages, piece, seed }) => {
    const where = RECORDED[stream] as Recorded;
    // Single bytes of a long stream tell nothing new and take long.
    const start = where.bytes.subarray(0, piece < 24 ? 2000 : 20_000);
    const bytes = damages.reduce(damaged, start);
    const outcome = await withstand(bytes, where, piece, seed);
    if (outcome !== '0 open, ') throw new Error(outcome);
  });
});

test('anything at all behind a good handshake: ended and closed, or taken', async (t) => {
  const where: Recorded = { from: '10.77.0.11', fromPort: 1000, to: '10.77.0.12', net: 'tcp', bytes: new Uint8Array() };
  const from = '10.77.0.11@tcp';
  const to = '10.77.0.12@tcp';
  const word = fc.oneof(
    fc.constantFrom(0, 1, 2, 3, 0xc0, 0xc1, 72, 1_048_576, 1_048_577, 0x7fffffff, 0xffffffff),
    fc.nat(),
  );
  const inputs = fc.record({
    version: fc.constantFrom(1 as const, 2 as const, 3 as const, 4 as const),
    type: fc.constantFrom(0, 1, 2, 3),
    words: fc.array(word, { maxLength: 60 }),
    startsWell: fc.boolean(),
    seed: fc.nat(),
  });
  await checkAsync(t, inputs, 800, async ({ version, type, words, startsWell, seed }) => {
    const noise = Buffer.alloc(words.length * 4);
    words.forEach((value, i) => noise.writeUInt32LE(value, i * 4));
    const good = startsWell ? messageOf({ from, to, version, payload: new Uint8Array(40) }) : new Uint8Array();
    const stream = Buffer.concat([greeting(from, to, type, { version }), good, noise]);
    const outcome = await withstand(stream, where, 1_000_000, seed);
    if (outcome !== '0 open, ') throw new Error(outcome);
  });
});

test('what a stream means does not depend on how it is cut', async (t) => {
  const where = RECORDED.find(({ bytes }) => bytes.length > 3000) as Recorded;
  const nid = `${where.to}@${where.net}`;
  const world = new World();
  const node = await world.node(nid);
  const whole = playOn(world, node, where, []);
  t.true(whole.includes('placed'));
  const cuts = fc.array(fc.integer({ min: 1, max: where.bytes.length - 1 }), { maxLength: 20 });
  checkProperty(t, cuts, 300, (at) => {
    if (playOn(world, node, where, at) !== whole) throw new Error('a different outcome');
  });
});

/** Plays a recorded stream to a node, cut at these places; gives what came of it. */
function playOn(world: World, node: TestNode, where: Recorded, cuts: readonly number[]): string {
  node.core.arrivals.length = 0;
  const peer = world.connect(where.from, where.fromPort, where.to);
  let from = 0;
  for (const to of [...new Set(cuts)].toSorted((a, b) => a - b)) {
    peer.send(where.bytes.subarray(from, to));
    world.settle(200);
    from = to;
  }
  peer.send(where.bytes.subarray(from));
  world.settle();
  const arrivals = node.core.arrivals.map(({ number, payload, state }) => `${number} ${state} ${hexOf(payload)}`);
  const answer = peer.bytes.length;
  peer.close();
  world.settle();
  return `${arrivals.join('\n')}\n${answer} bytes of answer`;
}
