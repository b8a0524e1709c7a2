import { layout, u32, u64, unused } from './layout.ts';
import { isNid16At, NID_ANY, type Nid, nid16Kind, nid4FromHalves, nid4Kind, readNid16, writeNid16 } from './nid.ts';

export const LNET_MSG_ACK = 0;
export const LNET_MSG_PUT = 1;
export const LNET_MSG_GET = 2;
export const LNET_MSG_REPLY = 3;
export const LNET_MSG_HELLO = 4;

/** Names of the message types, by number. */
export const LNET_MSG_NAMES = ['ACK', 'PUT', 'GET', 'REPLY', 'HELLO'] as const;

/** Largest payload of one PUT or REPLY, bytes: lnet-wire §6.1. */
export const LNET_MTU = 1_048_576;

/** The two header forms: which one a link uses is what its handshake negotiated (lnet-wire §5.1, §5.2). */
export type LnetHdrForm = 4 | 16;

/** Common part of the header with 4-byte NIDs; the union follows. All integers little-endian. */
export const LNET_HDR4 = layout('lnet_hdr_nid4', 32, 'lnet-wire §5.1', {
  destNid: nid4Kind,
  srcNid: nid4Kind,
  destPid: u32,
  srcPid: u32,
  type: u32,
  payloadLength: u32,
});

/** Common part of the header with large NIDs; the union follows. */
export const LNET_HDR16 = layout('lnet_hdr_nid16', 56, 'lnet-wire §5.2', {
  destNid: nid16Kind,
  srcNid: nid16Kind,
  destPid: u32,
  srcPid: u32,
  type: u32,
  payloadLength: u32,
});

/** Union of a PUT. Handles and `hdrData` are opaque; carried as little-endian u64 they keep their bytes. */
export const LNET_PUT = layout('lnet_put', 40, 'lnet-wire §5.3', {
  ackInterfaceCookie: u64,
  ackObjectCookie: u64,
  matchBits: u64,
  hdrData: u64,
  portal: u32,
  offset: u32,
});

/** Union of a GET. */
export const LNET_GET = layout('lnet_get', 40, 'lnet-wire §5.3', {
  returnInterfaceCookie: u64,
  returnObjectCookie: u64,
  matchBits: u64,
  portal: u32,
  offset: u32,
  sinkLength: u32,
  unused: unused(4),
});

/** Union of an ACK. */
export const LNET_ACK = layout('lnet_ack', 40, 'lnet-wire §5.3', {
  dstInterfaceCookie: u64,
  dstObjectCookie: u64,
  matchBits: u64,
  mlength: u32,
  unused: unused(12),
});

/** Union of a REPLY. */
export const LNET_REPLY = layout('lnet_reply', 40, 'lnet-wire §5.3', {
  dstInterfaceCookie: u64,
  dstObjectCookie: u64,
  unused: unused(24),
});

const UNION_BYTES = 40;

/** Whole header, bytes, by form. */
export const LNET_HDR4_BYTES = LNET_HDR4.size + UNION_BYTES;
export const LNET_HDR16_BYTES = LNET_HDR16.size + UNION_BYTES;

/** Bytes of a whole header. */
export function lnetHdrBytes(form: LnetHdrForm): number {
  return form === 4 ? LNET_HDR4_BYTES : LNET_HDR16_BYTES;
}

/**
 * One LNet header, decoded. Mutable and reusable, so that a pool can hold it; u64 fields are two u32 halves, so that no
 * bigint is made per message. Which fields have a meaning depends on `type`; the others are 0.
 */
export class LnetHdr {
  destNid: Nid = NID_ANY;
  srcNid: Nid = NID_ANY;
  destPid = 0;
  srcPid = 0;
  type = 0;
  payloadLength = 0;
  /** Handle: the PUT's `ack_wmd`, the GET's `return_wmd`, the ACK's or REPLY's `dst_wmd`. */
  interfaceCookieLow = 0;
  interfaceCookieHigh = 0;
  objectCookieLow = 0;
  objectCookieHigh = 0;
  matchBitsLow = 0;
  matchBitsHigh = 0;
  hdrDataLow = 0;
  hdrDataHigh = 0;
  portal = 0;
  /** PUT `offset`, GET `src_offset`. */
  offset = 0;
  /** GET only: most bytes that the requester accepts. */
  sinkLength = 0;
  /** ACK only: bytes that the target accepted. */
  mlength = 0;

