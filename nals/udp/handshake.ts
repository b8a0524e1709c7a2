import { u64High, u64Low, u64Of } from '../../lnet/wire/lnet-hdr.ts';
import { viewOf } from '../../lnet/wire/layout.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import { WireError } from '../../lnet/wire/wire-error.ts';
import type { ConnId } from './packet-writer.ts';
import { BASE_DATAGRAM_BYTES } from './pmtu.ts';
import {
  INIT_BYTES,
  PACKET_ACCEPT,
  PACKET_DATA,
  PACKET_INIT,
  PACKET_PROBE,
  PACKET_REFUSE,
  PACKET_RESET,
  PACKET_RETRY,
  RESET_BYTES,
  STABLE_BYTES,
  UDP_OPEN,
  UDP_PACKET,
  UDP_REFUSE,
  UDP_RETRY,
  UDP_VERSION,
} from './wire.ts';

/** The id that stands in packets before one is known. */
export const NO_CONN_ID: ConnId = { low: 0, high: 0 };

/** What each end tells the other when a link is made: udp §2.1. */
export interface Opening {
  readonly ownId: ConnId;
  readonly srcNid: Nid;
  readonly dstNid: Nid;
  readonly incarnation: bigint;
  readonly window: number;
  readonly pid: number;
  readonly datagramBytesMax: number;
  readonly ackDelayMaxMs: number;
}

/** An INIT or ACCEPT as it came. */
export interface ReceivedOpening extends Opening {
  /** The sender's id as it stands in the packet, and the token of an INIT: views of the datagram. */
  readonly idBytes: Uint8Array;
  readonly token: Uint8Array;
}

const EMPTY = new Uint8Array(0);

const idOf = (value: bigint): ConnId => ({ low: u64Low(value), high: u64High(value) });

export const isSameId = (a: ConnId, b: ConnId): boolean => a.low === b.low && a.high === b.high;

function packet(bytes: number, type: number, connId: ConnId): Uint8Array {
  const made = new Uint8Array(bytes);
  UDP_PACKET.encode(
    { version: UDP_VERSION, type, connId: u64Of(connId.high, connId.low), packetNumber: 0n },
    viewOf(made),
  );
  return made;
}

function encodeOpening(made: Uint8Array, opening: Opening, token: Uint8Array): Uint8Array {
  const { ownId, window, ...rest } = opening;
  UDP_OPEN.encode(
    { ...rest, ownConnId: u64Of(ownId.high, ownId.low), window: BigInt(window), tokenBytes: token.length },
    viewOf(made),
    UDP_PACKET.size,
  );
  made.set(token, UDP_PACKET.size + UDP_OPEN.size);
  return made;
}

export function encodeInit(opening: Opening, token: Uint8Array = EMPTY): Uint8Array {
  return encodeOpening(packet(INIT_BYTES, PACKET_INIT, NO_CONN_ID), opening, token);
}

export function encodeAccept(opening: Opening, to: ConnId): Uint8Array {
  return encodeOpening(packet(UDP_PACKET.size + UDP_OPEN.size, PACKET_ACCEPT, to), opening, EMPTY);
}

export function encodeRetry(idBytes: Uint8Array, token: Uint8Array): Uint8Array {
  const made = packet(UDP_PACKET.size + UDP_RETRY.size + token.length, PACKET_RETRY, NO_CONN_ID);
  const body = made.subarray(UDP_PACKET.size);
  body.set(idBytes, UDP_RETRY.at.ownConnId);
  viewOf(body).setUint16(UDP_RETRY.at.tokenBytes, token.length, true);
  body.set(token, UDP_RETRY.size);
  return made;
}

export function encodeRefuse(idBytes: Uint8Array, reason: number): Uint8Array {
  const made = packet(UDP_PACKET.size + UDP_REFUSE.size + 1, PACKET_REFUSE, NO_CONN_ID);
  const body = made.subarray(UDP_PACKET.size);
  body.set(idBytes, UDP_REFUSE.at.ownConnId);
  viewOf(body).setUint32(UDP_REFUSE.at.reason, reason, true);
  viewOf(body).setUint32(UDP_REFUSE.at.versions, 1, true);
  body[UDP_REFUSE.size] = UDP_VERSION;
  return made;
}

/** RESET for a packet of an unknown link. */
export function encodeReset(provoker: Uint8Array): Uint8Array {
  const made = packet(RESET_BYTES, PACKET_RESET, NO_CONN_ID);
  made.set(provoker.subarray(0, STABLE_BYTES), UDP_PACKET.size);
  return made;
}

/** A packet that nobody answers: it shows whether something listens. */
export function encodeProbe(): Uint8Array {
  return packet(UDP_PACKET.size, PACKET_PROBE, NO_CONN_ID);
}

/** Bytes of a packet that hold the dialler's id, whatever the version: 20..28. Undefined when it is too short. */
export function initIdOf(bytes: Uint8Array): Uint8Array | undefined {
  const end = UDP_PACKET.size + 8;
  return bytes.length < end ? undefined : bytes.subarray(UDP_PACKET.size, end);
}

/** Reads INIT or ACCEPT. Undefined when a field makes no sense. */
export function readOpening(bytes: Uint8Array, view: DataView): ReceivedOpening | undefined {
  try {
    const open = UDP_OPEN.decode(view, UDP_PACKET.size);
    const tokenAt = UDP_PACKET.size + UDP_OPEN.size;
    const isSound =
      open.ownConnId !== 0n &&
      open.window < 2n ** 53n &&
      open.datagramBytesMax >= BASE_DATAGRAM_BYTES &&
      tokenAt + open.tokenBytes <= bytes.length;
    if (!isSound) return undefined;
    return {
      ...open,
      ownId: idOf(open.ownConnId),
      window: Number(open.window),
      idBytes: bytes.subarray(UDP_PACKET.size, UDP_PACKET.size + 8),
      token: bytes.subarray(tokenAt, tokenAt + open.tokenBytes),
    };
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** Reads RETRY: the dialler's id and the token. */
export function readRetry(bytes: Uint8Array, view: DataView): { id: ConnId; token: Uint8Array } | undefined {
  const tokenAt = UDP_PACKET.size + UDP_RETRY.size;
  if (bytes.length < tokenAt) return undefined;
  const { ownConnId, tokenBytes } = UDP_RETRY.decode(view, UDP_PACKET.size);
  const room = INIT_BYTES - UDP_PACKET.size - UDP_OPEN.size;
  if (tokenBytes > room || tokenAt + tokenBytes > bytes.length) return undefined;
  return { id: idOf(ownConnId), token: bytes.slice(tokenAt, tokenAt + tokenBytes) };
}

/** Reads REFUSE: the dialler's id and the reason. */
export function readRefuse(bytes: Uint8Array, view: DataView): { id: ConnId; reason: number } | undefined {
  if (bytes.length < UDP_PACKET.size + UDP_REFUSE.size) return undefined;
  const { ownConnId, reason } = UDP_REFUSE.decode(view, UDP_PACKET.size);
  return { id: idOf(ownConnId), reason };
}

/** Reads RESET: the id that the packet which provoked it was sent to. Undefined when that was no DATA packet. */
export function readReset(bytes: Uint8Array, view: DataView): ConnId | undefined {
  if (bytes.length < RESET_BYTES) return undefined;
  if (bytes[UDP_PACKET.size + 1] !== PACKET_DATA) return undefined;
  const at = UDP_PACKET.size + UDP_PACKET.at.connId;
  return { low: view.getUint32(at, true), high: view.getUint32(at + 4, true) };
}
