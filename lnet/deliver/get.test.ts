import test from 'ava';
import { ESHUTDOWN } from '../errno.ts';
import { LNET_MD_MAX_SIZE, LNET_MD_OP_GET, LNET_MD_TRUNCATE } from '../portals/md.ts';
import { LNET_MSG_GET, LNET_MSG_REPLY, LNET_MTU } from '../wire/lnet-hdr.ts';
import { NID_A, NID_B, NOTHING_LEFT, Recorder } from './core-fixture.test-support.ts';
import { pair } from './link-fixture.test-support.ts';

const HANDLE = {
  interfaceCookieLow: 0x11111111,
  interfaceCookieHigh: 0xfedcba98,
  objectCookieLow: 0x22222222,
  objectCookieHigh: 0x80000001,
};
const GET = { type: LNET_MSG_GET, portal: 4, matchBitsLow: 1, ...HANDLE };

test('a GET travels whole: bytes, and every field of the events at both ends', async (t) => {
  const { net, a, b } = await pair();
  const [asked, seen] = [new Recorder(), new Recorder()];
  const served = b.serve({}, { memory: [Uint8Array.of(1, 2), Uint8Array.of(3, 4, 5)], handler: seen.handler });
  const memory = new Uint8Array(4);
  const sink = a.bind({ memory, threshold: 2, handler: asked.handler }, true);
  a.get(sink, { target: NID_B, offset: 3 });
  net.run();
  t.deepEqual([...memory], [1, 2, 3, 4]);
  const [send, reply] = asked.events;
  t.like(send, {
    typeName: 'SEND',
    status: 0,
    isUnlinked: false,
    rlength: 4,
    mlength: 4,
    offset: 3,
    hdrData: 0n,
    msgType: 2,
  });
  t.like(reply, {
    typeName: 'REPLY',
    status: 0,
    isUnlinked: true,
    md: sink,
    targetNid: NID_A,
    targetPid: 12345,
    initiatorNid: NID_B,
    initiatorPid: 12345,
    sourceNid: NID_B,
    senderNid: NID_B,
    portal: 0,
    matchBits: 0n,
    rlength: 4,
    mlength: 4,
    offset: 0,
    hdrData: 0n,
    msgType: LNET_MSG_REPLY,
  });
  t.like(seen.last, {
    typeName: 'GET',
    status: 0,
    md: served,
    targetNid: NID_B,
    targetPid: 12345,
    initiatorNid: NID_A,
    initiatorPid: 12345,
    sourceNid: NID_A,
    senderNid: NID_A,
    portal: 4,
    matchBits: 1n,
    rlength: 0,
    mlength: 4,
    offset: 0,
    hdrData: 0n,
    msgType: LNET_MSG_GET,
  });
  t.like(a.counters, { send_count: 1, send_length: 0, recv_count: 1, recv_length: 4 });
  t.like(b.counters, { send_count: 1, send_length: 4, recv_count: 1, recv_length: 0 });
  t.deepEqual(a.leftovers, NOTHING_LEFT);
  t.deepEqual(b.leftovers, { ...NOTHING_LEFT, mds: 1 });
});

test("T25: GET: target sends REPLY with the request's handle, source NID = NID that received the GET, destination = header source.", async (t) => {
  const { net, b } = await pair();
  b.serve({}, {});
  net.inject(NID_A, NID_B, { ...GET, srcPid: 31, sinkLength: 5 });
  t.like(net.peek(NID_B, NID_A), {
    ...HANDLE,
    type: LNET_MSG_REPLY,
    srcNid: NID_B,
    srcPid: 12345,
    destNid: NID_A,
    destPid: 31,
    payloadLength: 5,
    matchBitsLow: 0,
    portal: 0,
    offset: 0,
  });
});

test('T26: The GET event comes after the REPLY was sent.', async (t) => {
  const { net, b } = await pair();
  const seen = new Recorder();
  b.serve({}, { threshold: 1, handler: seen.handler }, true);
  b.sendPath.isBlocked = true;
  net.inject(NID_A, NID_B, { ...GET, sinkLength: 5 });
  t.deepEqual(seen.story, []);
  b.sendPath.letGo();
  t.deepEqual(seen.story, ['GET last']);
  t.is(net.peek(NID_B, NID_A)?.type, LNET_MSG_REPLY);
  t.deepEqual(b.leftovers, NOTHING_LEFT);
});

test('a REPLY that cannot be sent ends in a GET event with that status', async (t) => {
  const { net, b } = await pair();
  const seen = new Recorder();
  b.serve({}, { handler: seen.handler });
  b.sendPath.isBlocked = true;
  net.inject(NID_A, NID_B, { ...GET, sinkLength: 5 });
  b.isRunning = false;
  b.sendPath.letGo();
  t.is(seen.last.status, -ESHUTDOWN);
  t.like(b.counters, { send_count: 0, send_length: 0, recv_count: 0 });
  t.is(b.leftovers['messages'], 0);
});

test('a GET whose link breaks behind its header is answered all the same', async (t) => {
  const { net, b } = await pair();
  const seen = new Recorder();
  b.serve({}, { handler: seen.handler });
  net.link(NID_A, NID_B).breaksNext = true;
  net.inject(NID_A, NID_B, { ...GET, sinkLength: 5 });
  t.deepEqual(seen.story, ['GET']);
  t.is(net.peek(NID_B, NID_A)?.type, LNET_MSG_REPLY);
});

