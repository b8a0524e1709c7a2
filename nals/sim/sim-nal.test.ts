import test from 'ava';
import {
  ECONNREFUSED,
  EHOSTUNREACH,
  EINVAL,
  EIO,
  ESHUTDOWN,
  ETIMEDOUT,
  HEALTH_LOCAL_ERROR,
  HEALTH_NETWORK_TIMEOUT,
  HEALTH_REMOTE_DROPPED,
  LnetError,
  RX_WAIT,
  US_PER_S,
} from '../../lnet/nal.ts';
import { LNET_MTU } from '../../lnet/wire/lnet-hdr.ts';
import { NID_ANY, parseNid } from '../../lnet/wire/nid.ts';
import { putTx } from '../compliance/message.ts';
import type { Recorder } from '../compliance/recorder.ts';
import { createFabric } from './fabric.ts';
import { recordedNode } from './recorded-node.test-support.ts';
import type { SimNet, SimNetOptions } from './sim-net.ts';

/** Two nodes with a link that has carried one message already. */
async function linked(options: Partial<SimNetOptions> = {}): Promise<[SimNet, Recorder, Recorder]> {
  const fabric = createFabric({ seed: 1, ...options });
  const a = await recordedNode(fabric, 'a', '10.0.0.1@tcp');
  const b = await recordedNode(fabric, 'b', '10.0.0.2@tcp');
  a.send(putTx(a.nid, b.nid, 0, 0));
  fabric.runUntilIdle();
  return [fabric, a, b];
}

test('a message to a NID that no node has: EHOSTUNREACH, REMOTE_DROPPED', async (t) => {
  const [fabric, a] = await linked();
  const tx = putTx(a.nid, parseNid('10.9.9.9@tcp'), 1, 10);
  a.send(tx);
  fabric.advance({ us: 49 });
  t.is(a.endOf(tx), undefined);
  fabric.advance({ us: 1 });
  t.like(a.endOf(tx), { errno: -EHOSTUNREACH, health: HEALTH_REMOTE_DROPPED });
  t.deepEqual(a.downs.map(String), ['10.9.9.9@tcp']);
});

test('a node that accepts nothing refuses connections and can still make its own', async (t) => {
  const fabric = createFabric({ seed: 1 });
  const a = await recordedNode(fabric, 'a', '10.0.0.1@tcp');
  const b = await recordedNode(fabric, 'b', '10.0.0.2@tcp', { accept: 'none' });
  const refused = putTx(a.nid, b.nid, 1, 10);
  a.send(refused);
  fabric.runUntilIdle();
  t.like(a.endOf(refused), { errno: -ECONNREFUSED, health: HEALTH_REMOTE_DROPPED });
  b.send(putTx(b.nid, a.nid, 2, 10));
  a.send(putTx(a.nid, b.nid, 3, 10));
  fabric.runUntilIdle();
  t.is(a.placedArrivals.length, 1);
});

test('a peer with a substituted pid cannot be dialled: the send fails at once', async (t) => {
  const [, a] = await linked();
  const tx = putTx(a.nid, parseNid('10.0.0.77@tcp'), 1, 10);
  tx.nextHopPid = 0x8000_9c40;
  t.is(a.send(tx), -EIO);
});

test('what is in flight when a node crashes is lost, and nothing is reported there any more', async (t) => {
  const [fabric, a, b] = await linked();
  a.send(putTx(a.nid, b.nid, 1, 10));
  b.send(putTx(b.nid, a.nid, 2, 10));
  fabric.node('a').clock.alarm(fabric.clock.now() + 10, () => t.fail('an alarm of the crashed node fired'));
  fabric.node('a').crash();
  a.die();
  fabric.advance({ us: 1_000_000 });
  t.is(b.arrivals.length, 1);
  t.is(b.unfinished, 1);
  t.deepEqual(a.violations, []);
});

test('a peer that crashed is noticed after the driver timeout: NETWORK_TIMEOUT', async (t) => {
  const [fabric, a, b] = await linked();
  fabric.node('b').crash();
  const tx = putTx(a.nid, b.nid, 1, 10);
  const start = fabric.clock.now();
  a.send(tx);
  fabric.runUntil(() => a.unfinished === 0, 'the crash is noticed');
  t.is(fabric.clock.now() - start, 50 * US_PER_S);
  t.like(a.endOf(tx), { errno: -ETIMEDOUT, health: HEALTH_NETWORK_TIMEOUT });
  t.deepEqual(a.downs, [b.nid]);
  t.like(a.ni.counters, { timeouts: 1, resets: 0 });
});

