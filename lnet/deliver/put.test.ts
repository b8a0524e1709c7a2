import test from 'ava';
import { ENOENT } from '../errno.ts';
import {
  LNET_MD_ACK_DISABLE,
  LNET_MD_MANAGE_REMOTE,
  LNET_MD_OP_PUT,
  LNET_MD_TRUNCATE,
  type MdHandle,
} from '../portals/md.ts';
import { LNET_MSG_ACK, LNET_MSG_PUT, u64High, u64Low } from '../wire/lnet-hdr.ts';
import { NID_ANY, parseNid } from '../wire/nid.ts';
import { NID_A, NID_B, NOTHING_LEFT, Recorder } from './core-fixture.test-support.ts';
import { pair } from './link-fixture.test-support.ts';

const HANDLE = {
  interfaceCookieLow: 0x11111111,
  interfaceCookieHigh: 0xfedcba98,
  objectCookieLow: 0xffffffff,
  objectCookieHigh: 0x80000001,
};
const NO_HANDLE = {
  interfaceCookieLow: 0xffffffff,
  interfaceCookieHigh: 0xffffffff,
  objectCookieLow: 0xffffffff,
  objectCookieHigh: 0xffffffff,
};
/** The object cookie of an MD, as a header carries it. */
function objectOf({ cookie }: MdHandle): object {
  return { objectCookieLow: u64Low(cookie), objectCookieHigh: u64High(cookie) };
}

const PUT = { type: LNET_MSG_PUT, portal: 4, matchBitsLow: 1, ...HANDLE };

test('a PUT travels whole: bytes, and every field of the events at both ends', async (t) => {
  const { net, a, b } = await pair();
  const [sent, seen] = [new Recorder(), new Recorder()];
  const memory = new Uint8Array(8);
  const served = b.serve({ ignoreBits: 0xffff_ffff_0000_0000n }, { memory, user: 'target', handler: seen.handler });
  const source = a.bind({ memory: [Uint8Array.of(1, 2), Uint8Array.of(3)], user: 'source', handler: sent.handler });
  const status = a.put(source, {
    target: NID_B,
    targetPid: 12345,
    matchBitsHigh: 0xdeadbeef,
    offset: 77,
    hdrDataLow: 0xaaaaaaaa,
    hdrDataHigh: 0xbbbbbbbb,
  });
  net.run();
  t.is(status, 0);
  t.deepEqual([...memory], [1, 2, 3, 0, 0, 0, 0, 0]);
  t.like(sent.last, {
    typeName: 'SEND',
    status: 0,
    isUnlinked: false,
    md: source,
    targetNid: NID_B,
    targetPid: 12345,
    initiatorNid: NID_ANY,
    initiatorPid: 12345,
    sourceNid: NID_ANY,
    sourcePid: 12345,
    senderNid: NID_ANY,
    portal: 4,
    matchBits: 0xdeadbeef00000001n,
    rlength: 3,
    mlength: 3,
    offset: 77,
    hdrData: 0xbbbbbbbbaaaaaaaan,
    msgType: LNET_MSG_PUT,
  });
  t.like(seen.last, {
    typeName: 'PUT',
    status: 0,
    isUnlinked: false,
    md: served,
    targetNid: NID_B,
    targetPid: 12345,
    initiatorNid: NID_A,
    initiatorPid: 12345,
    sourceNid: NID_A,
    sourcePid: 12345,
    senderNid: NID_A,
    portal: 4,
    matchBits: 0xdeadbeef00000001n,
    rlength: 3,
    mlength: 3,
    offset: 0,
    hdrData: 0xbbbbbbbbaaaaaaaan,
    msgType: LNET_MSG_PUT,
  });
  t.like(a.counters, { send_count: 1, send_length: 3, recv_count: 0 });
  t.like(b.counters, { recv_count: 1, recv_length: 3, send_count: 0, drop_count: 0 });
  t.is(a.locals.niOf(NID_A)?.sent.toJSON().put, 1);
  t.is(a.peers.find(NID_B)?.sent.toJSON().put, 1);
  t.is(b.locals.niOf(NID_B)?.received.toJSON().put, 1);
  t.is(b.peers.find(NID_A)?.received.toJSON().put, 1);
  t.deepEqual([a.health.heard, b.health.heard], [[], [NID_A]]);
});

