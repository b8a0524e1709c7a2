import test from 'ava';
import { NID_A, NID_B, Recorder, type TestCore } from '../deliver/core-fixture.test-support.ts';
import { flat, pair, type TestNet } from '../deliver/link-fixture.test-support.ts';
import { LNET_MSG_GET, LNET_MSG_PUT } from '../wire/lnet-hdr.ts';
import { type Nid, parseNid } from '../wire/nid.ts';
import {
  LNET_MD_MANAGE_REMOTE,
  LNET_MD_MAX_SIZE,
  LNET_MD_OP_GET,
  LNET_MD_OP_PUT,
  LNET_MD_TRUNCATE,
  type MdSpec,
} from './md.ts';
import type { MeSpec } from './me.ts';

const NO_HANDLE = {
  interfaceCookieLow: 0xffffffff,
  interfaceCookieHigh: 0xffffffff,
  objectCookieLow: 0xffffffff,
  objectCookieHigh: 0xffffffff,
};

/** A PUT from A to B, at once. */
function arrive(net: TestNet, fields: object = {}, length = 8, from: Nid = NID_A): void {
  const payload = Uint8Array.from({ length }, (_, index) => index + 1);
  net.inject(from, NID_B, { type: LNET_MSG_PUT, portal: 4, matchBitsLow: 1, ...NO_HANDLE, ...fields }, payload);
}

/** Serves under a name; gives the names that got something, in order. */
function namedEntries(core: TestCore): {
  readonly serve: (name: string, me?: Partial<MeSpec>, md?: Partial<MdSpec>) => void;
  readonly hits: string[];
} {
  const hits: string[] = [];
  return {
    hits,
    serve: (name, me = {}, md = {}) => void core.serve(me, { handler: () => hits.push(name), ...md }),
  };
}

test('T8: An ME with ignore bits wins over an earlier-inserted exact ME; within a class BEFORE/AFTER order decides.', async (t) => {
  const { net, b } = await pair();
  const { serve, hits } = namedEntries(b);
  serve('exact', {}, { threshold: 1 });
  serve('exact after', { position: 'after' }, { threshold: 1 });
  serve('exact before', { position: 'before' }, { threshold: 1 });
  serve('ignoring', { ignoreBits: 0xffn }, { threshold: 1 });
  serve('ignoring local', { ignoreBits: 0xf0n, position: 'local' }, { threshold: 1 });
  serve('ignoring before', { ignoreBits: 0xf0n, position: 'before' }, { threshold: 1 });
  for (let i = 0; i < 6; i++) arrive(net);
  t.deepEqual(hits, ['ignoring before', 'ignoring', 'ignoring local', 'exact before', 'exact', 'exact after']);
});

for (const kind of ['wildcard', 'unique'] as const) {
  test(`on a ${kind} portal BEFORE/AFTER order among equal entries survives any number of others`, async (t) => {
    const { net, b } = await pair();
    const { serve, hits } = namedEntries(b);
    const me = kind === 'unique' ? { nid: NID_A, pid: 12345 } : {};
    for (let i = 0; i < 2000; i++) {
      if (i === 10) serve('first', me, { threshold: 1 });
      if (i === 700) serve('second', me, { threshold: 1 });
      if (i === 1500) serve('before both', { ...me, position: 'before' }, { threshold: 1 });
      serve('other', { ...me, matchBits: BigInt(i + 2) });
    }
    for (let i = 0; i < 4; i++) arrive(net);
    t.deepEqual(hits, ['before both', 'first', 'second']);
    t.is(b.drops.no_match, 1);
  });
}

