import { layout, u16, u32, u64, unused, viewOf } from '../../../lnet/wire/layout.ts';
import { LNET_MSG_HELLO, type LnetHdrForm } from '../../../lnet/wire/lnet-hdr.ts';
import { NID_ANY, type Nid, nid16Kind, nid4Kind } from '../../../lnet/wire/nid.ts';
import { WireError } from '../../../lnet/wire/wire-error.ts';
import { SOCKLND_CONN_NONE } from './conn-type.ts';

/** First word of a HELLO of version 2 and above, in the sender's byte order. */
export const LNET_PROTO_MAGIC = 0x45726963;
/** First word of a HELLO of version 1, always little-endian. */
export const LNET_PROTO_TCP_MAGIC = 0xeebc0ded;

/** Protocol versions: socklnd §2.1. */
export const KSOCK_PROTO_V1 = 1;
export const KSOCK_PROTO_V2 = 2;
export const KSOCK_PROTO_V3 = 3;
export const KSOCK_PROTO_V4 = 4;
export type KsockVersion = 1 | 2 | 3 | 4;

/** Most addresses of the deprecated list behind a HELLO: socklnd §2.2. */
const LNET_INTERFACES_NUM = 16;
const IP_BYTES = 4;

/** HELLO of version 2 and 3; `nips` addresses of 4 bytes follow. */
export const HELLO_V3 = layout('ksock_hello_msg_nid4', 56, 'socklnd §2.2', {
  magic: u32,
  version: u32,
  srcNid: nid4Kind,
  dstNid: nid4Kind,
  srcPid: u32,
  dstPid: u32,
  srcIncarnation: u64,
  dstIncarnation: u64,
  type: u32,
  nips: u32,
});

/** HELLO of version 4; nothing follows whatever `nips` says. */
export const HELLO_V4 = layout('ksock_hello_msg', 80, 'socklnd §2.4', {
  magic: u32,
  version: u32,
  srcNid: nid16Kind,
  dstNid: nid16Kind,
  srcPid: u32,
  dstPid: u32,
  srcIncarnation: u64,
  dstIncarnation: u64,
  type: u32,
  nips: u32,
});

/** HELLO of version 1: an LNet header whose destination holds magic and version; `payloadLength` bytes of addresses follow. */
export const HELLO_V1 = layout('lnet_hdr_hello_v1', 72, 'socklnd §2.3', {
  magic: u32,
  versionMajor: u16,
  versionMinor: u16,
  srcNid: nid4Kind,
  unusedDestPid: unused(4),
  srcPid: u32,
  msgType: u32,
  payloadLength: u32,
  srcIncarnation: u64,
  type: u32,
  unused: unused(28),
});

const MAGIC_BYTES = HELLO_V3.at.version;
const VERSION_BYTES = HELLO_V3.at.srcNid;

/** What the two ends of a connection tell each other first. */
export interface Hello {
  readonly version: KsockVersion;
  readonly srcNid: Nid;
  /** Not checked by kernel nodes. NID_ANY in version 1, which has none. */
  readonly dstNid: Nid;
  readonly srcPid: number;
  /** Sent as 0; a kernel echoes the connector's value. Ignored. */
  readonly dstPid: number;
  readonly srcIncarnation: bigint;
  /** As `dstPid`. */
  readonly dstIncarnation: bigint;
  /** Connection type from the sender's point of view, or SOCKLND_CONN_NONE, or anything a broken peer sends. */
  readonly type: number;
}

/** What the beginning of a HELLO amounts to. */
export type HelloStep =
  /** Decide again when there are `bytes` of it. */
  | { readonly kind: 'more'; readonly bytes: number }
  /** A whole HELLO of `bytes` length. `isLittleEndian` is the byte order of its sender, also for the framing that follows. */
  | { readonly kind: 'hello'; readonly hello: Hello; readonly bytes: number; readonly isLittleEndian: boolean }
  /** The rest is left unread: an acceptor answers {@link encodeUnsupportedVersion} and closes. */
  | { readonly kind: 'unsupported-version'; readonly version: number };

/**
 * Judges the bytes of a HELLO that have arrived so far, each part (magic, version, rest, list) as soon as it is there.
 * Throws {@link WireError} when the stream is to be closed without reply. The address list of old peers is checked and
 * dropped: socklnd §2.2.
 */
