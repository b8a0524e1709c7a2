import test from 'ava';
import { EINVAL, ENOENT, EPERM } from '../errno.ts';
import type { LnetError } from '../error-code.ts';
import { NID_A, NID_B, NOTHING_LEFT, Recorder, TestCore } from '../deliver/core-fixture.test-support.ts';
import { pair } from '../deliver/link-fixture.test-support.ts';
import { LNET_PID_LUSTRE } from './me.ts';
import { LNET_MD_MAX_SIZE, LNET_MD_OP_GET, LNET_MD_OP_PUT, LNET_MD_TRUNCATE, type MdSpec } from './md.ts';

const UNIQUE = { nid: NID_A, pid: LNET_PID_LUSTRE };

function errnoOf(action: () => unknown): number {
  try {
    action();
    return 0;
  } catch (error) {
    return (error as LnetError).errno;
  }
}

test('T3: MEAttach on portal 64 gives -EINVAL.', (t) => {
  const { portals } = new TestCore();
  t.is(
    errnoOf(() => portals.attachMe({ portal: 64, matchBits: 0n })),
    -EINVAL,
  );
  t.is(
    errnoOf(() => portals.attachMe({ portal: -1, matchBits: 0n })),
    -EINVAL,
  );
  t.is(
    errnoOf(() => portals.attachMe({ portal: 63, matchBits: 0n })),
    0,
  );
});

test('T4: After a first ME with exact NID, pid and ignore_bits 0, a wildcard ME on that portal gives -EPERM, and vice versa.', (t) => {
  const { portals } = new TestCore();
  const attach = (portal: number, criteria: object): number =>
    errnoOf(() => portals.attachMe({ portal, matchBits: 1n, ...criteria }));
  t.is(attach(1, UNIQUE), 0);
  t.is(attach(1, {}), -EPERM);
  t.is(attach(1, { ...UNIQUE, ignoreBits: 1n }), -EPERM);
  t.is(attach(1, { nid: NID_A }), -EPERM);
  t.is(attach(1, { pid: 1 }), -EPERM);
  t.is(attach(1, UNIQUE), 0);
  t.is(attach(2, { pid: 1 }), 0);
  t.is(attach(2, UNIQUE), -EPERM);
  t.is(attach(2, { ignoreBits: 1n << 63n }), 0);
});

test('T5: MDAttach without OP_PUT/OP_GET gives -EINVAL and the ME is gone (portal no longer matches through it).', async (t) => {
  const { net, a, b } = await pair();
  const me = b.portals.attachMe({ portal: 4, matchBits: 1n });
  t.is(
    errnoOf(() => b.portals.attachMd(me, { memory: new Uint8Array(8) }, false)),
    -EINVAL,
  );
  t.is(
    errnoOf(() => b.portals.attachMd(me, { memory: new Uint8Array(8), options: LNET_MD_OP_PUT }, false)),
    -EINVAL,
  );
  a.put(a.bind({ threshold: 1 }, true), { target: NID_B });
  net.run();
  t.is(b.drops.no_match, 1);
});

test('T6: MDBind with OP_PUT or OP_GET, or with 1 MiB + 1 byte, gives -EINVAL; exactly 1 MiB succeeds.', (t) => {
  const core = new TestCore();
  const bind = (spec: MdSpec): number => errnoOf(() => core.portals.bindMd(spec, false));
  t.is(bind({ memory: new Uint8Array(8), options: LNET_MD_OP_PUT }), -EINVAL);
  t.is(bind({ memory: new Uint8Array(8), options: LNET_MD_OP_GET }), -EINVAL);
  t.is(bind({ memory: [new Uint8Array(1 << 20), new Uint8Array(1)] }), -EINVAL);
  t.is(bind({ memory: [new Uint8Array(1 << 19), new Uint8Array(1 << 19)] }), 0);
  t.is(
    errnoOf(() => core.serve({}, { memory: new Uint8Array((1 << 20) + 1) })),
    0,
    'attached ones may be longer',
  );
});

test('T7: MAX_SIZE with max_size greater than the length gives -EINVAL.', (t) => {
  const core = new TestCore();
  const attach = (maxSize: number): number =>
    errnoOf(() => core.serve({}, { memory: new Uint8Array(8), maxSize, options: LNET_MD_OP_PUT | LNET_MD_MAX_SIZE }));
  t.is(attach(9), -EINVAL);
  t.is(attach(-1), -EINVAL);
  t.is(attach(8), 0);
});

test('match bits and ignore bits that are no 64-bit numbers are refused (-EINVAL), not cut', (t) => {
  const { portals } = new TestCore();
  const attach = (bits: object): number => errnoOf(() => portals.attachMe({ portal: 4, matchBits: 0n, ...bits }));
  t.is(attach({ matchBits: (1n << 64n) - 1n, ignoreBits: (1n << 64n) - 1n }), 0);
  for (const bits of [-1n, 1n << 64n])
    t.deepEqual([attach({ matchBits: bits }), attach({ ignoreBits: bits })], [-EINVAL, -EINVAL]);
});