test('T12: PUT with TRUNCATE yields mlength < rlength and an ACK carrying mlength.', async (t) => {
  const { net, a, b } = await pair();
  const [sent, seen] = [new Recorder(), new Recorder()];
  const memory = new Uint8Array(6);
  b.serve({}, { memory, options: LNET_MD_OP_PUT | LNET_MD_TRUNCATE, handler: seen.handler });
  const source = a.bind({ memory: Uint8Array.of(1, 2, 3, 4), handler: sent.handler });
  for (let i = 0; i < 3; i++) a.put(source, { target: NID_B, wantsAck: true });
  net.run();
  t.deepEqual([...memory], [1, 2, 3, 4, 1, 2]);
  t.deepEqual(
    seen.events.map(({ rlength, mlength }) => [rlength, mlength]),
    [
      [4, 4],
      [4, 2],
      [4, 0],
    ],
  );
  t.deepEqual(
    sent.events.filter((event) => event.typeName === 'ACK').map(({ rlength, mlength }) => [rlength, mlength]),
    [
      [0, 4],
      [0, 2],
      [0, 0],
    ],
  );
});

test('T21: PUT with ACK: initiator sees SEND and ACK in any order, exactly one with unlinked = 1 (threshold 2, auto-unlink).', async (t) => {
  const { net, a, b } = await pair();
  b.serve({}, {});
  const inOrder = new Recorder();
  a.put(a.bind({ threshold: 2, handler: inOrder.handler }, true), { target: NID_B, wantsAck: true });
  net.run();
  t.deepEqual(inOrder.story, ['SEND', 'ACK last']);

  const reversed = new Recorder();
  a.sendPath.isBlocked = true;
  a.put(a.bind({ threshold: 2, handler: reversed.handler }, true), { target: NID_B, wantsAck: true });
  const msg = a.sendPath.waiting.first as NonNullable<typeof a.sendPath.waiting.first>;
  const { interfaceCookieLow, interfaceCookieHigh, objectCookieLow, objectCookieHigh } = msg.hdr;
  const handle = { interfaceCookieLow, interfaceCookieHigh, objectCookieLow, objectCookieHigh };
  net.inject(NID_B, NID_A, { type: LNET_MSG_ACK, ...handle, mlength: 8 });
  a.sendPath.letGo();
  t.deepEqual(reversed.story, ['ACK', 'SEND last']);
  net.run();
  t.deepEqual(a.leftovers, NOTHING_LEFT);
});

test('T22: ACK handle all ones ⇒ target sends no ACK; target ACK_DISABLE ⇒ no ACK.', async (t) => {
  const { net, b } = await pair();
  const seen = new Recorder();
  b.serve({}, { handler: seen.handler });
  b.serve({ portal: 5 }, { options: LNET_MD_OP_PUT | LNET_MD_ACK_DISABLE, handler: seen.handler });
  net.inject(NID_A, NID_B, { ...PUT, ...NO_HANDLE });
  net.inject(NID_A, NID_B, { ...PUT, portal: 5 });
  t.deepEqual(seen.story, ['PUT', 'PUT']);
  t.is(net.peek(NID_B, NID_A), undefined);
  net.inject(NID_A, NID_B, { ...PUT, ...NO_HANDLE, objectCookieHigh: 0 });
  t.is(net.peek(NID_B, NID_A)?.type, LNET_MSG_ACK, 'any other handle asks for one');
});

