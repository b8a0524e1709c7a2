/** Peers that say to be somebody else. Only those on privileged ports are believed at all: socklnd §11. */
import test from 'ava';
import { createServer, type Server } from 'node:net';
import { ANSWERS_SURE } from '../../lnet/deliver/answer-limit.ts';
import { LNET_MSG_GET } from '../../lnet/wire/lnet-hdr.ts';
import { NID_ANY, type Nid, nid4, parseNid } from '../../lnet/wire/nid.ts';
import { missingPrivilege, testUnless } from '../skip.ts';
import { Arena } from './arena.ts';
import { greeting, message, ping } from './frames.ts';
import type { RawPeer } from './raw-peer.ts';
import { OPEN_BITS, OPEN_PORTAL } from './victim-protocol.ts';

const BLOCK = 33;
const privilegedTest = testUnless(missingPrivilege);

let arena: Arena;
test.before(async () => {
  arena = await Arena.open(BLOCK);
});
test.after.always(() => arena?.close());

const TCP = parseNid('0.0.0.0@tcp').net;
const O2IB = parseNid('0.0.0.0@o2ib').net;
let lastPort = 1023;

/** A connection from a privileged port, as this NID. */
async function connectAs(nid: Nid | string, from = arena.nextAddress()): Promise<RawPeer> {
  lastPort = lastPort > 600 ? lastPort - 1 : 1023;
  const peer = await arena.connect({ address: from, port: lastPort });
  peer.send(greeting(nid, arena.nid, 1));
  await peer.until(() => peer.received.length >= 56);
  return peer;
}

const handle = { interfaceCookie: 1n, objectCookie: 2n };

privilegedTest(
  'thousands of NIDs invented in headers, on the net and on others: no table grows with them',
  async (t) => {
    const inventions = 10_000;
    const tally = await arena.withstand(t, async () => {
      const self = arena.nextAddress();
      const peer = await connectAs(`${self}@tcp`, self);
      const nets = [TCP, TCP + 7, O2IB, 0x7f0000];
      for (let done = 0; done < inventions; done += 500) {
        const frames = Array.from({ length: 500 }, (_, i) => {
          const from = nid4(nets[i % nets.length] as number, 0x7f800000 + done + i);
          const put = { from, to: arena.nid, portal: OPEN_PORTAL, matchBits: OPEN_BITS, ...handle };
          return i % 8 < 4 ? ping(from, arena.nid) : message(put);
        });
        await peer.pour(Buffer.concat(frames));
        // Otherwise a few attempts to connect are still under way while everything has arrived.
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      t.true(peer.isOpen);
      peer.close();
      return inventions;
    });
    t.true(tally.drop('answer_limit') > 0);
    t.true(tally.tcp('dial_failed') > 0 && tally.tcp('dial_failed') < inventions);
    t.true(tally.logLines < 50, `${tally.logLines} lines of log`);
  },
);

privilegedTest(
  'answers to NIDs invented in headers do not use up the credits that answers to others need',
  async (t) => {
    // More than an NI has credits. Whoever connects there waits for a HELLO that never comes.
    const pits = await Promise.all(Array.from({ length: 300 }, (_, i) => openPit(`127.1.${i >> 7}.${1 + (i & 127)}`)));
    t.teardown(() => {
      for (const { server } of pits) server.close();
    });
    const tally = await arena.withstand(t, async () => {
      const self = arena.nextAddress();
      const peer = await connectAs(`${self}@tcp`, self);
      const get = { to: arena.nid, type: LNET_MSG_GET, portal: OPEN_PORTAL, matchBits: OPEN_BITS, ...handle };
      await peer.pour(Buffer.concat(pits.map(({ address }) => message({ from: `${address}@tcp`, ...get }))));
      await new Promise((resolve) => setTimeout(resolve, 500));
      t.true((await arena.serve()) < 1_000);
      peer.close();
      return pits.length;
    });
    t.is(tally.drop('answer_limit'), pits.length - ANSWERS_SURE);
    t.is(tally.tcp('dial_timeout'), ANSWERS_SURE);
  },
);

/** A listener that accepts and says nothing. */
async function openPit(address: string): Promise<{ readonly address: string; readonly server: Server }> {
  const server = createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => server.listen({ host: address, port: arena.place.port }, resolve));
  return { address, server };
}

privilegedTest('a peer that greets with a NID that nobody can have here is refused', async (t) => {
  const nids = [NID_ANY, '0@lo', '10.0.0.9@o2ib', '77@gni1', '10.0.0.9@tcp200', arena.nid.replace('@tcp', '@tcp1')];
  const tally = await arena.withstand(t, async () => {
    for (const nid of nids) {
      const peer = await connectAs(nid);
      await peer.ended();
      t.is(peer.received.length, 0, String(nid));
    }
    return nids.length;
  });
  t.deepEqual(tally.endings, { refused_hello_nid: nids.length });
});

privilegedTest('a peer that greets with the NID of the node itself is a peer like others, for a while', async (t) => {
  const tally = await arena.withstand(t, async () => {
    const peer = await connectAs(arena.nid);
    peer.send(ping(arena.nid, arena.nid));
    await peer.until(() => peer.received.length > 56);
    peer.close();
    return 1;
  });
  // The node opens what connections are missing to that NID, and finds itself there instead.
  t.is(tally.tcp('broken_stale') + tally.tcp('broken_network'), 1);
});

privilegedTest('connections with hundreds of invented NIDs', async (t) => {
  const count = 350;
  const tally = await arena.withstand(t, async () => {
    const from = arena.nextAddress();
    const peers: RawPeer[] = [];
    for (let i = 0; i < count; i++) peers.push(await connectAs(nid4(TCP, 0x7f900000 + i), from));
    for (const [i, peer] of peers.entries()) peer.send(ping(nid4(TCP, 0x7f900000 + i), arena.nid));
    for (const peer of peers) await peer.until(() => peer.received.length > 100);
    t.is(peers.filter((peer) => peer.isOpen).length, count);
    for (const peer of peers) peer.close();
    return count;
  });
  t.deepEqual(tally.endings, { broken_network: count });
});
