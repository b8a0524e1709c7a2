import test from 'ava';
import { putTx } from '../compliance/message.ts';
import { createFabric } from './fabric.ts';
import { recordedNode } from './recorded-node.test-support.ts';

test('a promise is settled in virtual time, through any number of steps that follow from each other', async (t) => {
  const fabric = createFabric({ seed: 1 });
  const { clock } = fabric.node('a');
  const wait = (us: number): Promise<void> =>
    new Promise((resolve) => {
      clock.alarm(clock.now() + us, resolve);
    });
  const work = async (): Promise<number> => {
    for (let step = 0; step < 10; step++) await wait(1_000_000);
    return clock.now();
  };
  t.is(await fabric.settled(work()), 10_000_000);
});

test('a promise that is never settled fails with the seed instead of hanging', async (t) => {
  const fabric = createFabric({ seed: 42 });
  const never = new Promise<void>(() => undefined);
  await t.throwsAsync(fabric.settled(never), { message: /^seed 42: nothing is to come any more/ });
  const tick = (): void => {
    fabric.clock.alarm(fabric.clock.now() + 1_000_000, tick);
  };
  tick();
  await t.throwsAsync(fabric.settled(never, { us: 5_000_000 }), { message: /not settled after 5000000 µs/ });
});

test('a promise that is rejected is rejected', async (t) => {
  const fabric = createFabric({ seed: 1 });
  await t.throwsAsync(fabric.settled(Promise.reject(new Error('no'))), { message: 'no' });
});

test('nodes of different nets do not reach each other', async (t) => {
  const fabric = createFabric({ seed: 1 });
  const a = await recordedNode(fabric, 'a', '10.0.0.1@tcp');
  const b = await recordedNode(fabric, 'b', '10.0.0.2@tcp1');
  t.true(a.send(putTx(a.nid, b.nid, 1, 10)) < 0);
});

test('one node may have interfaces on several nets', async (t) => {
  const fabric = createFabric({ seed: 1 });
  const router = await recordedNode(fabric, 'router', '10.0.0.1@tcp');
  const other = await recordedNode(fabric, 'router', '10.1.0.1@o2ib');
  const a = await recordedNode(fabric, 'a', '10.0.0.2@tcp');
  const b = await recordedNode(fabric, 'b', '10.1.0.2@o2ib');
  a.send(putTx(a.nid, router.nid, 1, 10));
  b.send(putTx(b.nid, other.nid, 2, 10));
  fabric.runUntilIdle();
  t.is(router.placedArrivals.length, 1);
  t.is(other.placedArrivals.length, 1);
  t.deepEqual(
    [...fabric.nodes].map(({ name }) => name),
    ['router', 'a', 'b'],
  );
});
