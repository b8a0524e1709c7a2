/** Connection types, always from the point of view of the side that names them: socklnd §2.5. */
export const SOCKLND_CONN_ANY = 0;
export const SOCKLND_CONN_CONTROL = 1;
export const SOCKLND_CONN_BULK_IN = 2;
export const SOCKLND_CONN_BULK_OUT = 3;
/** Only in a reply: not this time. */
export const SOCKLND_CONN_NONE = 0xffffffff;

/** A type that a connection can have. */
export type ConnType = 0 | 1 | 2 | 3;

/** Names of the types, by number. */
export const CONN_TYPE_NAMES = ['ANY', 'CONTROL', 'BULK_IN', 'BULK_OUT'] as const;

/** The same connection as the other side sees it, or undefined when `type` is none (NONE, or out of range). */
export function mirrorConnType(type: number): ConnType | undefined {
  switch (type) {
    case SOCKLND_CONN_ANY:
      return SOCKLND_CONN_ANY;
    case SOCKLND_CONN_CONTROL:
      return SOCKLND_CONN_CONTROL;
    case SOCKLND_CONN_BULK_IN:
      return SOCKLND_CONN_BULK_OUT;
    case SOCKLND_CONN_BULK_OUT:
      return SOCKLND_CONN_BULK_IN;
    default:
      return undefined;
  }
}
