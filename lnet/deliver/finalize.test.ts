import test from 'ava';
import { ECANCELED, EHOSTUNREACH, EINVAL, EIO, ESHUTDOWN } from '../errno.ts';
import { HEALTH_LOCAL_ERROR, HEALTH_OK } from '../health-status.ts';
import { LNET_MSG_ACK, LNET_MSG_PUT } from '../wire/lnet-hdr.ts';
import { NID_LOOPBACK, parseNid } from '../wire/nid.ts';
import { NID_A, NID_B, NOTHING_LEFT, Recorder, TestCore } from './core-fixture.test-support.ts';
import { pair } from './link-fixture.test-support.ts';

test('what fails after the call is the status of the SEND event, and the only event', async (t) => {
  const { net, a } = await pair();
  const cases = [
    [{ target: parseNid('10.0.0.1@tcp99') }, -EHOSTUNREACH],
    [{ target: NID_B, self: parseNid('9.9.9.9@tcp') }, -EINVAL],
  ] as const;
  for (const [args, errno] of cases) {
    const seen = new Recorder();
    t.is(a.put(a.bind({ threshold: 1, handler: seen.handler }, true), args), 0);
    t.deepEqual(seen.story, [`SEND ${errno} last`]);
  }
  const seen = new Recorder();
  a.isRunning = false;
  t.is(a.get(a.bind({ threshold: 1, handler: seen.handler }, true), { target: NID_B }), 0);
  t.deepEqual(seen.story, [`SEND ${-ESHUTDOWN} last`]);
  net.run();
  t.is(a.counters.send_count, 0);
  t.deepEqual(a.leftovers, NOTHING_LEFT);
});

test('a failed send uses up one operation: an MD with threshold 2 stays until its owner unlinks it', async (t) => {
  const { a } = await pair();
  const seen = new Recorder();
  const md = a.bind({ threshold: 2, handler: seen.handler }, true);
  a.put(md, { target: parseNid('10.0.0.1@tcp99'), wantsAck: true });
  t.deepEqual(seen.story, ['SEND -113']);
  t.true(md.isLive);
  a.portals.unlinkMd(md);
  t.deepEqual(seen.story, ['SEND -113', 'UNLINK last']);
  t.deepEqual(a.leftovers, NOTHING_LEFT);
});

test('a message of an unlinked MD that waits to be sent ends with -ECANCELED, and so does a REPLY', async (t) => {
  const { net, a, b } = await pair();
  const [asked, served] = [new Recorder(), new Recorder()];
  const target = b.serve({}, { handler: served.handler });
  b.sendPath.isBlocked = true;
  a.get(a.bind({ handler: asked.handler }), { target: NID_B });
  net.run();
  b.portals.unlinkMd(target);
  b.sendPath.letGo();
  t.deepEqual(served.story, [`GET ${-ECANCELED} last`]);
  t.deepEqual(asked.story, ['SEND']);
  t.deepEqual(b.leftovers, NOTHING_LEFT);
});

test('a message that health keeps for a resend does not end: no event, no credits, and later one SEND', async (t) => {
  const { net, a, b } = await pair();
  const seen = new Recorder();
  a.sendPath.isBlocked = true;
  b.serve({}, {});
  a.put(a.bind({ threshold: 1, handler: seen.handler }, true), { target: NID_B });
  const msg = a.sendPath.waiting.shift() as NonNullable<typeof a.sendPath.waiting.first>;
  a.health.resends = 1;
  a.delivery.finalize(msg, -EIO, HEALTH_LOCAL_ERROR);
  t.deepEqual(seen.story, []);
  t.deepEqual(a.sendPath.returned, []);
  t.is(a.pool.live, 1);
  t.like(a.health.kept[0], { status: -EIO, health: HEALTH_LOCAL_ERROR });
  a.sendPath.isBlocked = false;
  a.sendPath.submit(a.health.kept[0] as typeof msg);
  net.run();
  t.deepEqual(seen.story, ['SEND last']);
  t.deepEqual(a.leftovers, NOTHING_LEFT);
});

test('events come before credits return, and credits return before the ACK is sent', async (t) => {
  const { net, a, b } = await pair();
  const order: string[] = [];
  const { sendPath } = b;
  const [returnCredits, submit] = [sendPath.returnCredits.bind(sendPath), sendPath.submit.bind(sendPath)];
  sendPath.returnCredits = (msg) => {
    order.push(`credits of ${msg.hdr.type}`);
    returnCredits(msg);
  };
  sendPath.submit = (msg) => {
    order.push(`send ${msg.hdr.type}`);
    submit(msg);
  };
  b.serve({}, { handler: (event) => order.push(`event ${event.typeName}`) });
  a.put(a.bind({}), { target: NID_B, wantsAck: true });
  net.run();
  t.deepEqual(order, ['event PUT', `credits of ${LNET_MSG_PUT}`, `send ${LNET_MSG_ACK}`, `credits of ${LNET_MSG_ACK}`]);
});