test('T23: ACK echoes the 16 handle bytes unchanged, match bits of the PUT, accepted length.', async (t) => {
  const { net, b } = await pair();
  b.serve(
    { matchBits: 0x8000_0000_ffff_ffffn },
    { options: LNET_MD_OP_PUT | LNET_MD_TRUNCATE, memory: new Uint8Array(5) },
  );
  const bits = { matchBitsLow: 0xffffffff, matchBitsHigh: 0x80000000 };
  net.inject(NID_A, NID_B, { ...PUT, ...bits, hdrDataLow: 9, offset: 3 }, new Uint8Array(7));
  t.like(net.peek(NID_B, NID_A), {
    ...HANDLE,
    ...bits,
    type: LNET_MSG_ACK,
    mlength: 5,
    payloadLength: 0,
    destNid: NID_A,
    destPid: 12345,
    srcNid: NID_B,
    srcPid: 12345,
  });
});

test('C11: PUT with NONE/NONE is never ACKed; with a handle it is ACKed exactly once, after the payload is stored, with identical handle and match bits and correct `mlength` (also for length 0 and for truncation).', async (t) => {
  const { net, b } = await pair();
  const options = LNET_MD_OP_PUT | LNET_MD_TRUNCATE | LNET_MD_MANAGE_REMOTE;
  const memory = new Uint8Array(4);
  const stored: number[] = [];
  b.serve(
    {},
    { memory, options, handler: () => stored.push(net.link(NID_B, NID_A).frames.length, memory[3] as number) },
  );
  const acks: unknown[] = [];
  for (const length of [0, 4, 9]) {
    net.inject(NID_A, NID_B, { ...PUT, ...NO_HANDLE }, new Uint8Array(length).fill(length));
    t.is(net.peek(NID_B, NID_A), undefined);
    net.inject(NID_A, NID_B, PUT, new Uint8Array(length).fill(length));
    const ack = net.peek(NID_B, NID_A);
    acks.push([ack?.objectCookieHigh, ack?.matchBitsLow, ack?.mlength]);
    t.is(net.link(NID_B, NID_A).frames.length, 1);
    net.link(NID_B, NID_A).frames.length = 0;
  }
  t.deepEqual(acks, [
    [HANDLE.objectCookieHigh, 1, 0],
    [HANDLE.objectCookieHigh, 1, 4],
    [HANDLE.objectCookieHigh, 1, 4],
  ]);
  t.deepEqual(stored, [0, 0, 0, 0, 0, 4, 0, 4, 0, 9, 0, 9]);
});

test('C13: Non-truncating MD drops an oversized PUT silently.', async (t) => {
  const { net, b } = await pair();
  const seen = new Recorder();
  b.serve({}, { memory: new Uint8Array(4), handler: seen.handler });
  net.inject(NID_A, NID_B, PUT, new Uint8Array(5));
  t.deepEqual(seen.story, []);
  t.is(net.peek(NID_B, NID_A), undefined);
  t.false(net.link(NID_A, NID_B).isClosed);
  t.is(b.drops.too_long, 1);
});

test('T24: The PUT event precedes ACK transmission; a receive error gives a PUT event with the error and no ACK.', async (t) => {
  const { net, b } = await pair();
  const order: string[] = [];
  b.serve(
    {},
    {
      handler: ({ typeName, status, mlength }) => {
        order.push(`${typeName} ${status} ${mlength}, ${b.sendPath.submitted.length} ACKs sent`);
      },
    },
  );
  net.inject(NID_A, NID_B, PUT, new Uint8Array(3));
  t.is(b.sendPath.submitted.length, 1);
  net.link(NID_A, NID_B).breaksNext = true;
  net.inject(NID_A, NID_B, PUT, new Uint8Array(3));
  t.is(b.sendPath.submitted.length, 1);
  t.deepEqual(order, ['PUT 0 3, 0 ACKs sent', 'PUT -5 3, 1 ACKs sent']);
  t.is(b.counters.recv_count, 1);
  t.is(b.leftovers['messages'], 0);
});

