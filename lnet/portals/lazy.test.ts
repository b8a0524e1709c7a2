import test from 'ava';
import { NID_A, NID_B, NOTHING_LEFT, Recorder, TestCore } from '../deliver/core-fixture.test-support.ts';
import { pair, TestNet } from '../deliver/link-fixture.test-support.ts';
import { type RxVerdict, RX_PLACE, RX_WAIT } from '../nal.ts';
import { LNET_MSG_GET, LNET_MSG_PUT } from '../wire/lnet-hdr.ts';
import { type Nid, parseNid } from '../wire/nid.ts';
import { LNET_MD_MANAGE_REMOTE, LNET_MD_OP_GET, LNET_MD_OP_PUT } from './md.ts';

/** A PUT over a link of its own, so that one that waits stops no other. */
function arrive(net: TestNet, from: Nid, fields: object = {}, length = 4): RxVerdict {
  const handle = { interfaceCookieLow: 1, objectCookieLow: 1 };
  const hdr = { type: LNET_MSG_PUT, portal: 4, matchBitsLow: 1, ...handle, ...fields };
  return net.inject(from, NID_B, hdr, new Uint8Array(length));
}

function clients(count: number): Nid[] {
  return Array.from({ length: count }, (_, index) => parseNid(`10.0.1.${index + 1}@tcp`));
}

test('T16: PUT to a portal without match: drop_count +1, drop_length + payload, no wire response.', async (t) => {
  const { net, a, b } = await pair();
  const seen = new Recorder();
  a.put(a.bind({ memory: new Uint8Array(5), threshold: 2, handler: seen.handler }), { target: NID_B, wantsAck: true });
  net.run();
  t.like(b.counters, { drop_count: 1, drop_length: 5, recv_count: 0, send_count: 0 });
  t.is(b.drops.no_match, 1);
  t.is(b.locals.niOf(NID_B)?.dropped.toJSON().put, 1);
  t.deepEqual(b.sendPath.submitted, []);
  t.deepEqual(seen.story, ['SEND']);
  t.deepEqual(b.leftovers, NOTHING_LEFT);
});

test('T17: GET without match on a lazy portal is dropped.', async (t) => {
  const { net, b } = await pair();
  b.portals.setLazy(4);
  b.portals.setLazy(5);
  b.serve({}, { options: LNET_MD_OP_PUT });
  for (const portal of [4, 5, 6]) net.inject(NID_A, NID_B, { type: LNET_MSG_GET, portal, matchBitsLow: 1 });
  t.like(b.drops, { get_on_lazy: 2, no_match: 1 });
  t.is(b.counters.drop_count, 3);
});

test('T18: PUT without match on a lazy portal is delivered when a matching MD is attached later, in arrival order.', async (t) => {
  const { net, b } = await pair();
  const [c1, c2, c3, c4] = clients(4) as [Nid, Nid, Nid, Nid];
  b.portals.setLazy(4);
  t.is(arrive(net, c1), RX_WAIT, 'also while the portal has no entry at all');
  const seen = new Recorder();
  b.serve({ matchBits: 2n }, {});
  t.is(arrive(net, c2, { matchBitsLow: 3 }), RX_WAIT);
  t.is(arrive(net, c3), RX_WAIT);
  t.is(arrive(net, c4), RX_WAIT);
  b.serve({}, { memory: new Uint8Array(8), threshold: 2, handler: seen.handler }, true);
  t.deepEqual(
    seen.events.map(({ typeName, sourceNid, offset, isUnlinked }) => [typeName, sourceNid, offset, isUnlinked]),
    [
      ['PUT', c1, 0, false],
      ['PUT', c3, 4, true],
    ],
  );
  t.is(b.portals.delayedCount, 2);
  b.serve({ ignoreBits: 2n }, { handler: seen.handler });
  t.deepEqual(
    seen.events.slice(2).map(({ sourceNid }) => sourceNid),
    [c2, c4],
  );
  t.is(b.portals.delayedCount, 0);
});

test('a waiting PUT that is too long for the MD that comes is dropped, and those behind it are tried', async (t) => {
  const { net, b } = await pair();
  const [c1, c2, c3] = clients(3) as [Nid, Nid, Nid];
  b.portals.setLazy(4);
  arrive(net, c1, {}, 9);
  arrive(net, c2, { offset: 9 }, 8);
  arrive(net, c3, {}, 8);
  const seen = new Recorder();
  b.serve({}, { memory: new Uint8Array(8), options: LNET_MD_OP_PUT | LNET_MD_MANAGE_REMOTE, handler: seen.handler });
  t.deepEqual(
    seen.events.map(({ sourceNid }) => sourceNid),
    [c3],
  );
  t.is(b.drops.lazy_too_long, 2);
  t.like(b.counters, { drop_count: 2, drop_length: 17, recv_count: 1 });
  t.deepEqual(b.leftovers, { ...NOTHING_LEFT, mds: 1 });
});

