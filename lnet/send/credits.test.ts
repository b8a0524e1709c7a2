import test from 'ava';
import * as fc from 'fast-check';
import { checkProperty } from '../../test/property.ts';
import type { CoreContext } from '../core-context.ts';
import { ECANCELED, EIO, ESHUTDOWN, ETIMEDOUT } from '../errno.ts';
import { HEALTH_LOCAL_ERROR, HEALTH_LOCAL_TIMEOUT, HEALTH_OK, HEALTH_REMOTE_ERROR } from '../health-status.ts';
import { TestNode, type TestNodeOptions, TestWire } from '../network-fixture.test-support.ts';
import { LnetMsg } from '../msg.ts';
import { LNET_MSG_PUT } from '../wire/lnet-hdr.ts';
import { Credits } from './credits.ts';

const A = '10.0.0.1@tcp';
const B = '10.0.0.2@tcp';
const C = '10.0.0.3@tcp';

/** A node that knows B and C already, and whose PUTs on portal 4 stay under way. */
function slowNode(options: TestNodeOptions = {}): { readonly wire: TestWire; readonly a: TestNode } {
  const wire = new TestWire();
  const a = new TestNode(wire, [A], options);
  for (const nid of [B, C]) {
    wire.stub([nid]);
    a.put(nid);
  }
  wire.run();
  wire.log.length = 0;
  a.events.length = 0;
  wire.fate = ({ hdr }) => (hdr.portal === 4 ? 'hold' : 'deliver');
  return { wire, a };
}

test('T38: With peer_credits 8, the ninth unfinished send to a peer NI waits; its credit count reads -1, low-water -1.', (t) => {
  const { wire, a } = slowNode();
  for (let i = 0; i < 8; i++) a.put(B);
  t.is(wire.held.length, 8);
  t.is(a.peerNi(B).credits, 0);
  a.put(B);
  t.is(wire.held.length, 8);
  t.deepEqual([a.peerNi(B).credits, a.peerNi(B).creditsMin], [-1, -1]);
  t.is(a.peerNi(B).queuedBytes, 9 * (72 + 8));
  wire.held[0]?.finish();
  t.is(wire.held.length, 9, 'it leaves as soon as one is done');
  t.is(a.peerNi(B).credits, 0);
});

test('T39: A sender blocked on peer credits does not consume NI credits.', (t) => {
  const { wire, a } = slowNode({ tunables: { peerCredits: 2, credits: 4 } });
  for (let i = 0; i < 5; i++) a.put(B);
  t.deepEqual([a.peerNi(B).credits, a.ni(A).credits], [-3, 2]);
  a.put(C);
  t.is(wire.held.length, 3, 'another peer goes on');
});

test('T40: Waiting messages leave in FIFO order per queue.', (t) => {
  const { wire, a } = slowNode({ tunables: { peerCredits: 2, credits: 2 } });
  for (let offset = 0; offset < 6; offset++) a.put(offset % 2 === 0 ? B : C, { offset });
  for (let i = 0; i < 6; i++) wire.held[i]?.finish();
  t.deepEqual(
    wire.sent(LNET_MSG_PUT, 4).map(({ hdr }) => hdr.offset),
    [0, 1, 2, 3, 4, 5],
  );
  t.deepEqual([a.ni(A).credits, a.peerNi(B).credits, a.peerNi(B).queuedBytes], [2, 2, 0]);
});

test('the NI queue is its own: a message that waits there holds its peer credit', (t) => {
  const { wire, a } = slowNode({ tunables: { peerCredits: 8, credits: 1 } });
  a.put(B);
  a.put(C);
  t.deepEqual([a.ni(A).credits, a.peerNi(C).credits, wire.held.length], [-1, 0, 1]);
  t.is(a.ni(A).creditsMin, -1);
});

