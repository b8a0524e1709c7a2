import test from 'ava';
import { errnoOf } from '../../test/errno-of.ts';
import { E2BIG, EINVAL } from '../errno.ts';
import { LnetError } from '../error-code.ts';
import { formatNet } from '../wire/net.ts';
import { parseRoutes } from './routes.ts';

/** Routes as `net gateway hops priority`. */
const routes = (text: string): string[] =>
  parseRoutes(text).map((route) => `${formatNet(route.net)} ${route.gateway} ${route.hops ?? '-'} ${route.priority}`);

const errnoOfRoutes = (text: string): number => errnoOf(() => parseRoutes(text));

test('T79: `tcp1 2 10.0.0.[1-4]@tcp0:1` creates four routes to tcp1, hops 2, priority 1.', (t) => {
  t.deepEqual(routes('tcp1 2 10.0.0.[1-4]@tcp0:1'), [
    'tcp1 10.0.0.1@tcp 2 1',
    'tcp1 10.0.0.2@tcp 2 1',
    'tcp1 10.0.0.3@tcp 2 1',
    'tcp1 10.0.0.4@tcp 2 1',
  ]);
});

test('the examples of lnet-semantics §13.3 and lnetctl §9.3 parse', (t) => {
  t.deepEqual(routes('o2ib 192.168.1.1@tcp'), ['o2ib 192.168.1.1@tcp - 0']);
  t.deepEqual(routes('tcp1 2 10.0.0.1@tcp0:1; o2ib[0-2] 10.0.0.9@tcp0'), [
    'tcp1 10.0.0.1@tcp 2 1',
    'o2ib 10.0.0.9@tcp - 0',
    'o2ib1 10.0.0.9@tcp - 0',
    'o2ib2 10.0.0.9@tcp - 0',
  ]);
  t.deepEqual(routes('tcp[1,3] 1 [5-9/2].0.0.1@o2ib'), [
    'tcp1 5.0.0.1@o2ib 1 0',
    'tcp1 7.0.0.1@o2ib 1 0',
    'tcp1 9.0.0.1@o2ib 1 0',
    'tcp3 5.0.0.1@o2ib 1 0',
    'tcp3 7.0.0.1@o2ib 1 0',
    'tcp3 9.0.0.1@o2ib 1 0',
  ]);
  t.deepEqual(routes('[tcp,o2ib1] 192.168.1.9@tcp'), ['tcp 192.168.1.9@tcp - 0', 'o2ib1 192.168.1.9@tcp - 0']);
  t.deepEqual(routes('tcp1: { gateway: 10.1.1.2@tcp0, priority: 3 }'), ['tcp1 10.1.1.2@tcp - 3']);
  t.deepEqual(routes('tcp1: { gateway: 10.1.1.2@tcp0, hop: 2 }'), ['tcp1 10.1.1.2@tcp 2 0']);
});

test('entries are separated by semicolons and line ends, comments end with the entry', (t) => {
  t.deepEqual(routes('# all\ntcp1 10.0.0.1@tcp # one; tcp2 10.0.0.2\r\n;;\n'), [
    'tcp1 10.0.0.1@tcp - 0',
    'tcp2 10.0.0.2@tcp - 0',
  ]);
  t.deepEqual(routes(''), []);
});

test('the second token is a hop count only when it is a number of 1..255', (t) => {
  t.deepEqual(routes('tcp1 255 10.0.0.1'), ['tcp1 10.0.0.1@tcp 255 0']);
  t.is(errnoOfRoutes('tcp1 256 10.0.0.1'), -EINVAL);
  t.is(errnoOfRoutes('tcp1 0 10.0.0.1'), -EINVAL);
  t.is(errnoOfRoutes('gni1 3'), -EINVAL);
});

test('the priority of the last gateway serves the whole entry, none means 0', (t) => {
  t.deepEqual(routes('tcp1 10.0.0.1:1 10.0.0.2:7'), ['tcp1 10.0.0.1@tcp - 7', 'tcp1 10.0.0.2@tcp - 7']);
  t.deepEqual(routes('tcp1 10.0.0.1:1 10.0.0.2'), ['tcp1 10.0.0.1@tcp - 0', 'tcp1 10.0.0.2@tcp - 0']);
});

test('what cannot be a route is -EINVAL and names the entry', (t) => {
  for (const text of [
    'tcp1',
    'tcp1 2',
    'nonet 10.0.0.1@tcp',
    'lo 10.0.0.1@tcp',
    'tcp1 10.0.0.1@nonet',
    'tcp1 *',
    'tcp1 0@lo',
    'tcp1 fd00::1@tcp',
    'tcp1 10.0.0.1:x',
    'tcp1 10.0.0.1:4294967296',
    'tcp1 10.0.0.[1',
    'tcp1 10.0.0.1]',
    'tcp1 10.0.0.[]',
    'tcp1 10.0.0.[1,]',
    'tcp1 10.0.0.[4-1]',
    'tcp1 10.0.0.[1-4/0]',
    'tcp1: { hop: 2 }',
    'tcp1: { gateway: 10.0.0.1@tcp, hop: 0 }',
  ]) {
    t.is(errnoOfRoutes(text), -EINVAL, text);
    t.true(t.throws(() => parseRoutes(text), { instanceOf: LnetError })?.message.includes(text), text);
  }
});

test('expansion ends at 64 KiB of text, one entry at 4 KiB and 65536 routes', (t) => {
  t.is(parseRoutes('tcp[1-100] 10.0.[0-9].[0-9]@tcp').length, 10_000);
  t.is(errnoOfRoutes('tcp1 10.[0-255].[0-255].[0-255]@tcp'), -E2BIG);
  t.is(errnoOfRoutes('tcp1 [0-4000000000].0.0.1@tcp'), -E2BIG);
  t.is(errnoOfRoutes('tcp[0-1023] 10.0.[0-7].[0-9]@tcp'), -E2BIG);
  t.is(errnoOfRoutes(`tcp1 ${'10.0.0.1@tcp '.repeat(400)}`), -E2BIG);
  t.is(errnoOfRoutes(`tcp1 ${'9'.repeat(4_000)}[0-19]`), -E2BIG);
});
