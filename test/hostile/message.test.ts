/** Messages that no good peer sends, on real sockets, each after a good handshake. */
import test from 'ava';
import { seededRandom } from '../../lnet/random.ts';
import { LNET_MSG_ACK, LNET_MSG_GET, LNET_MSG_PUT, LNET_MSG_REPLY, LNET_MTU } from '../../lnet/wire/lnet-hdr.ts';
import { Arena } from './arena.ts';
import { message, type MessageSpec, noop, ping } from './frames.ts';
import type { RawPeer } from './raw-peer.ts';
import { LAZY_PORTAL, OPEN_BITS, OPEN_PORTAL, SHORT_BYTES, SHORT_PORTAL, TIMEOUT_S } from './victim-protocol.ts';

const BLOCK = 31;
/** Connections are looked at every quarter of the timeout; a busy machine may be late. */
const LATE_MS = (TIMEOUT_S * 1000) / 4 + 1_500;
const MINUS_ONE = 0xffffffff;
const NO_COOKIE = 0xffffffffffffffffn;

let arena: Arena;
test.before(async () => {
  arena = await Arena.open(BLOCK);
});
test.after.always(() => arena?.close());

/** Header fields, whole frames, or what the connection says of itself. */
type Change = Omit<MessageSpec, 'from' | 'to'> & { readonly to?: string };

/** Impossible messages by the drop counter, if LNet has one for them, and the counter of the connection. */
const REFUSED: readonly (readonly [drop: string | null, broken: string, what: string, change: Change | Buffer])[] = [
  ['refused_bad_type', 'broken_message', 'HELLO as a message', { type: 4 }],
  ['refused_bad_type', 'broken_message', 'type 5', { type: 5 }],
  ['refused_bad_type', 'broken_message', 'type -1 with a length', { type: MINUS_ONE, payloadLength: MINUS_ONE }],
  ['refused_unexpected_payload', 'broken_message', 'ACK with payload', { type: LNET_MSG_ACK, payloadLength: 1 }],
  [
    'refused_unexpected_payload',
    'broken_message',
    'GET with payload',
    { type: LNET_MSG_GET, payloadLength: MINUS_ONE },
  ],
  ['refused_too_long', 'broken_message', 'PUT of 1 MiB + 1', { payloadLength: LNET_MTU + 1 }],
  ['refused_too_long', 'broken_message', 'PUT of -1 bytes', { payloadLength: MINUS_ONE }],
  ['refused_too_long', 'broken_message', 'PUT of 2 GiB', { payloadLength: 0x80000000 }],
  ['refused_too_long', 'broken_message', 'REPLY of -1 bytes', { type: LNET_MSG_REPLY, payloadLength: MINUS_ONE }],
  ['refused_not_sent_directly', 'broken_message', 'for another node of the net', { to: '192.0.2.1@tcp' }],
  [null, 'broken_message_type', 'type of socklnd 0', { kshType: 0 }],
  [null, 'broken_message_type', 'type of socklnd -1', { kshType: MINUS_ONE }],
  [null, 'broken_message_type', 'a HELLO of version 1', { kshType: 0xeebc0ded }],
  [null, 'broken_zc_ack', 'zero-copy acknowledgement never asked for', noop(0n, 2n)],
  [null, 'broken_zc_ack', 'two of them', noop(7n, 3n)],
  [null, 'broken_zc_ack', 'a range of nearly all', noop(2n, NO_COOKIE)],
  [null, 'broken_zc_ack', 'a keepalive that acknowledges', noop(5n, 1n)],
  [null, 'broken_zc_ack', 'one that rides on a message', { zcAck: 9n }],
];

test.serial('each impossible message closes its connection and is counted by its own name', async (t) => {
  const tally = await arena.withstand(t, async () => {
    for (const [, , what, change] of REFUSED) {
      const peer = await arena.peer();
      peer.send(Buffer.isBuffer(change) ? change : message({ from: `${peer.address}@tcp`, to: arena.nid, ...change }));
      const ms = await peer.ended();
      t.true(ms < LATE_MS, `${what}: ${ms} ms`);
    }
    return REFUSED.length;
  });
  const expected = { drops: {} as Record<string, number>, endings: {} as Record<string, number> };
  for (const [drop, broken] of REFUSED) {
    if (drop) expected.drops[drop] = (expected.drops[drop] ?? 0) + 1;
    expected.endings[broken] = (expected.endings[broken] ?? 0) + 1;
  }
  t.deepEqual({ drops: tally.dropped, endings: tally.endings }, expected);
});

