import test from 'ava';
import { u64High, u64Low } from '../../../lnet/wire/lnet-hdr.ts';
import type { KsockVersion } from './hello.ts';
import { KSOCK_MSG_LNET, KSOCK_MSG_NOOP, MessageHeader } from './message-header.ts';
import { readZcAck, type ZcAck } from './zc-cookies.ts';

function ackOf(type: number, cookie0: bigint, cookie1: bigint, version: KsockVersion = 3): ZcAck {
  const header = Object.assign(new MessageHeader(), {
    type,
    zcCookie0Low: u64Low(cookie0),
    zcCookie0High: u64High(cookie0),
    zcCookie1Low: u64Low(cookie1),
    zcCookie1High: u64High(cookie1),
  });
  return readZcAck(header, version);
}

test("S24: A peer's forms (0,c), (a>b), (a<b) and LNET-piggybacked acknowledgements are decoded per 7.3.", (t) => {
  const huge = 0xffff_ffff_ffff_fffen;
  for (const version of [2, 3, 4] as const) {
    const noop = (cookie0: bigint, cookie1: bigint): ZcAck => ackOf(KSOCK_MSG_NOOP, cookie0, cookie1, version);
    t.deepEqual(noop(0n, 2n), { kind: 'values', cookies: [2n] });
    t.deepEqual(noop(0n, huge), { kind: 'values', cookies: [huge] });
    t.deepEqual(noop(104n, 103n), { kind: 'values', cookies: [104n, 103n] });
    t.deepEqual(noop(7n, 3n), { kind: 'values', cookies: [7n, 3n] });
    t.deepEqual(noop(2n, 5n), { kind: 'range', first: 2n, last: 5n });
    t.deepEqual(noop(2n, huge), { kind: 'range', first: 2n, last: huge });
    t.deepEqual(noop(5n, 5n), { kind: 'values', cookies: [5n] });
    t.deepEqual(noop(0n, 0n), { kind: 'none' });
    const lnet = (cookie0: bigint, cookie1: bigint): ZcAck => ackOf(KSOCK_MSG_LNET, cookie0, cookie1, version);
    t.deepEqual(lnet(0n, 0n), { kind: 'none' });
    t.deepEqual(lnet(9n, 0n), { kind: 'none' }, 'a request acknowledges nothing');
    t.deepEqual(lnet(0n, 4n), { kind: 'values', cookies: [4n] });
    t.deepEqual(lnet(9n, 4n), { kind: 'values', cookies: [4n] }, 'a request beside an acknowledgement');
  }
});

test('cookie 1 of a NOOP is a keepalive on v3 and v4, an error behind a larger value, and a value like others on v2', (t) => {
  for (const version of [3, 4] as const) {
    t.deepEqual(ackOf(KSOCK_MSG_NOOP, 0n, 1n, version), { kind: 'keepalive' });
    t.deepEqual(ackOf(KSOCK_MSG_NOOP, 1n, 1n, version), { kind: 'keepalive' });
    t.deepEqual(ackOf(KSOCK_MSG_NOOP, 2n, 1n, version), { kind: 'error' });
  }
  t.deepEqual(ackOf(KSOCK_MSG_NOOP, 0n, 1n, 2), { kind: 'values', cookies: [1n] });
  t.deepEqual(ackOf(KSOCK_MSG_NOOP, 2n, 1n, 2), { kind: 'values', cookies: [2n, 1n] });
});
