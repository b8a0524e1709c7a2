/**
 * The far end of `bare-sender.ts`: copies each datagram into a ring and grants the sender further ones, so that nothing is
 * lost.
 */
import { createSocket, type RemoteInfo } from 'node:dgram';
import { serveParent } from '../harness/served.ts';
import { GRANT_DATAGRAMS, RING_BYTES, SOCKET_BUFFER_BYTES } from './bare-flow.ts';

let bytes = 0;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

serveParent({
  bind: ({ host }: { readonly host: string }) =>
    new Promise((resolve, reject) => {
      const ring = Buffer.alloc(RING_BYTES);
      const grant = Buffer.from([GRANT_DATAGRAMS]);
      const socket = createSocket('udp4');
      let at = 0;
      let count = 0;
      socket.on('error', reject);
      socket.on('message', (datagram: Buffer, from: RemoteInfo) => {
        if (at + datagram.length > ring.length) at = 0;
        ring.set(datagram, at);
        at += datagram.length;
        bytes += datagram.length;
        if (++count % GRANT_DATAGRAMS === 0) socket.send(grant, from.port, from.address);
      });
      socket.bind(0, host, () => {
        socket.setRecvBufferSize(SOCKET_BUFFER_BYTES);
        resolve(socket.address());
      });
    }),
  measure: async ({ warmUpMs, durationMs }: { readonly warmUpMs: number; readonly durationMs: number }) => {
    await pause(warmUpMs);
    const from = bytes;
    const begin = performance.now();
    await pause(durationMs);
    return { bytes: bytes - from, ms: performance.now() - begin };
  },
});
