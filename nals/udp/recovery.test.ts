import test from 'ava';
import { AckFrame, AckRanges } from './ack-ranges.ts';
import { CongestionControl } from './congestion.ts';
import { LossDetection, type SentPacket } from './loss.ts';
import { Pacer } from './pacer.ts';
import { INITIAL_RTT_US, RttEstimator } from './rtt.ts';

test('RFC 9002 §5.3: the first sample sets the estimate, later ones move it by an eighth, less the delay that the peer told', (t) => {
  const rtt = new RttEstimator();
  t.is(rtt.smoothedUs, INITIAL_RTT_US);
  rtt.update(80_000, 0, 0);
  t.deepEqual([rtt.smoothedUs, rtt.varianceUs, rtt.minUs], [80_000, 40_000, 80_000]);
  rtt.update(100_000, 4_000, 1_000);
  t.deepEqual([rtt.smoothedUs, rtt.varianceUs], [80_000 + 19_000 / 8, 40_000 * 0.75 + 19_000 / 4]);
  rtt.update(80_500, 1_000, 1_000);
  t.is(rtt.minUs, 80_000);
  t.is(rtt.latestUs, 80_500);
});

test('RFC 9002 §6.2.1: the probe timeout is the estimate, four variances or a granule, and the delay of the peer', (t) => {
  const rtt = new RttEstimator();
  for (let i = 0; i < 200; i++) rtt.update(10_000, 0, 0);
  t.is(Math.round(rtt.probeTimeoutUs(1_000)), 10_000 + 1_000 + 1_000);
});

test('RFC 9002 §7.3: slow start grows by what is acknowledged, a loss halves once per round trip, then one datagram per window', (t) => {
  const control = new CongestionControl(1_000);
  t.is(control.windowBytes, 10_000);
  control.sent(1_000);
  control.acknowledged(1_000, 5, true);
  t.is(control.windowBytes, 11_000);
  t.true(control.congested(50, 100));
  t.is(control.windowBytes, 5_500);
  t.false(control.congested(90, 110));
  control.sent(1_000);
  control.acknowledged(1_000, 100, true);
  t.is(control.windowBytes, 5_500);
  control.sent(5_500);
  control.acknowledged(5_500, 120, true);
  t.is(control.windowBytes, 6_500);
});

test('RFC 9002 §7.8: a window that is not what limits the sender does not grow', (t) => {
  const control = new CongestionControl(1_000);
  control.sent(1_000);
  control.acknowledged(1_000, 5, false);
  t.is(control.windowBytes, 10_000);
});

test('RFC 9002 §7.2: the window never falls below two datagrams, and persistent congestion takes it there', (t) => {
  const control = new CongestionControl(1_000);
  for (let round = 1; round < 10; round++) control.congested(round * 10, round * 10 + 1);
  t.is(control.windowBytes, 2_000);
  const other = new CongestionControl(1_000);
  other.collapse();
  t.is(other.windowBytes, 2_000);
});

test('RFC 9002 §7.7: a paced sender spreads a window over a round trip', (t) => {
  const pacer = new Pacer();
  const control = new CongestionControl(1_000);
  control.windowBytes = 100_000;
  control.thresholdBytes = 1;
  let now = 0;
  let sent = 0;
  while (now < 1_000_000) {
    const opensAt = pacer.opensAt(now, control, 100_000, 1_000);
    if (opensAt > now) {
      now = opensAt;
      continue;
    }
    pacer.sent(1_000);
    sent += 1_000;
  }
  // Ten round trips at 1.25 windows each, and the first burst.
  t.true(Math.abs(sent - 1_250_000) <= 20_000, `${sent}`);
  t.is(new Pacer().opensAt(7, control, 500, 1_000), 7);
});

/** Loss detection whose decisions are written down. */
class Flight {
  readonly rtt = new RttEstimator();
  readonly control = new CongestionControl(1_000);
  readonly lost: number[] = [];
  readonly arrived: number[] = [];
  halvings = 0;
  readonly loss = new LossDetection(
    {
      packetAcknowledged: (packet) => void this.arrived.push(packet.number),
      packetLost: (packet) => void this.lost.push(packet.number),
      congestionBegan: () => void this.halvings++,
    },
    this.rtt,
    this.control,
  );

