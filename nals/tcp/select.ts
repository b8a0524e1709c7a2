import type { Conn } from './conn.ts';
import {
  type ConnType,
  SOCKLND_CONN_ANY,
  SOCKLND_CONN_BULK_IN,
  SOCKLND_CONN_BULK_OUT,
  SOCKLND_CONN_CONTROL,
} from './wire/conn-type.ts';
import { KSOCK_PROTO_V1, KSOCK_PROTO_V2, type KsockVersion } from './wire/hello.ts';

/** What is to be sent: an LNet message below or from `min_bulk` bytes, or a NOOP. */
export type Traffic = 'small' | 'bulk' | 'noop';

type Choice = 'preferred' | 'fallback' | 'never';

/** Which types of connection, in own view, carry what: socklnd §6. */
type SelectionTable = Readonly<Record<Traffic, Readonly<Record<ConnType, Choice>>>>;

/** Versions 3 and 4. */
export const SELECTION_TYPED: SelectionTable = {
  small: {
    [SOCKLND_CONN_ANY]: 'never',
    [SOCKLND_CONN_CONTROL]: 'preferred',
    [SOCKLND_CONN_BULK_IN]: 'never',
    [SOCKLND_CONN_BULK_OUT]: 'fallback',
  },
  bulk: {
    [SOCKLND_CONN_ANY]: 'never',
    [SOCKLND_CONN_CONTROL]: 'fallback',
    [SOCKLND_CONN_BULK_IN]: 'never',
    [SOCKLND_CONN_BULK_OUT]: 'preferred',
  },
  noop: {
    [SOCKLND_CONN_ANY]: 'never',
    [SOCKLND_CONN_CONTROL]: 'never',
    [SOCKLND_CONN_BULK_IN]: 'preferred',
    [SOCKLND_CONN_BULK_OUT]: 'never',
  },
};

/** Versions 1 and 2. */
export const SELECTION_OLD: SelectionTable = {
  small: {
    [SOCKLND_CONN_ANY]: 'preferred',
    [SOCKLND_CONN_CONTROL]: 'preferred',
    [SOCKLND_CONN_BULK_IN]: 'fallback',
    [SOCKLND_CONN_BULK_OUT]: 'fallback',
  },
  bulk: {
    [SOCKLND_CONN_ANY]: 'preferred',
    [SOCKLND_CONN_CONTROL]: 'fallback',
    [SOCKLND_CONN_BULK_IN]: 'fallback',
    [SOCKLND_CONN_BULK_OUT]: 'preferred',
  },
  noop: {
    [SOCKLND_CONN_ANY]: 'preferred',
    [SOCKLND_CONN_CONTROL]: 'preferred',
    [SOCKLND_CONN_BULK_IN]: 'fallback',
    [SOCKLND_CONN_BULK_OUT]: 'fallback',
  },
};

export function selectionOf(version: KsockVersion): SelectionTable {
  return version === KSOCK_PROTO_V1 || version === KSOCK_PROTO_V2 ? SELECTION_OLD : SELECTION_TYPED;
}

/**
 * The established connections of a peer pair. Which of them carry what is worked out when one comes or goes, so that choosing
 * one for a message is a look at a short list.
 */
export class ConnSet {
  readonly #conns: Conn[] = [];
  readonly #carriers: Record<Traffic, Conn[]> = { small: [], bulk: [], noop: [] };
  #table: SelectionTable = SELECTION_TYPED;
  #uses = 0;

  get size(): number {
    return this.#conns.length;
  }

  get all(): readonly Conn[] {
    return this.#conns;
  }

  count(type: ConnType): number {
    return this.#conns.reduce((sum, conn) => sum + (conn.type === type ? 1 : 0), 0);
  }

  add(conn: Conn, version: KsockVersion): void {
    this.#conns.push(conn);
    this.#table = selectionOf(version);
    this.#assign();
  }

  remove(conn: Conn): void {
    const at = this.#conns.indexOf(conn);
    if (at < 0) return;
    this.#conns.splice(at, 1);
    this.#assign();
  }

  /** Takes all out. */
  clear(): Conn[] {
    const conns = this.#conns.splice(0);
    this.#assign();
    return conns;
  }

  /**
   * The connection to send on: among those preferred the one with the fewest bytes queued; with `inTurn` the least recently
   * used of equals. Null when none may carry it.
   */
  pick(traffic: Traffic, inTurn: boolean): Conn | null {
    const carriers = this.#carriers[traffic];
    let best = carriers[0];
    if (!best) return null;
    if (carriers.length === 1) return best;
    for (let i = 1; i < carriers.length; i++) {
      const conn = carriers[i] as Conn;
      const more = conn.tx.backlogBytes - best.tx.backlogBytes;
      if (more < 0 || (more === 0 && inTurn && conn.lastUse < best.lastUse)) best = conn;
    }
    best.lastUse = ++this.#uses;
    return best;
  }

  #assign(): void {
    for (const traffic of ['small', 'bulk', 'noop'] as const) {
      const row = this.#table[traffic];
      const preferred = this.#conns.filter((conn) => row[conn.type] === 'preferred');
      this.#carriers[traffic] =
        preferred.length > 0 ? preferred : this.#conns.filter((conn) => row[conn.type] === 'fallback');
    }
  }
}
