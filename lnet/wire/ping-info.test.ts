import test from 'ava';
import * as fc from 'fast-check';
import { checkProperty } from '../../test/property.ts';
import { viewOf } from './layout.ts';
import { netOf } from './net.ts';
import { type Nid, nid4, nidOfIpv6, parseNid } from './nid.ts';
import {
  decodePingInfo,
  encodePingInfo,
  LNET_PING_FEAT_DISCOVERY,
  LNET_PING_FEAT_LARGE_ADDR,
  LNET_PING_FEAT_METADATA,
  LNET_PING_FEAT_MULTI_RAIL,
  LNET_PING_FEAT_NI_STATUS,
  LNET_PING_FEAT_PRIMARY_LARGE,
  LNET_PING_FEAT_RTE_DISABLED,
  makePingInfo,
  type PingInfo,
  pingInfoBytes,
  primaryNidOf,
} from './ping-info.ts';
import { WireError } from './wire-error.ts';
import { bytesOf, hexOf } from '../../test/hex.ts';

const END_NODE =
  LNET_PING_FEAT_NI_STATUS | LNET_PING_FEAT_RTE_DISABLED | LNET_PING_FEAT_MULTI_RAIL | LNET_PING_FEAT_DISCOVERY;

function infoOf(sequence: number, ...nids: string[]): PingInfo {
  const entries = nids.map((text) => ({ nid: parseNid(text), isUp: true }));
  return makePingInfo({ features: END_NODE, pid: 12345, sequence, entries });
}

/** The three examples of lnet-wire §7.8. */
const EXAMPLES: readonly { readonly info: PingInfo; readonly hex: string; readonly primary: string }[] = [
  {
    info: infoOf(1, '192.168.1.20@tcp'),
    primary: '192.168.1.20@tcp',
    hex: `67 6e 69 70 1e 00 00 00 39 30 00 00 02 00 00 00
          00 00 00 00 00 00 09 00 01 00 00 00 00 00 00 00
          14 01 a8 c0 00 00 02 00 de c0 aa 15 00 00 00 00`,
  },
  {
    info: infoOf(1, '2001:db8::20@tcp'),
    primary: '2001:db8::20@tcp',
    hex: `67 6e 69 70 7e 00 00 00 39 30 00 00 01 00 00 00
          00 00 00 00 00 00 09 00 01 00 00 00 38 00 00 00
          de c0 aa 15 0c 02 00 00 20 01 0d b8 00 00 00 00
          00 00 00 00 00 00 00 20`,
  },
  {
    info: infoOf(7, '192.168.1.20@tcp', '2001:db8::20@tcp'),
    primary: '192.168.1.20@tcp',
    hex: `67 6e 69 70 3e 00 00 00 39 30 00 00 02 00 00 00
          00 00 00 00 00 00 09 00 07 00 00 00 48 00 00 00
          14 01 a8 c0 00 00 02 00 de c0 aa 15 00 00 00 00
          de c0 aa 15 0c 02 00 00 20 01 0d b8 00 00 00 00
          00 00 00 00 00 00 00 20`,
  },
];

/** What a big-endian node sends: every word swapped, large NIDs as they are. */
function swapped(bytes: Uint8Array): Uint8Array {
  const out = bytes.slice();
  const swap = (at: number, size: number): void => out.set(out.slice(at, at + size).toReversed(), at);
  for (let at = 0; at < 16; at += 4) swap(at, 4);
  const nnis = viewOf(bytes).getUint32(12, true);
  let at = 16;
  for (let i = 0; i < nnis; i++, at += 16) {
    swap(at, 8);
    swap(at + 8, 4);
    swap(at + 12, 4);
  }
  for (; at < out.length; at += 24) swap(at, 4);
  return out;
}

/** Feature word, `ns_msg_size` of entry 0, and length of what a node with these NIDs publishes. */
function headOf(...nids: string[]): [features: number, msgSize: number, bytes: number] {
  const bytes = encodePingInfo(infoOf(1, ...nids));
  const view = viewOf(bytes);
  return [view.getUint32(4, true), view.getUint32(28, true), bytes.length];
}

function nidsIn(bytes: Uint8Array): string[] {
  const result = decodePingInfo(bytes);
  return result.kind === 'info' ? result.info.entries.map((entry) => String(entry.nid)) : [result.kind];
}