test('a process that is killed is noticed at once: what was under way is LOCAL_ERROR, not to be resent', async (t) => {
  const [fabric, a, b] = await linked();
  b.answer = () => RX_WAIT;
  const tx = putTx(a.nid, b.nid, 1, 10);
  a.send(tx);
  fabric.runUntil(() => b.arrivals.length === 2, 'it waits');
  fabric.node('b').kill();
  fabric.advance({ us: 1_000 });
  t.like(a.endOf(tx), { errno: -EIO, health: HEALTH_LOCAL_ERROR });
});

test('a restarted peer that was not missed resets the old link and is dialled anew', async (t) => {
  const [fabric, a, b] = await linked();
  fabric.node('b').crash();
  fabric.node('b').restart();
  const reborn = await recordedNode(fabric, 'b', '10.0.0.2@tcp');
  const lost = putTx(a.nid, b.nid, 1, 10);
  a.send(lost);
  fabric.runUntilIdle();
  t.like(a.endOf(lost), { errno: -EIO, health: HEALTH_LOCAL_ERROR });
  t.is(a.ni.counters['resets'], 1);
  a.send(putTx(a.nid, b.nid, 2, 10));
  fabric.runUntilIdle();
  t.deepEqual(
    reborn.placedArrivals.map(({ number }) => number),
    [2],
  );
});

test('a peer that says hello in another incarnation has restarted: its old link ends, its messages come', async (t) => {
  const [fabric, a, b] = await linked();
  const cut = fabric.cut((from) => from.node.name === 'a');
  const lost = putTx(a.nid, b.nid, 1, 10);
  a.send(lost);
  fabric.advance({ us: 1_000 });
  fabric.node('b').crash();
  fabric.node('b').restart();
  const reborn = await recordedNode(fabric, 'b', '10.0.0.2@tcp');
  reborn.send(putTx(b.nid, a.nid, 2, 10));
  fabric.advance({ us: 1_000 });
  t.is(a.ni.counters['restarts'], 1);
  t.like(a.endOf(lost), { errno: -EIO, health: HEALTH_LOCAL_ERROR });
  t.deepEqual(a.downs, [], 'a new link is there already');
  cut.heal();
  fabric.runUntilIdle();
  t.is(a.placedArrivals.length, 1);
  t.is(reborn.unfinished, 0);
});

test('a sender that loses power in the middle of a message leaves its receiver to its own timeout', async (t) => {
  const [fabric, a, b] = await linked({ conditions: { bytesPerS: 1_000_000 } });
  a.send(putTx(a.nid, b.nid, 1, 1_000_000));
  fabric.runUntil(() => b.arrivals.length === 2, 'the header has arrived');
  fabric.node('a').crash();
  fabric.advance({ us: 50.9 * US_PER_S });
  t.is(b.arrivals[1]?.state, 'placing', 'its last byte was due after a second');
  fabric.advance({ us: 0.2 * US_PER_S });
  t.is(b.arrivals[1]?.state, 'failed');
  t.is(b.arrivals[1]?.errno, -EIO);
});

test('a message that takes longer than the driver timeout is not given up while its bytes move', async (t) => {
  const [fabric, a, b] = await linked({ conditions: { bytesPerS: 10_000 } });
  const tx = putTx(a.nid, b.nid, 1, 1_000_000);
  a.send(tx);
  fabric.advance({ us: 110 * US_PER_S });
  t.is(b.placedArrivals.length, 2);
  t.is(a.endOf(tx)?.errno, 0);
});

test('a message that the core lets wait for the driver timeout costs the link', async (t) => {
  const [fabric, a, b] = await linked();
  fabric.advance({ us: 100 * US_PER_S });
  b.answer = () => RX_WAIT;
  const tx = putTx(a.nid, b.nid, 1, 10);
  a.send(tx);
  fabric.advance({ us: 49 * US_PER_S });
  t.is(b.arrivals[1]?.state, 'waiting');
  fabric.advance({ us: 2 * US_PER_S });
  t.is(b.arrivals[1]?.state, 'failed');
  t.is(a.endOf(tx)?.health, HEALTH_NETWORK_TIMEOUT);
});

test('a cut in the middle of a payload: the rest follows when it is healed', async (t) => {
  const [fabric, a, b] = await linked({ conditions: { bytesPerS: 1_000_000 } });
  a.send(putTx(a.nid, b.nid, 1, 100_000));
  fabric.runUntil(() => b.arrivals.length === 2, 'the header has arrived');
  const cut = fabric.isolate('a');
  fabric.advance({ us: 1_000_000 });
  t.is(b.arrivals[1]?.state, 'placing');
  cut.heal();
  fabric.runUntilIdle();
  t.is(b.arrivals[1]?.state, 'placed');
  t.is(a.unfinished, 0);
});

