import { fieldBytes, fieldNamed, type Frame, KSH_BYTES, messageType } from './frame-fields.ts';

/** Connection types as the connector names them, and what the acceptor answers: socklnd §2.5. */
export const CONTROL = 1;
export const BULK_IN = 2;
export const BULK_OUT = 3;
const MIRRORED: Readonly<Record<number, number>> = { [CONTROL]: CONTROL, [BULK_IN]: BULK_OUT, [BULK_OUT]: BULK_IN };

const LUSTRE_PID = 12345;
const UP = 0x15aac0de;
const LOOPBACK = Buffer.from('0000000000000900', 'hex');
/** NI_STATUS, MULTI_RAIL, DISCOVERY; a node that does not route adds RTE_DISABLED. */
const ROUTER_FEATURES = 0x1a;

const NO_BYTES = Buffer.alloc(0);

/** A nid4 from its text, `10.77.0.12@tcp1`. */
export function nid4Bytes(text: string): Buffer {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)@tcp(\d*)$/.exec(text);
  if (!match) throw new Error(`'${text}' is not an IPv4 NID on tcp`);
  const octets = match.slice(1, 5).map(Number).toReversed();
  const net = Number(match[5] || 0);
  return Buffer.from([...octets, net & 0xff, net >> 8, 2, 0]);
}

/** Text of a NID in a frame. */
export function nidText(frame: Frame, name: string): string {
  const field = fieldNamed(frame, name);
  const bytes = fieldBytes(frame, field);
  const net = field.kind === 'nid4' ? bytes.readUInt16LE(4) : bytes.readUInt16BE(2);
  const address =
    field.kind === 'nid4'
      ? bytes.subarray(0, 4).toReversed().join('.')
      : bytes[0] === 0
        ? bytes.subarray(4, 8).join('.')
        : (bytes.toString('hex', 4).match(/.{4}/g) as string[]).join(':');
  return `${address}@tcp${net === 0 ? '' : net}`;
}

/** Request and HELLO v3 of a connector. */
export function openingFrames(own: string, target: string, ctype: number): Frame[] {
  const request = Buffer.alloc(16);
  request.writeUInt32LE(0xacce7100, 0);
  request.writeUInt32LE(1, 4);
  nid4Bytes(target).copy(request, 8);
  return [{ kind: 'connreq', head: request, payload: NO_BYTES }, helloFrame(nid4Bytes(own), nid4Bytes(target), ctype)];
}

/** The answer to a connector's HELLO v3. */
export function helloAnswer(hello: Frame, request: Frame): Frame {
  const ctype = fieldBytes(hello, fieldNamed(hello, 'hello.ctype')).readUInt32LE(0);
  const own = fieldBytes(request, fieldNamed(request, 'connreq.nid'));
  return helloFrame(own, fieldBytes(hello, fieldNamed(hello, 'hello.srcNid')), MIRRORED[ctype] as number);
}

function helloFrame(source: Buffer, target: Buffer, ctype: number): Frame {
  const head = Buffer.alloc(56);
  head.writeUInt32LE(0x45726963, 0);
  head.writeUInt32LE(3, 4);
  source.copy(head, 8);
  target.copy(head, 16);
  head.writeUInt32LE(LUSTRE_PID, 24);
  // Any incarnation will do, as long as all connections of a player show the same.
  head.writeBigUInt64LE(0x18e9e9d000000001n, 32);
  head.writeUInt32LE(ctype, 48);
  return { kind: 'hello', head, payload: NO_BYTES };
}

/** What a kernel that routes answers to a ping or push of its own NID; undefined for anything else. */
export function courtesy(request: Frame, nids: readonly string[]): Frame | undefined {
  const type = messageType(request);
  if ((type !== 'get' && type !== 'put') || request.head.length !== KSH_BYTES + 72) return undefined;
  if (fieldBytes(request, fieldNamed(request, `${type}.portal`)).readUInt32LE(0) !== 0) return undefined;
  const head = Buffer.alloc(KSH_BYTES + 72);
  head.writeUInt32LE(0xc1, 0);
  fieldBytes(request, fieldNamed(request, 'hdr.srcNid')).copy(head, 24);
  fieldBytes(request, fieldNamed(request, 'hdr.destNid')).copy(head, 32);
  head.writeUInt32LE(LUSTRE_PID, 40);
  head.writeUInt32LE(LUSTRE_PID, 44);
  fieldBytes(request, fieldNamed(request, `${type}.handle`)).copy(head, 56);
  if (type === 'put') {
    fieldBytes(request, fieldNamed(request, 'put.matchBits')).copy(head, 72);
    head.writeUInt32LE(request.payload.length, 80);
    return { kind: 'message', head, payload: NO_BYTES };
  }
  const sink = fieldBytes(request, fieldNamed(request, 'get.sinkLength')).readUInt32LE(0);
  const payload = routerInfo(nids).subarray(0, sink);
  head.writeUInt32LE(3, 48);
  head.writeUInt32LE(payload.length, 52);
  return { kind: 'message', head, payload };
}

function routerInfo(nids: readonly string[]): Buffer {
  const info = Buffer.alloc(16 + 16 * (nids.length + 1));
  info.writeUInt32LE(0x70696e67, 0);
  info.writeUInt32LE(ROUTER_FEATURES, 4);
  info.writeUInt32LE(LUSTRE_PID, 8);
  info.writeUInt32LE(nids.length + 1, 12);
  LOOPBACK.copy(info, 16);
  info.writeUInt32LE(1, 24);
  nids.forEach((nid, i) => {
    nid4Bytes(nid).copy(info, 32 + 16 * i);
    info.writeUInt32LE(UP, 40 + 16 * i);
  });
  return info;
}

/** Zero-copy cookies that a NOOP acknowledges; none for a keepalive. socklnd §7.3. */
export function acknowledgedCookies(noop: Frame): bigint[] {
  const first = noop.head.readBigUInt64LE(8);
  const second = noop.head.readBigUInt64LE(16);
  if (first <= 1n) return second <= 1n ? [] : [second];
  if (first > second) return [first, second];
  return Array.from({ length: Number(second - first) + 1 }, (_, i) => first + BigInt(i));
}
