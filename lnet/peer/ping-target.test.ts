import test from 'ava';
import { TestNode, TestWire } from '../network-fixture.test-support.ts';
import { LNET_MSG_GET, LNET_MSG_REPLY } from '../wire/lnet-hdr.ts';
import { NID_LOOPBACK, parseNid } from '../wire/nid.ts';
import { PING_NI_STATUS } from '../wire/ping-info.ts';
import { viewOf } from '../wire/layout.ts';

const A = '192.168.1.20@tcp';
const B = parseNid('192.168.1.10@tcp');

/** The example of lnet-wire §7.8. */
const EXAMPLE = `
  67 6e 69 70 1e 00 00 00 39 30 00 00 02 00 00 00
  00 00 00 00 00 00 09 00 01 00 00 00 00 00 00 00
  14 01 a8 c0 00 00 02 00 de c0 aa 15 00 00 00 00`.trim();

function ping(wire: TestWire, node: TestNode, sinkLength: number, offset = 0): Uint8Array {
  wire.attach(B, { arrive: () => {} });
  wire.log.length = 0;
  wire.send(B, node.nid, { type: LNET_MSG_GET, portal: 0, matchBitsHigh: 0x8000_0000, sinkLength, offset });
  wire.run();
  return wire.sent(LNET_MSG_REPLY)[0]?.payload as Uint8Array;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const example = EXAMPLE.replace(/\s/g, '');

test('C17: GET(portal 0, match 0x8000000000000000, sink 272) is answered with the info of 7.8; sink 20 with its first 20 bytes; `src_offset` 16 with the remainder.', (t) => {
  const wire = new TestWire();
  const node = new TestNode(wire, [A]);
  t.is(hex(ping(wire, node, 272)), example);
  t.is(hex(ping(wire, node, 20)), example.slice(0, 40));
  t.is(hex(ping(wire, node, 272, 16)), example.slice(32));
});

test('T55: Ping (GET portal 0, match bits 2^63) is answered with magic, first entry `0@lo` whose status is the sequence number.', (t) => {
  const wire = new TestWire();
  const view = viewOf(ping(wire, new TestNode(wire, [A]), 272).slice());
  t.is(view.getUint32(0, true), 0x70696e67);
  const first = PING_NI_STATUS.decode(view, 16);
  t.deepEqual([first.nid, first.status], [NID_LOOPBACK, 1]);
});

test("C18: Entry 0 is `0@lo` with the sequence number; entry 1 is the NI's NID, UP.", (t) => {
  const wire = new TestWire();
  const view = viewOf(ping(wire, new TestNode(wire, [A]), 272).slice());
  t.deepEqual(PING_NI_STATUS.decode(view, 16), { nid: NID_LOOPBACK, status: 1, msgSize: 0 });
  t.deepEqual(PING_NI_STATUS.decode(view, 32), { nid: parseNid(A), status: 0x15aac0de, msgSize: 0 });
});

test('C19: Sequence number increases when the published info changes.', (t) => {
  const wire = new TestWire();
  const node = new TestNode(wire, [A]);
  const sequence = (): number => viewOf(ping(wire, node, 272).slice()).getUint32(24, true);
  t.is(sequence(), 1);
  node.openNi('10.1.0.1@tcp1');
  t.is(sequence(), 2);
  node.network.linkFatal(node.ni(A).link, true);
  t.is(sequence(), 3);
  node.network.linkFatal(node.ni(A).link, true);
  t.is(sequence(), 3, 'nothing new');
  node.locals.remove(parseNid('10.1.0.1@tcp1'));
  t.is(sequence(), 4);
});

test('a status that health changes is told without a new sequence number', (t) => {
  const wire = new TestWire();
  const node = new TestNode(wire, [A]);
  const told = (): number[] => {
    const view = viewOf(ping(wire, node, 272).slice());
    return [view.getUint32(24, true), view.getUint32(40, true)];
  };
  node.health.setLocal(node.ni(A), 0);
  t.deepEqual(told(), [1, 0xdeadface]);
  node.health.setLocal(node.ni(A), 500);
  t.deepEqual(told(), [1, 0xdeadface], 'down until perfect');
  node.health.setLocal(node.ni(A), 1000);
  t.deepEqual(told(), [1, 0x15aac0de]);
});
