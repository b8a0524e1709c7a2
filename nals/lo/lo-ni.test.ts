import test from 'ava';
import { NOTHING_LEFT, Recorder, TestCore } from '../../lnet/deliver/core-fixture.test-support.ts';
import { LNET_MD_OP_PUT, LNET_MD_TRUNCATE } from '../../lnet/portals/md.ts';
import { NID_LOOPBACK } from '../../lnet/wire/nid.ts';

/** A node with its loopback, and one recorder for all its descriptors. */
async function node(): Promise<{ readonly core: TestCore; readonly seen: Recorder }> {
  const core = new TestCore();
  await core.openLoopback();
  return { core, seen: new Recorder() };
}

const TO_SELF = { target: NID_LOOPBACK };

test('T37: Loopback PUT with ACK: order PUT, ACK, SEND; GET: SEND, REPLY, GET; header NIDs are `0@lo`.', async (t) => {
  const { core, seen } = await node();
  const { handler } = seen;
  core.serve({}, { handler });
  core.put(core.bind({ handler }), { ...TO_SELF, wantsAck: true });
  t.deepEqual(seen.story, ['PUT', 'ACK', 'SEND']);
  core.put(core.bind({ handler }), TO_SELF);
  t.deepEqual(seen.story.slice(3), ['PUT', 'SEND']);
  core.get(core.bind({ handler }), TO_SELF);
  t.deepEqual(seen.story.slice(5), ['SEND', 'REPLY', 'GET']);
  for (const event of seen.events.filter(({ typeName }) => typeName !== 'SEND')) {
    const { targetNid, initiatorNid, sourceNid, senderNid } = event;
    for (const nid of [targetNid, initiatorNid, sourceNid, senderNid]) t.is(nid, NID_LOOPBACK);
  }
  t.deepEqual(core.health.heard, [], 'no peer is involved');
  t.is(core.peers.known.size, 0);
});

test('PUT and GET copy between scattered memories, from and to any offset', async (t) => {
  const { core, seen } = await node();
  const memory = [3, 0, 4, 2].map((length) => new Uint8Array(length));
  core.serve({}, { memory, options: LNET_MD_OP_PUT | LNET_MD_TRUNCATE, handler: seen.handler });
  const source = core.bind({ memory: [Uint8Array.of(1), Uint8Array.of(2, 3, 4), Uint8Array.of(5)] });
  core.put(source, TO_SELF);
  core.put(source, TO_SELF);
  t.deepEqual(
    memory.map((part) => [...part]),
    [[1, 2, 3], [], [4, 5, 1, 2], [3, 4]],
  );
  t.deepEqual(
    seen.events.map(({ mlength }) => mlength),
    [5, 4],
  );
  core.serve({ portal: 5 }, { memory });
  const sink = [new Uint8Array(2), new Uint8Array(1), new Uint8Array(1)];
  const md = core.bind({ memory: sink });
  core.get(md, { ...TO_SELF, portal: 5 });
  core.get(md, { ...TO_SELF, portal: 5 });
  t.deepEqual(
    sink.map((part) => [...part]),
    [[5, 1], [2], [3]],
  );
});

test('a PUT that nothing matches is dropped and its SEND comes', async (t) => {
  const { core, seen } = await node();
  core.put(core.bind({ threshold: 1, handler: seen.handler }, true), TO_SELF);
  t.deepEqual(seen.story, ['SEND last']);
  t.is(core.drops.no_match, 1);
  t.deepEqual(core.leftovers, NOTHING_LEFT);
});

test('a PUT that waits on a lazy portal keeps its SEND back until it is delivered', async (t) => {
  const { core, seen } = await node();
  const { handler } = seen;
  core.portals.setLazy(4);
  for (const byte of [1, 2])
    core.put(core.bind({ memory: Uint8Array.of(byte), threshold: 2, handler }, true), { ...TO_SELF, wantsAck: true });
  t.deepEqual(seen.story, []);
  const memory = new Uint8Array(2);
  core.serve({}, { memory, handler });
  t.deepEqual(seen.story, ['PUT', 'ACK', 'SEND last', 'PUT', 'ACK', 'SEND last']);
  t.deepEqual([...memory], [1, 2]);
  t.deepEqual(core.leftovers, { ...NOTHING_LEFT, mds: 1 });
});

test('a waiting PUT that is dropped counts as sent', async (t) => {
  const { core, seen } = await node();
  core.portals.setLazy(4);
  core.put(core.bind({ threshold: 1, handler: seen.handler }, true), TO_SELF);
  core.portals.clearLazy(4);
  t.deepEqual(seen.story, ['SEND last']);
  t.is(core.drops.lazy_cleared, 1);
  t.deepEqual(core.leftovers, NOTHING_LEFT);
});

test('what the core refuses fails the send at once', async (t) => {
  const { core, seen } = await node();
  core.serve({}, {});
  const md = core.bind({ threshold: 1, handler: seen.handler }, true);
  const arrived = core.upcalls.arrived.bind(core.upcalls);
  core.upcalls.arrived = (rx) => {
    rx.view.setUint32(24, 77, true);
    return arrived(rx);
  };
  core.put(md, TO_SELF);
  t.deepEqual(seen.story, ['SEND -71 last']);
  t.is(core.drops.refused_bad_type, 1);
  t.deepEqual(core.leftovers, { ...NOTHING_LEFT, mds: 1 });
});

test('close ends what waits with an error and refuses what comes', async (t) => {
  const { core, seen } = await node();
  core.portals.setLazy(4);
  core.put(core.bind({ threshold: 1, handler: seen.handler }, true), TO_SELF);
  await core.locals.loopback.link.close();
  t.deepEqual(seen.story, ['SEND -5 last']);
  t.is(core.drops.lazy_link_lost, 1);
  core.put(core.bind({ threshold: 1, handler: seen.handler }, true), TO_SELF);
  t.is(seen.story.at(-1), 'SEND -108 last');
  t.deepEqual(core.leftovers, NOTHING_LEFT);
});

test('the loopback counts its messages and has nothing to tune', async (t) => {
  const { core } = await node();
  const { link } = core.locals.loopback;
  core.put(core.bind({}), TO_SELF);
  t.is(link.counters['messages'], 1);
  t.deepEqual(
    link.nal.counterNames.map(({ name }) => name),
    Object.keys(link.counters),
  );
  t.throws(() => link.setTunable('credits', 1), { code: 'ERR_LNET_BAD_ARGUMENT' });
});
