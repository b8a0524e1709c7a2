/** Peers that are gone without a word, so that TCP goes on believing in them: in virtual time. */
import test from 'ava';
import { settle } from '../../nals/sim/settle.ts';
import { BULK_OUT, CONTROL } from '../replay/frame-builder.ts';
import { greeting, message } from './frames.ts';
import { OPEN_BITS, OPEN_PORTAL } from './victim-protocol.ts';
import { VirtualArena } from './virtual-arena.ts';

const NODE = '10.77.0.12@tcp';
const PEER = '10.77.0.11@tcp';
const [NODE_IP, PEER_IP] = [NODE, PEER].map((nid) => nid.replace('@tcp', '')) as [string, string];
/** Those of the arena, and what the driver adds when it looks at its connections. */
const TIMEOUT_S = 10;
const LOOK_S = TIMEOUT_S / 4;
const ACCEPT_TIMEOUT_S = 5;
const KEEPALIVE_S = 30;

const open = (): Promise<VirtualArena> => VirtualArena.open('half-open', [NODE], '10.77.0.99@tcp');

/** Connections that the node has with the peer that is gone. */
const linksOf = ({ nis }: VirtualArena): number =>
  nis.flatMap(({ pairs }) => pairs).filter((pair) => pair.nid.toString() === PEER && pair.conns.length > 0).length;

/** A peer that has sent this much of a greeting and a message, and of which nothing more is heard. */
async function vanish(arena: VirtualArena, bytes: number, type = CONTROL): Promise<void> {
  const peer = arena.connect(PEER_IP, 1000);
  const put = message({ from: PEER, to: NODE, portal: OPEN_PORTAL, matchBits: OPEN_BITS, payload: Buffer.alloc(5000) });
  peer.send(Buffer.concat([greeting(PEER, NODE, type), put]).subarray(0, bytes));
  arena.world.settle();
  arena.world.net.cut(PEER_IP, NODE_IP);
}

test('gone in the handshake: given up after the accept timeout', async (t) => {
  for (const bytes of [0, 4, 16, 40]) {
    const arena = await open();
    const before = arena.endings;
    if (bytes > 0) await vanish(arena, bytes);
    else {
      arena.connect(PEER_IP, 1000);
      arena.world.net.cut(PEER_IP, NODE_IP);
    }
    arena.world.seconds(ACCEPT_TIMEOUT_S - 0.1);
    t.is(arena.endings, before, `${bytes} bytes`);
    arena.world.seconds(0.2);
    t.is(arena.endings, before + 1, `${bytes} bytes`);
    await arena.checkServed(true);
    arena.checkAtRest();
  }
});

test('gone in the middle of a message: given up after the timeout, whatever was missing', async (t) => {
  const handshake = 16 + 56;
  for (const bytes of [1, 24, 80, 96, 3000]) {
    const arena = await open();
    await vanish(arena, handshake + bytes);
    t.is(linksOf(arena), 1);
    arena.world.seconds(TIMEOUT_S - 0.1);
    t.is(linksOf(arena), 1, `${bytes} bytes`);
    arena.world.seconds(LOOK_S + 0.2);
    t.is(linksOf(arena), 0, `${bytes} bytes`);
    await arena.checkServed(true);
    arena.checkAtRest();
  }
});

test('gone between messages: what is sent to it fails after the timeout, and with nothing to send a keepalive finds out', async (t) => {
  const handshake = 16 + 56;
  const arena = await open();
  await vanish(arena, handshake);
  const put = { memory: new Uint8Array(100), target: PEER, portal: OPEN_PORTAL, matchBits: OPEN_BITS };
  const sent = arena.world.clock.now();
  const error = await t.throwsAsync(settle(arena.world.clock, arena.node.put(put)));
  t.regex(error.message, /10\.77\.0\.11@tcp/);
  t.true(arena.world.clock.now() - sent <= (TIMEOUT_S + LOOK_S + 1) * 1e6);
  t.is(linksOf(arena), 0);

  const idle = await open();
  // Keepalives need a connection that the node may send NOOPs on: socklnd §8.2.
  await vanish(idle, handshake, BULK_OUT);
  idle.world.seconds(KEEPALIVE_S);
  t.is(linksOf(idle), 1);
  idle.world.seconds(TIMEOUT_S + 3 * LOOK_S);
  t.is(linksOf(idle), 0);
  await idle.checkServed(true);
  idle.checkAtRest();
});
