import type { StreamOptions } from './stream.ts';

/** How the node of an endpoint process is configured. All of it can be sent to another process. */
export interface EndpointOptions {
  /** Address by net: `{ tcp: '127.0.0.51' }`. */
  readonly nets: Readonly<Record<string, string>>;
  /** Concurrent sends to one peer: `peer_credits`; default: the stack's. */
  readonly peerCredits?: number;
  /** `lnd tunables:` of every net. */
  readonly lndTunables?: Readonly<Record<string, number>>;
}

/** A stream, as one process asks another for it. */
export interface StreamCall
  extends Pick<StreamOptions, 'operation' | 'messageBytes' | 'inFlight' | 'messages' | 'durationMs'> {
  readonly target: string;
  /** How much of the endpoint's memory takes part; default: all. */
  readonly spanBytes?: number;
  /** Latencies go on from the stream before. */
  readonly isContinued?: boolean;
}
