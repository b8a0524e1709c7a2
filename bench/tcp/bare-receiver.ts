/** The other end of `bare-sender.ts`: lands the stream in a ring through `onread`, each read at most 64 KiB. */
import { connect } from 'node:net';
import { serveParent } from '../harness/served.ts';

const RING_BYTES = 16 << 20;
/** Larger reads make sender and receiver take turns. nal-rdma-and-limits §3.1 */
const READ_BYTES = 64 << 10;

interface Receive {
  readonly host: string;
  readonly port: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
}

serveParent({
  receive: ({ host, port, warmUpMs, durationMs }: Receive) =>
    new Promise((resolve, reject) => {
      const ring = Buffer.alloc(RING_BYTES);
      const slots = Array.from({ length: RING_BYTES / READ_BYTES }, (_, index) =>
        ring.subarray(index * READ_BYTES, (index + 1) * READ_BYTES),
      );
      let turn = 0;
      let bytes = 0;
      const socket = connect({
        host,
        port,
        onread: {
          buffer: () => slots[turn++ % slots.length] as Buffer,
          callback: (count) => {
            bytes += count;
            return true;
          },
        },
      });
      socket.on('error', reject);
      socket.on('connect', () => {
        setTimeout(() => {
          const from = bytes;
          const begin = performance.now();
          setTimeout(() => {
            resolve({ bytes: bytes - from, ms: performance.now() - begin });
            socket.destroy();
          }, durationMs);
        }, warmUpMs);
      });
    }),
});
