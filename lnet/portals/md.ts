import type { EventHandler } from '../event.ts';
import type { Iov } from '../iov.ts';
import type { Me } from './me.ts';
import type { ResponseTracker } from '../send/response-tracker.ts';

/** MD options, as the kernel numbers them: lnet-semantics §3.2. */
export const LNET_MD_OP_PUT = 0x0001;
export const LNET_MD_OP_GET = 0x0002;
export const LNET_MD_MANAGE_REMOTE = 0x0004;
export const LNET_MD_TRUNCATE = 0x0010;
export const LNET_MD_ACK_DISABLE = 0x0020;
export const LNET_MD_MAX_SIZE = 0x0080;
export const LNET_MD_KIOV = 0x0100;
export const LNET_MD_BULK_HANDLE = 0x0200;
export const LNET_MD_TRACK_RESPONSE = 0x0400;
export const LNET_MD_NO_TRACK_RESPONSE = 0x0800;
export const LNET_MD_GNILND = 0x1000;
export const LNET_MD_GPU_ADDR = 0x2000;

/** Threshold that is never used up. */
export const LNET_MD_THRESH_INF = -1;

/** What a user asks for: lnet-semantics §3.1. */
export interface MdSpec {
  /** Memory, in one piece or in fragments (at most 256). Zero bytes are legal. */
  readonly memory: Uint8Array | Iov;
  /** Operations until the MD is exhausted; default {@link LNET_MD_THRESH_INF}. */
  readonly threshold?: number;
  /** LNET_MD_* bits; default 0. */
  readonly options?: number;
  /** With LNET_MD_MAX_SIZE: largest single operation, bytes. */
  readonly maxSize?: number;
  /** Anything; comes back as `event.md.user`. */
  readonly user?: unknown;
  /** Receives the MD's events; none: no events. */
  readonly handler?: EventHandler;
}

/** Names one memory descriptor to the API. Never reused within a node; the object is the MD itself, seen from outside. */
export interface MdHandle {
  /** Object cookie on the wire, for printing. */
  readonly cookie: bigint;
  readonly user: unknown;
  readonly length: number;
  readonly options: number;
  /** False once the MD was unlinked or detached from its ME. */
  readonly isLive: boolean;
}

/** A memory descriptor: lnet-semantics §3. State changes happen in `md-table.ts` and in delivery only. */
export class Md implements MdHandle {
  readonly iov: Iov;
  readonly length: number;
  readonly options: number;
  readonly maxSize: number;
  readonly user: unknown;
  readonly handler: EventHandler | undefined;
  /** `LNET_UNLINK` was asked for. */
  readonly unlinksWhenExhausted: boolean;
  threshold: number;
  /** Messages in progress that hold it. */
  useCount = 0;
  localOffset = 0;
  /** The ME it is attached to; null when bound or already detached. */
  me: Me | null = null;
  /** Bound (active) as opposed to attached (passive). */
  readonly isBound: boolean;
  /** An unlink was started; the handle no longer resolves. */
  isZombie = false;
  /** LNetMDUnlink was called. */
  isAborted = false;
  /** Halves of the object cookie: slot with type bits, generation. */
  readonly cookieLow: number;
  readonly cookieHigh: number;
  tracker: ResponseTracker | null = null;

  constructor(
    spec: MdSpec,
    iov: Iov,
    length: number,
    isBound: boolean,
    unlinks: boolean,
    cookieLow: number,
    cookieHigh: number,
  ) {
    this.iov = iov;
    this.length = length;
    this.options = spec.options ?? 0;
    this.maxSize = spec.maxSize ?? 0;
    this.user = spec.user;
    this.handler = spec.handler;
    this.threshold = spec.threshold ?? LNET_MD_THRESH_INF;
    this.isBound = isBound;
    this.unlinksWhenExhausted = unlinks;
    this.cookieLow = cookieLow;
    this.cookieHigh = cookieHigh;
  }

  get cookie(): bigint {
    return (BigInt(this.cookieHigh) << 32n) | BigInt(this.cookieLow);
  }

  get isLive(): boolean {
    return !this.isZombie;
  }

  /** lnet-semantics §3.4. */
  get isExhausted(): boolean {
    return (
      this.threshold === 0 || ((this.options & LNET_MD_MAX_SIZE) !== 0 && this.localOffset + this.maxSize > this.length)
    );
  }

  /** A message in progress holds it from now on and uses up one operation: lnet-semantics §3.5. */
  hold(): void {
    this.useCount++;
    if (this.threshold !== LNET_MD_THRESH_INF) this.threshold--;
  }

  get isUnlinkable(): boolean {
    return this.useCount === 0 && (this.isZombie || (this.unlinksWhenExhausted && this.isExhausted));
  }
}
