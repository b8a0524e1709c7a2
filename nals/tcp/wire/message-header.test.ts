import test from 'ava';
import * as fc from 'fast-check';
import { u64Of } from '../../../lnet/wire/lnet-hdr.ts';
import { checkProperty } from '../../../test/property.ts';
import { KSOCK_MSG, KSOCK_MSG_LNET, KSOCK_MSG_NOOP, MessageHeader, writeLnetHeader } from './message-header.ts';

test('the two faces of a message header agree in both byte orders, and it goes out little-endian', (t) => {
  const u32s = fc.nat(0xffffffff);
  const u64s = fc.bigInt({ min: 0n, max: 0xffffffffffffffffn });
  const fields = fc.record({ type: u32s, csum: u32s, zcCookie0: u64s, zcCookie1: u64s });
  const header = new MessageHeader();
  const view = new DataView(new ArrayBuffer(KSOCK_MSG.size + 3));
  checkProperty(t, fc.tuple(fields, fc.boolean()), 2_000, ([sent, littleEndian]) => {
    KSOCK_MSG.encode(sent, view, 3, littleEndian);
    header.decode(view, 3, littleEndian);
    if (header.type !== sent.type || header.csum !== sent.csum) throw new Error('words differ');
    if (u64Of(header.zcCookie0High, header.zcCookie0Low) !== sent.zcCookie0) throw new Error('cookie 0');
    if (u64Of(header.zcCookie1High, header.zcCookie1Low) !== sent.zcCookie1) throw new Error('cookie 1');
    header.encode(view, 3);
    const back = KSOCK_MSG.decode(view, 3);
    if (back.zcCookie0 !== sent.zcCookie0 || back.zcCookie1 !== sent.zcCookie1) throw new Error('encoding differs');
  });
});

test('only an LNET message with cookie 0 set wants an acknowledgement', (t) => {
  const header = Object.assign(new MessageHeader(), { type: KSOCK_MSG_LNET });
  t.false(header.wantsZcAck);
  t.true(Object.assign(header, { zcCookie0High: 1 }).wantsZcAck);
  t.false(Object.assign(header, { type: KSOCK_MSG_NOOP }).wantsZcAck);
  t.false(header.hasZcAck);
  t.true(Object.assign(header, { zcCookie1High: 1 }).hasZcAck);
});

test('a plain LNET header is its type and zeros', (t) => {
  const bytes = new Uint8Array(26).fill(0xee);
  writeLnetHeader(new DataView(bytes.buffer), 1);
  t.deepEqual([...bytes], [0xee, 0xc1, ...new Array<number>(23).fill(0), 0xee]);
});