test('all 64 match bits count, and of them those that are not ignored', async (t) => {
  const { net, b } = await pair();
  const { serve, hits } = namedEntries(b);
  serve('all', { matchBits: 0x8000_0001_8000_0001n });
  serve('ignoring the upper half', { portal: 5, matchBits: 7n, ignoreBits: 0xffff_ffff_0000_0000n });
  arrive(net, { matchBitsLow: 0x80000001, matchBitsHigh: 0x80000001 });
  arrive(net, { matchBitsLow: 0x80000001, matchBitsHigh: 1 });
  arrive(net, { matchBitsLow: 1, matchBitsHigh: 0x80000001 });
  arrive(net, { portal: 5, matchBitsLow: 7, matchBitsHigh: 0xdeadbeef });
  arrive(net, { portal: 5, matchBitsLow: 6, matchBitsHigh: 0 });
  t.deepEqual(hits, ['all', 'ignoring the upper half']);
});

test('an entry for one pid or one NID takes messages of that pid or NID only', async (t) => {
  const { net, b } = await pair();
  const { serve, hits } = namedEntries(b);
  serve('pid 7', { pid: 7 });
  serve('C', { nid: parseNid('10.0.0.3@tcp') });
  arrive(net);
  arrive(net, { srcPid: 7 });
  arrive(net, { srcNid: parseNid('10.0.0.3@tcp') });
  t.deepEqual(hits, ['pid 7', 'C']);
});

test("T9: ME match NID equal to a peer's primary NID matches messages from any NID of that peer.", async (t) => {
  const { net, b } = await pair();
  const [primary, second, stranger] = ['10.0.0.1@tcp', '10.0.0.7@tcp', '10.0.0.8@tcp'].map(parseNid) as [Nid, Nid, Nid];
  b.peers.add(primary, second);
  const seen = new Recorder();
  b.serve({ nid: primary }, { handler: seen.handler });
  b.serve({ portal: 5, nid: primary, pid: 12345 }, { handler: seen.handler });
  for (const portal of [4, 5]) for (const from of [primary, second, stranger]) arrive(net, { portal }, 8, from);
  t.deepEqual(
    seen.events.map(({ portal, initiatorNid, sourceNid, senderNid }) => [portal, initiatorNid, sourceNid, senderNid]),
    [
      [4, primary, primary, primary],
      [4, primary, second, second],
      [5, primary, primary, primary],
      [5, primary, second, second],
    ],
  );
  t.is(b.drops.no_match, 2);
});

test('an entry for a NID that is not primary any more takes messages of its peer, also on a unique portal', async (t) => {
  const { net, b } = await pair();
  const [primary, second] = ['10.0.0.1@tcp', '10.0.0.7@tcp'].map(parseNid) as [Nid, Nid];
  const seen = new Recorder();
  b.serve({ nid: second }, { handler: seen.handler });
  b.serve({ portal: 5, nid: second, pid: 12345 }, { handler: seen.handler });
  for (const portal of [4, 5]) arrive(net, { portal });
  t.deepEqual(seen.story, []);
  b.peers.add(primary, second);
  for (const portal of [4, 5]) arrive(net, { portal });
  t.deepEqual(seen.story, ['PUT', 'PUT']);
});

test('T10: A message with a foreign destination pid but correct destination NID is delivered.', async (t) => {
  const { net, b } = await pair();
  const seen = new Recorder();
  b.serve({}, { handler: seen.handler });
  arrive(net, { destPid: 99 });
  t.like(seen.last, { type: 2, targetPid: 99, targetNid: NID_B });
});

test('T11: PUT longer than the MD without TRUNCATE is dropped although later MEs would accept it.', async (t) => {
  const { net, b } = await pair();
  const { serve, hits } = namedEntries(b);
  serve('short', {}, { memory: new Uint8Array(7) });
  serve('long', {}, { memory: new Uint8Array(8) });
  arrive(net);
  t.deepEqual(hits, []);
  t.is(b.drops.too_long, 1);
  t.like(b.counters, { drop_count: 1, drop_length: 8, recv_count: 0 });
});

test('T13: Successive PUTs into a locally managed MD land back to back; MANAGE_REMOTE uses the header offset.', async (t) => {
  const { net, b } = await pair();
  const [local, remote] = [new Uint8Array(8), new Uint8Array(8)];
  b.serve({}, { memory: local, options: LNET_MD_OP_PUT });
  b.serve({ portal: 5 }, { memory: remote, options: LNET_MD_OP_PUT | LNET_MD_MANAGE_REMOTE });
  for (const offset of [5, 1]) for (const portal of [4, 5]) arrive(net, { portal, offset }, 3);
  t.deepEqual([...local], [1, 2, 3, 1, 2, 3, 0, 0]);
  t.deepEqual([...remote], [0, 1, 2, 3, 0, 1, 2, 3]);
});

