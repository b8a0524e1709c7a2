import { connect, createServer, type Server, type Socket } from 'node:net';
import { FrameCutter } from './frame-cutter.ts';
import type { Frame } from './frame-fields.ts';

/** How long connecting may take, ms. */
const CONNECT_MS = 5_000;

/** One TCP connection between a played kernel and our node. */
export class Link {
  /** Captured address of the kernel that is played at this end. */
  readonly kernel: string;
  readonly #socket: Socket;
  /** Number of the connection in the capture; undefined until our HELLO has told which one it is. */
  conn: number | undefined = undefined;
  /** Our node's HELLO has come. */
  hasHello = false;
  /** Our node's request, kept until its HELLO comes. */
  request: Frame | undefined = undefined;

  constructor(
    kernel: string,
    socket: Socket,
    isOpenedByUs: boolean,
    onFrame: (link: Link, frame: Frame) => void,
    onFault: (fault: string) => void,
  ) {
    this.kernel = kernel;
    this.#socket = socket;
    const cutter = new FrameCutter(isOpenedByUs);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => onFault(`connection ${this.conn ?? 'without HELLO'} to ${kernel} was closed`));
    socket.on('data', (bytes: Buffer) => {
      try {
        for (const frame of cutter.push(bytes)) onFrame(this, frame);
      } catch (error) {
        onFault(`${kernel}: ${(error as Error).message}`);
      }
    });
  }

  send(frame: Frame): void {
    this.#socket.cork();
    this.#socket.write(frame.head);
    if (frame.payload.length > 0) this.#socket.write(frame.payload);
    this.#socket.uncork();
  }

  close(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }
}

/** Opens a connection from an address and port of ours, as a kernel does. */
export function dial(
  from: { readonly address: string; readonly port: number },
  to: { readonly address: string; readonly port: number },
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: to.address, port: to.port, localAddress: from.address, localPort: from.port });
    socket.setTimeout(CONNECT_MS, () => socket.destroy(new Error(`no connection to ${to.address}:${to.port}`)));
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

/** Listens as the kernel at an address. */
export function listen(address: string, port: number, onSocket: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(onSocket);
    server.once('error', reject);
    server.listen({ host: address, port, exclusive: true }, () => resolve(server));
  });
}
