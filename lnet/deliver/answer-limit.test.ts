import test from 'ava';
import { parseNid } from '../wire/nid.ts';
import { LNET_MSG_GET, LNET_MSG_PUT } from '../wire/lnet-hdr.ts';
import { ANSWERS_MAX, ANSWERS_PER_PEER_MAX, ANSWERS_SURE } from './answer-limit.ts';
import { NID_A, NID_B, NOTHING_LEFT } from './core-fixture.test-support.ts';
import { pair } from './link-fixture.test-support.ts';

const HANDLE = { interfaceCookieLow: 1, objectCookieLow: 2 };
const GET = { type: LNET_MSG_GET, portal: 4, matchBitsLow: 1, ...HANDLE };
const PUT = { ...GET, type: LNET_MSG_PUT };
const NO_ACK = {
  interfaceCookieLow: 0xffffffff,
  interfaceCookieHigh: 0xffffffff,
  objectCookieLow: 0xffffffff,
  objectCookieHigh: 0xffffffff,
};

for (const [name, request] of [
  ['GETs', GET],
  ['PUTs with ACK', PUT],
] as const) {
  test(`${name} of a peer that takes no answers are dropped once so many wait, and taken again when they have left`, async (t) => {
    const { net, b } = await pair();
    b.serve({}, {});
    b.sendPath.isBlocked = true;
    for (let i = 0; i < ANSWERS_PER_PEER_MAX + 10; i++) t.is(net.inject(NID_A, NID_B, request), 0);
    t.is(b.sendPath.waiting.size, ANSWERS_PER_PEER_MAX);
    t.is(b.drops.answer_limit, 10);
    t.is(net.inject(NID_A, NID_B, { ...PUT, ...NO_ACK }), 0);
    t.is(b.drops.answer_limit, 10, 'what asks for no answer is taken');
    b.sendPath.letGo();
    b.sendPath.isBlocked = true;
    net.inject(NID_A, NID_B, request);
    t.is(b.sendPath.waiting.size, 1);
    t.is(b.drops.answer_limit, 10);
    b.sendPath.letGo();
    t.deepEqual(b.leftovers, { ...NOTHING_LEFT, mds: 1 });
  });
}

test('a peer that names others of its net as the source gets few answers under way, a router what it asks for', async (t) => {
  const { net, b } = await pair();
  b.serve({}, {});
  b.sendPath.isBlocked = true;
  for (let i = 0; i < ANSWERS_SURE + 5; i++)
    net.inject(NID_A, NID_B, { ...GET, srcNid: parseNid(`10.0.0.${100 + i}@tcp`) });
  t.is(b.sendPath.waiting.size, ANSWERS_SURE);
  t.is(b.drops.answer_limit, 5);
  for (let i = 0; i < 100; i++) net.inject(NID_A, NID_B, { ...GET, srcNid: parseNid(`10.0.0.${100 + i}@tcp7`) });
  t.is(b.drops.answer_limit, 5);
});

test('however many answers to others wait, each peer has room for a few', async (t) => {
  const { net, b } = await pair();
  b.serve({}, {});
  b.sendPath.isBlocked = true;
  const greedy = Array.from({ length: ANSWERS_MAX / ANSWERS_PER_PEER_MAX }, (_, i) => parseNid(`10.0.1.${i}@tcp`));
  for (const nid of greedy) for (let i = 0; i < ANSWERS_PER_PEER_MAX; i++) net.inject(nid, NID_B, GET);
  t.is(b.sendPath.waiting.size, ANSWERS_MAX);
  for (let i = 0; i < ANSWERS_SURE + 3; i++) net.inject(NID_A, NID_B, GET);
  t.is(b.sendPath.waiting.size, ANSWERS_MAX + ANSWERS_SURE);
  t.is(b.drops.answer_limit, 3);
});
