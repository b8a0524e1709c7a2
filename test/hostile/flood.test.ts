/** Peers that send more than anybody wants, or take nothing of what they asked for: memory stays bounded, others are served. */
import test from 'ava';
import { seededRandom } from '../../lnet/random.ts';
import { LNET_MSG_GET } from '../../lnet/wire/lnet-hdr.ts';
import { Arena } from './arena.ts';
import { message, ping, repeated } from './frames.ts';
import type { RawPeer } from './raw-peer.ts';
import { LAZY_PORTAL, OPEN_BITS, OPEN_BYTES, OPEN_PORTAL, TIMEOUT_S } from './victim-protocol.ts';

const BLOCK = 32;
const LATE_MS = (TIMEOUT_S * 1000) / 4 + 2_500;
/** How long a flood goes on that the node has no reason to end, ms. */
const FLOOD_MS = 1_000;
/** How long one may go on that it has to end: on a slow machine much time passes until all buffers on the way are full. */
const ENDED_FLOOD_MS = 8_000;

let arena: Arena;
test.before(async () => {
  arena = await Arena.open(BLOCK);
});
test.after.always(() => arena?.close());

/** Pours a block again and again while the connection stands and there is time; gives how often. */
async function flood(peer: RawPeer, block: Uint8Array, forMs = ENDED_FLOOD_MS): Promise<number> {
  const deadline = performance.now() + forMs;
  let count = 0;
  while (peer.isOpen && performance.now() < deadline) {
    peer.send(block);
    count++;
    // A turn of the loop for the good peer, which lives in this process.
    await new Promise((resolve) => setImmediate(resolve));
    if (peer.backlog > 1 << 20) await peer.until(() => peer.backlog < 1 << 20 || performance.now() > deadline);
  }
  return count;
}

const handle = { interfaceCookie: 1n, objectCookie: 2n };
const BLOCK_FRAMES = 500;

test.serial(
  'peers that ping without end and read no answer: so many answers wait and no more, and they are dropped after the timeout',
  async (t) => {
    const tally = await arena.withstand(t, async () => {
      const peers = await Promise.all(Array.from({ length: 2 }, () => arena.peer()));
      const counts = await Promise.all(
        peers.map((peer) =>
          flood(peer.stopReading(), repeated(ping(`${peer.address}@tcp`, arena.nid, 4096), BLOCK_FRAMES)),
        ),
      );
      t.true(peers.every((peer) => !peer.isOpen));
      return counts.reduce((sum, count) => sum + count * BLOCK_FRAMES, 0);
    });
    t.true(tally.drop('answer_limit') > 1_000);
    t.deepEqual(tally.endings, { broken_tx_timeout: 2 });
  },
);

test.serial('peers that ask for 1 MiB without end and read nothing of it', async (t) => {
  const tally = await arena.withstand(t, async () => {
    const peers = await Promise.all(Array.from({ length: 2 }, () => arena.peer()));
    const counts = await Promise.all(
      peers.map((peer) => {
        const from = `${peer.address}@tcp`;
        const get = { from, to: arena.nid, type: LNET_MSG_GET, portal: OPEN_PORTAL, matchBits: OPEN_BITS, ...handle };
        return flood(peer.stopReading(), repeated(message({ ...get, sinkLength: OPEN_BYTES }), BLOCK_FRAMES));
      }),
    );
    t.true(peers.every((peer) => !peer.isOpen));
    return counts.reduce((sum, count) => sum + count * BLOCK_FRAMES, 0);
  });
  t.true(tally.drop('answer_limit') > 1_000);
  t.deepEqual(tally.endings, { broken_tx_timeout: 2 });
});

test.serial('a peer that sends PUTs with ACK without end and reads no ACK', async (t) => {
  const tally = await arena.withstand(t, async () => {
    const peer = await arena.peer();
    const put = { from: `${peer.address}@tcp`, to: arena.nid, portal: OPEN_PORTAL, matchBits: OPEN_BITS, ...handle };
    const count = await flood(
      peer.stopReading(),
      repeated(message({ ...put, payload: Buffer.alloc(10) }), BLOCK_FRAMES),
    );
    t.false(peer.isOpen);
    return count * BLOCK_FRAMES;
  });
  t.true(tally.drop('answer_limit') > 1_000);
  t.deepEqual(tally.endings, { broken_tx_timeout: 1 });
});

