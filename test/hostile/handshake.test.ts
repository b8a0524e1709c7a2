/** Handshakes that no good peer makes, on real sockets. */
import test from 'ava';
import { seededRandom } from '../../lnet/random.ts';
import { NID_ANY } from '../../lnet/wire/nid.ts';
import { encodeConnreq } from '../../nals/tcp/wire/connreq.ts';
import { parseNid } from '../../lnet/wire/nid.ts';
import { Arena } from './arena.ts';
import { greeting, hello } from './frames.ts';
import type { RawPeer } from './raw-peer.ts';
import { ACCEPT_TIMEOUT_S } from './victim-protocol.ts';

const BLOCK = 30;
/** What a busy machine may add to a timeout of the node, ms. */
const LATE_MS = 1_500;
/** How much later than the node a test may learn that a connection is there, ms. */
const EARLY_MS = 300;

let arena: Arena;
test.before(async () => {
  arena = await Arena.open(BLOCK);
});
test.after.always(() => arena?.close());

/** A good greeting of which so much is sent. */
const PHASES: readonly (readonly [phase: string, bytes: number])[] = [
  ['nothing', 0],
  ['part of the magic of the request', 3],
  ['the magic of the request', 4],
  ['part of its version', 7],
  ['its version', 8],
  ['part of its NID', 15],
  ['the request', 16],
  ['part of the magic of HELLO', 18],
  ['the magic of HELLO', 20],
  ['the version of HELLO', 24],
  ['half of HELLO', 50],
  ['all of HELLO but a byte', 71],
  ['HELLO without the list that it announces', 72],
  ['HELLO with part of its list', 76],
];

test.serial(
  'a peer that falls silent in a handshake is dropped after the accept timeout, in whatever phase',
  async (t) => {
    const peers: [phase: string, peer: RawPeer][] = [];
    const tally = await arena.withstand(t, async () => {
      const from = arena.nextAddress();
      const whole = Buffer.concat([greeting(`${from}@tcp`, arena.nid, 1), Buffer.from([1, 2, 3, 4])]);
      whole.writeUInt32LE(3, 16 + 52);
      for (const [phase, bytes] of PHASES)
        for (let i = 0; i < 4; i++) peers.push([phase, (await arena.connect(from)).send(whole.subarray(0, bytes))]);
      for (const [phase, peer] of peers) {
        const ms = await peer.ended();
        t.true(ms > ACCEPT_TIMEOUT_S * 1000 - EARLY_MS && ms < ACCEPT_TIMEOUT_S * 1000 + LATE_MS, `${phase}: ${ms} ms`);
      }
      return peers.length;
    });
    t.deepEqual(tally.endings, { refused_timeout: peers.length });
  },
);