test('C20: With an IPv6 NI: features include 0x20, `ns_msg_size` equals the byte length, large entry of 24 bytes; 0x40 only if the first NI is IPv6.', (t) => {
  t.deepEqual(headOf('10.0.0.1@tcp'), [0x1e, 0, 48]);
  t.deepEqual(headOf('fd00::1@tcp'), [0x7e, 56, 32 + 24]);
  t.deepEqual(headOf('10.0.0.1@tcp', 'fd00::1@tcp'), [0x3e, 72, 48 + 24]);
  t.deepEqual(headOf('fd00::1@tcp', '10.0.0.1@tcp', 'fd00::2@tcp'), [0x7e, 96, 48 + 48]);
});

test('C21: Parser accepts the three examples of 7.8, a byte-swapped copy of the first, trailing bytes after the info, and unknown feature bits.', (t) => {
  for (const { info, hex, primary } of EXAMPLES) {
    const bytes = bytesOf(hex);
    t.deepEqual(decodePingInfo(bytes), { kind: 'info', info });
    t.deepEqual(decodePingInfo(swapped(bytes)), { kind: 'info', info }, 'byte-swapped');
    t.deepEqual(decodePingInfo(Uint8Array.of(...bytes, 1, 2, 3)), { kind: 'info', info }, 'trailing bytes');
    const features = info.features | LNET_PING_FEAT_METADATA | 0x8000_0000;
    const future = bytes.slice();
    viewOf(future).setUint32(4, features, true);
    t.deepEqual(decodePingInfo(future), { kind: 'info', info: { ...info, features: features >>> 0 } });
    t.is(hexOf(encodePingInfo(info)), hexOf(bytes));
    t.is(pingInfoBytes(info), bytes.length);
    t.is(String(primaryNidOf(info)), primary);
  }
});

test('C22: Parser rejects bad magic, missing NI_STATUS, `pi_nnis` 0 or > 200, entry 0 not `0@lo`.', (t) => {
  const reasonOf = (at: number, word: number): string => {
    const bytes = bytesOf(EXAMPLES[0]?.hex as string);
    viewOf(bytes).setUint32(at, word, true);
    return t.throws(() => decodePingInfo(bytes), { instanceOf: WireError })?.reason ?? '';
  };
  t.is(reasonOf(0, 0x70696e68), 'bad_magic');
  t.is(reasonOf(4, END_NODE & ~LNET_PING_FEAT_NI_STATUS), 'bad_value');
  t.is(reasonOf(12, 0), 'bad_value');
  t.is(reasonOf(12, 201), 'bad_value');
  t.is(reasonOf(16, 5), 'bad_nid');
  t.is(reasonOf(20, 0x00020000), 'bad_nid');
  t.is(t.throws(() => decodePingInfo(new Uint8Array(15)), { instanceOf: WireError })?.reason, 'short');
});

test('info cut anywhere after its header tells how many bytes the whole has, as far as it can be known', (t) => {
  const whole = bytesOf(EXAMPLES[2]?.hex as string);
  for (let length = 16; length < whole.length; length++) {
    // The total stands in entry 0; before that, only the 4-byte entries are known.
    const needBytes = length < 32 ? 48 : whole.length;
    t.deepEqual(decodePingInfo(whole.subarray(0, length)), { kind: 'truncated', needBytes });
  }
});

test('a total length that no node can have is rejected, so a peer cannot make us allocate it', (t) => {
  const bytes = bytesOf(EXAMPLES[2]?.hex as string);
  const claim = (total: number): unknown => {
    viewOf(bytes).setUint32(28, total, true);
    return decodePingInfo(bytes);
  };
  t.deepEqual(claim(16 + 200 * 24), { kind: 'truncated', needBytes: 4816 });
  t.is(t.throws(() => claim(16 + 200 * 24 + 4), { instanceOf: WireError })?.reason, 'bad_length');
  t.is(t.throws(() => claim(0xffffffff), { instanceOf: WireError })?.reason, 'bad_length');
});

test('a large entry of impossible size is skipped and one that crosses the end is left out', (t) => {
  const base = encodePingInfo(infoOf(1, 'fd00::1@tcp', 'fd00::2@tcp'));
  const impossible = base.slice();
  impossible[36] = 13;
  const widened = Uint8Array.of(...impossible.subarray(0, 56), 0, 0, 0, 0, ...impossible.subarray(56));
  viewOf(widened).setUint32(28, widened.length, true);
  t.deepEqual(nidsIn(widened), ['fd00::2@tcp']);
  const crossing = base.slice();
  viewOf(crossing).setUint32(28, base.length - 4, true);
  t.deepEqual(nidsIn(crossing), ['fd00::1@tcp']);
  viewOf(crossing).setUint32(28, base.length + 3, true);
  t.deepEqual(nidsIn(crossing), ['fd00::1@tcp', 'fd00::2@tcp'], 'the low two bits of the total do not count');
});