test('a handshake that meets a cut goes on when it is healed, in either direction', async (t) => {
  for (const blocked of ['a', 'b']) {
    const fabric = createFabric({ seed: 1 });
    const a = await recordedNode(fabric, 'a', '10.0.0.1@tcp');
    const b = await recordedNode(fabric, 'b', '10.0.0.2@tcp');
    const cut = fabric.cut((from) => from.node.name === blocked);
    a.send(putTx(a.nid, b.nid, 1, 10));
    fabric.advance({ us: 10_000 });
    t.is(b.arrivals.length, 0);
    cut.heal();
    fabric.runUntilIdle();
    t.is(b.placedArrivals.length, 1);
    t.is(a.unfinished, 0);
  }
});

test('an unplugged interface tells its NI, carries nothing, and goes on when plugged in again', async (t) => {
  const [fabric, a, b] = await linked();
  fabric.node('b').unplug();
  a.send(putTx(a.nid, b.nid, 1, 10));
  fabric.advance({ us: 1_000_000 });
  t.is(b.arrivals.length, 1);
  fabric.node('b').plug(b.nid);
  fabric.runUntilIdle();
  t.deepEqual(b.fatals, [true, false]);
  t.is(b.arrivals.length, 2);
});

test('a node reaches itself through its own NIC', async (t) => {
  const [fabric, a] = await linked();
  a.send(putTx(a.nid, a.nid, 5, 1000));
  fabric.runUntilIdle();
  t.deepEqual(
    a.placedArrivals.map(({ number, fromNid }) => [number, fromNid]),
    [[5, a.nid]],
  );
});

test('a link of a large NID takes the large header form, whatever the fabric says', async (t) => {
  const fabric = createFabric({ seed: 1, form: 4 });
  const a = await recordedNode(fabric, 'a', 'fd77::1@tcp');
  const b = await recordedNode(fabric, 'b', '10.0.0.2@tcp');
  a.send(putTx(a.nid, b.nid, 1, 10));
  fabric.runUntilIdle();
  t.is(b.arrivals[0]?.form, 16);
});

test('a header is not readable any more once the core has answered', async (t) => {
  const [fabric, a, b] = await linked();
  b.answer = () => RX_WAIT;
  a.send(putTx(a.nid, b.nid, 1, 10));
  fabric.advance({ us: 1_000 });
  t.is(b.arrivals[1]?.rx.view.getUint32(0), 0xdbdbdbdb);
  t.notThrows(() => b.arrivals[1]?.rx.resume());
  t.throws(() => b.arrivals[1]?.rx.resume(), { message: /does not wait/ });
});

test('a NID is opened once in a fabric', async (t) => {
  const [fabric] = await linked();
  const same = await t.throwsAsync(recordedNode(fabric, 'a', '10.0.0.1@tcp'), { instanceOf: LnetError });
  t.is(same.code, 'ERR_LNET_LISTEN');
  await t.throwsAsync(recordedNode(fabric, 'b', '10.0.0.1@tcp'), { message: /by another node/ });
  await t.throwsAsync(recordedNode(fabric, 'c', '10.0.0.3@tcp', { tunables: { tmeout: 1 } }), {
    message: /no tunable 'tmeout'/,
  });
});

test('the driver timeout is a tunable', async (t) => {
  const [fabric, a, b] = await linked();
  a.ni.setTunable('timeout', 3);
  t.is(a.ni.timeoutUs, 3 * US_PER_S);
  fabric.isolate('b');
  a.send(putTx(a.nid, b.nid, 1, 10));
  fabric.advance({ us: 3 * US_PER_S });
  t.is(a.unfinished, 0);
});

test('a drifting node keeps its deadlines by its own clock', async (t) => {
  const [fabric, a, b] = await linked();
  fabric.node('a').setDrift(1_000_000);
  fabric.isolate('b');
  a.send(putTx(a.nid, b.nid, 1, 10));
  fabric.advance({ us: 24 * US_PER_S });
  t.is(a.unfinished, 1);
  fabric.advance({ us: 2 * US_PER_S });
  t.is(a.unfinished, 0);
});

