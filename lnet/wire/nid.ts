import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from './ip.ts';
import { type FieldKind, viewOf } from './layout.ts';
import { addressFormOf, formatNet, LOLND, lndOf, NET_ANY, type NetId, netOf, parseNet } from './net.ts';
import { WireError } from './wire-error.ts';

/** Bytes of the large form (nid16): lnet-wire §2.7. */
export const NID16_BYTES = 20;

const NID16_WORDS = NID16_BYTES / 4;

/** Most address bytes beyond the first four: lnet-wire §2.7 rule 3. */
const NID_SIZE_MAX = 12;

/** {@link Nid.addressForm}: four address bytes, or more. */
const FORM_SMALL = 1;
const FORM_LARGE = 2;

/**
 * Network address of one interface. Interned: there is one object per distinct NID in a process, so compare with `===`.
 * Text and both wire forms are computed once. lnet-wire §2.
 */
export class Nid {
  /** `type << 16 | number`. */
  readonly net: NetId;
  /** First four address bytes as a number: IPv4 `a.b.c.d` = a*2^24 + …; the whole address unless {@link isLarge}. */
  readonly address: number;
  /** `nid_size`: address bytes minus four; 0 for a 4-byte address, 12 for IPv6. */
  readonly size: number;
  /** The large form, exactly as sent; never write to it. */
  readonly bytes: Uint8Array;
  /** The same as five big-endian words, for the hot path. */
  readonly words: Uint32Array;
  #text: string | undefined;

  /** Use {@link parseNid}, {@link nid4} or {@link readNid16}: they keep NIDs unique. */
  constructor(net: NetId, address: number, size: number, bytes: Uint8Array) {
    this.net = net;
    this.address = address;
    this.size = size;
    this.bytes = bytes;
    const view = viewOf(bytes);
    this.words = Uint32Array.from({ length: NID16_WORDS }, (_, index) => view.getUint32(index * 4));
  }

  /** LND type number. */
  get lnd(): number {
    return lndOf(this.net);
  }

  /** True when the address is longer than four bytes, so that only the large wire form can carry it. */
  get isLarge(): boolean {
    return this.size !== 0;
  }

  /** The length of its address as a bit, so that a set of NIDs has a set of lengths. */
  get addressForm(): number {
    return this.size === 0 ? FORM_SMALL : FORM_LARGE;
  }

  get isAny(): boolean {
    return this === NID_ANY;
  }

  get isLoopback(): boolean {
    return this === NID_LOOPBACK;
  }

  /** Address without `@net`: `192.168.1.10`, `fd77::1`, `42`. */
  get addressText(): string {
    if (this.size === NID_SIZE_MAX) return formatIpv6(this.bytes.subarray(4));
    if (this.size !== 0) return hexOf(this.bytes.subarray(4, 8 + this.size));
    const form = addressFormOf(this.lnd);
    if (form === undefined) return this.address.toString(16);
    return form === 'ip' || form === 'ip4' ? formatIpv4(this.address) : String(this.address);
  }

  /** Canonical text: lnet-wire §2.2 rules 7 and 8. ANY prints `<?>`. */
  toString(): string {
    this.#text ??= this.isAny ? '<?>' : `${this.addressText}@${formatNet(this.net)}`;
    return this.#text;
  }

  toJSON(): string {
    return this.toString();
  }

