import test from 'ava';
import { parseNid } from './nid.ts';
import { formatProcessId, LNET_PID_ANY, LNET_PID_USERFLAG, parseProcessId } from './process-id.ts';
import { WireError } from './wire-error.ts';

const nid = parseNid('192.168.1.10@tcp');

test('a process id prints and parses as lnet-wire §2.3 writes it', (t) => {
  const rows: readonly (readonly [text: string, pid: number])[] = [
    ['12345-192.168.1.10@tcp', 12345],
    ['U40000-192.168.1.10@tcp', LNET_PID_USERFLAG + 40_000],
    ['LNET_PID_ANY-192.168.1.10@tcp', LNET_PID_ANY],
    ['0-192.168.1.10@tcp', 0],
    ['U0-192.168.1.10@tcp', LNET_PID_USERFLAG],
  ];
  for (const [text, pid] of rows) {
    t.is(formatProcessId({ nid, pid }), text);
    t.deepEqual(parseProcessId(text), { nid, pid });
  }
});

test('a NID alone means pid 12345', (t) => {
  t.deepEqual(parseProcessId('192.168.1.10@tcp'), { nid, pid: 12345 });
  t.deepEqual(parseProcessId('fd00::1@tcp6'), { nid: parseNid('fd00::1@tcp6'), pid: 12345 });
});

test('the last digit of a pid counts, and what cannot be a pid is rejected', (t) => {
  t.is(parseProcessId('4294967294-10.0.0.1').pid, 4_294_967_294);
  for (const text of [
    '4294967296-10.0.0.1',
    'U2147483648-10.0.0.1',
    'ULNET_PID_ANY-10.0.0.1',
    '-10.0.0.1',
    'x-10.0.0.1',
    '1-',
  ])
    t.throws(() => parseProcessId(text), { instanceOf: WireError }, text);
});