test('the word of entry 0 is a sequence number whatever its value, also UP', (t) => {
  const info = { ...infoOf(1, '10.0.0.1@tcp'), sequence: 0x15aac0de };
  t.deepEqual(decodePingInfo(encodePingInfo(info)), { kind: 'info', info });
});

test('loopback and ANY are no NIDs of a peer', (t) => {
  const bytes = encodePingInfo(infoOf(1, '10.0.0.1@tcp', '10.0.0.2@tcp', '10.0.0.3@tcp'));
  viewOf(bytes).setUint32(32, 0, true);
  viewOf(bytes).setUint32(36, 0x0009_0000, true);
  viewOf(bytes).setUint32(48, 0xffffffff, true);
  viewOf(bytes).setUint32(52, 0xffffffff, true);
  t.deepEqual(nidsIn(bytes), ['10.0.0.3@tcp']);
});

test('a status that is not UP is down', (t) => {
  const bytes = bytesOf(EXAMPLES[0]?.hex as string);
  viewOf(bytes).setUint32(40, 0, true);
  const result = decodePingInfo(bytes);
  t.deepEqual(result.kind === 'info' && result.info.entries, [{ nid: parseNid('192.168.1.20@tcp'), isUp: false }]);
});

test('the primary NID is the first large entry with PRIMARY_LARGE, else entry 1; info without NIDs has none', (t) => {
  t.is(String(primaryNidOf(infoOf(1, 'fd00::1@tcp', '10.0.0.1@tcp'))), 'fd00::1@tcp');
  t.is(String(primaryNidOf(infoOf(1, '10.0.0.1@tcp', 'fd00::1@tcp'))), '10.0.0.1@tcp');
  t.is(primaryNidOf(infoOf(1)), undefined);
  const mistaken = infoOf(1, '10.0.0.1@tcp');
  t.is(
    String(primaryNidOf({ ...mistaken, features: mistaken.features | LNET_PING_FEAT_PRIMARY_LARGE })),
    '10.0.0.1@tcp',
  );
});

const anyNid: fc.Arbitrary<Nid> = fc.oneof(
  fc
    .record({ lnd: fc.constantFrom(2, 5, 13, 16), number: fc.nat(65_535), address: fc.nat(0xffffffff) })
    .map(({ lnd, number, address }) => nid4(netOf(lnd, number), address)),
  fc
    .record({ number: fc.nat(65_535), address: fc.uint8Array({ minLength: 16, maxLength: 16 }) })
    .map(({ number, address }) => nidOfIpv6(netOf(2, number), address)),
);
const anyInfo = fc
  .record({
    features: fc.nat(0xff).map((bits) => bits | LNET_PING_FEAT_NI_STATUS),
    pid: fc.nat(0xffffffff),
    sequence: fc.nat(0xffffffff),
    entries: fc.array(fc.record({ nid: anyNid, isUp: fc.boolean() }), { maxLength: 40 }),
  })
  .map(makePingInfo);

test('any info comes back from its bytes, in both byte orders', (t) => {
  checkProperty(t, anyInfo, 1_000, (info) => {
    const bytes = encodePingInfo(info);
    for (const sent of [bytes, swapped(bytes)]) {
      const result = decodePingInfo(sent);
      if (result.kind !== 'info') throw new Error(result.kind);
      if (hexOf(encodePingInfo(result.info)) !== hexOf(bytes)) throw new Error('bytes differ');
      if (result.info.entries.some((entry, index) => entry.nid !== info.entries[index]?.nid)) throw new Error('NIDs');
    }
  });
});

test('damaged info gives info, a length to ask for, or a WireError', (t) => {
  const damage = fc.record({
    info: anyInfo,
    cut: fc.nat(1_000),
    flips: fc.array(fc.record({ at: fc.nat(120), bit: fc.nat(7) }), { maxLength: 4 }),
  });
  checkProperty(t, damage, 5_000, ({ info, cut, flips }) => {
    const bytes = encodePingInfo(info);
    for (const { at, bit } of flips) if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << bit);
    const sent = bytes.subarray(0, cut);
    try {
      const result = decodePingInfo(sent);
      if (result.kind === 'truncated' && (result.needBytes <= sent.length || result.needBytes > 4816))
        throw new Error(`asks for ${result.needBytes} bytes, has ${sent.length}`);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  });
});

test('bit LARGE_ADDR without large entries keeps the announced total', (t) => {
  const info = { ...infoOf(1, '10.0.0.1@tcp'), features: END_NODE | LNET_PING_FEAT_LARGE_ADDR };
  t.deepEqual(decodePingInfo(encodePingInfo(info)), { kind: 'info', info });
});
