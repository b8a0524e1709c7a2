import test from 'ava';
import { EIO, ETIMEDOUT } from '../errno.ts';
import {
  HEALTH_LOCAL_ERROR,
  HEALTH_LOCAL_TIMEOUT,
  HEALTH_NAMES,
  HEALTH_NETWORK_TIMEOUT,
  HEALTH_REMOTE_DROPPED,
  HEALTH_REMOTE_ERROR,
  HEALTH_REMOTE_TIMEOUT,
  type HealthStatus,
} from '../health-status.ts';
import { stubInfo, type StubPeer, TestNode, type TestNodeOptions, TestWire } from '../network-fixture.test-support.ts';
import { LNET_MSG_GET, LNET_MSG_PUT } from '../wire/lnet-hdr.ts';
import { parseNid } from '../wire/nid.ts';
import { HEALTH_RULES } from './health.ts';

const A = '10.0.0.1@tcp';
const A_2 = '10.0.0.11@tcp';
const B = '10.0.0.2@tcp';
const B_2 = '10.0.0.22@tcp';

interface Setup {
  readonly wire: TestWire;
  readonly a: TestNode;
  readonly stub: StubPeer;
  /** From now on these attempts at portal 4 fail so; the rest goes through. */
  readonly fail: (health: HealthStatus, attempts?: number) => void;
  readonly attempts: () => ReturnType<TestWire['sent']>;
}

function setup(own: readonly string[], theirs: readonly string[], options: TestNodeOptions = {}): Setup {
  const wire = new TestWire();
  const a = new TestNode(wire, own, options);
  const stub = wire.stub(theirs);
  a.put(B);
  wire.run();
  wire.log.length = 0;
  a.events.length = 0;
  const fail = (health: HealthStatus, attempts = Number.POSITIVE_INFINITY): void => {
    let left = attempts;
    wire.fate = ({ hdr }) => (hdr.portal === 4 && left-- > 0 ? { errno: -EIO, health } : 'deliver');
  };
  return { wire, a, stub, fail, attempts: () => wire.sent(LNET_MSG_PUT, 4) };
}

test('T66: A LOCAL_TIMEOUT on one of two NIs lowers it by 100 and the message is resent over the other, at most 2 times.', (t) => {
  const { wire, a, fail, attempts } = setup([A, A_2], [B, B_2]);
  fail(HEALTH_LOCAL_TIMEOUT, 1);
  a.put(B);
  wire.run(0.5);
  const [first, second] = attempts();
  t.not(first?.from, second?.from);
  t.is(attempts().length, 2);
  t.is(a.ni(String(first?.from)).health, 900);
  t.deepEqual(a.events, ['SEND last']);
  t.deepEqual([a.counters.resend_count, a.counters.successful_resends, a.counters.local_timeout_count], [1, 1, 1]);

  wire.log.length = 0;
  a.events.length = 0;
  fail(HEALTH_LOCAL_TIMEOUT);
  a.put(B);
  wire.run(0.5);
  t.is(attempts().length, 3);
  t.deepEqual(a.events, [`SEND -${EIO} last`]);
  t.deepEqual([a.counters.resend_count, a.counters.failed_resends], [3, 1]);
});

test('T67: REMOTE_TIMEOUT, REMOTE_ERROR, LOCAL_ERROR, NETWORK_TIMEOUT are never resent.', (t) => {
  for (const health of [
    HEALTH_REMOTE_TIMEOUT,
    HEALTH_REMOTE_ERROR,
    HEALTH_LOCAL_ERROR,
    HEALTH_NETWORK_TIMEOUT,
  ] as const) {
    const { wire, a, fail, attempts } = setup([A, A_2], [B, B_2]);
    fail(health, 1);
    a.put(B);
    wire.run(0.5);
    t.is(attempts().length, 1, HEALTH_NAMES[health]);
    t.deepEqual(a.events, [`SEND -${EIO} last`]);
  }
});

test('T68: On a single-NI node LOCAL_* failures are not resent; REMOTE_DROPPED to a single-NID peer is not resent and does not lower its health (non-router).', (t) => {
  for (const [own, theirs, health] of [
    [[A], [B, B_2], HEALTH_LOCAL_TIMEOUT],
    [[A, A_2], [B], HEALTH_REMOTE_DROPPED],
  ] as const) {
    const { wire, a, fail, attempts } = setup(own, theirs);
    fail(health, 1);
    a.put(B);
    wire.run(0.5);
    t.is(attempts().length, 1);
    t.is(a.peerNi(B).health, 1000);
  }
  const { wire, a, fail, attempts } = setup([A], [B, B_2]);
  fail(HEALTH_REMOTE_DROPPED, 1);
  a.put(B);
  wire.run(0.5);
  t.is(attempts().length, 2, 'a peer with another NID gets a second attempt');
  t.not(attempts()[0]?.to, attempts()[1]?.to);
});