test('a node that was killed may be opened again at once, with a clock and an incarnation of its own', async (t) => {
  const [fabric, a] = await linked();
  const before = fabric.node('b').clock;
  fabric.node('b').kill();
  const reborn = await recordedNode(fabric, 'b', '10.0.0.2@tcp');
  t.not(fabric.node('b').clock, before);
  a.send(putTx(a.nid, reborn.nid, 1, 10));
  fabric.runUntilIdle();
  t.is(reborn.placedArrivals.length, 0, 'it met the old link');
  a.send(putTx(a.nid, reborn.nid, 2, 10));
  fabric.runUntilIdle();
  t.is(reborn.placedArrivals.length, 1);
});

test('a transmission of which a second copy is on its way ends when that has arrived too', async (t) => {
  const [fabric, a, b] = await linked();
  fabric.shape({}, { duplicate: 1, latencyUs: 100 });
  const txs = [putTx(a.nid, b.nid, 1, 10), putTx(a.nid, b.nid, 2, 10)];
  for (const tx of txs) a.send(tx);
  fabric.advance({ us: 100 });
  t.is(b.placedArrivals.length, 3);
  t.is(a.unfinished, 2);
  fabric.advance({ us: 100 });
  t.is(b.placedArrivals.length, 5);
  t.is(a.unfinished, 0);
  t.is(a.ends.length, 3);
});

test('a second copy that overtakes its message does not end the transmission early', async (t) => {
  const [fabric, a, b] = await linked();
  fabric.shape({}, { duplicate: 1, reorder: 1, reorderUs: 1 });
  b.answer = () => RX_WAIT;
  const tx = putTx(a.nid, b.nid, 1, 10);
  a.send(tx);
  fabric.advance({ us: 1_000 });
  b.arrivals[1]?.resume();
  fabric.advance({ us: 1_000 });
  t.is(b.arrivals.length, 3);
  t.is(a.unfinished, 1);
  b.arrivals[2]?.resume();
  t.is(a.unfinished, 0);
});

test('of two copies that go out again after a cut, both must have arrived', async (t) => {
  const [fabric, a, b] = await linked();
  fabric.shape({}, { duplicate: 1 });
  b.answer = (arrival) => (b.arrivals.length === 3 ? RX_WAIT : arrival.want());
  const cut = fabric.isolate('b');
  a.send(putTx(a.nid, b.nid, 1, 10));
  fabric.advance({ us: 1_000 });
  cut.heal();
  fabric.advance({ us: 1_000 });
  t.deepEqual(
    b.arrivals.map(({ state }) => state),
    ['placed', 'placed', 'waiting'],
  );
  t.is(a.unfinished, 1);
  b.arrivals[2]?.resume();
  t.is(a.unfinished, 0);
});

test('a link that closes while copies are on their way reports each transmission once and delivers nothing more', async (t) => {
  const [fabric, a, b] = await linked();
  fabric.shape({}, { duplicate: 1, latencyUs: 500 });
  for (let number = 1; number < 10; number++) a.send(putTx(a.nid, b.nid, number, 10));
  fabric.advance({ us: 600 });
  t.is(b.arrivals.length, 10);
  await a.close();
  fabric.advance({ us: 10_000 });
  t.is(a.ends.length, 10);
  t.is(b.arrivals.length, 10);
  t.deepEqual(a.violations, []);
});

test('messages that end out of order are each reported once, also when the link closes in between', async (t) => {
  const [fabric, a, b] = await linked();
  fabric.shape({}, { reorder: 0.5, reorderUs: 2_000 });
  for (let number = 1; number <= 200; number++) a.send(putTx(a.nid, b.nid, number, 10));
  fabric.advance({ us: 1_000 });
  t.true(a.ends.length > 50 && a.unfinished > 20, `${a.unfinished} under way`);
  await a.close();
  t.is(a.ends.length, 201);
  t.deepEqual(a.violations, []);
});

test('a silent peer is given up although more and more is sent to it', async (t) => {
  const [fabric, a, b] = await linked();
  fabric.isolate('b');
  for (let number = 1; number <= 5; number++) {
    a.send(putTx(a.nid, b.nid, number, 10));
    fabric.advance({ us: 9.9 * US_PER_S });
  }
  t.is(a.unfinished, 5);
  fabric.advance({ us: 1 * US_PER_S });
  t.is(a.unfinished, 0);
});

