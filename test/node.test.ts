/** What a program that holds a node sees: promises, errors, abort signals, the end. On a fabric with virtual time. */
import { getEventListeners } from 'node:events';
import test from 'ava';
import {
  createFabric,
  createFabricNode,
  LNET_MD_MANAGE_REMOTE,
  LNET_MD_OP_GET,
  LNET_MD_OP_PUT,
  type LnetError,
  type LnetErrorCode,
  type LnetNode,
  parseNid,
  type SettingValues,
} from '../index.ts';
import { discoverNode } from '../lnet/inquiry.ts';
import { stubInfo, TestNode, TestWire } from '../lnet/network-fixture.test-support.ts';
import { settle } from '../nals/sim/settle.ts';

const A = '10.0.0.1@tcp';
const B = '10.0.0.2@tcp';
const PORTAL = 40;

async function twoNodes(settings: Partial<SettingValues> = {}) {
  const fabric = createFabric({ seed: 7 });
  const a = await createFabricNode(fabric, { name: 'a', nids: [A], settings });
  const b = await createFabricNode(fabric, { name: 'b', nids: [B], settings });
  return { fabric, a, b };
}

type World = Awaited<ReturnType<typeof twoNodes>>;

/** How a promise ends, and after which time. */
async function endOf({ fabric }: World, promise: Promise<unknown>) {
  const begun = fabric.clock.now();
  const outcome = await fabric.settled(
    promise.then(
      () => 'fulfilled',
      (error: LnetError) => error,
    ),
  );
  return { outcome: outcome as LnetError, code: (outcome as LnetError).code, us: fabric.clock.now() - begun };
}

const transfer = (changes: object = {}) => ({
  target: B,
  portal: PORTAL,
  matchBits: 1n,
  memory: new Uint8Array(64),
  ...changes,
});

/** Memory at the portal of {@link transfer}. */
function serve(node: LnetNode): Uint8Array {
  const options = LNET_MD_OP_PUT | LNET_MD_OP_GET | LNET_MD_MANAGE_REMOTE;
  const memory = new Uint8Array(64).fill(7);
  node.attachMd(node.attachMe({ portal: PORTAL, matchBits: 1n }), { memory, options }, false);
  return memory;
}

test('a ping ends at its timeout, also when its link hangs and still holds the message', async (t) => {
  const world = await twoNodes();
  world.fabric.isolate('b');
  const { code, us, outcome } = await endOf(world, world.a.ping(B, { timeoutMs: 1500 }));
  t.deepEqual([code, us, outcome.errno], ['ERR_LNET_TIMED_OUT', 1_500_000, -110]);
  world.fabric.advance({ us: 60_000_000 });
  t.is(world.a.core.pool.live, 0, 'the link lets go of it in its own time');
});

test('ping and discovery end at once with ERR_LNET_CANCELED when their signal is aborted, before or meanwhile', async (t) => {
  const reason = new Error('mine');
  for (const call of ['ping', 'discover'] as const) {
    const world = await twoNodes();
    const { code, us, outcome } = await endOf(world, world.a[call](B, { signal: AbortSignal.abort(reason) }));
    t.deepEqual([code, us, outcome.cause], ['ERR_LNET_CANCELED', 0, reason], call);
    world.fabric.isolate('b');
    const controller = new AbortController();
    const pending = world.a[call](B, { signal: controller.signal });
    world.fabric.advance({ us: 5000 });
    controller.abort(reason);
    const later = await endOf(world, pending);
    t.deepEqual([later.code, later.us, later.outcome.cause], ['ERR_LNET_CANCELED', 0, reason], call);
  }
});

test('a signal that outlives many calls gathers no listeners', async (t) => {
  const world = await twoNodes();
  serve(world.b);
  const { signal } = new AbortController();
  const { a, fabric } = world;
  for (let i = 0; i < 3; i++)
    for (const call of [
      () => a.ping(B, { signal }),
      () => a.discover(B, { signal }),
      () => a.put(transfer({ signal })),
    ])
      await fabric.settled<unknown>(call());
  t.is(getEventListeners(signal, 'abort').length, 0);
});

test('a PUT that is aborted while its peer is being discovered never leaves', async (t) => {
  const world = await twoNodes();
  const memory = serve(world.b);
  const controller = new AbortController();
  const put = world.a.put(transfer({ signal: controller.signal }));
  controller.abort();
  t.is((await endOf(world, put)).code, 'ERR_LNET_CANCELED');
  world.fabric.advance({ us: 1_000_000 });
  t.deepEqual([memory[0], world.a.core.pool.live, world.a.core.portals.mdCount], [7, 0, 2], 'two MDs of LNet itself');
});

test('an aborted transfer gives its memory back before it rejects', async (t) => {
  const world = await twoNodes();
  serve(world.b);
  await world.fabric.settled(world.a.discover(B));
  world.fabric.isolate('b');
  const controller = new AbortController();
  const put = world.a.put(transfer({ signal: controller.signal }));
  world.fabric.advance({ us: 5000 });
  controller.abort();
  const { code, us } = await endOf(world, put);
  t.is(code, 'ERR_LNET_CANCELED');
  t.true(us > 1_000_000, 'the link held it until its own timeout');
  t.is(world.a.core.pool.live, 0);
});

