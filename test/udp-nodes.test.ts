import test from 'ava';
import { randomInt } from 'node:crypto';
import { createNode, LNET_MD_MANAGE_REMOTE, LNET_MD_OP_GET, LNET_MD_OP_PUT, type LnetNode } from '../index.ts';
import { patternBytes } from '../nals/compliance/memory.ts';

const MIB = 1_048_576;
const PORTAL = 40;

/** Two nodes of this process, each at a loopback address of its own, on net udp. */
async function pair(body: (server: LnetNode, client: LnetNode, nid: string) => Promise<void>): Promise<void> {
  const net = `127.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  const options = { accept: 'all', acceptPort: randomInt(20_000, 30_000) } as const;
  const server = await createNode({ ...options, nets: { udp: `${net}.1` } });
  const client = await createNode({ ...options, nets: { udp: `${net}.2` } });
  try {
    await body(server, client, `${net}.1@udp`);
  } finally {
    await client.close();
    await server.close();
  }
}

test('nodes on net udp ping and discover each other', (t) =>
  pair(async (_server, client, nid) => {
    const info = await client.ping(nid);
    t.true(JSON.stringify(info).includes(nid));
    const peer = await client.discover(nid);
    t.true(JSON.stringify(peer).includes(nid));
  }));

test('1 MiB goes by PUT and comes back by GET over UDP, from and into scattered memory', (t) =>
  pair(async (server, client, target) => {
    const memory = new Uint8Array(MIB);
    const me = server.attachMe({ portal: PORTAL, matchBits: 7n });
    const options = LNET_MD_OP_PUT | LNET_MD_OP_GET | LNET_MD_MANAGE_REMOTE;
    server.attachMd(me, { memory, options }, false);
    const sent = patternBytes(1, MIB);
    const fragments = Array.from({ length: 256 }, (_, page) => sent.subarray(page * 4096, (page + 1) * 4096));
    await client.put({ target, portal: PORTAL, matchBits: 7n, memory: fragments, ack: true });
    t.deepEqual(Buffer.compare(memory, sent), 0);
    const back = new Uint8Array(MIB);
    await client.get({ target, portal: PORTAL, matchBits: 7n, memory: back });
    t.deepEqual(Buffer.compare(back, sent), 0);
  }));
