import { u64Of } from '../../../lnet/wire/lnet-hdr.ts';
import { KSOCK_PROTO_V2, type KsockVersion } from './hello.ts';
import { KSOCK_MSG_NOOP, type MessageHeader } from './message-header.ts';

/** Cookie that only keepalives carry, from version 3 on: socklnd §7.3. */
const KEEPALIVE_COOKIE = 1n;

/** Which zero-copy requests a message acknowledges. */
export type ZcAck =
  | { readonly kind: 'none' }
  | { readonly kind: 'keepalive' }
  /** The values named, one or two. */
  | { readonly kind: 'values'; readonly cookies: readonly bigint[] }
  /** Every value from `first` to `last`; never count through it, it can be as long as a peer likes. */
  | { readonly kind: 'range'; readonly first: bigint; readonly last: bigint }
  /** Impossible: close all connections of the pair. */
  | { readonly kind: 'error' };

const NONE: ZcAck = { kind: 'none' };
const KEEPALIVE: ZcAck = { kind: 'keepalive' };
const ERROR: ZcAck = { kind: 'error' };

/**
 * Reads the acknowledgement that a message carries: socklnd §7.3. Each value must be outstanding; that is for the caller to
 * check. Messages without one cost no allocation.
 */
export function readZcAck(header: MessageHeader, version: KsockVersion): ZcAck {
  if (!header.hasZcAck) return NONE;
  const b = u64Of(header.zcCookie1High, header.zcCookie1Low);
  if (header.type !== KSOCK_MSG_NOOP) return { kind: 'values', cookies: [b] };
  const a = u64Of(header.zcCookie0High, header.zcCookie0Low);
  if (b === KEEPALIVE_COOKIE && version > KSOCK_PROTO_V2) return a > KEEPALIVE_COOKIE ? ERROR : KEEPALIVE;
  if (a === 0n || a === b) return { kind: 'values', cookies: [b] };
  return a > b ? { kind: 'values', cookies: [a, b] } : { kind: 'range', first: a, last: b };
}
