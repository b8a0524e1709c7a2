/** What a test and the node that it attacks know of each other. */

/** Portal with memory for PUT and GET at match bits {@link OPEN_BITS}. */
export const OPEN_PORTAL = 40;
export const OPEN_BITS = 0x77n;
export const OPEN_BYTES = 1 << 20;
/** Lazy portal with nothing on it. */
export const LAZY_PORTAL = 41;
/** Portal whose memory takes no PUT that is longer than this, and none at an offset. */
export const SHORT_PORTAL = 42;
export const SHORT_BYTES = 100;

export type VictimRequest =
  | { readonly kind: 'start'; readonly address: string; readonly acceptPort: number }
  | { readonly kind: 'look' }
  | { readonly kind: 'ping'; readonly target: string; readonly timeoutMs: number };

/** What the victim is like: counters by name, sizes of its tables, memory after a collection. */
export interface VictimState {
  readonly drops: Readonly<Record<string, number>>;
  readonly tcp: Readonly<Record<string, number>>;
  readonly incoming: Readonly<Record<string, number>>;
  /** Events with an error. */
  readonly failures: number;
  readonly peerNis: number;
  /** Processes of peers with a connection. */
  readonly links: number;
  readonly messages: number;
  readonly memoryDescriptors: number;
  readonly delayed: number;
  readonly bytes: number;
  readonly logLines: number;
}

export type VictimReport =
  | { readonly kind: 'started' }
  | ({ readonly kind: 'state' } & VictimState)
  | { readonly kind: 'pong'; readonly target: string; readonly errno: number; readonly ms: number };

/** Short, so that what a kernel's defaults put at a minute comes in seconds. */
export const TIMEOUT_S = 2;
export const ACCEPT_TIMEOUT_S = 1;