test('each health status blames, counts and resends as lnet-semantics §11.3 says', (t) => {
  t.deepEqual(
    HEALTH_RULES.map(
      ({ blames, resends, counter }, status) => `${status} ${HEALTH_NAMES[status]}: ${blames}, ${resends}, ${counter}`,
    ),
    [
      '0 ok: nobody, never, null',
      '1 local_interrupt: local, with another local NI, local_interrupt_count',
      '2 local_dropped: local, with another local NI, local_dropped_count',
      '3 local_aborted: local, with another local NI, local_aborted_count',
      '4 local_no_route: local, with another local NI, local_no_route_count',
      '5 local_error: local, never, local_error_count',
      '6 local_timeout: local, with another local NI, local_timeout_count',
      '7 remote_error: peer, never, remote_error_count',
      '8 remote_dropped: peer, to a peer with another NID, remote_dropped_count',
      '9 remote_timeout: peer, never, remote_timeout_count',
      '10 network_timeout: both, never, network_timeout_count',
    ],
  );
  for (let health = 1; health <= 10; health++) {
    const { wire, a, fail, attempts } = setup([A], [B, B_2]);
    fail(health as HealthStatus, 1);
    a.put(B);
    wire.run(0.2);
    const rule = HEALTH_RULES[health] as (typeof HEALTH_RULES)[0];
    const [attempt] = attempts();
    const lost = [a.ni(A).health < 1000, a.peerNi(String(attempt?.to)).health < 1000];
    t.deepEqual(lost, [
      rule.blames === 'local' || rule.blames === 'both',
      rule.blames === 'peer' || rule.blames === 'both',
    ]);
    t.is(a.counters[rule.counter as 'errors'], 1);
    const { failures } = rule.blames === 'local' ? a.ni(A) : a.peerNi(String(attempt?.to));
    t.is(failures[health], 1);
  }
});

test('sending proves nothing about a peer, receiving does; success raises health by the sensitivity', (t) => {
  const { wire, a, stub } = setup([A, A_2], [B, B_2]);
  a.serve();
  a.peerNi(B).health = 500;
  a.ni(A).health = 500;
  a.put(B, { self: parseNid(A) });
  wire.run(0.1);
  t.deepEqual([a.ni(A).health, a.peerNi(B).health], [600, 500]);
  const fields = { portal: 4, matchBitsLow: 1, objectCookieLow: 0xffffffff, objectCookieHigh: 0xffffffff };
  const noAck = { interfaceCookieLow: 0xffffffff, interfaceCookieHigh: 0xffffffff };
  wire.send(stub.nids[0] as never, parseNid(A), { ...fields, ...noAck, type: LNET_MSG_PUT });
  wire.run(0.1);
  t.deepEqual([a.ni(A).health, a.peerNi(B).health], [700, 600]);
  wire.send(stub.nids[0] as never, parseNid(A), { ...fields, type: LNET_MSG_GET, sinkLength: 4 });
  wire.run(0.1);
  t.is(a.peerNi(B).health, 700, 'a GET counts too');
});

test('sensitivity 0 leaves health alone and nothing is resent', (t) => {
  const { wire, a, fail, attempts } = setup([A, A_2], [B, B_2], { settings: { health_sensitivity: 0 } });
  fail(HEALTH_LOCAL_TIMEOUT, 1);
  a.put(B);
  wire.run(0.5);
  t.deepEqual([attempts().length, a.ni(A).health, a.ni(A_2).health], [1, 1000, 1000]);
  fail(HEALTH_REMOTE_TIMEOUT, 1);
  a.put(B);
  wire.run(0.5);
  t.deepEqual([a.peerNi(B).health, a.peerNi(B_2).health, a.network.recovery.size], [1000, 1000, 0]);
});

test('a response keeps its NIDs when it is sent again', (t) => {
  const { wire, a, stub } = setup([A, A_2], [B, B_2]);
  a.serve();
  let failuresLeft = 1;
  wire.fate = ({ hdr }) =>
    hdr.type === 3 && failuresLeft-- > 0 ? { errno: -EIO, health: HEALTH_LOCAL_TIMEOUT } : 'deliver';
  wire.send(stub.nids[0] as never, a.nid, {
    type: LNET_MSG_GET,
    portal: 4,
    matchBitsLow: 1,
    sinkLength: 8,
    objectCookieLow: 3,
  });
  wire.run(0.5);
  const replies = wire.sent(3);
  t.deepEqual(
    replies.map(({ from, to }) => [from, to]),
    [
      [a.nid, stub.nids[0]],
      [a.nid, stub.nids[0]],
    ],
  );
});

test('stopping ends what waits to be sent again', (t) => {
  const { a, wire, fail } = setup([A, A_2], [B, B_2]);
  fail(HEALTH_LOCAL_TIMEOUT);
  a.put(B);
  wire.clock.step();
  t.is(a.network.resends.size, 1);
  a.stop();
  t.deepEqual(a.events, ['SEND -108 last']);
  wire.run();
  t.is(a.pool.live, 0);
});