test("C15: ACK/REPLY are sent from the NID that received the request to the request's `src_nid`.", async (t) => {
  const { net, b } = await pair();
  const [second, router, far] = ['10.1.0.2@tcp1', '10.1.0.9@tcp1', '10.7.0.1@tcp7'].map(parseNid) as [
    typeof NID_A,
    typeof NID_A,
    typeof NID_A,
  ];
  net.join(b, second);
  b.serve({ portal: 4 }, {});
  for (const type of [LNET_MSG_PUT, 2]) {
    b.sendPath.isBlocked = true;
    net.inject(router, second, { ...PUT, type, srcNid: far, srcPid: 99, sinkLength: 4 });
    const answer = b.sendPath.waiting.shift() as NonNullable<typeof b.sendPath.waiting.first>;
    t.like(answer, { selfNid: second, targetNid: far, targetPid: 99, isResponse: true });
    t.like(answer.hdr, { srcNid: second, destNid: far, destPid: 99, srcPid: 12345, ...HANDLE });
    t.is(answer.via?.nid, router, 'it goes back through the router that it came from');
    t.deepEqual(answer.token, { answers: 'this arrival' });
    b.delivery.finalize(answer, 0, 0);
  }
  b.sendPath.isBlocked = false;
  net.inject(NID_A, NID_B, PUT);
  t.is(b.sendPath.submitted.at(-1)?.via, undefined, 'direct, when both ends are on one net');
});

test('T28: REPLY/ACK with wrong interface cookie, unknown object cookie, or for an MD with threshold 0 is dropped and counted.', async (t) => {
  const { net, a } = await pair();
  const seen = new Recorder();
  const mine = { interfaceCookieLow: a.cookieLow, interfaceCookieHigh: a.cookieHigh };
  const live = a.bind({ handler: seen.handler });
  const usedUp = a.bind({ threshold: 0, handler: seen.handler });
  const attached = a.serve({}, { handler: seen.handler });
  const cases = [
    [{ ...mine, ...objectOf(live), interfaceCookieLow: 1 }, 'foreign_cookie'],
    [{ ...mine, ...objectOf(live), interfaceCookieHigh: 1 }, 'foreign_cookie'],
    [{ ...mine, ...objectOf(live), objectCookieHigh: 99 }, 'unknown_handle'],
    [{ ...mine, ...NO_HANDLE, ...mine }, 'unknown_handle'],
    [{ ...mine, ...objectOf(usedUp) }, 'inactive_handle'],
    [{ ...mine, ...objectOf(attached) }, 'not_bound'],
  ] as const;
  for (const type of [LNET_MSG_ACK, 3]) {
    for (const [handle, reason] of cases) {
      const before = a.drops[reason];
      net.inject(NID_B, NID_A, { type, ...handle });
      t.is(a.drops[reason], before + 1, reason);
    }
  }
  t.deepEqual(seen.story, []);
  t.is(a.counters.drop_count, 12);
});

test('C16: REPLY/ACK for a handle of a previous incarnation is dropped.', async (t) => {
  const { net, a } = await pair();
  const seen = new Recorder();
  const md = a.bind({ handler: seen.handler });
  const before = { interfaceCookieLow: a.cookieLow - 1, interfaceCookieHigh: a.cookieHigh };
  for (const type of [LNET_MSG_ACK, 3]) net.inject(NID_B, NID_A, { type, ...before, ...objectOf(md) });
  t.is(a.drops.foreign_cookie, 2);
  t.deepEqual(seen.story, []);
});

test('put and get give -ENOENT without event for what cannot be sent', async (t) => {
  const { a, b } = await pair();
  const seen = new Recorder();
  const { handler } = seen;
  const gone = a.bind({});
  a.portals.unlinkMd(gone);
  for (const md of [gone, b.bind({ handler }), a.serve({}, { handler }), a.bind({ threshold: 0, handler })]) {
    t.is(a.put(md, { target: NID_B }), -ENOENT);
    t.is(a.get(md, { target: NID_B }), -ENOENT);
  }
  t.deepEqual(seen.story, []);
  t.is(a.leftovers['messages'], 0);
});
