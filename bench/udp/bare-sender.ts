/**
 * The least that a Node program can do to stream datagrams without losing any: `node:dgram`, head and payload as one
 * scatter send, a window that the receiver opens. What the UDP NAL's streams are compared with.
 */
import { createSocket } from 'node:dgram';
import { serveParent } from '../harness/served.ts';
import { GRANT_DATAGRAMS, RING_BYTES, SOCKET_BUFFER_BYTES, WINDOW_BYTES } from './bare-flow.ts';

/** Datagrams in one turn of the event loop, as many as our NAL sends. */
const BURST = 32;

const HEAD_BYTES = 32;

const sent = (): void => {};

interface Stream {
  readonly host: string;
  readonly target: { readonly address: string; readonly port: number };
  readonly datagramBytes: number;
}

serveParent({
  stream: ({ host, target, datagramBytes }: Stream) =>
    new Promise<void>((resolve, reject) => {
      const ring = Buffer.alloc(RING_BYTES, 0x5a);
      const head = Buffer.alloc(HEAD_BYTES, 0xa5);
      const payloadBytes = datagramBytes - HEAD_BYTES;
      const window = Math.max(Math.floor(WINDOW_BYTES / datagramBytes), 2 * GRANT_DATAGRAMS);
      // An address is no name: without this the runtime looks each one up.
      const socket = createSocket({
        type: 'udp4',
        lookup: (address, _options, callback) => callback(null, address, 4),
      });
      let at = 0;
      let allowed = window;
      let isTurnAwaited = false;
      const pump = (): void => {
        isTurnAwaited = false;
        for (let left = BURST; left > 0 && allowed > 0; left--, allowed--) {
          if (at + payloadBytes > ring.length) at = 0;
          socket.send([head, ring.subarray(at, at + payloadBytes)], target.port, target.address, sent);
          at += payloadBytes;
        }
        if (allowed > 0) awaitTurn();
      };
      const awaitTurn = (): void => {
        if (isTurnAwaited) return;
        isTurnAwaited = true;
        setImmediate(pump);
      };
      socket.on('error', reject);
      socket.on('message', () => {
        allowed += GRANT_DATAGRAMS;
        awaitTurn();
      });
      socket.bind(0, host, () => {
        socket.setSendBufferSize(SOCKET_BUFFER_BYTES);
        awaitTurn();
        resolve();
      });
    }),
});