test.serial('a peer that sends its handshake byte by byte is dropped when a part of it takes too long', async (t) => {
  const tally = await arena.withstand(t, async () => {
    const peer = await arena.connect();
    const whole = greeting(`${peer.address}@tcp`, arena.nid, 1);
    for (let at = 0; at < whole.length && peer.isOpen; at++) {
      peer.send(whole.subarray(at, at + 1));
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    // The first two parts are four bytes each, the third is eight.
    t.true((await peer.ended()) < 3 * ACCEPT_TIMEOUT_S * 1000 + LATE_MS);
    return 1;
  });
  t.deepEqual(tally.endings, { refused_timeout: 1 });
});

const u32 = (...words: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(words.length * 4);
  words.forEach((word, i) => bytes.writeUInt32LE(word >>> 0, i * 4));
  return bytes;
};

/** Bytes, changed at one place. */
const patched = (bytes: Uint8Array, at: number, word: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy.writeUInt32LE(word >>> 0, at);
  return copy;
};

/** Every impossible handshake by the counter that must name it. Only versions are answered. */
function refusals(from: string, to: string): readonly (readonly [reason: string, what: string, bytes: Buffer])[] {
  const good = greeting(from, to, 1);
  const request = good.subarray(0, 16);
  const afterRequest = (bytes: Buffer): Buffer => Buffer.concat([request, bytes]);
  const oldHello = (words: Readonly<Record<number, number>>): Buffer => {
    const bytes = hello(from, to, 1, { version: 1 });
    for (const [at, word] of Object.entries(words)) bytes.writeUInt32LE(word, Number(at));
    return afterRequest(bytes);
  };
  const large = Buffer.concat([u32(0xacce7100, 2), Buffer.from([255, 2, 0, 0]), Buffer.alloc(16, 1)]);
  return [
    ['refused_request_magic', 'HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['refused_request_magic', 'TLS', Buffer.from('1603010200010001fc0303', 'hex')],
    ['refused_request_magic', 'zeros', Buffer.alloc(1000)],
    ['refused_version_probe', 'HELLO first', good.subarray(16)],
    ['refused_version_probe', 'HELLO first, swapped', Buffer.from('45726963', 'hex')],
    ['refused_request_version', 'version 0', u32(0xacce7100, 0)],
    ['refused_request_version', 'version 3', u32(0xacce7100, 3)],
    ['refused_request_version', 'version -1', u32(0xacce7100, -1)],
    ['refused_unknown_nid', 'a NID of nobody', Buffer.from(encodeConnreq(parseNid('192.0.2.1@tcp')))],
    [
      'refused_unknown_nid',
      'the address on another net',
      Buffer.from(encodeConnreq(parseNid(to.replace('@tcp', '@tcp7')))),
    ],
    ['refused_unknown_nid', '0@lo', Buffer.from(encodeConnreq(parseNid('0@lo')))],
    ['refused_unknown_nid', 'any NID', Buffer.from(encodeConnreq(NID_ANY))],
    ['refused_unknown_nid', 'a large NID', Buffer.from(encodeConnreq(parseNid('2001:db8::1@tcp')))],
    ['refused_unknown_nid', 'a NID of impossible size', large],
    ['refused_hello_magic', 'no HELLO', afterRequest(Buffer.alloc(56, 0x55))],
    ['refused_hello_magic', 'the request again', afterRequest(request)],
    ['refused_hello_magic', 'HELLO of version 1 that is a PUT', oldHello({ 24: 1 })],
    ['refused_hello_version', 'version 0', patched(good, 20, 0)],
    ['refused_hello_version', 'version 5', patched(good, 20, 5)],
    ['refused_hello_version', 'version -1', patched(good, 20, -1)],
    ['refused_hello_version', 'version 2.0 of the old HELLO', oldHello({ 4: 2 })],
    ['refused_hello_type', 'type 4', patched(good, 16 + 48, 4)],
    ['refused_hello_type', 'type "not this time"', patched(good, 16 + 48, -1)],
    ['refused_hello_list', '17 addresses', patched(good, 16 + 52, 17)],
    ['refused_hello_list', '-1 addresses', patched(good, 16 + 52, -1)],
    ['refused_hello_list', 'address 0.0.0.0', Buffer.concat([patched(good, 16 + 52, 1), u32(0)])],
    ['refused_hello_list', 'a list of 3 bytes', oldHello({ 28: 3 })],
    ['refused_hello_list', 'a list of -1 bytes', oldHello({ 28: 0xffffffff })],
  ];
}

test.serial('each impossible handshake is refused and counted by its own name', async (t) => {
  const from = arena.nextAddress();
  const cases = refusals(`${from}@tcp`, arena.nid);
  const tally = await arena.withstand(t, async () => {
    for (const [reason, what, bytes] of cases) {
      const peer = await arena.connect(from);
      peer.send(bytes);
      const ms = await peer.ended();
      t.true(ms < 1000 + LATE_MS, `${reason}, ${what}: ${ms} ms`);
      const hasAnswer = /version/.test(reason);
      t.is(peer.received.length > 0, hasAnswer, `${reason}, ${what}`);
    }
    return cases.length;
  });
  const expected: Record<string, number> = {};
  for (const [reason] of cases) expected[reason] = (expected[reason] ?? 0) + 1;
  t.deepEqual(tally.endings, expected);
});

test.serial('anything at all where a handshake belongs is refused, each time under a name', async (t) => {
  const seed = Math.floor(Math.random() * 0x7fffffff);
  const random = seededRandom(seed);
  t.log(`seed ${seed}`);
  const count = 600;
  const tally = await arena.withstand(t, async () => {
    for (let done = 0; done < count; done += 40) {
      const from = arena.nextAddress();
      const good = greeting(`${from}@tcp`, arena.nid, 1);
      const peers = await Promise.all(
        Array.from({ length: 40 }, async () => (await arena.connect(from)).send(mangled(good, random))),
      );
      await Promise.all(peers.map((peer) => peer.ended()));
    }
    return count;
  });
  const counted = Object.values(tally.endings).reduce((sum, one) => sum + one, 0);
  t.is(counted, count, JSON.stringify(tally.endings));
});

/** A greeting with noise in it, always too much or too little of it to be good. */
function mangled(good: Buffer, random: ReturnType<typeof seededRandom>): Buffer {
  const bytes = Buffer.from(good);
  const changes = 1 + random.below(4);
  for (let i = 0; i < changes; i++) bytes[random.below(bytes.length)] = random.below(256);
  // What is good all the same must not stay open: no message begins so.
  return Buffer.concat([bytes.subarray(0, random.below(3) === 0 ? random.below(72) : 72), Buffer.alloc(100, 0xee)]);
}