test.serial(
  'a message for another NID of the node than the one that was connected to closes the connection',
  async (t) => {
    const tally = await arena.withstand(t, async () => {
      const others = [arena.nid.replace('@tcp', '@tcp1'), '0@lo'];
      for (const to of others) {
        const peer = await arena.peer();
        peer.send(message({ from: `${peer.address}@tcp`, to }));
        t.true((await peer.ended()) < LATE_MS, to);
      }
      return others.length;
    });
    t.deepEqual(tally.dropped, { refused_wrong_own_nid: 2 });
    t.deepEqual(tally.endings, { broken_message: 2 });
  },
);

let marks = 0x5eed_0000_0000n;

/** A peer that is still served on this very connection: what was sent before was read to its last byte, and no more. */
async function isInStep(peer: RawPeer): Promise<boolean> {
  const mark = Buffer.alloc(8);
  mark.writeBigUInt64LE(++marks);
  peer.take();
  peer.send(ping(`${peer.address}@tcp`, arena.nid, 272, marks));
  await peer.until(() => peer.received.includes(mark));
  return peer.isOpen;
}

/** Messages that go nowhere, by the counter that says so. */
const DROPPED: readonly (readonly [drop: string, what: string, change: Change])[] = [
  ['not_routing', 'for a net that the node is not on', { to: '192.0.2.1@tcp9', payload: Buffer.alloc(5000) }],
  ['not_routing', 'for a node on o2ib', { to: '192.0.2.1@o2ib' }],
  ['no_portal', 'portal 64', { portal: 64, payload: Buffer.alloc(100_000) }],
  ['no_portal', 'portal -1', { portal: MINUS_ONE }],
  ['no_portal', 'GET from portal 64', { type: LNET_MSG_GET, portal: 64, sinkLength: MINUS_ONE }],
  ['no_match', 'unknown match bits', { portal: OPEN_PORTAL, matchBits: ~OPEN_BITS, payload: Buffer.alloc(LNET_MTU) }],
  ['no_match', 'a portal with nothing on it', { portal: 63, payload: Buffer.alloc(1) }],
  [
    'no_match',
    'GET with unknown match bits',
    { type: LNET_MSG_GET, portal: OPEN_PORTAL, matchBits: 1n, sinkLength: 10 },
  ],
  ['get_on_lazy', 'GET from a lazy portal', { type: LNET_MSG_GET, portal: LAZY_PORTAL, sinkLength: 10 }],
  [
    'get_on_lazy',
    'GET from portal 0 that is no ping',
    { type: LNET_MSG_GET, portal: 0, matchBits: 1n, sinkLength: 10 },
  ],
  [
    'too_long',
    'longer than the memory for it',
    { portal: SHORT_PORTAL, matchBits: OPEN_BITS, payload: Buffer.alloc(SHORT_BYTES + 1) },
  ],
  [
    'offset_beyond',
    'offset -1',
    { portal: SHORT_PORTAL, matchBits: OPEN_BITS, offset: MINUS_ONE, payload: Buffer.alloc(2) },
  ],
  ['offset_beyond', 'offset -1 of what is cut', { portal: OPEN_PORTAL, matchBits: OPEN_BITS, offset: MINUS_ONE }],
  ['foreign_cookie', 'REPLY of another incarnation', { type: LNET_MSG_REPLY, payload: Buffer.alloc(LNET_MTU) }],
  ['foreign_cookie', 'ACK without handle', { type: LNET_MSG_ACK, mlength: MINUS_ONE }],
];