test.serial('a peer that asks for zero-copy acknowledgements without end and reads none', async (t) => {
  const tally = await arena.withstand(t, async () => {
    const peer = await arena.peer();
    const put = message({ from: `${peer.address}@tcp`, to: arena.nid, portal: 63, zcRequest: 2n });
    const count = await flood(peer.stopReading(), repeated(put, BLOCK_FRAMES));
    t.false(peer.isOpen);
    return count * BLOCK_FRAMES;
  });
  t.deepEqual(tally.endings, { broken_zc_flood: 1 });
});

test.serial(
  'PUTs for a lazy portal from many connections, without end: each connection waits with its first one and is dropped after the timeout',
  async (t) => {
    const connections = 60;
    const tally = await arena.withstand(t, async () => {
      const from = arena.nextAddress();
      const peers = await Promise.all(Array.from({ length: connections }, () => arena.peer(from)));
      const put = message({ from: `${from}@tcp`, to: arena.nid, portal: LAZY_PORTAL, payload: Buffer.alloc(100_000) });
      const began = performance.now();
      await Promise.all(peers.map((peer) => flood(peer, put, 500)));
      for (const peer of peers) await peer.ended();
      t.true(performance.now() - began < TIMEOUT_S * 1000 + LATE_MS);
      return connections;
    });
    t.is(tally.drop('lazy_link_lost'), connections);
    // They are of one NID: when one process of it is lost, the others go too (socklnd §3.8 rule 5).
    const { broken_rx_timeout = 0, broken_sibling = 0, ...others } = tally.endings;
    t.true(broken_rx_timeout >= 1);
    t.is(broken_rx_timeout + broken_sibling, connections);
    t.deepEqual(others, {});
  },
);

test.serial('small messages without end from several peers that read everything', async (t) => {
  const seed = Math.floor(Math.random() * 0x7fffffff);
  const random = seededRandom(seed);
  t.log(`seed ${seed}`);
  const tally = await arena.withstand(t, async () => {
    const counts = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const peer = await arena.peer();
        const from = `${peer.address}@tcp`;
        const frames = Array.from({ length: BLOCK_FRAMES }, () =>
          random.below(3) === 0
            ? ping(from, arena.nid, random.below(5000))
            : message({
                from,
                to: arena.nid,
                portal: random.below(70),
                matchBits: random.below(2) === 0 ? OPEN_BITS : BigInt(random.below(1000)),
                payload: Buffer.alloc(random.below(200)),
                ...(random.below(2) === 0 ? handle : {}),
              }),
        );
        // What waits for memory would stop its connection.
        const block = Buffer.concat(frames.filter((frame) => ![0, LAZY_PORTAL].includes(frame.readUInt32LE(88))));
        const count = await flood(peer, block, FLOOD_MS);
        peer.close();
        return count;
      }),
    );
    return counts.reduce((sum, count) => sum + count * BLOCK_FRAMES, 0);
  });
  const { broken_closed = 0, broken_network = 0, ...others } = tally.endings;
  t.is(broken_closed + broken_network, 4);
  t.deepEqual(others, {});
});

test.serial('too many silent connections from one address cost that address its handshakes, nobody else', async (t) => {
  const count = 200;
  const tally = await arena.withstand(t, async () => {
    const from = arena.nextAddress();
    await Promise.all(Array.from({ length: count }, () => arena.connect(from).catch(() => null)));
    t.true((await arena.serveStranger()) < 5_000);
    return count;
  });
  t.true(tally.tcp('refused_source_limit') > 0);
  t.is(tally.tcp('refused_handshake_limit'), 0);
});

test.serial('silent connections from many addresses: a newcomer is served all the same', async (t) => {
  const perAddress = 64;
  const addresses = 10;
  const waits: number[] = [];
  const tally = await arena.withstand(t, async () => {
    for (let i = 0; i < addresses; i++) {
      const from = arena.nextAddress();
      await Promise.all(Array.from({ length: perAddress }, () => arena.connect(from)));
      waits.push(await arena.serveStranger());
    }
    return perAddress * addresses;
  });
  t.log(`newcomers served within ${Math.max(...waits).toFixed(0)} ms`);
  t.true(Math.max(...waits) < 5_000);
  t.true(tally.tcp('refused_handshake_limit') > 0);
});

test.serial('connections that are made and cut at once', async (t) => {
  const count = 600;
  await arena.withstand(t, async () => {
    for (let done = 0; done < count; done += 50) {
      const from = arena.nextAddress();
      const peers = await Promise.all(Array.from({ length: 50 }, () => arena.connect(from).catch(() => null)));
      for (const peer of peers) peer?.close();
    }
    return count;
  });
  t.pass();
});
