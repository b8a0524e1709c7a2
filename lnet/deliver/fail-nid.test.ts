import test from 'ava';
import { EIO } from '../errno.ts';
import { NID_ANY } from '../wire/nid.ts';
import { NID_A, NID_B, NOTHING_LEFT, Recorder } from './core-fixture.test-support.ts';
import { FAIL_ALWAYS, FAIL_NIDS_MAX, FailNids } from './fail-nid.ts';
import { pair } from './link-fixture.test-support.ts';

function hits(fail: FailNids, ...nids: (typeof NID_A)[]): boolean[] {
  return nids.map((nid) => fail.hits(nid));
}

test('an entry fails as many messages as its count says, of its NID only', (t) => {
  const fail = new FailNids();
  fail.set(NID_A, 2);
  t.deepEqual(hits(fail, NID_B, NID_A, NID_A, NID_A), [false, true, true, false]);
  t.true(fail.isEmpty);
});

test('count -1 has no end until count 0 takes the entries of the NID away', (t) => {
  const fail = new FailNids();
  fail.set(NID_A, FAIL_ALWAYS);
  fail.set(NID_B, FAIL_ALWAYS);
  t.deepEqual(hits(fail, NID_A, NID_A, NID_A), [true, true, true]);
  fail.set(NID_A, 0);
  t.deepEqual(hits(fail, NID_A, NID_B), [false, true]);
});

test('ANY fails every NID; count 0 for ANY takes all entries away', (t) => {
  const fail = new FailNids();
  fail.set(NID_ANY, 2);
  fail.set(NID_A, FAIL_ALWAYS);
  t.deepEqual(hits(fail, NID_B, NID_A, NID_B), [true, true, false]);
  fail.set(NID_ANY, 0);
  t.true(fail.isEmpty);
});

test('the list is bounded', (t) => {
  const fail = new FailNids();
  for (let i = 0; i < FAIL_NIDS_MAX; i++) fail.set(NID_A, 1);
  t.throws(() => fail.set(NID_A, 1), { code: 'ERR_LNET_LIMIT' });
});

test('PUT and GET to a failing peer return -EIO without event; messages from it are dropped', async (t) => {
  const { net, a, b } = await pair();
  const seen = new Recorder();
  b.serve({}, { handler: seen.handler });
  a.failNids.set(NID_B, 2);
  const md = a.bind({ threshold: 2, handler: seen.handler });
  t.is(a.put(md, { target: NID_B }), -EIO);
  t.is(a.get(md, { target: NID_B }), -EIO);
  b.failNids.set(NID_A, 1);
  t.is(a.put(md, { target: NID_B }), 0);
  net.run();
  t.deepEqual(seen.story, ['SEND']);
  t.is(b.drops.simulated_failure, 1);
  t.is(b.counters.drop_count, 1);
  t.is(a.put(md, { target: NID_B }), 0, 'the threshold was left alone by what failed');
  net.run();
  t.deepEqual(seen.story, ['SEND', 'SEND', 'PUT']);
  t.is(a.leftovers['messages'], NOTHING_LEFT.messages);
});
