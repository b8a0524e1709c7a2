import type { Nid } from '../wire/nid.ts';
import type { Md } from './md.ts';

export { LNET_PID_ANY, LNET_PID_LUSTRE, LNET_PID_USERFLAG } from '../wire/process-id.ts';

/** Where a new ME goes in its list: lnet-semantics §2.2. `local` is `after` on a node with one CPU partition. */
export type MePosition = 'before' | 'after' | 'local';

/** Criteria of a match entry: lnet-semantics §1.3. */
export interface MeSpec {
  /** 0..63. */
  readonly portal: number;
  /** Initiator's NID, or NID_ANY (default). */
  readonly nid?: Nid;
  /** Initiator's pid, or LNET_PID_ANY (default). */
  readonly pid?: number;
  readonly matchBits: bigint;
  /** Bits that do not take part; default 0. */
  readonly ignoreBits?: bigint;
  /** Destroy the ME with its MD; default true. */
  readonly unlinksWithMd?: boolean;
  readonly position?: MePosition;
}

/** A match entry on a portal's list; holds at most one MD. Links belong to `portal.ts`. */
export class Me {
  readonly portal: number;
  readonly nid: Nid;
  readonly pid: number;
  readonly matchBitsLow: number;
  readonly matchBitsHigh: number;
  readonly ignoreBitsLow: number;
  readonly ignoreBitsHigh: number;
  readonly unlinksWithMd: boolean;
  md: Md | null = null;
  previous: Me | null = null;
  next: Me | null = null;
  /** The list it stands in; null once destroyed. */
  list: MeList | null = null;

  constructor(spec: MeSpec & { readonly nid: Nid; readonly pid: number }) {
    const ignoreBits = spec.ignoreBits ?? 0n;
    this.portal = spec.portal;
    this.nid = spec.nid;
    this.pid = spec.pid;
    this.matchBitsLow = Number(spec.matchBits & 0xffffffffn);
    this.matchBitsHigh = Number((spec.matchBits >> 32n) & 0xffffffffn);
    this.ignoreBitsLow = Number(ignoreBits & 0xffffffffn);
    this.ignoreBitsHigh = Number((ignoreBits >> 32n) & 0xffffffffn);
    this.unlinksWithMd = spec.unlinksWithMd ?? true;
  }
}

/** A list of match entries in search order. */
export interface MeList {
  first: Me | null;
  last: Me | null;
}
