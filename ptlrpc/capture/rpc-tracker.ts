import type { DecodedBy } from '../../lnet/wire/layout.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import { WireError } from '../../lnet/wire/wire-error.ts';
import { MSGHDR_AT_SUPPORT } from '../wire/message-header.ts';
import { BULK_PORTALS, isReplyPortal, REPLY_PORTAL_OF } from '../wire/portal.ts';
import type { RpcFormat } from '../wire/rpc-format.ts';
import { readRpcMessage, type RpcMessage } from '../wire/rpc-message.ts';
import type { OBD_IOOBJ } from '../wire/struct/obdo.ts';
import type { LnetFrame } from './lnet-frame.ts';

/** One message of an exchange. */
export interface SeenMessage {
  readonly frame: LnetFrame;
  readonly rpc: RpcMessage;
}

/** One chunk of bulk: the frame that carried its bytes. */
export interface SeenBulk {
  readonly frame: LnetFrame;
  /** Chunk number within its transfer. */
  readonly chunk: number;
}

/** A request with all that belongs to it. */
export interface RpcExchange {
  readonly client: Nid;
  readonly server: Nid;
  readonly xid: bigint;
  readonly format: RpcFormat | undefined;
  /** The request, and after it its resends. */
  readonly requests: readonly SeenMessage[];
  /** Told the client to go on waiting. */
  readonly earlyReplies: readonly SeenMessage[];
  /** More than one when a request was sent again. */
  readonly replies: readonly SeenMessage[];
  readonly bulk: readonly SeenBulk[];
}

/** What a frame turned out to be. */
export type Sighting =
  | {
      readonly kind: 'request' | 'early' | 'reply';
      readonly rpc: RpcMessage;
      readonly exchange: RpcExchange | undefined;
    }
  | { readonly kind: 'bulk'; readonly exchange: RpcExchange | undefined }
  | { readonly kind: 'bulk-ask'; readonly exchange: RpcExchange | undefined }
  | { readonly kind: 'bad'; readonly error: WireError }
  /** Nothing of ptlrpc. */
  | { readonly kind: 'foreign' };

interface OpenExchange extends RpcExchange {
  readonly requests: SeenMessage[];
  readonly earlyReplies: SeenMessage[];
  readonly replies: SeenMessage[];
  readonly bulk: SeenBulk[];
}

interface Chunk {
  readonly exchange: OpenExchange;
  readonly chunk: number;
}

/** Keys that are remembered at once for each purpose; the oldest are forgotten. */
const KEYS_MAX = 65_536;

/** Most chunks of one transfer: ptlrpc §2.7 rule 2. */
const CHUNKS_MAX = 65n;

/** Puts the messages and bulk of RPCs together again from the LNet messages of a capture, in the order they were sent. */
export class RpcTracker {
  readonly #answers = new Map<string, OpenExchange>();
  readonly #chunks = new Map<string, Chunk>();
  readonly #asked = new Map<string, Chunk>();

  /** Takes the next frame. Whatever a peer sent, this does not throw. */
  add(frame: LnetFrame): Sighting {
    try {
      if (frame.kind === 'reply') return this.#bulkReply(frame);
      if (BULK_PORTALS.has(frame.portal)) return this.#bulk(frame);
      if (frame.kind === 'get') return { kind: 'foreign' };
      if (isReplyPortal(frame.portal)) return this.#reply(frame);
      if (REPLY_PORTAL_OF.has(frame.portal)) return this.#request(frame);
      return { kind: 'foreign' };
    } catch (error) {
      if (error instanceof WireError) return { kind: 'bad', error };
      throw error;
    }
  }

  #request(frame: LnetFrame): Sighting {
    const rpc = readRpcMessage(frame.payload, frame.payloadBytes);
    const { src: client, dst: server, matchBits: xid } = frame;
    const known = this.#answers.get(keyOf(client, server, xid));
    const exchange: OpenExchange = known ?? {
      client,
      server,
      xid,
      format: rpc.format,
      requests: [],
      earlyReplies: [],
      replies: [],
      bulk: [],
    };
    exchange.requests.push({ frame, rpc });
    const mbits = rpc.body.mbits === 0n ? xid : rpc.body.mbits;
    // The reply's match bits are pb_mbits if the peers agreed on that, else the xid: a recording does not tell which.
    remember(this.#answers, keyOf(client, server, xid), exchange);
    remember(this.#answers, keyOf(client, server, mbits), exchange);
    const portal = rpc.format?.bulkPortal;
    if (portal !== undefined) this.#expectBulk(exchange, rpc, mbits, portal);
    return { kind: 'request', rpc, exchange };
  }

  /** Chunks have consecutive match bits, the last of which is `last`: ptlrpc §2.7 rules 8 and 9. */
  #expectBulk(exchange: OpenExchange, rpc: RpcMessage, last: bigint, portal: number): void {
    const ioobj = rpc.values?.['ioobj'] as DecodedBy<typeof OBD_IOOBJ> | undefined;
    const brwMax = ioobj ? BigInt((ioobj.maxBrw >>> 16) + 1) : 1n;
    const first = last & ~(brwMax - 1n);
    if (last - first >= CHUNKS_MAX) return;
    for (let bits = first; bits <= last; bits++) {
      const key = `${portal} ${keyOf(exchange.client, exchange.server, bits)}`;
      remember(this.#chunks, key, { exchange, chunk: Number(bits - first) });
    }
  }

  #reply(frame: LnetFrame): Sighting {
    const exchange = this.#answers.get(keyOf(frame.dst, frame.src, frame.matchBits));
    const rpc = readRpcMessage(frame.payload, frame.payloadBytes, exchange?.format);
    const seen = { frame, rpc };
    const asked = exchange?.requests.at(-1)?.rpc.message.header.flags ?? 0;
    const isEarly = frame.offset === 0 && (asked & MSGHDR_AT_SUPPORT) !== 0;
    (isEarly ? exchange?.earlyReplies : exchange?.replies)?.push(seen);
    return { kind: isEarly ? 'early' : 'reply', rpc, exchange };
  }

  /** A server PUTs what is read and GETs what is written. */
  #bulk(frame: LnetFrame): Sighting {
    const found = this.#chunks.get(`${frame.portal} ${keyOf(frame.dst, frame.src, frame.matchBits)}`);
    if (frame.kind === 'get') {
      if (found) remember(this.#asked, `${frame.dst} ${frame.src} ${frame.handle}`, found);
      return { kind: 'bulk-ask', exchange: found?.exchange };
    }
    found?.exchange.bulk.push({ frame, chunk: found.chunk });
    return { kind: 'bulk', exchange: found?.exchange };
  }

  #bulkReply(frame: LnetFrame): Sighting {
    const key = `${frame.src} ${frame.dst} ${frame.handle}`;
    const found = this.#asked.get(key);
    if (!found) return { kind: 'foreign' };
    this.#asked.delete(key);
    found.exchange.bulk.push({ frame, chunk: found.chunk });
    return { kind: 'bulk', exchange: found.exchange };
  }
}

function keyOf(client: Nid, server: Nid, bits: bigint): string {
  return `${client} ${server} ${bits}`;
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  if (map.size >= KEYS_MAX && !map.has(key)) {
    for (const oldest of map.keys()) {
      map.delete(oldest);
      break;
    }
  }
  map.set(key, value);
}
