import { layout, u32, viewOf } from './layout.ts';
import { NID_LOOPBACK, type Nid, nid16Kind, nid4Kind, readNid16 } from './nid.ts';
import { WireError } from './wire-error.ts';

/** First word of every ping info, in the sender's byte order: `ping`. */
export const LNET_PROTO_PING_MAGIC = 0x70696e67;

/** Feature bits: lnet-wire §7.5. */
export const LNET_PING_FEAT_BASE = 0x01;
/** Entries carry a status. Info without it is rejected. */
export const LNET_PING_FEAT_NI_STATUS = 0x02;
/** The node does not route. */
export const LNET_PING_FEAT_RTE_DISABLED = 0x04;
export const LNET_PING_FEAT_MULTI_RAIL = 0x08;
export const LNET_PING_FEAT_DISCOVERY = 0x10;
/** Large entries follow the others, and entry 0 tells the total length. */
export const LNET_PING_FEAT_LARGE_ADDR = 0x20;
/** The primary NID is the first large entry. */
export const LNET_PING_FEAT_PRIMARY_LARGE = 0x40;
/** A block of driver metadata follows, which is not counted in the total length and not read here. */
export const LNET_PING_FEAT_METADATA = 0x80;

/** Status words of an entry. */
export const LNET_NI_STATUS_UP = 0x15aac0de;
export const LNET_NI_STATUS_DOWN = 0xdeadface;

/** Most entries with 4-byte NIDs that a node may list, loopback included: lnet-wire §7.7. */
export const LNET_INTERFACES_MAX_DEFAULT = 200;

/** Header of ping info: lnet-wire §7.2. In the sender's byte order, as everything here but large NIDs. */
export const PING_INFO = layout('lnet_ping_info', 16, 'lnet-wire §7.2', {
  magic: u32,
  features: u32,
  pid: u32,
  nnis: u32,
});

/** Entry of a 4-byte NID. In entry 0 `status` is the sequence number and `msgSize` the total length when there are large entries. */
export const PING_NI_STATUS = layout('lnet_ni_status', 16, 'lnet-wire §7.3', {
  nid: nid4Kind,
  status: u32,
  msgSize: u32,
});

/** Entry of a large NID, here with all 16 address bytes; the NID is cut to 8 + `nid_size` bytes and padded to a multiple of 4. */
export const PING_NI_LARGE_STATUS = layout('lnet_ni_large_status', 24, 'lnet-wire §7.4', {
  status: u32,
  nid: nid16Kind,
});

/** One NID of a node, as the node itself tells it. */
export interface PingEntry {
  readonly nid: Nid;
  readonly isUp: boolean;
}

/** What a node tells about itself in a ping reply or a push: lnet-wire §7. */
export interface PingInfo {
  readonly features: number;
  readonly pid: number;
  /** Grows each time the published info changes. Any number: lnet-wire §7.3 rule 1. */
  readonly sequence: number;
  /** All NIDs but `0@lo`: first those with 4-byte addresses, then the large ones. */
  readonly entries: readonly PingEntry[];
}

/** Info, or how many bytes the whole of it has when more must be asked for. */
export type PingInfoResult =
  | { readonly kind: 'info'; readonly info: PingInfo }
  | { readonly kind: 'truncated'; readonly needBytes: number };

/**
 * Puts a node's own NIDs, given in configuration order, into wire order and sets the two feature bits that follow from
 * them: lnet-wire §7.4, §7.5.
 */
export function makePingInfo(own: PingInfo): PingInfo {
  const large = own.entries.filter((entry) => entry.nid.isLarge);
  const entries = [...own.entries.filter((entry) => !entry.nid.isLarge), ...large];
  let features = own.features & ~(LNET_PING_FEAT_LARGE_ADDR | LNET_PING_FEAT_PRIMARY_LARGE);
  if (large.length > 0) features |= LNET_PING_FEAT_LARGE_ADDR;
  if (own.entries[0]?.nid.isLarge) features |= LNET_PING_FEAT_PRIMARY_LARGE;
  return { ...own, features: features >>> 0, entries };
}

/** The NID that stands for the node towards upper layers, or undefined when it lists none: lnet-wire §8.6. */
export function primaryNidOf(info: PingInfo): Nid | undefined {
  const isLargePrimary = (info.features & LNET_PING_FEAT_PRIMARY_LARGE) !== 0;
  const large = isLargePrimary ? info.entries.find((entry) => entry.nid.isLarge) : undefined;
  return (large ?? info.entries[0])?.nid;
}

/** Significant bytes of a large NID whose `nid_size` is 0. */
const NID_BYTES_MIN = 8;

/** Bytes of a large entry: lnet-wire §7.4. */
function largeEntryBytes(nidSize: number): number {
  return (PING_NI_LARGE_STATUS.at.nid + NID_BYTES_MIN + nidSize + 3) & ~3;
}

/** Bytes of the whole info. */
export function pingInfoBytes(info: PingInfo): number {
  let bytes = PING_INFO.size + PING_NI_STATUS.size;
  for (const { nid } of info.entries) bytes += nid.isLarge ? largeEntryBytes(nid.size) : PING_NI_STATUS.size;
  return bytes;
}

