import test from 'ava';
import { BASE_DATAGRAM_BYTES, PathMtu } from './pmtu.ts';

/** Probes until nothing is to be probed; a path that carries `carried` bytes. Gives the sizes tried. */
function search(mtu: PathMtu, carried: number, now = 0): number[] {
  const tried: number[] = [];
  for (let size = mtu.probeBytes(now); size > 0; size = mtu.probeBytes(now)) {
    mtu.probeSent();
    tried.push(size);
    if (size <= carried) mtu.probeAcknowledged(size, now);
    else mtu.probeLost(now);
  }
  return tried;
}

test('RFC 8899 §5.3: the largest size that arrives is found, from the top, three probes each', (t) => {
  for (const [limit, carried, found, probes] of [
    [1_472, 1_472, 1_472, 1],
    [1_472, 1_400, 1_352, 7],
    [8_972, 1_472, 1_472, 13],
    [65_507, 65_507, 65_507, 1],
    [65_507, 9_000, 8_972, 13],
    [1_232, 1_232, 1_232, 1],
    [1_200, 1_200, 1_200, 0],
  ] as const) {
    const mtu = new PathMtu(limit);
    t.is(search(mtu, carried).length, probes, `${limit} ${carried}`);
    t.is(mtu.datagramBytes, found);
  }
});

test('one probe is under way at a time, and nothing larger is used before its probe has arrived', (t) => {
  const mtu = new PathMtu(1_472);
  t.is(mtu.probeBytes(0), 1_472);
  mtu.probeSent();
  t.is(mtu.probeBytes(0), 0);
  t.is(mtu.datagramBytes, BASE_DATAGRAM_BYTES);
  t.true(mtu.probeAcknowledged(1_472, 0));
  t.is(mtu.datagramBytes, 1_472);
});

test('RFC 8899 §5.1.1: larger sizes are tried again after 600 s, not before', (t) => {
  const mtu = new PathMtu(8_972);
  search(mtu, 1_472, 0);
  t.is(mtu.probeBytes(599_999_999), 0);
  t.deepEqual(search(mtu, 8_972, 600_000_000), [8_972]);
  t.is(mtu.datagramBytes, 8_972);
});

test('RFC 8899 §4.3: three probe timeouts in a row mean a black hole: base size, search anew; what arrives between resets the count', (t) => {
  const mtu = new PathMtu(1_472);
  search(mtu, 1_472);
  t.deepEqual([mtu.timedOut(), mtu.timedOut()], [false, false]);
  mtu.carried();
  t.deepEqual([mtu.timedOut(), mtu.timedOut(), mtu.timedOut()], [false, false, true]);
  t.is(mtu.datagramBytes, BASE_DATAGRAM_BYTES);
  t.is(mtu.probeBytes(0), 1_472);
  t.false(mtu.timedOut());
});