for (const response_tracking of [3, 0]) {
  test(`closing ends everything under way with ERR_LNET_DOWN and leaves nothing behind (response_tracking ${response_tracking})`, async (t) => {
    const world = await twoNodes({ response_tracking });
    const { a, b, fabric } = world;
    await fabric.settled(a.discover(B));
    const unanswered = a.put(transfer({ portal: 9 }));
    fabric.advance({ us: 1_000_000 });
    const underWay = a.get(transfer({ portal: 9 }));
    const inDiscovery = a.put(transfer({ target: '10.0.0.3@tcp' }));
    const discovery = a.discover('10.0.0.4@tcp');
    const ping = a.ping(B);
    const close = a.close();
    for (const promise of [unanswered, underWay, inDiscovery, discovery, ping])
      t.is((await endOf(world, promise)).code, 'ERR_LNET_DOWN');
    t.is((await endOf(world, close)).us, 0);
    t.deepEqual(
      [
        a.core.pool.live,
        a.core.portals.mdCount,
        a.core.trackers.live,
        a.core.wheel.size,
        a.core.sendPath !== undefined,
      ],
      [0, 0, 0, 0, true],
    );
    await fabric.settled(b.close());
    fabric.runUntilIdle();
    t.is(fabric.clock.next, undefined, 'no alarm is left');
  });
}

test('a closed node refuses everything at once', async (t) => {
  const world = await twoNodes();
  const { a, fabric } = world;
  await fabric.settled(a.close());
  const net = { net: 0x20000, nal: 'sim', interfaces: [], tunables: NO_TUNABLES, lndTunables: {} };
  for (const call of [a.ping(B), a.discover(B), a.put(transfer()), a.get(transfer()), a.addNet(net)]) {
    const { code, us } = await endOf(world, call);
    t.deepEqual([code, us], ['ERR_LNET_DOWN', 0]);
  }
  t.is(await fabric.settled(a.close()), undefined, 'closing again is harmless');
});

const NO_TUNABLES = { peerTimeoutS: 180, peerCredits: 8, peerBufferCredits: 0, credits: 256 };

test('what is out of its range is refused by a rejection, never cut to size', async (t) => {
  const world = await twoNodes();
  serve(world.b);
  const bad: readonly (readonly [object, LnetErrorCode])[] = [
    [{ target: '1.2.3@tcp' }, 'ERR_LNET_BAD_NID'],
    [{ self: 'nobody' }, 'ERR_LNET_BAD_NID'],
    [{ target: '*' }, 'ERR_LNET_BAD_ARGUMENT'],
    [{ portal: -1 }, 'ERR_LNET_BAD_ARGUMENT'],
    [{ portal: 64 }, 'ERR_LNET_BAD_ARGUMENT'],
    [{ portal: 1.5 }, 'ERR_LNET_BAD_ARGUMENT'],
    [{ offset: -1 }, 'ERR_LNET_BAD_ARGUMENT'],
    [{ offset: 2 ** 32 }, 'ERR_LNET_BAD_ARGUMENT'],
    [{ pid: -1 }, 'ERR_LNET_BAD_ARGUMENT'],
    [{ matchBits: -1n }, 'ERR_LNET_BAD_ARGUMENT'],
    [{ matchBits: 1n << 64n }, 'ERR_LNET_BAD_ARGUMENT'],
    [{ hdrData: 1n << 64n }, 'ERR_LNET_BAD_ARGUMENT'],
    [{ memory: new Uint8Array(1_048_577) }, 'ERR_LNET_BAD_ARGUMENT'],
  ];
  for (const [changes, code] of bad) t.is((await endOf(world, world.a.put(transfer(changes)))).code, code, code);
  t.is((await endOf(world, world.a.ping('x'))).code, 'ERR_LNET_BAD_NID');
  t.is(world.a.core.pool.live, 0);
});

test('discovery of a peer that has switched its own off tells what it is now', async (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  const stub = wire.stub([B, '10.0.0.22@tcp']);
  const discover = () => settle(wire.clock, discoverNode(a, parseNid(B), { force: true }));
  t.like(await discover(), { isMultiRail: true, primaryNid: parseNid(B) });
  stub.info = stubInfo([B, '10.0.0.22@tcp'], { features: 0x0e });
  t.deepEqual(await discover(), { isMultiRail: false, primaryNid: parseNid(B), nids: [parseNid(B)] });
});

test('discovery of 0@lo is refused: a peer of that name would swallow messages', async (t) => {
  const world = await twoNodes();
  t.is((await endOf(world, world.a.discover('0@lo'))).code, 'ERR_LNET_BAD_NID');
  t.is(world.a.core.peers.size, 0);
  t.throws(
    () => world.a.core.network.peerConfig.add({ primary: world.a.core.locals.loopback.nid, isMultiRail: true }),
    {
      code: 'ERR_LNET_BAD_NID',
    },
  );
  await t.notThrowsAsync(world.fabric.settled(world.a.discover(A)), 'its own NID is one like any other');
  await t.notThrowsAsync(world.fabric.settled(world.a.ping(A)));
});