/** Instants, in whole seconds after the first, at which recovery pings left for a NID. */
function pingTimes(wire: TestWire, nid: string): number[] {
  const at = wire
    .sent(LNET_MSG_GET)
    .filter(({ hdr }) => hdr.destNid === parseNid(nid))
    .map((ping) => ping.at);
  return at.slice(1).map((instant, i) => Math.round((instant - (at[i] as number)) / 1e6));
}

test('T69: Recovery pings follow 1, 2, 4 … 512, 900 s; any received message resets the series.', (t) => {
  const { wire, a, stub } = setup([A], [B, B_2]);
  wire.fate = ({ to, hdr }) =>
    to === parseNid(B_2) && hdr.portal === 0 ? { errno: -ETIMEDOUT, health: HEALTH_NETWORK_TIMEOUT } : 'deliver';
  a.peerNi(B_2).lastAlive = a.clock.now();
  const begin = a.clock.now();
  a.health.setPeer(a.peerNi(B_2), 0);
  wire.run(4000);
  const first = (wire.sent(LNET_MSG_GET)[0]?.at ?? 0) - begin;
  t.true(first >= 1e6 && first <= 2e6, 'the first comes after 1 s, at a whole second');
  t.deepEqual(pingTimes(wire, B_2), [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
  wire.log.length = 0;
  wire.send(stub.nids[1] as never, a.nid, { type: LNET_MSG_PUT, portal: 9 });
  wire.run(20);
  t.deepEqual(pingTimes(wire, B_2), [2, 4, 8]);
});

test('a recovering peer NI is well again once it has answered often enough', (t) => {
  const { wire, a } = setup([A], [B, B_2]);
  a.peerNi(B_2).lastAlive = a.clock.now();
  a.health.setPeer(a.peerNi(B_2), 700);
  wire.run(60);
  t.deepEqual([a.peerNi(B_2).health, a.network.recovery.size, a.peerNi(B_2).nextRecovery], [1000, 0, undefined]);
  wire.run(300);
  t.is(wire.clock.pending, 0);
});

test('a local NI in recovery pings its own NID through its NAL', (t) => {
  const { wire, a } = setup([A, A_2], [B]);
  wire.attach(parseNid(A), { arrive: () => {} });
  a.health.setLocal(a.ni(A), 800);
  wire.run(10);
  t.deepEqual([...new Set(wire.sent(LNET_MSG_GET).map(({ to }) => String(to)))], [A]);
  const well = setup([A, A_2], [B]);
  well.a.health.setLocal(well.a.ni(A), 800);
  well.wire.run(20);
  t.is(well.a.ni(A).health, 1000);
  t.is(well.a.network.recovery.size, 0);
});

test('T70: Peer NI never heard from is not put in recovery.', (t) => {
  const { wire, a, fail } = setup([A], [B, B_2]);
  a.peerNi(B_2).lastAlive = undefined;
  a.peerNi(B).lastAlive = undefined;
  fail(HEALTH_REMOTE_ERROR, 1);
  a.put(B);
  wire.run(0.5);
  t.is(Math.min(a.peerNi(B).health, a.peerNi(B_2).health), 900);
  t.is(a.network.recovery.size, 0);
});

test('a peer NI leaves recovery when it was not heard of for `recovery_limit` seconds, and comes back with its next message', (t) => {
  const { wire, a, stub } = setup([A], [B, B_2], { settings: { recovery_limit: 30 } });
  wire.fate = ({ to, hdr }) => (to === parseNid(B_2) && hdr.portal === 0 ? 'lose' : 'deliver');
  a.peerNi(B_2).lastAlive = a.clock.now();
  a.health.setPeer(a.peerNi(B_2), 0);
  wire.run(40);
  t.is(a.network.recovery.size, 0);
  wire.send(stub.nids[1] as never, a.nid, { type: LNET_MSG_PUT, portal: 9 });
  wire.run(0.5);
  t.is(a.network.recovery.size, 1);
});

test('a NID that its peer announces as down loses health; one never heard from that it announces as up is trusted', (t) => {
  const { wire, a, stub } = setup([A], [B, B_2]);
  stub.push(a.nid, stubInfo([B, `!${B_2}`], { sequence: 2 }));
  wire.run(0.5);
  t.deepEqual([a.peerNi(B_2).isUp, a.peerNi(B_2).health], [false, 900]);
  stub.push(a.nid, stubInfo([B, B_2], { sequence: 3 }));
  wire.run(0.5);
  t.deepEqual([a.peerNi(B_2).isUp, a.peerNi(B_2).health], [true, 900]);
  stub.push(a.nid, stubInfo([B, B_2], { sequence: 4 }));
  wire.run(0.5);
  t.is(a.peerNi(B_2).health, 1000);
});