test('a message that waited past its deadline is dropped when its turn comes, and the next one goes', (t) => {
  const { wire, a } = slowNode({ tunables: { peerCredits: 1 }, settings: { response_tracking: 0 } });
  a.put(B, { offset: 1 });
  a.put(B, { offset: 2 });
  wire.run(152);
  a.put(B, { offset: 3 });
  wire.held[0]?.finish();
  t.deepEqual(
    wire.sent(LNET_MSG_PUT, 4).map(({ hdr }) => hdr.offset),
    [1, 3],
  );
  t.deepEqual(a.events, ['SEND last', `SEND -${ETIMEDOUT} last`]);
  t.deepEqual([a.drops.send_deadline, a.counters.drop_count, a.peerNi(B).dropped.total], [1, 1, 1]);
});

test('thousands that fail at their turn do so without growing the stack', (t) => {
  const { wire, a } = slowNode({ tunables: { peerCredits: 1 }, settings: { response_tracking: 0 } });
  for (let i = 0; i < 20_000; i++) a.put(B);
  wire.run(152);
  wire.held[0]?.finish();
  t.is(a.events.length, 20_000);
  t.is(a.peerNi(B).credits, 1);
});

test('the queues do not rely on who ends their messages: ends inside ends stay flat', (t) => {
  const { a } = slowNode({ tunables: { peerCredits: 1 } });
  let ended = 0;
  const finalize = (msg: LnetMsg): void => {
    ended++;
    credits.give(msg);
  };
  const core = { clock: a.clock, delivery: { countDrop: () => {}, finalize } } as unknown as CoreContext;
  const credits = new Credits(core);
  const msgs = Array.from({ length: 20_000 }, () => {
    const msg = new LnetMsg();
    msg.ni = a.ni(A);
    msg.peerNi = a.peerNi(B);
    msg.deadline = -1;
    credits.take(msg);
    return msg;
  });
  credits.give(msgs[0] as LnetMsg);
  t.is(ended, 19_999);
  t.is(a.peerNi(B).credits, 1);
});

test('T32: Unlink of an MD whose message waits for credits: -ECANCELED.', (t) => {
  const { wire, a } = slowNode({ tunables: { peerCredits: 1 } });
  a.put(B);
  const md = a.put(B);
  a.portals.unlinkMd(md);
  wire.held[0]?.finish();
  t.deepEqual(a.events, ['SEND last', `SEND -${ECANCELED} last`]);
  t.is(wire.held.length, 1);
});

test('a message whose MD was unlinked while it waited for discovery is never sent', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  wire.stub([B]);
  a.portals.unlinkMd(a.put(B));
  wire.run();
  t.deepEqual(a.events, [`SEND -${ECANCELED} last`]);
  t.deepEqual([wire.sent(LNET_MSG_PUT, 4).length, a.peerNi(B).credits, a.ni(A).credits], [0, 8, 256]);
});

test('a message whose MD was unlinked while it waited for a resend is not sent again', (t) => {
  const { wire, a } = slowNode();
  a.openNi('10.0.0.11@tcp');
  wire.run();
  wire.log.length = 0;
  const md = a.put(B);
  wire.held[0]?.finish(-EIO, HEALTH_LOCAL_TIMEOUT);
  a.portals.unlinkMd(md);
  wire.run();
  t.deepEqual(a.events, [`SEND -${ECANCELED} last`]);
  t.is(wire.sent(LNET_MSG_PUT, 4).length, 1);
});

test('a NAL that fails at once ends the message, and its credits are back', (t) => {
  const { wire, a } = slowNode();
  wire.fate = () => -EIO;
  a.put(B);
  t.deepEqual(a.events, [`SEND -${EIO} last`]);
  t.deepEqual([a.peerNi(B).credits, a.ni(A).credits, a.counters.resend_count], [8, 256, 0]);
});

