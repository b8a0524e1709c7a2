/** Portal of LNet's own pings and pushes: lnet-semantics §0.1, §10.1. */
export const LNET_RESERVED_PORTAL = 0;

/** Match bits of pings and pushes, in halves and whole. */
export const LNET_PROTO_PING_MATCHBITS = 0x8000_0000_0000_0000n;
export const PING_MATCHBITS_HIGH = 0x8000_0000;
export const PING_MATCHBITS_LOW = 0;

/** Bytes that a first ping asks for and that a push target starts with: room for 16 entries. */
export const PING_BYTES_MIN = 272;
