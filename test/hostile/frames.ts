/** Bytes that peers send, good ones and impossible ones. */
import { LNET_MSG_GET, LNET_MSG_PUT, LnetHdr, u64High, u64Low } from '../../lnet/wire/lnet-hdr.ts';
import { viewOf } from '../../lnet/wire/layout.ts';
import { type Nid, parseNid } from '../../lnet/wire/nid.ts';
import { encodeConnreq } from '../../nals/tcp/wire/connreq.ts';
import { encodeHello, type Hello } from '../../nals/tcp/wire/hello.ts';

export const PING_BITS = 0x8000000000000000n;
const NO_HANDLE = 0xffffffffffffffffn;
const HEAD_BYTES = 24 + 72;

const nidOf = (nid: Nid | string): Nid => (typeof nid === 'string' ? parseNid(nid) : nid);

/** A HELLO of a good peer, or with changes. */
export function hello(from: Nid | string, to: Nid | string, type: number, changes: Partial<Hello> = {}): Buffer {
  return Buffer.from(
    encodeHello({
      version: 3,
      srcNid: nidOf(from),
      dstNid: nidOf(to),
      srcPid: 12345,
      dstPid: 0,
      srcIncarnation: 0x18e9e9d000000001n,
      dstIncarnation: 0n,
      type,
      ...changes,
    }),
  );
}

/** Connection request and HELLO. */
export function greeting(from: Nid | string, to: Nid | string, type: number, changes: Partial<Hello> = {}): Buffer {
  return Buffer.concat([encodeConnreq(nidOf(to)), hello(from, to, type, changes)]);
}

/** A message by its fields; absent ones are those of a PUT without ACK. */
export interface MessageSpec {
  readonly from: Nid | string;
  readonly to: Nid | string;
  readonly type?: number;
  readonly payload?: Uint8Array;
  /** What the header says; default: the length of the payload. */
  readonly payloadLength?: number;
  readonly portal?: number;
  readonly matchBits?: bigint;
  readonly offset?: number;
  readonly sinkLength?: number;
  readonly mlength?: number;
  readonly interfaceCookie?: bigint;
  readonly objectCookie?: bigint;
  readonly kshType?: number;
  readonly checksum?: number;
  readonly zcRequest?: bigint;
  readonly zcAck?: bigint;
}

/** A message with its socklnd header, in the form of version 3. */
export function message(spec: MessageSpec): Buffer {
  const { type = LNET_MSG_PUT, payload = new Uint8Array(), matchBits = 0n } = spec;
  const { interfaceCookie = NO_HANDLE, objectCookie = NO_HANDLE } = spec;
  const hdr = Object.assign(new LnetHdr(), {
    destNid: nidOf(spec.to),
    srcNid: nidOf(spec.from),
    destPid: 12345,
    srcPid: 12345,
    type,
    payloadLength: spec.payloadLength ?? payload.length,
    portal: spec.portal ?? 0,
    matchBitsLow: u64Low(matchBits),
    matchBitsHigh: u64High(matchBits),
    offset: spec.offset ?? 0,
    sinkLength: spec.sinkLength ?? 0,
    mlength: spec.mlength ?? 0,
    interfaceCookieLow: u64Low(interfaceCookie),
    interfaceCookieHigh: u64High(interfaceCookie),
    objectCookieLow: u64Low(objectCookie),
    objectCookieHigh: u64High(objectCookie),
  });
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32LE(spec.kshType ?? 0xc1, 0);
  head.writeUInt32LE(spec.checksum ?? 0, 4);
  head.writeBigUInt64LE(spec.zcRequest ?? 0n, 8);
  head.writeBigUInt64LE(spec.zcAck ?? 0n, 16);
  hdr.encode(viewOf(head), 24, 4);
  // What the product's encoder leaves out of a type that does not exist.
  if (type > 3) head.writeUInt32LE(type, 24 + 24);
  return Buffer.concat([head, payload]);
}

/** A ping, as each node must answer it. */
export function ping(from: Nid | string, to: Nid | string, sinkLength = 272, objectCookie = 2n): Buffer {
  const handle = { interfaceCookie: 1n, objectCookie };
  return message({ from, to, type: LNET_MSG_GET, matchBits: PING_BITS, sinkLength, ...handle });
}

export function noop(cookie0: bigint, cookie1: bigint): Buffer {
  const bytes = Buffer.alloc(24);
  bytes.writeUInt32LE(0xc0, 0);
  bytes.writeBigUInt64LE(cookie0, 8);
  bytes.writeBigUInt64LE(cookie1, 16);
  return bytes;
}

/** Copies of one frame behind each other. */
export function repeated(frame: Uint8Array, count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => frame));
}