test('attaching memory that accepts nothing leaves the waiting PUTs in order, and itself in place', async (t) => {
  const { net, b } = await pair();
  const [c1, c2] = clients(2) as [Nid, Nid];
  b.portals.setLazy(4);
  arrive(net, c1);
  arrive(net, c2);
  const unused = new Recorder();
  const md = b.serve({}, { threshold: 0, handler: unused.handler }, true);
  b.serve({}, { options: LNET_MD_OP_GET });
  t.true(md.isLive);
  const seen = new Recorder();
  b.serve({}, { handler: seen.handler });
  t.deepEqual(
    seen.events.map(({ sourceNid }) => sourceNid),
    [c1, c2],
  );
});

test('T19: Clearing lazy drops all held PUTs and counts them.', async (t) => {
  const { net, b } = await pair();
  b.portals.setLazy(4);
  b.portals.setLazy(5);
  for (const client of clients(3)) arrive(net, client);
  arrive(net, NID_A, { portal: 5 });
  b.portals.clearLazy(4);
  t.is(b.drops.lazy_cleared, 3);
  t.like(b.counters, { drop_count: 3, drop_length: 12, recv_count: 0 });
  t.is(b.portals.delayedCount, 1);
  t.is(arrive(net, clients(1)[0] as Nid), RX_PLACE, 'the link goes on; the next PUT is dropped at once');
  t.is(b.drops.no_match, 1);
  b.portals.clearLazy(5);
  t.deepEqual(b.leftovers, NOTHING_LEFT);
});

test('closing an NI drops what waits and came over it, on every portal', async (t) => {
  const { net, b } = await pair();
  const second = parseNid('10.0.9.2@tcp1');
  net.join(b, second);
  b.portals.setLazy(4);
  b.portals.setLazy(5);
  arrive(net, NID_A);
  arrive(net, clients(1)[0] as Nid, { portal: 5 });
  net.inject(parseNid('10.0.9.1@tcp1'), second, { type: LNET_MSG_PUT, portal: 5, matchBitsLow: 1 }, new Uint8Array(2));
  const ni = b.locals.niOf(NID_B);
  b.portals.dropWaiting(ni as NonNullable<typeof ni>);
  t.is(b.drops.lazy_ni_closed, 2);
  t.is(b.portals.delayedCount, 1);
});

test('a link that breaks takes its waiting PUT along: counted, no event', async (t) => {
  const { net, b } = await pair();
  const seen = new Recorder();
  b.portals.setLazy(4);
  arrive(net, NID_A);
  net.link(NID_A, NID_B).cut();
  t.is(b.drops.lazy_link_lost, 1);
  b.serve({}, { handler: seen.handler });
  t.deepEqual(seen.story, []);
  t.deepEqual(b.leftovers, { ...NOTHING_LEFT, mds: 1 });
});

test('a link that breaks between match and resume ends its PUT in an event with the error', async (t) => {
  const { net, b } = await pair();
  const [c1, c2] = clients(2) as [Nid, Nid];
  const seen = new Recorder();
  b.portals.setLazy(4);
  arrive(net, c1);
  arrive(net, c2);
  b.serve(
    {},
    {
      handler: (event) => {
        seen.handler(event);
        if (event.sourceNid === c1) net.link(c2, NID_B).cut();
      },
    },
  );
  t.deepEqual(seen.story, ['PUT', 'PUT -5']);
  t.deepEqual(b.leftovers, { ...NOTHING_LEFT, mds: 1 });
});

test('as many PUTs wait as the bound says; one more is dropped', async (t) => {
  const net = new TestNet();
  const b = new TestCore({ delayedMax: 2 });
  await b.openLoopback();
  net.join(b, NID_B);
  b.portals.setLazy(4);
  b.portals.setLazy(5);
  const [c1, c2, c3] = clients(3) as [Nid, Nid, Nid];
  t.is(arrive(net, c1), RX_WAIT);
  t.is(arrive(net, c2, { portal: 5 }), RX_WAIT);
  t.is(arrive(net, c3), RX_PLACE);
  t.is(b.drops.lazy_limit, 1);
  b.portals.clearLazy(5);
  t.is(arrive(net, c3), RX_WAIT);
});

test('a handler that attaches memory while waiting PUTs are delivered disturbs neither', async (t) => {
  const { net, b } = await pair();
  const seen: Nid[] = [];
  b.portals.setLazy(4);
  const all = clients(5);
  for (const client of all) arrive(net, client);
  const attach = (): void => {
    b.serve(
      {},
      {
        threshold: 2,
        handler: (event) => {
          seen.push(event.sourceNid);
          if (event.isUnlinked) attach();
        },
      },
      true,
    );
  };
  attach();
  t.deepEqual(seen, all);
});