  /** True for a PUT whose handle is NONE/NONE: no ACK is wanted (lnet-wire §4 rule 3). */
  get hasNoHandle(): boolean {
    return (
      this.interfaceCookieLow === 0xffffffff &&
      this.interfaceCookieHigh === 0xffffffff &&
      this.objectCookieLow === 0xffffffff &&
      this.objectCookieHigh === 0xffffffff
    );
  }

  reset(): void {
    this.destNid = NID_ANY;
    this.srcNid = NID_ANY;
    this.destPid = 0;
    this.srcPid = 0;
    this.type = 0;
    this.payloadLength = 0;
    this.#resetUnion();
  }

  #resetUnion(): void {
    this.interfaceCookieLow = 0;
    this.interfaceCookieHigh = 0;
    this.objectCookieLow = 0;
    this.objectCookieHigh = 0;
    this.matchBitsLow = 0;
    this.matchBitsHigh = 0;
    this.hdrDataLow = 0;
    this.hdrDataHigh = 0;
    this.portal = 0;
    this.offset = 0;
    this.sinkLength = 0;
    this.mlength = 0;
  }

  /**
   * Reads a header of the given form; the caller has made sure that {@link lnetHdrBytes} bytes are there. NIDs equal to
   * `near`/`far` (the link's own two NIDs) are recognised without a table look-up. Throws {@link WireError} `bad_nid`
   * only for a large NID of impossible size; every type and length is accepted here and judged by the core.
   */
  decode(view: DataView, at: number, form: LnetHdrForm, near: Nid, far: Nid): void {
    let union: number;
    if (form === 4) {
      this.destNid = readNid4Near(view, at, near);
      this.srcNid = readNid4Near(view, at + LNET_HDR4.at.srcNid, far);
      this.destPid = view.getUint32(at + LNET_HDR4.at.destPid, true);
      this.srcPid = view.getUint32(at + LNET_HDR4.at.srcPid, true);
      this.type = view.getUint32(at + LNET_HDR4.at.type, true);
      this.payloadLength = view.getUint32(at + LNET_HDR4.at.payloadLength, true);
      union = at + LNET_HDR4.size;
    } else {
      this.destNid = isNid16At(view, at, near) ? near : readNid16(view, at);
      const srcAt = at + LNET_HDR16.at.srcNid;
      this.srcNid = isNid16At(view, srcAt, far) ? far : readNid16(view, srcAt);
      this.destPid = view.getUint32(at + LNET_HDR16.at.destPid, true);
      this.srcPid = view.getUint32(at + LNET_HDR16.at.srcPid, true);
      this.type = view.getUint32(at + LNET_HDR16.at.type, true);
      this.payloadLength = view.getUint32(at + LNET_HDR16.at.payloadLength, true);
      union = at + LNET_HDR16.size;
    }
    this.#decodeUnion(view, union);
  }

  #decodeUnion(view: DataView, at: number): void {
    this.#resetUnion();
    if (this.type > LNET_MSG_REPLY) return;
    this.interfaceCookieLow = view.getUint32(at, true);
    this.interfaceCookieHigh = view.getUint32(at + 4, true);
    this.objectCookieLow = view.getUint32(at + 8, true);
    this.objectCookieHigh = view.getUint32(at + 12, true);
    if (this.type === LNET_MSG_REPLY) return;
    this.matchBitsLow = view.getUint32(at + LNET_PUT.at.matchBits, true);
    this.matchBitsHigh = view.getUint32(at + LNET_PUT.at.matchBits + 4, true);
    if (this.type === LNET_MSG_PUT) {
      this.hdrDataLow = view.getUint32(at + LNET_PUT.at.hdrData, true);
      this.hdrDataHigh = view.getUint32(at + LNET_PUT.at.hdrData + 4, true);
      this.portal = view.getUint32(at + LNET_PUT.at.portal, true);
      this.offset = view.getUint32(at + LNET_PUT.at.offset, true);
    } else if (this.type === LNET_MSG_GET) {
      this.portal = view.getUint32(at + LNET_GET.at.portal, true);
      this.offset = view.getUint32(at + LNET_GET.at.offset, true);
      this.sinkLength = view.getUint32(at + LNET_GET.at.sinkLength, true);
    } else {
      this.mlength = view.getUint32(at + LNET_ACK.at.mlength, true);
    }
  }

  /** True when a NID of it is large, so that only form 16 can carry it. */
  get needsLargeForm(): boolean {
    return this.destNid.size !== 0 || this.srcNid.size !== 0;
  }

  /**
   * Writes {@link lnetHdrBytes} bytes; those that the type does not use are zero whatever the record holds. A large NID in
   * form 4 would go out cut to nonsense (lnet-wire §2.8), so that is a RangeError: check {@link needsLargeForm} before.
   */
  encode(view: DataView, at: number, form: LnetHdrForm): void {
    let union: number;
    if (form === 4) {
      if (this.needsLargeForm)
        throw new RangeError(`${this.destNid} or ${this.srcNid} does not fit the 72-byte header`);
      view.setUint32(at, this.destNid.address, true);
      view.setUint32(at + 4, this.destNid.net, true);
      view.setUint32(at + LNET_HDR4.at.srcNid, this.srcNid.address, true);
      view.setUint32(at + LNET_HDR4.at.srcNid + 4, this.srcNid.net, true);
      view.setUint32(at + LNET_HDR4.at.destPid, this.destPid, true);
      view.setUint32(at + LNET_HDR4.at.srcPid, this.srcPid, true);
      view.setUint32(at + LNET_HDR4.at.type, this.type, true);
      view.setUint32(at + LNET_HDR4.at.payloadLength, this.payloadLength, true);
      union = at + LNET_HDR4.size;
    } else {
      writeNid16(view, at, this.destNid);
      writeNid16(view, at + LNET_HDR16.at.srcNid, this.srcNid);
      view.setUint32(at + LNET_HDR16.at.destPid, this.destPid, true);
      view.setUint32(at + LNET_HDR16.at.srcPid, this.srcPid, true);
      view.setUint32(at + LNET_HDR16.at.type, this.type, true);
      view.setUint32(at + LNET_HDR16.at.payloadLength, this.payloadLength, true);
      union = at + LNET_HDR16.size;
    }
    this.#encodeUnion(view, union);
  }

  #encodeUnion(view: DataView, at: number): void {
    const type = this.type;
    view.setUint32(at + LNET_PUT.at.ackInterfaceCookie, this.interfaceCookieLow, true);
    view.setUint32(at + LNET_PUT.at.ackInterfaceCookie + 4, this.interfaceCookieHigh, true);
    view.setUint32(at + LNET_PUT.at.ackObjectCookie, this.objectCookieLow, true);
    view.setUint32(at + LNET_PUT.at.ackObjectCookie + 4, this.objectCookieHigh, true);
    if (type === LNET_MSG_PUT) {
      this.#encodeMatchBits(view, at);
      view.setUint32(at + LNET_PUT.at.hdrData, this.hdrDataLow, true);
      view.setUint32(at + LNET_PUT.at.hdrData + 4, this.hdrDataHigh, true);
      view.setUint32(at + LNET_PUT.at.portal, this.portal, true);
      view.setUint32(at + LNET_PUT.at.offset, this.offset, true);
    } else if (type === LNET_MSG_GET) {
      this.#encodeMatchBits(view, at);
      view.setUint32(at + LNET_GET.at.portal, this.portal, true);
      view.setUint32(at + LNET_GET.at.offset, this.offset, true);
      view.setUint32(at + LNET_GET.at.sinkLength, this.sinkLength, true);
      view.setUint32(at + LNET_GET.at.unused, 0, true);
    } else if (type === LNET_MSG_ACK) {
      this.#encodeMatchBits(view, at);
      view.setUint32(at + LNET_ACK.at.mlength, this.mlength, true);
      zero(view, at + LNET_ACK.at.unused, at + LNET_ACK.size);
    } else {
      zero(view, at + LNET_REPLY.at.unused, at + LNET_REPLY.size);
    }
  }

  #encodeMatchBits(view: DataView, at: number): void {
    view.setUint32(at + LNET_PUT.at.matchBits, this.matchBitsLow, true);
    view.setUint32(at + LNET_PUT.at.matchBits + 4, this.matchBitsHigh, true);
  }
}

function zero(view: DataView, from: number, end: number): void {
  for (let at = from; at < end; at += 4) view.setUint32(at, 0, true);
}

/** Reads a little-endian nid4 that probably is `guess`. */
function readNid4Near(view: DataView, at: number, guess: Nid): Nid {
  const low = view.getUint32(at, true);
  const high = view.getUint32(at + 4, true);
  return guess.address === low && guess.net === high && guess.size === 0 ? guess : nid4FromHalves(high, low);
}

/** Full u64 from its halves. Allocates: for the API and for printing, not for the delivery path. */
export function u64Of(high: number, low: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

/** True for what fits into a u64: the halves of anything else would be those of another number. */
export function isU64(value: bigint): boolean {
  return BigInt.asUintN(64, value) === value;
}

/** Upper half of a u64. */
export function u64High(value: bigint): number {
  return Number((value >> 32n) & 0xffffffffn);
}

/** Lower half of a u64. */
export function u64Low(value: bigint): number {
  return Number(value & 0xffffffffn);
}
