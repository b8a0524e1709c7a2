import test from 'ava';
import { errnoOf } from '../../test/errno-of.ts';
import { E2BIG, EINVAL, ENOENT } from '../errno.ts';
import { parseIpv4 } from '../wire/ip.ts';
import { formatNet } from '../wire/net.ts';
import { netsOfIp2nets, parseIp2nets } from './ip2nets.ts';
import type { NetSpec } from './networks.ts';
import { parseRoutes } from './routes.ts';

const texts = (specs: readonly NetSpec[]): string[] =>
  specs.map(({ net, interfaces }) => `${formatNet(net)}(${interfaces})`);
const ip2nets = (text: string, ...addresses: string[]): string[] =>
  texts(
    netsOfIp2nets(
      parseIp2nets(text),
      addresses.map((address) => parseIpv4(address) as number),
    ),
  );

test('T80: `[1-4/2]` in routes is an error; in an IP pattern it matches 1 and 3.', (t) => {
  t.is(
    errnoOf(() => parseRoutes('tcp1 10.0.0.[1-4/2]@tcp')),
    -EINVAL,
  );
  const [rule] = parseIp2nets('tcp 10.0.0.[1-4/2]');
  const matching = [0, 1, 2, 3, 4, 5].filter((last) => rule?.patterns[0]?.matches((10 << 24) | last));
  t.deepEqual(matching, [1, 3]);
});

test('ip2nets gives the nets of every entry of which a pattern matches an address', (t) => {
  const text = 'tcp(eth0) 192.168.0.[2,4]; o2ib 132.6.[1-3].[2-8/2]; tcp1,gni1(ipogif0) 10.*.*.* 11.0.0.1 # both';
  t.deepEqual(ip2nets(text, '192.168.0.4'), ['tcp(eth0)']);
  t.deepEqual(ip2nets(text, '192.168.0.2', '132.6.3.4'), ['tcp(eth0)', 'o2ib()']);
  t.deepEqual(ip2nets(text, '11.0.0.1'), ['tcp1()', 'gni1(ipogif0)']);
  t.is(
    errnoOf(() => ip2nets(text, '192.168.0.3')),
    -ENOENT,
  );
  t.is(
    errnoOf(() => ip2nets(text)),
    -ENOENT,
  );
});

test('in ip2nets the first entry that matches decides for its net', (t) => {
  t.deepEqual(ip2nets('tcp(eth0) 192.168.0.[2,4]; tcp *.*.*.*', '192.168.0.2'), ['tcp(eth0)']);
  t.deepEqual(ip2nets('tcp(eth0) 192.168.0.[2,4]; tcp *.*.*.*', '192.168.0.3'), ['tcp()']);
});

test('an ip2nets entry without pattern, with a bad one, or with a net twice is -EINVAL', (t) => {
  for (const text of [
    'tcp',
    'tcp(eth0) 10.0.0',
    'tcp 10.0.0.256',
    'tcp 10.0.0.1-3',
    'tcp 10.0.0.0/8',
    'tcp,tcp0 10.*.*.*',
  ])
    t.is(
      errnoOf(() => parseIp2nets(text)),
      -EINVAL,
      text,
    );
});

test('ip2nets that select more than 4096 characters are -E2BIG', (t) => {
  const rules = parseIp2nets(Array.from({ length: 600 }, (_, i) => `tcp${i}(e) 10.*.*.*`).join('\n'));
  t.is(
    errnoOf(() => netsOfIp2nets(rules, [10 << 24])),
    -E2BIG,
  );
  t.is(netsOfIp2nets(rules.slice(0, 400), [10 << 24]).length, 400);
});
