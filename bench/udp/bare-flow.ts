/** What both ends of the bare stream of datagrams agree on. */

/** Memory at both ends is a ring, so that the same cache lines are not used over and over. */
export const RING_BYTES = 16 << 20;

export const SOCKET_BUFFER_BYTES = 4 << 20;

/** Datagrams that one grant allows. */
export const GRANT_DATAGRAMS = 16;

/** Bytes under way at most, as our NAL's window. */
export const WINDOW_BYTES = 2 << 20;