export function readHello(bytes: Uint8Array): HelloStep {
  if (bytes.length < MAGIC_BYTES) return { kind: 'more', bytes: MAGIC_BYTES };
  const view = viewOf(bytes);
  if (view.getUint32(0, true) === LNET_PROTO_TCP_MAGIC) return readHelloV1(view);
  const littleEndian = view.getUint32(0, true) === LNET_PROTO_MAGIC;
  if (!littleEndian && view.getUint32(0, false) !== LNET_PROTO_MAGIC)
    throw new WireError('bad_magic', 'a HELLO was expected, its magic is foreign');
  if (bytes.length < VERSION_BYTES) return { kind: 'more', bytes: VERSION_BYTES };
  const version = view.getUint32(HELLO_V3.at.version, littleEndian);
  if (version !== KSOCK_PROTO_V2 && version !== KSOCK_PROTO_V3 && version !== KSOCK_PROTO_V4)
    return { kind: 'unsupported-version', version };
  const form = version === KSOCK_PROTO_V4 ? HELLO_V4 : HELLO_V3;
  if (bytes.length < form.size) return { kind: 'more', bytes: form.size };
  const { magic: _magic, nips, ...rest } = form.decode(view, 0, littleEndian);
  const hello: Hello = { ...rest, version };
  const listBytes = version === KSOCK_PROTO_V4 ? 0 : nips * IP_BYTES;
  return endOfHello(view, hello, form.size, listBytes, littleEndian);
}

function readHelloV1(view: DataView): HelloStep {
  if (view.byteLength < VERSION_BYTES) return { kind: 'more', bytes: VERSION_BYTES };
  const major = view.getUint16(HELLO_V1.at.versionMajor, true);
  const minor = view.getUint16(HELLO_V1.at.versionMinor, true);
  if (major !== 1 || minor !== 0) return { kind: 'unsupported-version', version: major };
  if (view.byteLength < HELLO_V1.size) return { kind: 'more', bytes: HELLO_V1.size };
  const { srcNid, srcPid, msgType, payloadLength, srcIncarnation, type } = HELLO_V1.decode(view);
  if (msgType !== LNET_MSG_HELLO) throw new WireError('bad_type', `HELLO of version 1 has message type ${msgType}`);
  const hello: Hello = {
    version: KSOCK_PROTO_V1,
    srcNid,
    dstNid: NID_ANY,
    srcPid,
    dstPid: 0,
    srcIncarnation,
    dstIncarnation: 0n,
    type,
  };
  return endOfHello(view, hello, HELLO_V1.size, payloadLength, true);
}

/** Checks the list of addresses behind a HELLO and skips it. */
function endOfHello(
  view: DataView,
  hello: Hello,
  listAt: number,
  listBytes: number,
  isLittleEndian: boolean,
): HelloStep {
  if (listBytes % IP_BYTES !== 0 || listBytes > LNET_INTERFACES_NUM * IP_BYTES)
    throw new WireError('bad_length', `HELLO is followed by ${listBytes} bytes of addresses`);
  const end = listAt + listBytes;
  if (view.byteLength < end) return { kind: 'more', bytes: end };
  for (let at = listAt; at < end; at += IP_BYTES)
    if (view.getUint32(at, true) === 0) throw new WireError('bad_value', 'HELLO lists the address 0.0.0.0');
  return { kind: 'hello', hello, bytes: end, isLittleEndian };
}

/** Encodes a HELLO without address list; little-endian whatever the peer sent: lnet-wire §1. */
export function encodeHello(hello: Hello): Uint8Array {
  if (hello.version !== KSOCK_PROTO_V4 && (hello.srcNid.isLarge || hello.dstNid.isLarge))
    throw new RangeError(`${hello.srcNid} and ${hello.dstNid} need a HELLO of version 4`);
  if (hello.version === KSOCK_PROTO_V1) {
    const fixed = { magic: LNET_PROTO_TCP_MAGIC, versionMajor: 1, versionMinor: 0, msgType: LNET_MSG_HELLO };
    const bytes = new Uint8Array(HELLO_V1.size);
    HELLO_V1.encode({ ...hello, ...fixed, payloadLength: 0 }, viewOf(bytes));
    return bytes;
  }
  const form = hello.version === KSOCK_PROTO_V4 ? HELLO_V4 : HELLO_V3;
  const bytes = new Uint8Array(form.size);
  form.encode({ ...hello, magic: LNET_PROTO_MAGIC, nips: 0 }, viewOf(bytes));
  return bytes;
}

/** An acceptor as it names itself in a HELLO. */
export interface HelloSelf {
  readonly nid: Nid;
  readonly pid: number;
  readonly incarnation: bigint;
}

/** What an acceptor sends before it closes when the version is unknown to it: its own version, type NONE. socklnd §3.1. */
export function encodeUnsupportedVersion({ nid, pid, incarnation }: HelloSelf, isIpv6: boolean): Uint8Array {
  return encodeHello({
    version: firstVersionFor(isIpv6),
    srcNid: nid,
    dstNid: nid,
    srcPid: pid,
    dstPid: 0,
    srcIncarnation: incarnation,
    dstIncarnation: 0n,
    type: SOCKLND_CONN_NONE,
  });
}

/** Version to begin with towards a peer without history: socklnd §2.1. */
export function firstVersionFor(isIpv6: boolean): KsockVersion {
  return isIpv6 ? KSOCK_PROTO_V4 : KSOCK_PROTO_V3;
}

/** Form of the LNet headers that follow the HELLO of a version: socklnd §2.1. */
export function hdrFormOf(version: KsockVersion): LnetHdrForm {
  return version === KSOCK_PROTO_V4 ? 16 : 4;
}
