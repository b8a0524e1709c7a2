import type { FieldKind } from '../../../lnet/wire/layout.ts';
import { type Nid, nid4FromHalves } from '../../../lnet/wire/nid.ts';

/** Names one session of one console. The NID is kept as the number it is on the wire: a peer's need not be a real one. */
export interface SessionId {
  readonly nid: bigint;
  /** Milliseconds of the console's clock; compared for equality only. */
  readonly stamp: bigint;
}

const ALL_ONES = 0xffffffffffffffffn;

/** A node without session. */
export const NULL_SESSION_ID: SessionId = { nid: ALL_ONES, stamp: ALL_ONES };

export const sessionIdKind: FieldKind<SessionId> = {
  name: 'sid',
  size: 16,
  read: (view, at, le) => ({ nid: view.getBigUint64(at, le), stamp: view.getBigUint64(at + 8, le) }),
  write: (view, at, sid, le) => {
    view.setBigUint64(at, sid.nid, le);
    view.setBigUint64(at + 8, sid.stamp, le);
  },
};

export function sessionIdOf(console: Nid, stamp: number): SessionId {
  return { nid: (BigInt(console.net) << 32n) | BigInt(console.address), stamp: BigInt(stamp) };
}

export function isSameSession(a: SessionId, b: SessionId): boolean {
  return a.nid === b.nid && a.stamp === b.stamp;
}

/** True for the any-NID, which names no console. */
export function isAnySession(sid: SessionId): boolean {
  return sid.nid === ALL_ONES;
}

/** The console's NID, for printing. */
export function consoleNidOf(sid: SessionId): Nid {
  return nid4FromHalves(Number(sid.nid >> 32n), Number(sid.nid & 0xffffffffn));
}