test('removing an NI fails what waits for it with -ESHUTDOWN', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A, '10.0.0.11@tcp'], { tunables: { peerCredits: 1, credits: 1 } });
  wire.stub([B]);
  a.put(B);
  wire.run();
  wire.fate = () => 'hold';
  a.events.length = 0;
  const self = a.nid;
  for (let i = 0; i < 3; i++) a.put(B, { self });
  a.locals.remove(self);
  t.deepEqual(a.events, [`SEND -${ESHUTDOWN} last`, `SEND -${ESHUTDOWN} last`]);
  wire.held[0]?.finish();
  t.deepEqual([a.peerNi(B).credits, a.peerNi(B).queuedBytes], [1, 0]);
  t.is(a.pool.live, 0);
});

test('stopping fails everything that waits for credits', (t) => {
  const { wire, a } = slowNode({ tunables: { peerCredits: 1 } });
  for (let i = 0; i < 3; i++) a.put(B);
  a.stop();
  t.deepEqual(a.events, [`SEND -${ESHUTDOWN} last`, `SEND -${ESHUTDOWN} last`]);
  wire.held[0]?.finish();
  t.deepEqual([a.pool.live, a.portals.mdCount], [0, 0]);
});

test('credits are conserved whatever completes in which order and with which result', (t) => {
  const result = fc.constantFrom(
    { errno: 0, health: HEALTH_OK },
    { errno: -EIO, health: HEALTH_LOCAL_ERROR },
    { errno: -EIO, health: HEALTH_LOCAL_TIMEOUT },
    { errno: -EIO, health: HEALTH_REMOTE_ERROR },
  );
  const step = fc.oneof(
    fc.record({ kind: fc.constant('put' as const), to: fc.constantFrom(B, C), wantsAck: fc.boolean() }),
    fc.record({ kind: fc.constant('finish' as const), which: fc.nat(), result }),
    fc.record({ kind: fc.constant('unlink' as const), which: fc.nat() }),
    fc.record({ kind: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 160 }) }),
  );
  checkProperty(t, fc.array(step, { maxLength: 60 }), 150, (steps) => {
    const tunables = { peerCredits: 2, credits: 3 };
    const { wire, a } = slowNode({ tunables });
    a.openNi('10.0.0.11@tcp');
    wire.run();
    const mds = [];
    const conserve = (): void => {
      for (const ni of a.locals.all.slice(1)) {
        const held = wire.held.filter(({ carried }) => carried.from === ni.nid).length;
        if (ni.credits !== tunables.credits - held - ni.waiting.size) throw new Error(`NI credits ${ni.credits}`);
        if (ni.credits > 0 && ni.waiting.size > 0) throw new Error('waits although credits are left');
      }
      for (const nid of [B, C]) {
        const peerNi = a.peerNi(nid);
        if (peerNi.credits > 0 && peerNi.waiting.size > 0) throw new Error('waits although peer credits are left');
      }
    };
    for (const next of steps) {
      if (next.kind === 'put') mds.push(a.put(next.to, { wantsAck: next.wantsAck }));
      else if (next.kind === 'wait') wire.run(next.seconds);
      else if (next.kind === 'unlink') {
        const md = mds[next.which % mds.length];
        if (md?.isLive) a.portals.unlinkMd(md);
      } else {
        const [held] = wire.held.splice(next.which % Math.max(wire.held.length, 1), 1);
        held?.finish(next.result.errno, next.result.health);
        wire.run(0.01);
      }
      conserve();
    }
    for (let held = wire.held.shift(); held; held = wire.held.shift()) {
      held.finish();
      wire.run(0.01);
      conserve();
    }
    wire.run(600);
    for (let held = wire.held.shift(); held; held = wire.held.shift()) held.finish();
    const left = [a.pool.live, ...[B, C].map((nid) => a.peerNi(nid).credits), ...a.locals.all.map((ni) => ni.credits)];
    if (left.join() !== '0,2,2,0,3,3') throw new Error(`left at the end: ${left.join()}`);
  });
});
