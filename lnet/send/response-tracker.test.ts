import test from 'ava';
import { LNET_MD_NO_TRACK_RESPONSE, LNET_MD_TRACK_RESPONSE } from '../portals/md.ts';
import { TestNode, type TestNodeOptions, TestWire } from '../network-fixture.test-support.ts';

const A = '10.0.0.1@tcp';
const B = '10.0.0.2@tcp';

/** A node that knows B, which answers pings and nothing else. */
function setup(options: TestNodeOptions = {}): { readonly wire: TestWire; readonly a: TestNode } {
  const wire = new TestWire();
  const a = new TestNode(wire, [A], options);
  wire.stub([B]);
  a.put(B);
  wire.run();
  a.events.length = 0;
  return { wire, a };
}

test('T71: Unanswered tracked GET: MD unlinked 150–225 s later, response_timeout_count +1, next-hop health -100.', (t) => {
  const { wire, a } = setup();
  const md = a.get(B);
  wire.run(149);
  t.deepEqual([a.trackers.live, a.events, md.isLive], [1, ['SEND'], true]);
  wire.run(75.5);
  t.deepEqual([a.trackers.live, a.events, md.isLive], [0, ['SEND', 'UNLINK last'], false]);
  t.deepEqual([a.counters.response_timeout_count, a.peerNi(B).health], [1, 900]);
  t.is(a.network.recovery.size, 1);
});

test('T72: NO_TRACK_RESPONSE suppresses T71; TRACK_RESPONSE forces it with tracking 0.', (t) => {
  const { wire, a } = setup({ settings: { response_tracking: 0 } });
  a.get(B);
  a.get(B, {}, { options: LNET_MD_NO_TRACK_RESPONSE });
  t.is(a.trackers.live, 0);
  a.get(B, {}, { options: LNET_MD_TRACK_RESPONSE });
  t.is(a.trackers.live, 1);
  wire.run(300);
  t.is(a.counters.response_timeout_count, 1);

  const always = setup();
  always.a.get(B, {}, { options: LNET_MD_NO_TRACK_RESPONSE });
  t.is(always.a.trackers.live, 0);
});

test('`response_tracking` 0 to 3 tracks nothing, GETs, PUTs with ACK, both; a PUT without ACK is never tracked', (t) => {
  const tracked = [0, 1, 2, 3].map((response_tracking) => {
    const { a } = setup({ settings: { response_tracking } });
    const before = (act: () => unknown): number => {
      const live = a.trackers.live;
      act();
      return a.trackers.live - live;
    };
    return [
      before(() => a.get(B)),
      before(() => a.put(B, { wantsAck: true })),
      before(() => a.put(B)),
      before(() => a.put(B, {}, { options: LNET_MD_TRACK_RESPONSE })),
    ].join();
  });
  t.deepEqual(tracked, ['0,0,0,0', '1,0,0,0', '0,1,0,0', '1,1,0,0']);
});

test('a second operation on a tracked MD renews the deadline', (t) => {
  const { wire, a } = setup();
  const md = a.get(B, {}, { threshold: 4 });
  wire.run(100);
  a.operations.get({
    md,
    target: a.peerNi(B).nid,
    targetPid: 12345,
    self: a.nid,
    portal: 4,
    matchBitsLow: 1,
    matchBitsHigh: 0,
    offset: 0,
    hdrDataLow: 0,
    hdrDataHigh: 0,
    wantsAck: false,
    isRecovery: false,
  });
  t.is(a.trackers.live, 1);
  wire.run(149);
  t.true(md.isLive);
  wire.run(76);
  t.false(md.isLive);
});

test('an answer, or an unlink, ends the tracking', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  const b = new TestNode(wire, [B], { seed: 2 });
  b.serve();
  a.get(B);
  a.put(B, { wantsAck: true });
  a.portals.unlinkMd(a.get(B));
  wire.run();
  t.is(a.trackers.live, 0);
  wire.run(400);
  t.is(a.counters.response_timeout_count, 0);
});

test('trackers expire in the order of their deadlines, those in the middle can go first', (t) => {
  const { wire, a } = setup();
  const mds = Array.from({ length: 10 }, () => {
    wire.run(1);
    return a.get(B);
  });
  for (const which of [4, 0, 9]) a.portals.unlinkMd(mds[which] as NonNullable<(typeof mds)[0]>);
  t.is(a.trackers.live, 7);
  wire.run(400);
  t.deepEqual([a.trackers.live, a.counters.response_timeout_count], [0, 7]);
});

test('stopping ends every tracked operation', (t) => {
  const { wire, a } = setup();
  const md = a.get(B);
  a.stop();
  wire.run();
  t.deepEqual([md.isLive, a.trackers.live, a.events], [false, 0, ['SEND -110 last']]);
});