  /** What the console of a program shows: the text. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

/**
 * Interned NIDs, held weakly: a peer that invents NIDs cannot make the table grow beyond what is referenced elsewhere.
 * NIDs are immutable, so that nodes of one process cannot see each other through it.
 */
const small = new Map<NetId, Map<number, WeakRef<Nid>>>();
const large = new Map<string, WeakRef<Nid>>();
const collected = new FinalizationRegistry<{ readonly net: NetId; readonly address: number } | string>((key) => {
  if (typeof key === 'string') {
    if (!large.get(key)?.deref()) large.delete(key);
    return;
  }
  const ofNet = small.get(key.net);
  if (!ofNet || ofNet.get(key.address)?.deref()) return;
  ofNet.delete(key.address);
  if (ofNet.size === 0) small.delete(key.net);
});

/** Wildcard NID. */
export const NID_ANY = new Nid(NET_ANY, 0xffffffff, 0, new Uint8Array(NID16_BYTES).fill(0xff));

/** Type number that means ANY, whatever the rest of the NID holds: lnet-wire §2.7. */
const LND_ANY = 0xff;

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The NID with a 4-byte address. */
export function nid4(net: NetId, address: number): Nid {
  let ofNet = small.get(net);
  if (!ofNet) {
    ofNet = new Map();
    small.set(net, ofNet);
  }
  const known = ofNet.get(address)?.deref();
  if (known) return known;
  const bytes = new Uint8Array(NID16_BYTES);
  const view = viewOf(bytes);
  view.setUint8(1, lndOf(net));
  view.setUint16(2, net & 0xffff);
  view.setUint32(4, address);
  const nid = new Nid(net, address, 0, bytes);
  ofNet.set(address, new WeakRef(nid));
  collected.register(nid, { net, address });
  return nid;
}

/** `0@lo`. */
export const NID_LOOPBACK = nid4(netOf(LOLND, 0), 0);

/**
 * Reads a nid4 from its two halves, as a u64 of the containing byte order holds them: lnet-wire §2.6. Type 0xff is ANY here
 * too, so that both forms of one NID give one object. The halves of a NID that is not large are its `net` and `address`.
 */
export function nid4FromHalves(high: number, low: number): Nid {
  return ((high >>> 16) & 0xff) === LND_ANY ? NID_ANY : nid4(high & 0xffffff, low);
}

/**
 * Reads a nid16 (never swapped). Any NID of type 0xff is ANY. Throws {@link WireError} `bad_nid` when `nid_size`
 * exceeds 12, `short` when fewer than 20 bytes are left. lnet-wire §2.7.
 */
export function readNid16(view: DataView, at: number): Nid {
  if (at + NID16_BYTES > view.byteLength) throw new WireError('short', `a large NID needs ${NID16_BYTES} bytes`);
  if (view.getUint8(at + 1) === LND_ANY) return NID_ANY;
  const size = view.getUint8(at);
  if (size > NID_SIZE_MAX) throw new WireError('bad_nid', `nid_size ${size} exceeds ${NID_SIZE_MAX}`);
  const net = netOf(view.getUint8(at + 1), view.getUint16(at + 2));
  const hasTail = view.getUint32(at + 8) !== 0 || view.getUint32(at + 12) !== 0 || view.getUint32(at + 16) !== 0;
  return size === 0 && !hasTail ? nid4(net, view.getUint32(at + 4)) : internLarge(view, at);
}

/** Writes the 20 bytes of the large form. */
export function writeNid16(view: DataView, at: number, nid: Nid): void {
  const words = nid.words;
  for (let i = 0; i < NID16_WORDS; i++) view.setUint32(at + i * 4, words[i] as number);
}

/** True when the 20 bytes at `at` are those of `nid`: spares the hot path the look-up of {@link readNid16}. */
export function isNid16At(view: DataView, at: number, nid: Nid): boolean {
  const words = nid.words;
  for (let i = 0; i < NID16_WORDS; i++) if (view.getUint32(at + i * 4) !== words[i]) return false;
  return true;
}

/** A nid16 field: network order whatever the record's byte order. */
export const nid16Kind: FieldKind<Nid> = { name: 'nid16', size: NID16_BYTES, read: readNid16, write: writeNid16 };

/** A nid4 field, in the byte order of the record: little-endian in LNet headers, the sender's in HELLO and ping info. */
export const nid4Kind: FieldKind<Nid> = {
  name: 'nid4',
  size: 8,
  read: (view, at, le) => nid4FromHalves(view.getUint32(le ? at + 4 : at, le), view.getUint32(le ? at : at + 4, le)),
  write: (view, at, nid, le) => {
    view.setUint32(le ? at + 4 : at, nid.net, le);
    view.setUint32(le ? at : at + 4, nid.address, le);
  },
};

/** Interns a NID that has no plain 4-byte form. All 20 bytes count: kernel nodes compare the unused tail too. */
function internLarge(view: DataView, at: number): Nid {
  // Spelled out, since a loop or a spread takes ten times as long, and a router comes here for each message.
  const key = String.fromCharCode(
    view.getUint16(at),
    view.getUint16(at + 2),
    view.getUint16(at + 4),
    view.getUint16(at + 6),
    view.getUint16(at + 8),
    view.getUint16(at + 10),
    view.getUint16(at + 12),
    view.getUint16(at + 14),
    view.getUint16(at + 16),
    view.getUint16(at + 18),
  );
  const known = large.get(key)?.deref();
  if (known) return known;
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, NID16_BYTES).slice();
  const net = netOf(view.getUint8(at + 1), view.getUint16(at + 2));
  const nid = new Nid(net, view.getUint32(at + 4), view.getUint8(at), bytes);
  large.set(key, new WeakRef(nid));
  collected.register(nid, key);
  return nid;
}

/** The NID of an IPv6 address (16 bytes) on a network. */
export function nidOfIpv6(net: NetId, address: Uint8Array): Nid {
  const bytes = new Uint8Array(NID16_BYTES);
  const view = viewOf(bytes);
  view.setUint8(0, NID_SIZE_MAX);
  view.setUint8(1, lndOf(net));
  view.setUint16(2, net & 0xffff);
  bytes.set(address, 4);
  return internLarge(view, 0);
}

/** Parses `192.168.1.10@tcp`, `fd77::1@tcp6`, `42@kfi1`; without `@net` the network is tcp. Undefined when it is not a NID. lnet-wire §2.2. */
export function tryParseNid(text: string): Nid | undefined {
  if (text === '*' || text === '<?>') return NID_ANY;
  const split = text.indexOf('@');
  const address = split < 0 ? text : text.slice(0, split);
  const net = parseNet(split < 0 ? 'tcp' : text.slice(split + 1));
  return net === undefined || address === '' ? undefined : nidOfText(net, address);
}

/** Parses a NID. Throws {@link WireError} `bad_nid` naming the text. */
export function parseNid(text: string): Nid {
  const nid = tryParseNid(text);
  if (!nid) throw new WireError('bad_nid', `'${text}' is not a NID; expected ADDRESS@NET, such as 192.168.1.10@tcp`);
  return nid;
}

/** The NID of an address text on a network, or undefined when the network does not write addresses so. */
export function nidOfText(net: NetId, address: string): Nid | undefined {
  const form = addressFormOf(lndOf(net));
  if (form === undefined) return undefined;
  if (form === 'none') return NID_LOOPBACK;
  if (form === 'number') {
    if (!/^(0[xX][0-9a-fA-F]+|[0-9]+)$/.test(address)) return undefined;
    const value = Number(address);
    return value > 0xffffffff ? undefined : nid4(net, value);
  }
  const ipv4 = parseIpv4(address);
  if (ipv4 !== undefined) return nid4(net, ipv4);
  const ipv6 = form === 'ip' ? parseIpv6(address) : undefined;
  return ipv6 && nidOfIpv6(net, ipv6);
}

/** Order of socklnd's race rule, negative when `a` is lower: lexicographic over the 20 bytes. lnet-wire §2.8. */
export function compareNids(a: Nid, b: Nid): number {
  for (let i = 0; i < NID16_BYTES; i++) {
    const difference = (a.bytes[i] as number) - (b.bytes[i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}
