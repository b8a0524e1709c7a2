/**
 * The contract between the core and a network abstraction layer (Lustre calls it LND). The core owns it. A NAL moves one
 * LNet message (header and up to 1 MiB of scattered payload) to a directly connected peer and knows nothing of matching,
 * credits or routing; connections, framing, keepalive and reconnect are its own. Meaning: docs/architecture.md.
 *
 * A NAL imports this file and `lnet/wire`, nothing else of the core.
 */
import type { Clock } from './clock.ts';
import type { HealthStatus } from './health-status.ts';
import type { Iov } from './iov.ts';
import type { Random } from './random.ts';
import type { LnetHdr, LnetHdrForm } from './wire/lnet-hdr.ts';
import type { Nid } from './wire/nid.ts';

export * from './clock.ts';
export * from './error-code.ts';
export * from './errno.ts';
export * from './health-status.ts';
export * from './iov.ts';
export * from './random.ts';
export * from './timer-wheel.ts';

/** What a kind of NAL can do; callers read this, never the class. */
export interface NalCaps {
  /** Largest payload of one message, bytes. */
  readonly payloadBytesMax: number;
  /** Most fragments of one payload. */
  readonly segmentsMax: number;
  /** Whether a peer's memory is reached directly, and by what. */
  readonly rma: 'none' | 'emulated' | 'native';
  readonly families: readonly ('ipv4' | 'ipv6')[];
  /**
   * Which messages to one peer arrive in the order of their sending: all (`peer`), or only those that happen to take the
   * same connection (`connection`: socklnd §9), so that a small one may overtake a large one.
   */
  readonly ordering: 'peer' | 'connection';
}

/** A setting of a NAL, declared as data so that YAML, command line and documentation need no case of their own. */
export interface NalTunable {
  /** Name in YAML (`lnd tunables:`) and in `net show`. */
  readonly name: string;
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly unit: 'count' | 'bytes' | 's' | 'ms' | 'flag';
  /** One sentence for a person. */
  readonly help: string;
  /** True for those `net show` prints under `lnd tunables`, in declaration order. */
  readonly isShown: boolean;
}

/** A counter of a NAL, declared as data. Values are plain number fields of {@link NalNi.counters}. */
export interface NalCounter {
  readonly name: string;
  readonly help: string;
}

/** One transmission. Owned by the core, pooled; the NAL must not touch it after it reported its end. */
export interface NalTx {
  /** To be encoded by the NAL when it is sent, in the form that the link negotiated. `hdr.payloadLength` bytes of payload follow. */
  readonly hdr: LnetHdr;
  /** The directly connected node to send to, on this NI's net. */
  readonly nextHop: Nid;
  /** Its pid: 12345, or a substituted one for a peer that connected from an unprivileged port (socklnd §11). */
  readonly nextHopPid: number;
  /** Memory that holds the payload; stays untouched until the end is reported. */
  readonly payload: Iov;
  /** Where in `payload` it starts, bytes. Its length is `hdr.payloadLength`. */
  readonly payloadOffset: number;
  /** GET only: memory in which the REPLY will land, for NALs that place it themselves. */
  readonly sink: Iov;
  /** ACK and REPLY only: the token of the request that this answers ({@link NalRx.token}). */
  readonly token: unknown;
  /** A queue link and a note for the NAL's own use while it holds the transmission. */
  nalNext: NalTx | null;
  nalNote: number;
}

/** One arriving message. Owned by the NAL; valid from {@link NalUpcalls.arrived} until {@link NalUpcalls.placed}. */
export interface NalRx {
  readonly ni: NalNi;
  /** Identity of the node at the other end of the link, as the NAL knows it. */
  readonly fromNid: Nid;
  readonly fromPid: number;
  /** The header's bytes and form. Valid only during {@link NalUpcalls.arrived}. */
  readonly view: DataView;
  readonly hdrAt: number;
  readonly form: LnetHdrForm;
  /** Opaque; handed back in {@link NalTx.token} with the answer to this message. */
  readonly token: unknown;
  /** The core's answer: where the payload lands. Set by the core before it answers {@link RX_PLACE} or calls {@link resume}. */
  iov: Iov;
  iovOffset: number;
  /** Payload bytes wanted in `iov`; the rest of the payload is read and thrown away. */
  wantedBytes: number;
  /** The core's own note. */
  coreSlot: unknown;
  /** Ends a wait: the answer is set now. Called once, only after {@link RX_WAIT}; {@link NalUpcalls.placed} may come before it returns. */
  resume(): void;
}