/** Encodes info as made by {@link makePingInfo}; little-endian. */
export function encodePingInfo(info: PingInfo): Uint8Array {
  const bytes = new Uint8Array(pingInfoBytes(info));
  const view = viewOf(bytes);
  const small = info.entries.filter((entry) => !entry.nid.isLarge);
  const { features, pid, sequence } = info;
  PING_INFO.encode({ magic: LNET_PROTO_PING_MAGIC, features, pid, nnis: small.length + 1 }, view);
  const msgSize = (features & LNET_PING_FEAT_LARGE_ADDR) === 0 ? 0 : bytes.length;
  let at = PING_INFO.size;
  PING_NI_STATUS.encode({ nid: NID_LOOPBACK, status: sequence, msgSize }, view, at);
  at += PING_NI_STATUS.size;
  for (const { nid, isUp } of small) {
    PING_NI_STATUS.encode({ nid, status: statusWord(isUp), msgSize: 0 }, view, at);
    at += PING_NI_STATUS.size;
  }
  for (const { nid, isUp } of info.entries) {
    if (!nid.isLarge) continue;
    view.setUint32(at, statusWord(isUp), true);
    bytes.set(nid.bytes.subarray(0, NID_BYTES_MIN + nid.size), at + PING_NI_LARGE_STATUS.at.nid);
    at += largeEntryBytes(nid.size);
  }
  return bytes;
}

function statusWord(isUp: boolean): number {
  return isUp ? LNET_NI_STATUS_UP : LNET_NI_STATUS_DOWN;
}

/**
 * Decodes the payload of a ping reply or push. What follows the info, and unknown feature bits, are accepted. Throws
 * {@link WireError} for every reason of lnet-wire §7.7, and for a total length that `interfacesMax` entries, this node's own limit, cannot have:
 * so nothing that a peer claims makes a larger buffer.
 */
export function decodePingInfo(bytes: Uint8Array, interfacesMax = LNET_INTERFACES_MAX_DEFAULT): PingInfoResult {
  const view = viewOf(bytes);
  if (bytes.length < PING_INFO.size) throw new WireError('short', `ping info of ${bytes.length} bytes has no header`);
  const littleEndian = view.getUint32(PING_INFO.at.magic, true) === LNET_PROTO_PING_MAGIC;
  const { magic, features, pid, nnis } = PING_INFO.decode(view, 0, littleEndian);
  if (magic !== LNET_PROTO_PING_MAGIC) throw new WireError('bad_magic', 'ping info begins with a foreign magic');
  if ((features & LNET_PING_FEAT_NI_STATUS) === 0) throw new WireError('bad_value', 'ping info without NI status');
  if (nnis < 1 || nnis > interfacesMax)
    throw new WireError('bad_value', `ping info claims ${nnis} entries, 1..${interfacesMax} are possible`);
  const largeAt = PING_INFO.size + nnis * PING_NI_STATUS.size;
  if (bytes.length < PING_INFO.size + PING_NI_STATUS.size) return { kind: 'truncated', needBytes: largeAt };
  const first = PING_NI_STATUS.decode(view, PING_INFO.size, littleEndian);
  if (first.nid !== NID_LOOPBACK) throw new WireError('bad_nid', `entry 0 of ping info is ${first.nid}, not 0@lo`);
  const end = (features & LNET_PING_FEAT_LARGE_ADDR) === 0 ? largeAt : Math.max(largeAt, (first.msgSize & ~3) >>> 0);
  const endMax = PING_INFO.size + interfacesMax * PING_NI_LARGE_STATUS.size;
  if (end > endMax) throw new WireError('bad_length', `ping info claims ${end} bytes, ${endMax} are possible`);
  if (bytes.length < end) return { kind: 'truncated', needBytes: end };

  const entries: PingEntry[] = [];
  const add = (nid: Nid, status: number): void => {
    // Neither can be the address of a peer, so no reader of this info needs to look for them.
    if (!nid.isLoopback && !nid.isAny) entries.push({ nid, isUp: status === LNET_NI_STATUS_UP });
  };
  for (let at = PING_INFO.size + PING_NI_STATUS.size; at < largeAt; at += PING_NI_STATUS.size) {
    const { nid, status } = PING_NI_STATUS.decode(view, at, littleEndian);
    add(nid, status);
  }
  for (let at = largeAt; at + NID_BYTES_MIN <= end; ) {
    const nidSize = view.getUint8(at + PING_NI_LARGE_STATUS.at.nid);
    const next = at + largeEntryBytes(nidSize);
    if (next > end) break;
    const nid = readCutNid(bytes, at + PING_NI_LARGE_STATUS.at.nid, nidSize);
    if (nid) add(nid, view.getUint32(at, littleEndian));
    at = next;
  }
  return { kind: 'info', info: { features, pid, sequence: first.status, entries } };
}

/** Reads a large NID that is cut to its significant bytes, or undefined when its size is impossible. */
function readCutNid(bytes: Uint8Array, at: number, nidSize: number): Nid | undefined {
  if (nidSize > nid16Kind.size - NID_BYTES_MIN) return undefined;
  const whole = new Uint8Array(nid16Kind.size);
  whole.set(bytes.subarray(at, at + NID_BYTES_MIN + nidSize));
  return readNid16(viewOf(whole), 0);
}
