/** Sends every byte back: the far end of the bare ping-pong. */
import { createServer } from 'node:net';
import { serveParent } from '../harness/served.ts';

serveParent({
  listen: ({ host }: { readonly host: string }) =>
    new Promise((resolve, reject) => {
      const server = createServer({ noDelay: true }, (socket) => {
        socket.on('error', () => socket.destroy());
        socket.on('data', (bytes) => socket.write(bytes));
      });
      server.on('error', reject);
      server.listen(0, host, () => resolve(server.address()));
    }),
});
