/**
 * The least that a Node program can do to stream framed messages: `node:net`, header and payload under one cork. What the
 * TCP NAL's streams are compared with.
 */
import { createServer, type Socket } from 'node:net';
import { serveParent } from '../harness/served.ts';

/** Source memory is a ring, so that the same cache lines are not sent over and over. */
const RING_BYTES = 16 << 20;
/** Bytes written and not yet taken by the kernel. */
const WINDOW_BYTES = 4 << 20;

interface Listen {
  readonly host: string;
  readonly headerBytes: number;
  readonly payloadBytes: number;
}

function stream(socket: Socket, { headerBytes, payloadBytes }: Listen): void {
  const ring = Buffer.alloc(RING_BYTES, 0x5a);
  const header = Buffer.alloc(headerBytes, 0xa5);
  const payloads = Array.from({ length: RING_BYTES / payloadBytes }, (_, index) =>
    ring.subarray(index * payloadBytes, (index + 1) * payloadBytes),
  );
  let turn = 0;
  let unsent = 0;
  const sent = (): void => {
    unsent -= payloadBytes;
    pump();
  };
  const pump = (): void => {
    while (unsent < WINDOW_BYTES && !socket.destroyed) {
      unsent += payloadBytes;
      socket.cork();
      socket.write(header);
      socket.write(payloads[turn] as Buffer, sent);
      socket.uncork();
      turn = (turn + 1) % payloads.length;
    }
  };
  socket.on('error', () => socket.destroy());
  pump();
}

serveParent({
  listen: (options: Listen) =>
    new Promise((resolve, reject) => {
      const server = createServer({ noDelay: true }, (socket) => stream(socket, options));
      server.on('error', reject);
      server.listen(0, options.host, () => resolve(server.address()));
    }),
});