test('C12: GET yields one REPLY with `payload_length` = min(requested, available) and identical handle; length 0 still yields a REPLY.', async (t) => {
  const { net, b } = await pair();
  const memory = Uint8Array.from({ length: 10 }, (_, index) => index);
  b.serve({}, { memory, options: LNET_MD_OP_GET | LNET_MD_TRUNCATE });
  const replies: unknown[] = [];
  for (const sinkLength of [0, 4, 100, 1]) {
    net.inject(NID_A, NID_B, { ...GET, sinkLength });
    const reply = net.peek(NID_B, NID_A);
    const { frames } = net.link(NID_B, NID_A);
    replies.push([reply?.payloadLength, reply?.objectCookieLow, [...(frames[0]?.payload ?? [])], frames.length]);
    frames.length = 0;
  }
  const cookie = HANDLE.objectCookieLow;
  t.deepEqual(replies, [
    [0, cookie, [], 1],
    [4, cookie, [0, 1, 2, 3], 1],
    [6, cookie, [4, 5, 6, 7, 8, 9], 1],
    [0, cookie, [], 1],
  ]);
});

test('a REPLY never exceeds 1 MiB, whatever is asked for: lnet-wire §6.1', async (t) => {
  const { net, b } = await pair();
  const seen = new Recorder();
  b.serve({}, { memory: new Uint8Array(LNET_MTU + 5), handler: seen.handler });
  net.inject(NID_A, NID_B, { ...GET, sinkLength: 0xffffffff });
  t.is(net.peek(NID_B, NID_A)?.payloadLength, LNET_MTU);
  t.is(seen.last.mlength, LNET_MTU);
});

test('T27: REPLY shorter than the MD succeeds with mlength = payload; longer without TRUNCATE is dropped.', async (t) => {
  const { net, a, b } = await pair();
  const seen = new Recorder();
  b.serve({}, { memory: Uint8Array.of(1, 2, 3), options: LNET_MD_OP_GET | LNET_MD_TRUNCATE });
  const memory = new Uint8Array(8);
  a.get(a.bind({ memory, handler: seen.handler }), { target: NID_B });
  net.run();
  t.like(seen.last, { typeName: 'REPLY', status: 0, rlength: 3, mlength: 3, offset: 0 });
  t.deepEqual([...memory], [1, 2, 3, 0, 0, 0, 0, 0]);

  const replyTo = (md: { cookie: bigint }, length: number): void => {
    net.inject(
      NID_B,
      NID_A,
      {
        type: LNET_MSG_REPLY,
        interfaceCookieLow: a.cookieLow,
        interfaceCookieHigh: a.cookieHigh,
        objectCookieLow: Number(md.cookie & 0xffffffffn),
        objectCookieHigh: Number(md.cookie >> 32n),
      },
      new Uint8Array(length).fill(9),
    );
  };
  const [strict, cut] = [new Recorder(), new Recorder()];
  const memories = [new Uint8Array(2), new Uint8Array(2)] as const;
  const strictMd = a.bind({ memory: memories[0], handler: strict.handler });
  const cutMd = a.bind({ memory: memories[1], options: LNET_MD_TRUNCATE, handler: cut.handler });
  for (const md of [strictMd, cutMd]) replyTo(md, 3);
  t.deepEqual(strict.story, []);
  t.is(a.drops.reply_too_long, 1);
  t.deepEqual([...memories[0]], [0, 0]);
  t.like(cut.last, { rlength: 3, mlength: 2 });
  t.deepEqual([...memories[1]], [9, 9]);
});

test('successive REPLYs into one MD each land at its start', async (t) => {
  const { net, a, b } = await pair();
  b.serve({}, { memory: Uint8Array.of(1, 2, 3, 4), options: LNET_MD_OP_GET });
  const memory = new Uint8Array(2);
  const md = a.bind({ memory });
  for (let i = 0; i < 2; i++) {
    a.get(md, { target: NID_B });
    net.run();
  }
  t.deepEqual([...memory], [3, 4]);
});

test('T29: LNetGet with threshold 1 never gets its REPLY accepted.', async (t) => {
  const { net, a, b } = await pair();
  b.serve({}, {});
  const seen = new Recorder();
  const retained = a.bind({ threshold: 1, handler: seen.handler });
  a.get(retained, { target: NID_B });
  net.run();
  t.is(a.drops.inactive_handle, 1);
  a.get(a.bind({ threshold: 1, handler: seen.handler }, true), { target: NID_B });
  net.run();
  t.is(a.drops.unknown_handle, 1);
  t.deepEqual(seen.story, ['SEND', 'SEND last']);
});

test('a REPLY whose link breaks ends in a REPLY event with the error', async (t) => {
  const { net, a, b } = await pair();
  b.serve({}, {});
  const seen = new Recorder();
  a.get(a.bind({ threshold: 2, handler: seen.handler }, true), { target: NID_B });
  net.link(NID_B, NID_A).breaksNext = true;
  net.run();
  t.deepEqual(seen.story, ['SEND', 'REPLY -5 last']);
  t.deepEqual(a.leftovers, NOTHING_LEFT);
});

test('max_size of a served MD bounds each GET', async (t) => {
  const { net, b } = await pair();
  const options = LNET_MD_OP_GET | LNET_MD_MAX_SIZE | LNET_MD_TRUNCATE;
  b.serve({}, { memory: new Uint8Array(10), maxSize: 4, options });
  net.inject(NID_A, NID_B, { ...GET, sinkLength: 9 });
  t.is(net.peek(NID_B, NID_A)?.payloadLength, 4);
});
