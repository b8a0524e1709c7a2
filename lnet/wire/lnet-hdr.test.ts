import test from 'ava';
import * as fc from 'fast-check';
import { checkProperty } from '../../test/property.ts';
import { viewOf } from './layout.ts';
import {
  LNET_ACK,
  LNET_GET,
  LNET_HDR4,
  LNET_HDR16,
  LNET_MSG_ACK,
  LNET_MSG_GET,
  LNET_MSG_PUT,
  LNET_MSG_REPLY,
  LNET_PUT,
  LNET_REPLY,
  LnetHdr,
  type LnetHdrForm,
  lnetHdrBytes,
  u64High,
  u64Low,
  u64Of,
} from './lnet-hdr.ts';
import { NID_ANY, type Nid, parseNid } from './nid.ts';
import { WireError } from './wire-error.ts';
import { hexOf } from '../../test/hex.ts';

const FORMS: readonly LnetHdrForm[] = [4, 16];
const NEAR = parseNid('192.168.1.20@tcp');
const FAR = parseNid('192.168.1.10@tcp');

/** A header in which every field holds a value of its own, whatever the type. */
function filled(type: number): LnetHdr {
  const hdr = new LnetHdr();
  return Object.assign(hdr, {
    destNid: NEAR,
    srcNid: FAR,
    destPid: 0x01020304,
    srcPid: 0x05060708,
    type,
    payloadLength: 0x090a0b0c,
    interfaceCookieLow: 0x11121314,
    interfaceCookieHigh: 0x15161718,
    objectCookieLow: 0x21222324,
    objectCookieHigh: 0x25262728,
    matchBitsLow: 0x31323334,
    matchBitsHigh: 0xb5363738,
    hdrDataLow: 0x41424344,
    hdrDataHigh: 0xc5464748,
    portal: 0x51525354,
    offset: 0x61626364,
    sinkLength: 0x71727374,
    mlength: 0x81828384,
  });
}

function encoded(hdr: LnetHdr, form: LnetHdrForm): Uint8Array {
  const bytes = new Uint8Array(lnetHdrBytes(form)).fill(0xee);
  hdr.encode(viewOf(bytes), 0, form);
  return bytes;
}

function decoded(bytes: Uint8Array, form: LnetHdrForm, near = NEAR, far = FAR): LnetHdr {
  const hdr = filled(0xff);
  hdr.decode(viewOf(bytes), 0, form, near, far);
  return hdr;
}

test('C6: PUT/GET/ACK/REPLY encode to the offsets of 5.1-5.3 for both header formats; unused bytes are zero.', (t) => {
  const common = '0403020108070605';
  const nids = {
    4: '1401a8c0000002000a01a8c000000200',
    16: `00020000c0a80114${'00'.repeat(12)}00020000c0a8010a${'00'.repeat(12)}`,
  };
  const handle = '14131211181716152423222128272625';
  const matchBits = '34333231383736b5';
  const unions = {
    [LNET_MSG_PUT]: `${handle}${matchBits}44434241484746c55453525164636261`,
    [LNET_MSG_GET]: `${handle}${matchBits}54535251646362617473727100000000`,
    [LNET_MSG_ACK]: `${handle}${matchBits}84838281${'00'.repeat(12)}`,
    [LNET_MSG_REPLY]: `${handle}${'00'.repeat(24)}`,
  };
  for (const form of FORMS) {
    for (const [type, union] of Object.entries(unions)) {
      const expected = `${nids[form]}${common}0${type}0000000c0b0a09${union}`;
      t.is(hexOf(encoded(filled(Number(type)), form)), expected, `type ${type}, form ${form}`);
    }
  }
});

test('the two faces of a header agree: record and layout', (t) => {
  const arms = {
    [LNET_MSG_PUT]: LNET_PUT,
    [LNET_MSG_GET]: LNET_GET,
    [LNET_MSG_ACK]: LNET_ACK,
    [LNET_MSG_REPLY]: LNET_REPLY,
  };
  for (const form of FORMS) {
    const common = form === 4 ? LNET_HDR4 : LNET_HDR16;
    for (const [type, arm] of Object.entries(arms)) {
      const view = viewOf(encoded(filled(Number(type)), form));
      const { destNid, srcNid, destPid, srcPid, payloadLength } = common.decode(view);
      t.deepEqual([destNid, srcNid, destPid, srcPid, payloadLength], [NEAR, FAR, 0x01020304, 0x05060708, 0x090a0b0c]);
      const union: Record<string, unknown> = arm.decode(view, common.size);
      const hdr = filled(Number(type));
      const values: Readonly<Record<string, unknown>> = {
        ackInterfaceCookie: u64Of(hdr.interfaceCookieHigh, hdr.interfaceCookieLow),
        ackObjectCookie: u64Of(hdr.objectCookieHigh, hdr.objectCookieLow),
        matchBits: u64Of(hdr.matchBitsHigh, hdr.matchBitsLow),
        hdrData: u64Of(hdr.hdrDataHigh, hdr.hdrDataLow),
        portal: hdr.portal,
        offset: hdr.offset,
        sinkLength: hdr.sinkLength,
        mlength: hdr.mlength,
      };
      for (const [name, value] of Object.entries(union))
        t.is(value, values[name.replace(/^(return|dst)/, 'ack')], `type ${type}: ${name}`);
    }
  }
});