test('C14: Remote-managed MD honours `offset`/`src_offset`; locally managed MD ignores it and advances.', async (t) => {
  const { net, b } = await pair();
  const memory = Uint8Array.from({ length: 16 }, (_, index) => index);
  const sent: number[][] = [];
  const seen = new Recorder();
  b.serve({}, { memory, options: LNET_MD_OP_GET | LNET_MD_MANAGE_REMOTE, handler: seen.handler });
  b.serve({ portal: 5 }, { memory, options: LNET_MD_OP_GET, handler: seen.handler });
  for (const portal of [4, 5]) {
    for (const offset of [9, 2]) {
      net.inject(NID_A, NID_B, { type: LNET_MSG_GET, portal, matchBitsLow: 1, offset, sinkLength: 3 });
      sent.push([...(net.link(NID_B, NID_A).frames.shift()?.payload ?? [])]);
    }
  }
  t.deepEqual(sent, [
    [9, 10, 11],
    [2, 3, 4],
    [0, 1, 2],
    [3, 4, 5],
  ]);
  t.deepEqual(
    seen.events.map((event) => event.offset),
    [9, 2, 0, 3],
  );
});

test('a remote-managed offset may be the end of the memory, and not one byte more', async (t) => {
  const { net, b } = await pair();
  const seen = new Recorder();
  const options = LNET_MD_OP_PUT | LNET_MD_MANAGE_REMOTE | LNET_MD_TRUNCATE;
  b.serve({}, { memory: new Uint8Array(8), options, handler: seen.handler });
  arrive(net, { offset: 8 });
  arrive(net, { offset: 9 });
  arrive(net, { offset: 0xffffffff });
  t.deepEqual(
    seen.events.map(({ offset, rlength, mlength }) => [offset, rlength, mlength]),
    [[8, 8, 0]],
  );
  t.is(b.drops.offset_beyond, 2);
});

test('max_size at a remote-managed offset never reaches beyond the end of the memory', async (t) => {
  const { net, b } = await pair();
  const seen = new Recorder();
  const options = LNET_MD_OP_PUT | LNET_MD_MANAGE_REMOTE | LNET_MD_MAX_SIZE | LNET_MD_TRUNCATE;
  b.serve({}, { memory: new Uint8Array(10), maxSize: 6, options, handler: seen.handler });
  arrive(net, { offset: 2 });
  arrive(net, { offset: 0 }, 1);
  arrive(net, { offset: 7 });
  t.deepEqual(
    seen.events.map(({ offset, mlength }) => [offset, mlength]),
    [[2, 6]],
    'offset 2 + 6 leaves less than max_size, so the descriptor is exhausted',
  );
  const roomy = new Recorder();
  b.serve({ portal: 5 }, { memory: new Uint8Array(20), maxSize: 6, options, handler: roomy.handler });
  arrive(net, { portal: 5, offset: 1 });
  arrive(net, { portal: 5, offset: 11 });
  arrive(net, { portal: 5, offset: 18 });
  t.deepEqual(
    roomy.events.map(({ offset, mlength }) => [offset, mlength]),
    [
      [1, 6],
      [11, 6],
    ],
  );
});

test('a payload lands across fragments of any size', async (t) => {
  const { net, b } = await pair();
  const memory = [0, 1, 3, 0, 5, 1, 0].map((length) => new Uint8Array(length));
  b.serve({}, { memory, options: LNET_MD_OP_PUT });
  arrive(net, {}, 3);
  arrive(net, {}, 6);
  arrive(net, {}, 0);
  arrive(net, {}, 1);
  t.deepEqual([...flat(memory)], [1, 2, 3, 1, 2, 3, 4, 5, 6, 1]);
});