test('a connection that stands at last is progress: the driver timeout begins anew', async (t) => {
  const fabric = createFabric({ seed: 1 });
  const a = await recordedNode(fabric, 'a', '10.0.0.1@tcp');
  const b = await recordedNode(fabric, 'b', '10.0.0.2@tcp');
  b.answer = () => RX_WAIT;
  const cut = fabric.isolate('b');
  const tx = putTx(a.nid, b.nid, 1, 10);
  a.send(tx);
  fabric.advance({ us: 40 * US_PER_S });
  cut.heal();
  fabric.advance({ us: 30 * US_PER_S });
  b.arrivals[0]?.resume();
  t.is(a.endOf(tx)?.errno, 0);
});

test('a peer that lost the link and dials again, in the same incarnation, has not restarted', async (t) => {
  const [fabric, a, b] = await linked();
  const cut = fabric.isolate('b');
  b.send(putTx(b.nid, a.nid, 1, 10));
  fabric.advance({ us: 51 * US_PER_S });
  t.is(b.unfinished, 0, 'b has closed the link, and a does not know');
  cut.heal();
  b.send(putTx(b.nid, a.nid, 2, 10));
  fabric.runUntilIdle();
  t.is(a.placedArrivals.length, 1);
  t.like(a.ni.counters, { resets: 1, restarts: 0 });
});

test('both ends know each other by the pid of the handshake, whoever dialled', async (t) => {
  const [fabric, a, b] = await linked();
  b.send(putTx(b.nid, a.nid, 1, 10));
  fabric.runUntilIdle();
  t.deepEqual([a.arrivals[0]?.fromPid, b.arrivals[0]?.fromPid], [12345, 12345]);
});

test('each acknowledgement is progress: a slow but steady peer is not given up', async (t) => {
  const [fabric, a, b] = await linked();
  fabric.node('b').setReadRate(1_000);
  for (let number = 1; number <= 5; number++) a.send(putTx(a.nid, b.nid, number, 29_928));
  fabric.advance({ us: 151 * US_PER_S });
  t.is(b.placedArrivals.length, 6);
  t.true(a.ends.every((end) => end.errno === 0));
});

test('an NI that closes when a cut holds its hello up does not dial again when that is healed', async (t) => {
  for (const us of [0, 1_000]) {
    const fabric = createFabric({ seed: 1 });
    const a = await recordedNode(fabric, 'a', '10.0.0.1@tcp');
    const b = await recordedNode(fabric, 'b', '10.0.0.2@tcp');
    const cut = fabric.isolate('b');
    a.send(putTx(a.nid, b.nid, 1, 10));
    fabric.advance({ us });
    await a.close();
    fabric.advance({ us: 1_000 });
    cut.heal();
    fabric.runUntilIdle();
    t.is(b.ni.counters['accepts'], 0);
  }
});

test('what the NAL cannot carry fails at once', async (t) => {
  const [, a, b] = await linked();
  t.is(a.send(putTx(a.nid, b.nid, 1, 0).carrying([], 0, LNET_MTU + 1)), -EINVAL);
  t.is(a.send(putTx(a.nid, NID_ANY, 1, 0)), -EHOSTUNREACH);
});

test('the NI of a program that died refuses what is sent, and a second close harms nobody', async (t) => {
  const [fabric, a, b] = await linked();
  fabric.node('b').kill();
  b.die();
  t.is(b.ni.send(putTx(b.nid, a.nid, 1, 10)), -ESHUTDOWN);
  await a.close();
  const reborn = await recordedNode(fabric, 'b', '10.0.0.2@tcp');
  const again = await recordedNode(fabric, 'a', '10.0.0.1@tcp');
  await a.ni.close();
  reborn.send(putTx(b.nid, a.nid, 2, 10));
  fabric.runUntilIdle();
  t.is(again.placedArrivals.length, 1);
});

test('what waits for a node without power meets a node that has restarted, and is reset at once', async (t) => {
  for (const readsNothing of [false, true]) {
    const [fabric, a, b] = await linked();
    if (readsNothing) fabric.node('b').setReadRate(0);
    else fabric.node('b').crash();
    a.send(putTx(a.nid, b.nid, 1, 10));
    fabric.advance({ us: 1_000_000 });
    fabric.node('b').crash();
    fabric.node('b').restart();
    fabric.advance({ us: 1_000 });
    t.is(a.unfinished, 0);
    t.is(b.arrivals.length, 1);
  }
});

test('a restarted node drifts as before', async (t) => {
  const [fabric] = await linked();
  const node = fabric.node('b');
  node.setDrift(500_000);
  for (const restart of [
    () => node.kill(),
    () => {
      node.crash();
      node.restart();
    },
  ]) {
    restart();
    const shown = node.clock.now();
    fabric.advance({ us: 1_000 });
    t.is(node.clock.now() - shown, 1_500);
  }
});