test('a memory descriptor has at most 256 fragments, and a threshold of -1 or more', (t) => {
  const core = new TestCore();
  const fragments = Array.from({ length: 257 }, () => new Uint8Array(1));
  t.is(
    errnoOf(() => core.bind({ memory: fragments })),
    -EINVAL,
  );
  t.is(
    errnoOf(() => core.bind({ memory: fragments.slice(1) })),
    0,
  );
  t.is(
    errnoOf(() => core.bind({ memory: [] })),
    0,
  );
  t.is(
    errnoOf(() => core.bind({ threshold: -2 })),
    -EINVAL,
  );
  t.is(
    errnoOf(() => core.bind({ threshold: 1.5 })),
    -EINVAL,
  );
});

test('a match entry takes one memory descriptor; a second one is refused and the first stays', async (t) => {
  const { net, a, b } = await pair();
  const seen = new Recorder();
  const me = b.portals.attachMe({ portal: 4, matchBits: 1n });
  const spec = { memory: new Uint8Array(8), options: LNET_MD_OP_PUT, handler: seen.handler };
  b.portals.attachMd(me, spec, false);
  t.is(
    errnoOf(() => b.portals.attachMd(me, spec, false)),
    -EINVAL,
  );
  a.put(a.bind({ threshold: 1 }, true), { target: NID_B });
  net.run();
  t.deepEqual(seen.story, ['PUT']);
});

test('lazy portals are 0..63', (t) => {
  const { portals } = new TestCore();
  t.is(
    errnoOf(() => portals.setLazy(64)),
    -EINVAL,
  );
  t.is(
    errnoOf(() => portals.clearLazy(-1)),
    -EINVAL,
  );
  t.is(
    errnoOf(() => portals.clearLazy(63)),
    0,
  );
});

test('T30: Unlink of an idle MD: UNLINK event, status 0, unlinked 1; second unlink -ENOENT.', (t) => {
  const core = new TestCore();
  const seen = new Recorder();
  const md = core.bind({ handler: seen.handler });
  core.portals.unlinkMd(md);
  t.deepEqual(seen.story, ['UNLINK last']);
  t.like(seen.last, { status: 0, md, portal: 0, rlength: 0, msgType: 0 });
  t.is(
    errnoOf(() => core.portals.unlinkMd(md)),
    -ENOENT,
  );
  t.deepEqual(core.leftovers, NOTHING_LEFT);
});

test('unlinking a descriptor of another node gives -ENOENT', (t) => {
  const [a, b] = [new TestCore(), new TestCore()];
  const md = a.bind({});
  b.bind({});
  t.is(
    errnoOf(() => b.portals.unlinkMd(md)),
    -ENOENT,
  );
  t.true(md.isLive);
});

test('T31: Unlink of a busy MD: no UNLINK; pending event gets unlinked 1 and -ETIMEDOUT instead of 0.', async (t) => {
  const { net, a, b } = await pair();
  const seen = new Recorder();
  b.serve({}, {});
  a.sendPath.isBlocked = true;
  const md = a.bind({ handler: seen.handler });
  a.put(md, { target: NID_B });
  a.portals.unlinkMd(md);
  t.deepEqual(seen.story, []);
  t.is(
    errnoOf(() => a.portals.unlinkMd(md)),
    -ENOENT,
  );
  const msg = a.sendPath.waiting.shift();
  a.delivery.finalize(msg as NonNullable<typeof msg>, 0, 0);
  t.deepEqual(seen.story, ['SEND -110 last']);
  net.run();
  t.deepEqual(a.leftovers, NOTHING_LEFT);
});

test('an error of a message outranks the unlink of its descriptor', (t) => {
  const core = new TestCore();
  const seen = new Recorder();
  core.sendPath.isBlocked = true;
  const md = core.bind({ handler: seen.handler });
  core.put(md, { target: NID_B });
  core.portals.unlinkMd(md);
  core.sendPath.letGo();
  t.deepEqual(seen.story, ['SEND -125 last']);
});

test('a target descriptor that is unlinked while its payload arrives ends with -ETIMEDOUT and without ACK', async (t) => {
  const { net, a, b } = await pair();
  const seen = new Recorder();
  const md = b.serve({}, { handler: seen.handler });
  const link = net.link(NID_A, NID_B);
  link.isSlow = true;
  a.put(a.bind({ threshold: 2 }, true), { target: NID_B, wantsAck: true });
  net.run();
  b.portals.unlinkMd(md);
  t.deepEqual(seen.story, []);
  link.finish();
  t.false(md.isLive);
  t.deepEqual(seen.story, ['PUT -110 last']);
  t.deepEqual(
    b.sendPath.submitted.map((sent) => sent.type),
    [],
  );
});

