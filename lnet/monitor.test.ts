import test from 'ava';
import { stubInfo, TestNode, TestWire } from './network-fixture.test-support.ts';
import { parseNet } from './wire/net.ts';
import { parseNid } from './wire/nid.ts';

const A = '10.0.0.1@tcp';
const B = '10.0.0.2@tcp';

test('an idle node has nothing to wake up for', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  const b = new TestNode(wire, [B], { seed: 2 });
  wire.run();
  t.is(wire.clock.pending, 0);
  b.serve();
  a.put(B, { wantsAck: true });
  wire.run(400);
  t.is(wire.clock.pending, 0, 'and again once its operations are over');
});

test('a node with a gateway wakes when a check is due, not every second', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  wire.stub([B], stubInfo([B], { features: 0x1a }));
  a.network.routes.add({ net: parseNet('tcp9') as number, gateway: parseNid(B), hops: 2, priority: 0 });
  wire.run(300);
  let events = 0;
  while ((wire.clock.next ?? Number.POSITIVE_INFINITY) < 600e6 && wire.clock.step()) events++;
  t.true(events < 100, `${events} events in five minutes`);
});

test('a check that is not answered is waited for without waking up', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A]);
  wire.stub([B], null);
  a.network.routes.add({ net: parseNet('tcp9') as number, gateway: parseNid(B), hops: 2, priority: 0 });
  wire.run(1);
  let events = 0;
  while ((wire.clock.next ?? Number.POSITIVE_INFINITY) < 140e6 && wire.clock.step()) events++;
  t.true(events < 10, `${events} events`);
});

test('router checks begin when their interval is set', (t) => {
  const wire = new TestWire();
  const a = new TestNode(wire, [A], { settings: { alive_router_check_interval: 0 } });
  wire.stub([B], stubInfo([B], { features: 0x1a }));
  a.network.routes.add({ net: parseNet('tcp9') as number, gateway: parseNid(B), hops: 2, priority: 0 });
  wire.run(100);
  t.is(wire.log.length, 0);
  a.network.changeSettings({ alive_router_check_interval: 10 });
  wire.run(1);
  t.true(wire.log.length > 0);
});