test('ending a message twice is a programmer error', (t) => {
  const core = new TestCore();
  core.sendPath.isBlocked = true;
  core.put(core.bind({}), { target: NID_B });
  const msg = core.sendPath.waiting.shift() as NonNullable<typeof core.sendPath.waiting.first>;
  core.delivery.finalize(msg, 0, HEALTH_OK);
  t.throws(() => core.delivery.finalize(msg, 0, HEALTH_OK), { message: /ended twice/ });
  t.is(core.pool.live, 0);
});

test('a handler that throws is reported and disturbs nothing else', async (t) => {
  const { net, a, b } = await pair();
  const error = new Error('mine');
  const seen = new Recorder();
  b.serve(
    {},
    {
      handler: () => {
        throw error;
      },
    },
  );
  a.put(a.bind({ handler: seen.handler }), { target: NID_B, wantsAck: true });
  net.run();
  t.deepEqual(b.handlerErrors, [error]);
  t.deepEqual(seen.story, ['SEND', 'ACK']);
  t.is(b.pool.live, 0);
});

test('a handler may send at once; what that causes is told after it has returned', async (t) => {
  const core = new TestCore();
  await core.openLoopback();
  const order: string[] = [];
  let isInside = false;
  const inside =
    (name: string, action: (name: string) => void) =>
    ({ typeName, mlength }: { typeName: string; mlength: number }) => {
      t.false(isInside, 'handlers do not run inside each other');
      isInside = true;
      const before = `${name} ${typeName} ${mlength}`;
      action(typeName);
      order.push(before);
      isInside = false;
    };
  const second = core.bind({ memory: new Uint8Array(2), handler: inside('second', () => {}) });
  core.serve(
    {},
    {
      threshold: 1,
      handler: inside('target', () => t.is(core.put(second, { target: NID_LOOPBACK, portal: 5 }), 0)),
    },
  );
  core.serve({ portal: 5 }, { handler: inside('other target', () => {}) });
  core.put(core.bind({ memory: new Uint8Array(1), handler: inside('first', () => {}) }), { target: NID_LOOPBACK });
  t.deepEqual(order, ['target PUT 1', 'other target PUT 2', 'second SEND 2', 'first SEND 1']);
});

test('an event record is not changed by what its reader does, also when an unlink tells its own event at once', (t) => {
  const core = new TestCore();
  const unlinked = new Recorder();
  const other = core.bind({ user: 'other', handler: unlinked.handler });
  const users: unknown[] = [];
  const md = core.bind({
    user: 'first',
    handler: (event) => {
      core.portals.unlinkMd(other);
      users.push(event.typeName, event.md.user, event.targetNid);
    },
  });
  core.put(md, { target: NID_A });
  t.deepEqual(users, ['SEND', 'first', NID_A]);
  t.deepEqual(unlinked.story, ['UNLINK last']);
});

test('a chain of a hundred thousand messages, each sent from a handler, does not grow the stack', async (t) => {
  const core = new TestCore();
  await core.openLoopback();
  core.serve({ matchBits: 1n }, { memory: new Uint8Array(0) });
  let left = 100_000;
  const md = core.bind({
    memory: new Uint8Array(0),
    handler: () => {
      if (left-- > 0) core.put(md, { target: NID_LOOPBACK });
    },
  });
  core.put(md, { target: NID_LOOPBACK });
  t.is(left, -1);
  t.is(core.counters.recv_count, 100_001);
  t.is(core.pool.live, 0);
});

test('descriptors without handler work without events', async (t) => {
  const { net, a, b } = await pair();
  const memory = new Uint8Array(2);
  b.serve({}, { memory });
  a.put(a.bind({ memory: Uint8Array.of(4, 5), threshold: 2 }, true), { target: NID_B, wantsAck: true });
  net.run();
  t.deepEqual([...memory], [4, 5]);
  t.deepEqual(a.leftovers, NOTHING_LEFT);
});

function judged(core: TestCore): string[] {
  return core.health.judged.map(
    ({ type, isArrival, status, health }) => `${isArrival ? 'from' : 'to'} ${type} ${status} ${health}`,
  );
}

test('health judges a message once, in either direction, with what its NAL said; a GET with the REPLY that ends it', async (t) => {
  const { net, a, b } = await pair();
  b.portals.setLazy(4);
  a.put(a.bind({}), { target: NID_B, wantsAck: true });
  net.run();
  b.serve({}, {});
  net.run();
  a.get(a.bind({}), { target: NID_B });
  net.run();
  net.link(NID_A, NID_B).breaksNext = true;
  a.put(a.bind({}), { target: NID_B });
  net.run();
  t.deepEqual(judged(a), ['to 1 0 0', 'from 0 0 0', 'to 2 0 0', 'from 3 0 0', 'to 1 0 0']);
  t.deepEqual(judged(b), ['from 1 0 0', 'to 0 0 0', 'to 3 0 0', 'from 1 -5 7']);
});