test.serial(
  'each message that goes nowhere is read whole, dropped and counted by its own name; the connection stays',
  async (t) => {
    const tally = await arena.withstand(t, async () => {
      const peer = await arena.peer();
      for (const [, what, change] of DROPPED) {
        peer.send(message({ from: `${peer.address}@tcp`, to: arena.nid, ...change }));
        t.true(await isInStep(peer), what);
      }
      peer.close();
      return DROPPED.length;
    });
    const expected: Record<string, number> = {};
    for (const [drop] of DROPPED) expected[drop] = (expected[drop] ?? 0) + 1;
    t.deepEqual(tally.dropped, expected);
    t.deepEqual(Object.keys(tally.endings), ['broken_network']);
  },
);

test.serial(
  'messages for every portal with any match bits: each is served, dropped or closes its connection',
  async (t) => {
    const seed = Math.floor(Math.random() * 0x7fffffff);
    const random = seededRandom(seed);
    t.log(`seed ${seed}`);
    const word = (): bigint => (BigInt(random.below(0x100000000)) << 32n) | BigInt(random.below(0x100000000));
    const portals = Array.from({ length: 72 }, (_, i) => i).filter((portal) => portal !== 0 && portal !== LAZY_PORTAL);
    let sent = 0;
    const tally = await arena.withstand(t, async () => {
      const peer = await arena.peer();
      const from = `${peer.address}@tcp`;
      for (const portal of portals) {
        const frames = Array.from({ length: 60 }, () => {
          const type = random.below(2) === 0 ? LNET_MSG_PUT : LNET_MSG_GET;
          const length = type === LNET_MSG_PUT ? random.below(300) : 0;
          return message({
            from,
            to: arena.nid,
            type,
            portal,
            matchBits: random.below(4) === 0 ? OPEN_BITS : word(),
            payload: Buffer.alloc(length, 0x5a),
            offset: random.below(4) === 0 ? random.below(0x100000000) : 0,
            sinkLength: random.below(1000),
            interfaceCookie: word(),
            objectCookie: word(),
          });
        });
        sent += frames.length;
        await peer.pour(Buffer.concat(frames));
        t.true(await isInStep(peer), `portal ${portal}`);
      }
      peer.close();
      return sent;
    });
    const { no_match = 0, no_portal, ...others } = tally.dropped;
    t.is(no_portal, 8 * 60);
    t.true(no_match > 60 * 60);
    t.deepEqual(
      Object.keys(others).filter((reason) => reason !== 'offset_beyond' && reason !== 'too_long'),
      [],
    );
  },
);

/** A PUT to memory that is there, with changes. */
const put = (peer: RawPeer, change: Change): Buffer =>
  message({ from: `${peer.address}@tcp`, to: arena.nid, matchBits: OPEN_BITS, ...change });

test.serial('a peer that falls silent in the middle of a message is dropped after the timeout', async (t) => {
  const depths = [1, 23, 24, 60, 95];
  const tally = await arena.withstand(t, async () => {
    const peers: [what: string, peer: RawPeer][] = [];
    for (const depth of depths) {
      const peer = await arena.peer();
      peers.push([`header, ${depth} bytes`, peer.send(put(peer, {}).subarray(0, depth))]);
    }
    for (const [what, portal, sent] of [
      ['no byte of a wanted payload', OPEN_PORTAL, 0],
      ['part of a wanted payload', OPEN_PORTAL, 70_000],
      ['part of an unwanted payload', 63, 70_000],
      ['a payload that waits for memory', LAZY_PORTAL, 100],
      ['a whole message that waits for memory', LAZY_PORTAL, 100_000],
    ] as const) {
      const peer = await arena.peer();
      const bytes = put(peer, { portal, payloadLength: 100_000, payload: Buffer.alloc(sent) });
      peers.push([what, peer.send(bytes)]);
    }
    const began = performance.now();
    for (const [what, peer] of peers) {
      await peer.ended();
      const ms = performance.now() - began;
      t.true(ms > TIMEOUT_S * 1000 - 300 && ms < TIMEOUT_S * 1000 + LATE_MS, `${what}: ${ms} ms`);
    }
    return peers.length;
  });
  t.deepEqual(tally.endings, { broken_rx_timeout: depths.length + 5 });
  t.deepEqual(tally.dropped, { no_match: 1, lazy_link_lost: 2 });
  t.is(tally.failures, 2, 'PUT events with an error');
});
