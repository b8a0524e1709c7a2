/** How an accepted socket is read straight into memory of our choice, which the runtime does not offer. */
import { connect, createServer, type OnReadOpts, type Server, Socket } from 'node:net';

/** How bytes of an accepted socket come: straight into their place, or as chunks of the runtime that are copied. */
export type AcceptMode = 'direct' | 'copied';

/** Fields of a socket that the runtime does not document. */
const HANDLE = '_handle';
const SERVER = '_server';
type SocketInside = Record<typeof HANDLE | typeof SERVER | 'server', unknown>;

/**
 * The runtime gives accepted sockets no `onread`. A second socket around the same handle has it, when the first was paused
 * from the start and the server's reference for its bookkeeping moves too (nal-rdma-and-limits §5.1). {@link tryOnread} tests
 * whether this runtime still plays along.
 */
export function withOnread(server: Server, accepted: Socket, onread: OnReadOpts): Socket {
  const old = accepted as unknown as SocketInside;
  const socket = new Socket({ handle: old[HANDLE], onread } as ConstructorParameters<typeof Socket>[0]);
  const fresh = socket as unknown as SocketInside;
  fresh[SERVER] = server;
  fresh.server = server;
  old[HANDLE] = null;
  old[SERVER] = null;
  old.server = null;
  return socket;
}

/** How long the trial may take. */
const PROBE_MS = 2_000;

/** Tries on a connection to itself whether {@link withOnread} works here: bytes must land where they were told to. */
export async function tryOnread(address: string): Promise<AcceptMode> {
  const probe = Buffer.from('0123456789');
  const landed = Buffer.alloc(probe.length);
  let count = 0;
  const server = createServer({ pauseOnConnect: true });
  const accepted = new Promise<AcceptMode>((resolve) => {
    server.once('connection', (first: Socket) => {
      try {
        const onread = {
          buffer: () => landed.subarray(count, count + 4),
          callback: (read: number) => {
            count += read;
            if (count === probe.length) resolve(landed.equals(probe) ? 'direct' : 'copied');
            return true;
          },
        };
        const socket = withOnread(server, first, onread);
        socket.on('error', () => resolve('copied'));
        socket.once('end', () => resolve('copied'));
      } catch {
        resolve('copied');
      }
    });
  });
  await listening(server, address, 0, 1);
  const port = (server.address() as { port: number }).port;
  const client = connect({ host: address, port });
  client.on('error', () => {});
  client.end(probe);
  const tooLate = new Promise<AcceptMode>((resolve) => client.setTimeout(PROBE_MS, () => resolve('copied')));
  const mode = await Promise.race([accepted, tooLate]);
  client.destroy();
  server.close();
  return mode;
}

/** Begins to listen. Rejects with the system's error. */
export function listening(server: Server, host: string, port: number, backlog: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
