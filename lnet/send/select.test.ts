import test from 'ava';
import * as fc from 'fast-check';
import { checkProperty } from '../../test/property.ts';
import { type LocalNi } from '../local-ni.ts';
import { TestNode, TestWire } from '../network-fixture.test-support.ts';
import type { PeerNi } from '../peer/peer-ni.ts';
import { parseNet } from '../wire/net.ts';
import { parseNid } from '../wire/nid.ts';
import type { Route } from './route-table.ts';
import {
  bestOf,
  compareBy,
  type Criteria,
  NET_CRITERIA,
  NI_CRITERIA,
  PEER_NI_CRITERIA,
  REMOTE_NET_CRITERIA,
  ROUTE_CRITERIA,
} from './select.ts';

const chain = <T, C>(criteria: Criteria<T, C>): string[] => criteria.map(({ name, better }) => `${name}: ${better}`);

test('the criteria stand in the order of lnet-semantics §8.3, §9.3, §9.4', (t) => {
  t.deepEqual(chain(NI_CRITERIA), [
    'form of address: larger',
    'fatal link error: smaller',
    'health: larger',
    'priority: smaller',
    'credits: larger',
    'sequence: smaller',
  ]);
  t.deepEqual(chain(PEER_NI_CRITERIA), [
    'form of address: larger',
    'health: larger',
    'priority: smaller',
    'prefers the local NI: larger',
    'credits: larger',
    'sequence: smaller',
  ]);
  t.deepEqual(chain(NET_CRITERIA), [
    'peer net health: larger',
    'peer net priority: smaller',
    'local net health: larger',
    'local net priority: smaller',
    'peer net sequence: smaller',
    'local net sequence: smaller',
  ]);
  t.deepEqual(chain(REMOTE_NET_CRITERIA), ['health: larger', 'priority: smaller', 'sequence: smaller']);
  t.deepEqual(chain(ROUTE_CRITERIA), [
    'preferred router: larger',
    'priority: smaller',
    'hops: smaller',
    'health: larger',
    'queued bytes: smaller',
    'credits: larger',
    'sequence: smaller',
  ]);
});

/**
 * For each criterion: candidates that are equal before it, differ in it, and lose in everything after it. The wins come from the
 * tables of the specification, not from the lists under test.
 */
function holdsInOrder<T, C>(
  criteria: Criteria<T, C>,
  context: C,
  make: () => { readonly better: T; readonly worse: T },
  wins: readonly ((better: T, worse: T) => void)[],
): string[] {
  return wins.flatMap((_, decisive) => {
    const { better, worse } = make();
    wins.forEach((win, index) => {
      if (index === decisive) win(better, worse);
      else if (index > decisive) win(worse, better);
    });
    return compareBy(criteria, better, worse, context) > 0 ? [] : [`criterion ${decisive + 1} does not decide`];
  });
}

function nodeWithTwoRails(): TestNode {
  const node = new TestNode(new TestWire(), ['10.0.0.1@tcp', '10.0.0.2@tcp', '10.1.0.1@tcp1']);
  for (const nid of ['10.0.0.9@tcp', '10.0.0.8@tcp', '10.1.0.9@tcp1']) node.peerNi(nid);
  return node;
}

function localNis() {
  const node = nodeWithTwoRails();
  return { better: node.ni('10.0.0.1@tcp'), worse: node.ni('10.0.0.2@tcp') };
}

test('each criterion for a local NI outweighs all that follow', (t) => {
  const wins: ((a: LocalNi, b: LocalNi) => void)[] = [
    (_a, b) => (b.hasFatalError = true),
    (_a, b) => (b.health = 999),
    (a) => (a.priority = 0),
    (_a, b) => (b.credits = -3),
    (_a, b) => (b.sequence = 7),
  ];
  t.deepEqual(holdsInOrder(NI_CRITERIA, null, localNis, wins), []);
});

test('each criterion for a peer NI outweighs all that follow', (t) => {
  const node = nodeWithTwoRails();
  const ni = node.ni('10.0.0.1@tcp');
  const make = () => {
    const fresh = nodeWithTwoRails();
    return { better: fresh.peerNi('10.0.0.9@tcp'), worse: fresh.peerNi('10.0.0.8@tcp') };
  };
  const wins: ((a: PeerNi, b: PeerNi) => void)[] = [
    (_a, b) => (b.health = 999),
    (a) => (a.priority = 0),
    (a) => (a.preferredNids = [ni.nid]),
    (_a, b) => (b.credits = -3),
    (_a, b) => (b.sequence = 7),
  ];
  t.deepEqual(holdsInOrder(PEER_NI_CRITERIA, ni, make, wins), []);
});

test('T42: Lower priority value beats fewer hops; fewer hops beat health; health beats queue length; then credits; then round robin.', (t) => {
  const end = nodeWithTwoRails().peerNi('10.0.0.9@tcp');
  const make = () => {
    const node = nodeWithTwoRails();
    const [better, worse] = ['10.0.0.9@tcp', '10.0.0.8@tcp'].map((gateway) => {
      const options = { net: parseNet('o2ib') as number, gateway: parseNid(gateway), hops: 5, priority: 5 };
      const route: { -readonly [K in keyof Route]: Route[K] } = node.network.routes.add(options);
      route.hop = node.peerNi(gateway);
      return route;
    }) as [Mutable, Mutable];
    return { better, worse };
  };
  type Mutable = { -readonly [K in keyof Route]: Route[K] };
  const wins: ((a: Mutable, b: Mutable) => void)[] = [
    (a) => (end.preferredRouters = [a.gateway.primaryNid]),
    (_a, b) => (b.priority = 6),
    (_a, b) => (b.hops = 6),
    (_a, b) => ((b.hop as PeerNi).health = 900),
    (_a, b) => ((b.hop as PeerNi).queuedBytes = 72),
    (_a, b) => ((b.hop as PeerNi).credits = 0),
    (_a, b) => (b.sequence = 9),
  ];
  const reset = () => {
    end.preferredRouters = [];
    return make();
  };
  t.deepEqual(holdsInOrder(ROUTE_CRITERIA as Criteria<Mutable, PeerNi | null>, end, reset, wins), []);
});

test('undefined hops count as one', (t) => {
  const node = nodeWithTwoRails();
  const [unknown, two] = ([undefined, 2] as const).map((hops, i) => {
    const gateway = parseNid(`10.0.0.${i + 8}@tcp`);
    return node.network.routes.add({ net: parseNet('o2ib') as number, gateway, hops, priority: 0 });
  });
  t.true(compareBy(ROUTE_CRITERIA, unknown as Route, two as Route, null) > 0);
});

test('the winner beats or equals every other candidate, and of equal ones it is the first', (t) => {
  interface Rated {
    readonly x: number;
    readonly y: number;
    readonly place: number;
  }
  const criteria: Criteria<Rated, null> = [
    { name: 'x', better: 'larger', of: ({ x }) => x },
    { name: 'y', better: 'smaller', of: ({ y }) => y },
  ];
  const small = fc.integer({ min: 0, max: 3 });
  checkProperty(t, fc.array(fc.tuple(small, small), { maxLength: 12 }), 300, (pairs) => {
    const candidates = pairs.map(([x, y], place) => ({ x, y, place }));
    const best = bestOf(candidates, criteria, null);
    const [expected] = candidates.toSorted((a, b) => b.x - a.x || a.y - b.y || a.place - b.place);
    if (best !== expected) throw new Error(`${best?.place} won instead of ${expected?.place}`);
  });
});