/** The answer is in the rx: read `wantedBytes` into its memory. */
export const RX_PLACE = 0;
/** No memory yet: stop reading from this link until `rx.resume()`. This is the only receive-side back-pressure. */
export const RX_WAIT = 1;

/** {@link RX_PLACE}, {@link RX_WAIT}, or a negative errno: the peer is broken, close the link (nothing else is called for this rx). */
export type RxVerdict = number;

/** What the core offers to a NAL. No call of these throws. */
export interface NalUpcalls {
  /**
   * A header has arrived, its payload has not been read beyond what staging holds. Answered exactly once. Never called from
   * inside itself or from {@link NalRx.resume}, but for a loopback within {@link NalNi.send}.
   */
  arrived(rx: NalRx): RxVerdict;
  /**
   * The wanted payload is in memory (`errno` 0), or the link broke before (negative errno), also while the core still
   * made it wait. Called exactly once for each message answered with RX_PLACE or RX_WAIT. The discarded rest may still be under way.
   */
  placed(rx: NalRx, errno: number): void;
  /** A transmission accepted by {@link NalNi.send} is over: 0 and HEALTH_OK, or a negative errno and the reason. Exactly once. */
  sent(tx: NalTx, errno: number, health: HealthStatus): void;
  /** A peer has no link left and none is being made (lnet-semantics §8.6, §11.8). */
  peerDown(ni: NalNi, nid: Nid): void;
  /** The NI's own device lost or regained its address or carrier. */
  linkFatal(ni: NalNi, isFatal: boolean): void;
}

/** What a node gives to each NAL it opens. */
export interface NalEnv {
  readonly clock: Clock;
  readonly random: Random;
  readonly upcalls: NalUpcalls;
  /** Own process id in HELLO-like handshakes: 12345. */
  readonly pid: number;
  /** Explanations for a person, one sentence each, never in a loop. */
  readonly log: (level: 'info' | 'warn', text: string) => void;
}

/** How one NI is to be opened. */
export interface NalNiOptions {
  readonly nid: Nid;
  /** Device name, or the address itself when none was named; shown by `net show`. */
  readonly interfaceName: string;
  /** `accept` and `accept_port`: socklnd §1.1, §1.2. */
  readonly accept: 'secure' | 'all' | 'none';
  readonly acceptPort: number;
  /** Values by {@link NalTunable.name}; absent ones take the default. */
  readonly tunables: Readonly<Record<string, number>>;
}

/** One open NI. */
export interface NalNi {
  readonly nid: Nid;
  readonly interfaceName: string;
  readonly nal: Nal;
  /** Current values by tunable name. */
  readonly tunables: Readonly<Record<string, number>>;
  readonly counters: Readonly<Record<string, number>>;
  /** The driver timeout, microseconds; 0 when the core's own derived timeout applies (lnet-semantics §11.6). */
  readonly timeoutUs: number;
  /**
   * Starts a transmission. 0: accepted, {@link NalUpcalls.sent} follows exactly once, possibly before this returns.
   * Negative errno: failed at once, nothing follows, and LNet does not resend (lnet-semantics §0.2).
   */
  send(tx: NalTx): number;
  /** Changes a tunable at run time. Throws {@link LnetError} when the value is out of range or fixed. */
  setTunable(name: string, value: number): void;
  /** Ends all links; accepted transmissions and arrivals are reported as failed before the promise resolves. */
  close(): Promise<void>;
}

/** Sees the messages that cross a driver's links, for captures. What it is given is valid during the call only. */
export interface NalTap {
  /**
   * One message, as it stands on the link from the driver's own header on. `bytes` is its whole length; the segments are less
   * when the core did not want all of the payload. `link` tells several links between the same two nodes apart.
   */
  frame(
    direction: 'in' | 'out',
    ni: NalNi,
    peer: Nid,
    link: number,
    segments: readonly Uint8Array[],
    bytes: number,
  ): void;
}

/** A driver as one node uses it: holds all NIs of its kind. */
export interface Nal {
  /** `tcp`, `udp`, `rdma`, `lo`, `sim`. */
  readonly name: string;
  readonly caps: NalCaps;
  readonly tunables: readonly NalTunable[];
  readonly counterNames: readonly NalCounter[];
  /** Which implementation runs, for `nal show`: "socklnd over node:net". */
  readonly description: string;
  /** Drivers that can be listened in on: set to begin, null to end. */
  tap?: NalTap | null;
  /** Opens an NI and its listener. Rejects with {@link LnetError}, nothing left open. */
  openNi(options: NalNiOptions): Promise<NalNi>;
}

/** Makes a driver for one node. */
export type NalFactory = (env: NalEnv) => Nal;
