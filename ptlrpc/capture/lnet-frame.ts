import { LNET_MSG_GET, LNET_MSG_PUT, LNET_MSG_REPLY, type LnetHdr } from '../../lnet/wire/lnet-hdr.ts';
import type { Nid } from '../../lnet/wire/nid.ts';

/** One LNet message of a capture, as far as RPCs are concerned. */
export interface LnetFrame {
  readonly kind: 'put' | 'get' | 'reply';
  /** Seconds from the start of the capture. */
  readonly timeS: number;
  readonly src: Nid;
  readonly dst: Nid;
  /** PUT and GET only. */
  readonly portal: number;
  readonly matchBits: bigint;
  readonly offset: number;
  /** Handle that a GET wants its REPLY under, and that the REPLY names. */
  readonly handle: string;
  /** What was recorded of the payload, and its length on the network. */
  readonly payload: Uint8Array;
  readonly payloadBytes: number;
}

const KINDS: ReadonlyMap<number, LnetFrame['kind']> = new Map([
  [LNET_MSG_PUT, 'put'],
  [LNET_MSG_GET, 'get'],
  [LNET_MSG_REPLY, 'reply'],
]);

/** A frame from its decoded header; undefined for an ACK, which tells nothing of an RPC. */
export function frameOf(hdr: LnetHdr, payload: Uint8Array, timeS: number): LnetFrame | undefined {
  const kind = KINDS.get(hdr.type);
  if (kind === undefined) return undefined;
  const handle = [hdr.interfaceCookieHigh, hdr.interfaceCookieLow, hdr.objectCookieHigh, hdr.objectCookieLow].join('.');
  return {
    kind,
    timeS,
    src: hdr.srcNid,
    dst: hdr.destNid,
    portal: hdr.portal,
    matchBits: (BigInt(hdr.matchBitsHigh) << 32n) | BigInt(hdr.matchBitsLow),
    offset: hdr.offset,
    handle,
    payload,
    payloadBytes: hdr.payloadLength,
  };
}