test('decoding clears what the type does not have', (t) => {
  const reply = decoded(encoded(filled(LNET_MSG_REPLY), 4), 4);
  t.deepEqual(
    [
      reply.matchBitsLow,
      reply.matchBitsHigh,
      reply.hdrDataLow,
      reply.portal,
      reply.offset,
      reply.sinkLength,
      reply.mlength,
    ],
    [0, 0, 0, 0, 0, 0, 0],
  );
  t.is(decoded(encoded(filled(LNET_MSG_ACK), 4), 4).mlength, 0x81828384);
  t.is(decoded(encoded(filled(LNET_MSG_ACK), 4), 4).portal, 0);
  t.is(decoded(encoded(filled(LNET_MSG_GET), 4), 4).hdrDataLow, 0);
  const unknown = decoded(encoded(filled(7), 4), 4);
  t.deepEqual([unknown.type, unknown.interfaceCookieLow, unknown.matchBitsLow], [7, 0, 0]);
});

test('NIDs of the link are recognised, others are found, in both forms', (t) => {
  const other = parseNid('10.0.0.9@o2ib3');
  const hdr = Object.assign(filled(LNET_MSG_PUT), { destNid: other, srcNid: NID_ANY });
  for (const form of FORMS) {
    const bytes = encoded(hdr, form);
    for (const [near, far] of [
      [NEAR, FAR],
      [other, NID_ANY],
      [parseNid('10.0.0.9@tcp'), parseNid('255.255.255.255@tcp')],
      [parseNid('fd00::1@tcp'), parseNid('fd00::2@tcp')],
    ] as const) {
      const back = decoded(bytes, form, near, far);
      t.is(back.destNid, other);
      t.is(back.srcNid, NID_ANY);
    }
  }
});

test('a large NID goes into the large form only', (t) => {
  const large = parseNid('2001:db8::10@tcp');
  const hdr = Object.assign(filled(LNET_MSG_GET), { srcNid: large });
  t.true(hdr.needsLargeForm);
  t.false(filled(LNET_MSG_GET).needsLargeForm);
  t.throws(() => encoded(hdr, 4), { instanceOf: RangeError, message: /2001:db8::10@tcp/ });
  t.is(decoded(encoded(hdr, 16), 16).srcNid, large);
});

test('a PUT asks for no ACK exactly when all four words of its handle are ones', (t) => {
  const none = {
    interfaceCookieLow: -1 >>> 0,
    interfaceCookieHigh: -1 >>> 0,
    objectCookieLow: -1 >>> 0,
    objectCookieHigh: -1 >>> 0,
  };
  t.true(Object.assign(new LnetHdr(), none).hasNoHandle);
  for (const name of Object.keys(none))
    t.false(Object.assign(new LnetHdr(), none, { [name]: 0xfffffffe }).hasNoHandle, name);
});

test('a header that was reset is as new', (t) => {
  const hdr = filled(LNET_MSG_PUT);
  hdr.reset();
  t.deepEqual(hdr, new LnetHdr());
});

test('u64 halves are unsigned', (t) => {
  t.is(u64Of(0x80000000, 0xffffffff), 0x80000000ffffffffn);
  t.is(u64Of(-1, -1), 0xffffffffffffffffn);
  t.is(u64High(0x80000000ffffffffn), 0x80000000);
  t.is(u64Low(0x80000000ffffffffn), 0xffffffff);
});

const u32s = fc.nat(0xffffffff);
const nid: fc.Arbitrary<Nid> = fc
  .oneof(fc.ipV4(), fc.ipV6())
  .chain((address) => fc.constantFrom('tcp', 'tcp7', 'udp').map((net) => parseNid(`${address}@${net}`)));
const anyHdr = fc.record({
  destNid: nid,
  srcNid: nid,
  destPid: u32s,
  srcPid: u32s,
  type: fc.nat(3),
  payloadLength: u32s,
  interfaceCookieLow: u32s,
  interfaceCookieHigh: u32s,
  objectCookieLow: u32s,
  objectCookieHigh: u32s,
  matchBitsLow: u32s,
  matchBitsHigh: u32s,
  hdrDataLow: u32s,
  hdrDataHigh: u32s,
  portal: u32s,
  offset: u32s,
  sinkLength: u32s,
  mlength: u32s,
});

test('any header comes back from its bytes, and its bytes from it', (t) => {
  checkProperty(t, anyHdr, 2_000, (fields) => {
    const hdr = Object.assign(new LnetHdr(), fields);
    for (const form of FORMS) {
      if (form === 4 && hdr.needsLargeForm) continue;
      const bytes = encoded(hdr, form);
      const back = decoded(bytes, form);
      if (back.destNid !== hdr.destNid || back.srcNid !== hdr.srcNid) throw new Error('NIDs differ');
      if (hexOf(encoded(back, form)) !== hexOf(bytes)) throw new Error('bytes differ');
    }
  });
});

test('any bytes give a header or a WireError', (t) => {
  checkProperty(t, fc.uint8Array({ minLength: 96, maxLength: 96 }), 5_000, (bytes) => {
    for (const form of FORMS) {
      try {
        decoded(bytes, form);
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
      }
    }
  });
});

test('encoding and decoding of headers between known NIDs allocates nothing', (t) => {
  const view = new DataView(new ArrayBuffer(96));
  const out = filled(LNET_MSG_PUT);
  const into = new LnetHdr();
  const run = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const form = (i & 1) === 0 ? 4 : 16;
      out.encode(view, 0, form);
      into.decode(view, 0, form, NEAR, FAR);
    }
  };
  run(200_000);
  const before = process.memoryUsage().heapUsed;
  run(200_000);
  const grown = process.memoryUsage().heapUsed - before;
  t.log(`heap grew by ${grown} bytes over 200000 headers`);
  t.true(grown < 1_000_000);
});