test('a retained ME outlives its descriptor and takes another; one with unlink goes with it', async (t) => {
  const { net, a, b } = await pair();
  const spec = { memory: new Uint8Array(8), options: LNET_MD_OP_PUT };
  const retained = b.portals.attachMe({ portal: 4, matchBits: 1n, unlinksWithMd: false });
  const leaving = b.portals.attachMe({ portal: 5, matchBits: 1n });
  b.portals.unlinkMd(b.portals.attachMd(retained, spec, false));
  b.portals.unlinkMd(b.portals.attachMd(leaving, spec, false));
  const seen = new Recorder();
  b.portals.attachMd(retained, { ...spec, handler: seen.handler }, false);
  t.is(
    errnoOf(() => b.portals.attachMd(leaving, spec, false)),
    -EINVAL,
  );
  a.put(a.bind({ threshold: 1 }, true), { target: NID_B });
  net.run();
  t.deepEqual(seen.story, ['PUT']);
});

test('T14: MAX_SIZE MD with infinite threshold and `LNET_UNLINK` is unlinked when less than max_size remains; the last event has unlinked = 1 and no UNLINK event follows.', async (t) => {
  const { net, a, b } = await pair();
  const seen = new Recorder();
  const options = LNET_MD_OP_PUT | LNET_MD_MAX_SIZE;
  const md = b.serve({}, { memory: new Uint8Array(20), maxSize: 8, options, handler: seen.handler }, true);
  const source = a.bind({ memory: new Uint8Array(7) });
  for (let i = 0; i < 3; i++) {
    a.put(source, { target: NID_B });
    net.run();
  }
  t.deepEqual(seen.story, ['PUT', 'PUT last']);
  t.deepEqual(
    seen.events.map((event) => event.offset),
    [0, 7],
  );
  t.is(
    errnoOf(() => b.portals.unlinkMd(md)),
    -ENOENT,
  );
  t.is(b.drops.no_match, 1);
  t.deepEqual(b.leftovers, NOTHING_LEFT);
});

test('an MD that a message uses up is unlinked when it is matched, not when the payload has come', async (t) => {
  for (const isDelayed of [false, true]) {
    const { net, a, b } = await pair();
    const seen = new Recorder();
    const spec = { threshold: 1, options: LNET_MD_OP_PUT, memory: new Uint8Array(8), handler: seen.handler };
    const me = b.portals.attachMe({ portal: 4, matchBits: 1n, unlinksWithMd: false });
    b.portals.setLazy(4);
    let md = isDelayed ? undefined : b.portals.attachMd(me, spec, true);
    a.put(a.bind({}), { target: NID_B });
    if (isDelayed) net.run();
    net.link(NID_A, NID_B).isSlow = true;
    md ??= b.portals.attachMd(me, spec, true);
    net.run();
    t.false(md.isLive);
    t.is(
      errnoOf(() => b.portals.unlinkMd(md)),
      -ENOENT,
    );
    t.is(
      errnoOf(() => b.portals.attachMd(me, spec, true)),
      0,
      'its match entry is free',
    );
    t.deepEqual(seen.story, []);
    net.link(NID_A, NID_B).finish();
    t.deepEqual(seen.story, ['PUT last']);
  }
});

test('T15: An exhausted but retained MD no longer matches; the next ME is tried.', async (t) => {
  const { net, a, b } = await pair();
  const [first, second] = [new Recorder(), new Recorder()];
  b.serve({}, { threshold: 1, handler: first.handler });
  b.serve({}, { options: LNET_MD_OP_PUT | LNET_MD_TRUNCATE, handler: second.handler });
  const source = a.bind({});
  for (let i = 0; i < 2; i++) a.put(source, { target: NID_B });
  net.run();
  t.deepEqual([first.story, second.story], [['PUT'], ['PUT']]);
});

test('response trackers go with an idle infinite descriptor, with an unlink, and with an automatic unlink', async (t) => {
  const { net, a, b } = await pair();
  b.serve({}, {});
  a.sendPath.isBlocked = true;
  a.put(a.bind({}), { target: NID_B, wantsAck: true });
  t.is(a.trackers.live, 1);
  a.sendPath.letGo();
  t.is(a.trackers.live, 0, 'an idle one with infinite threshold counts as done, though no ACK has come');
  a.put(a.bind({ threshold: 2 }, true), { target: NID_B, wantsAck: true });
  net.run();
  t.is(a.trackers.live, 0);
  const retained = a.bind({ threshold: 2 });
  a.put(retained, { target: NID_B, wantsAck: true });
  net.run();
  t.is(a.trackers.live, 1, 'a retained one with finite threshold keeps it');
  a.portals.unlinkMd(retained);
  t.is(a.trackers.live, 0);
});