  send(now: number, change: (packet: SentPacket) => void = () => {}): void {
    const packet = this.loss.take();
    packet.bytes = 1_000;
    packet.from = 0;
    packet.to = 900;
    change(packet);
    this.loss.sent(packet, now);
  }

  acknowledge(now: number, ...numbers: number[]): number {
    const acks = new AckRanges();
    for (const number of numbers) acks.add(number, true, now, 0);
    const view = new DataView(new ArrayBuffer(512));
    const bytes = acks.bodyBytes;
    acks.write(view, 0, now);
    const frame = new AckFrame();
    frame.read(view, 0, bytes);
    return this.loss.acknowledged(frame, now, true);
  }
}

test('RFC 9002 §6.1.1: a packet is lost when one sent three later has arrived', (t) => {
  const flight = new Flight();
  for (let number = 0; number < 5; number++) flight.send(number);
  flight.acknowledge(1_000, 2);
  t.deepEqual(flight.lost, []);
  flight.acknowledge(1_001, 2, 3);
  t.deepEqual(flight.lost, [0]);
  flight.acknowledge(1_002, 2, 3, 4);
  t.deepEqual(flight.lost, [0, 1]);
  t.is(flight.halvings, 1);
  t.is(flight.control.inFlightBytes, 0);
});

test('RFC 9002 §6.1.2: a packet that was overtaken is lost after 9/8 of the round trip, and not before', (t) => {
  const flight = new Flight();
  flight.send(0);
  flight.send(1);
  flight.acknowledge(10_001, 1);
  t.is(flight.loss.deadline, 0 + 10_000 * 1.125);
  t.false(flight.loss.expired(11_249));
  t.deepEqual(flight.lost, []);
  t.false(flight.loss.expired(11_250));
  t.deepEqual(flight.lost, [0]);
});

test('RFC 9002 §6.2: nothing acknowledged: probes, each after twice the time, two seconds at most', (t) => {
  const flight = new Flight();
  flight.send(0);
  const first = flight.loss.deadline;
  t.is(first, INITIAL_RTT_US + 4 * (INITIAL_RTT_US / 2));
  t.false(flight.loss.expired(first - 1));
  t.true(flight.loss.expired(first));
  t.is(flight.loss.deadline, 2 * first);
  for (let probe = 0; probe < 20; probe++) flight.loss.expired(flight.loss.deadline);
  t.is(flight.loss.deadline, 2_000_000);
  flight.acknowledge(3_000_000, 0);
  t.is(flight.loss.deadline, Number.POSITIVE_INFINITY);
  t.is(flight.loss.probeCount, 0);
});

test('RFC 9002 §7.6: losses over three probe timeouts without anything arriving between collapse the window', (t) => {
  const flight = new Flight();
  flight.send(0);
  flight.acknowledge(10_000, 0);
  const sentAt = [20_000, 60_000, 120_000, 180_000];
  for (const at of sentAt) flight.send(at);
  for (let extra = 0; extra < 3; extra++) flight.send(181_000);
  flight.acknowledge(191_000, 0, 7);
  t.deepEqual(flight.lost, [1, 2, 3, 4]);
  t.is(flight.control.windowBytes, 2_000);
});

test('RFC 9000 §13.1: an acknowledgement of what was never sent is noticed', (t) => {
  const flight = new Flight();
  flight.send(0);
  t.is(flight.acknowledge(1, 1), -1);
  t.is(flight.acknowledge(1, 0), 1);
  t.is(flight.acknowledge(2, 0), 0);
});

test('RFC 8899 §3: the loss of an MTU probe is no sign of congestion', (t) => {
  const flight = new Flight();
  flight.send(0, (packet) => void (packet.isMtuProbe = true));
  for (let number = 1; number < 5; number++) flight.send(number);
  flight.acknowledge(100, 1, 2, 3, 4);
  t.deepEqual(flight.lost, [0]);
  t.is(flight.halvings, 0);
  t.is(flight.control.inFlightBytes, 0);
});
