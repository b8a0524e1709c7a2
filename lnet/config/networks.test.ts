import test from 'ava';
import { errnoOf } from '../../test/errno-of.ts';
import { E2BIG, EINVAL } from '../errno.ts';
import { LnetError } from '../error-code.ts';
import { formatNet } from '../wire/net.ts';
import { type NetSpec, parseInterfaceList, parseNetworks } from './networks.ts';

const texts = (specs: readonly NetSpec[]): string[] =>
  specs.map(({ net, interfaces }) => `${formatNet(net)}(${interfaces})`);
const networks = (text: string): string[] => texts(parseNetworks(text));

test('T82: `tcp(eth0),tcp(eth1)` equals `tcp(eth0,eth1)`; `tcp(eth0,eth0)` fails.', (t) => {
  t.deepEqual(parseNetworks('tcp(eth0),tcp(eth1)'), parseNetworks('tcp(eth0,eth1)'));
  t.is(
    errnoOf(() => parseNetworks('tcp(eth0,eth0)')),
    -EINVAL,
  );
  t.is(
    errnoOf(() => parseNetworks('tcp(eth0),tcp0(eth0)')),
    -EINVAL,
  );
});

test('the examples of lnet-semantics §13.2 and lnetctl §9.1 parse', (t) => {
  t.deepEqual(networks('tcp'), ['tcp()']);
  t.deepEqual(networks('tcp0(eth0)'), ['tcp(eth0)']);
  t.deepEqual(networks('tcp(eth0,eth1),o2ib(ib0)[0]'), ['tcp(eth0,eth1)', 'o2ib(ib0)']);
  t.deepEqual(networks('tcp1(eth0[0,1],eth1[2-3])'), ['tcp1(eth0,eth1)']);
  t.deepEqual(networks('tcp0(eth0[0,1],eth1),o2ib(ib0)[2,3]'), ['tcp(eth0,eth1)', 'o2ib(ib0)']);
  t.deepEqual(networks('tcp(eth0:1), tcp1( eth1 )'), ['tcp(eth0:1)', 'tcp1(eth1)']);
});

test('an empty text means tcp, and lo is there anyway', (t) => {
  t.deepEqual(networks(''), ['tcp()']);
  t.deepEqual(networks('lo,tcp1'), ['tcp1()']);
});

test('what cannot be a net is -EINVAL and configures nothing', (t) => {
  for (const text of [
    'nonet',
    'tcp,',
    'tcp()',
    'tcp(eth0,)',
    'tcp(eth0',
    'tcp eth0)',
    'tcp)',
    'tcp[0',
    'tcp(eth0)[a]',
    'tcp(eth0[3-1])',
    'tcp:1',
    'tcp65536',
    'tcp,tcp',
    'tcp,tcp(eth0)',
    'lo1',
  ])
    t.is(
      errnoOf(() => parseNetworks(text)),
      -EINVAL,
      text,
    );
});

test('a networks text may have 4096 characters, not one more', (t) => {
  const longest = `tcp(${'e'.repeat(4096 - 5)})`;
  t.is(parseNetworks(longest).length, 1);
  t.is(
    errnoOf(() => parseNetworks(`${longest} `)),
    -E2BIG,
  );
});

test('an interface list gives the names without CPU partitions', (t) => {
  t.deepEqual(parseInterfaceList('eth0[0,1],ib0[2-3], bond0.5'), ['eth0', 'ib0', 'bond0.5']);
  t.throws(() => parseInterfaceList('eth0,,eth1'), { instanceOf: LnetError });
});
