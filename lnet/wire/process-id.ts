import type { Nid } from './nid.ts';
import { parseNid } from './nid.ts';
import { WireError } from './wire-error.ts';

/** Process id that matches any; never on the wire. */
export const LNET_PID_ANY = 0xffffffff;
/** Process id of every Lustre kernel node and of ours. */
export const LNET_PID_LUSTRE = 12345;
/** Set in the pid of a peer that connected from an unprivileged port: lnet-wire §3. */
export const LNET_PID_USERFLAG = 0x80000000;

/** A process of a node: lnet-wire §2.3. */
export interface ProcessId {
  readonly nid: Nid;
  readonly pid: number;
}

/** `12345-192.168.1.10@tcp`, `U40000-…` for a pid with the user flag, `LNET_PID_ANY-…` for the wildcard. */
export function formatProcessId({ nid, pid }: ProcessId): string {
  return `${formatPid(pid)}-${nid}`;
}

function formatPid(pid: number): string {
  if (pid === LNET_PID_ANY) return 'LNET_PID_ANY';
  return pid >= LNET_PID_USERFLAG ? `U${pid - LNET_PID_USERFLAG}` : String(pid);
}

/** Parses what {@link formatProcessId} prints; a NID alone means pid 12345. Throws {@link WireError} `bad_nid` or `bad_value`. */
export function parseProcessId(text: string): ProcessId {
  const match = /^(U?)(LNET_PID_ANY|[0-9]+)-(.*)$/.exec(text);
  if (!match) return { nid: parseNid(text), pid: LNET_PID_LUSTRE };
  const [, user = '', number = '', nid = ''] = match;
  return { nid: parseNid(nid), pid: parsePid(user, number, text) };
}

function parsePid(user: string, number: string, text: string): number {
  if (number === 'LNET_PID_ANY' && user === '') return LNET_PID_ANY;
  const value = Number(number);
  const max = user === '' ? 0xffffffff : LNET_PID_USERFLAG - 1;
  if (!(value <= max)) throw new WireError('bad_value', `'${text}': a process id is 0..4294967295 or U0..U2147483647`);
  return user === '' ? value : value + LNET_PID_USERFLAG;
}
