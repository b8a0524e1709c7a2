import { connect, type Socket } from 'node:net';
import { ECANCELED, ENETDOWN, EPROTO } from '../../lnet/errno.ts';
import { LnetError } from '../../lnet/error-code.ts';
import type { Tree, TreeMap } from '../print/tree.ts';
import { errorOfFault } from './fault.ts';
import { LineReader } from './line-reader.ts';
import { CONTROL_VERSION, LINE_BYTES_MAX, parseGreeting, parseReply, type Reply } from './protocol.ts';

export interface RequestOptions {
  /** Called for each part of an answer that comes in parts. */
  readonly onItem?: (part: Tree) => void;
  readonly signal?: AbortSignal;
}

interface Waiting {
  readonly resolve: (result: Tree) => void;
  readonly reject: (error: LnetError) => void;
  readonly onItem: ((part: Tree) => void) | undefined;
}

/** A command's side of the control socket. */
export class ControlClient {
  readonly #socket: Socket;
  readonly #path: string;
  readonly #lines = new LineReader(LINE_BYTES_MAX);
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  #greeted: { readonly resolve: (pid: number) => void; readonly reject: (error: LnetError) => void } | undefined;
  #failure: LnetError | undefined;
  /** Process id of the daemon. */
  pid = 0;
  /** Resolves when the daemon has closed the connection, or it was closed here. */
  readonly closed: Promise<void>;

  private constructor(socket: Socket, path: string) {
    this.#socket = socket;
    this.#path = path;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('data', (piece) => this.#read(piece));
    socket.on('error', (error: NodeJS.ErrnoException) => this.#fail(noDaemon(path, error)));
    socket.on('close', () => this.#fail(lostDaemon(path)));
  }

  /** Connects to the daemon at `path`. Rejects with `ERR_LNET_DOWN` when none answers there. */
  static async connect(path: string): Promise<ControlClient> {
    const client = new ControlClient(connect(path), path);
    client.pid = await new Promise<number>((resolve, reject) => {
      if (client.#failure) reject(client.#failure);
      else client.#greeted = { resolve, reject };
    });
    return client;
  }

  /** Runs one operation. Rejects with the daemon's error, or `ERR_LNET_DOWN` when it goes away first. */
  request(op: string, args: TreeMap = {}, { onItem, signal }: RequestOptions = {}): Promise<Tree> {
    const id = this.#nextId++;
    return new Promise<Tree>((resolve, reject) => {
      if (this.#failure || signal?.aborted) {
        reject(this.#failure ?? canceled(op));
        return;
      }
      const abort = (): void => this.#write({ cancel: id });
      const settle = (): void => signal?.removeEventListener('abort', abort);
      this.#waiting.set(id, {
        onItem,
        resolve: (result) => {
          settle();
          resolve(result);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      signal?.addEventListener('abort', abort, { once: true });
      this.#write({ id, op, args });
    });
  }

  close(): void {
    this.#socket.end();
  }

  #write(message: unknown): void {
    this.#socket.write(`${JSON.stringify(message)}\n`);
  }

  #read(piece: Buffer): void {
    const lines = this.#lines.push(piece);
    if (!lines) {
      this.#fail(foreign(this.#path, `a line is longer than ${LINE_BYTES_MAX} bytes`));
      this.#socket.destroy();
      return;
    }
    for (const line of lines) {
      if (this.#greeted) this.#greet(line);
      else this.#answer(line);
    }
  }

  #greet(line: string): void {
    const greeting = parseGreeting(line);
    if (greeting?.version === CONTROL_VERSION) {
      this.#greeted?.resolve(greeting.pid);
      this.#greeted = undefined;
      return;
    }
    this.#fail(
      foreign(
        this.#path,
        greeting
          ? `it speaks version ${greeting.version} of the protocol, not ${CONTROL_VERSION}`
          : 'it does not greet',
      ),
    );
    this.#socket.destroy();
  }

  #answer(line: string): void {
    const reply = parseReply(line);
    if (!reply) {
      this.#fail(foreign(this.#path, 'it answers what is no reply'));
      this.#socket.destroy();
    } else if (reply.id < 0 && 'error' in reply) {
      this.#fail(errorOfFault(reply.error));
    } else {
      this.#settle(reply);
    }
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    if (!waiting) return;
    if ('item' in reply) {
      waiting.onItem?.(reply.item);
      return;
    }
    this.#waiting.delete(reply.id);
    if ('error' in reply) waiting.reject(errorOfFault(reply.error));
    else waiting.resolve(reply.result);
  }

  /** The first reason counts. */
  #fail(error: LnetError): void {
    this.#failure ??= error;
    this.#greeted?.reject(this.#failure);
    this.#greeted = undefined;
    for (const waiting of this.#waiting.values()) waiting.reject(this.#failure);
    this.#waiting.clear();
  }
}

function noDaemon(path: string, error: NodeJS.ErrnoException): LnetError {
  const isForbidden = error.code === 'EACCES' || error.code === 'EPERM';
  return new LnetError('ERR_LNET_DOWN', {
    errno: -ENETDOWN,
    message: isForbidden ? `the daemon at ${path} belongs to another user` : `no lnet daemon answers at ${path}`,
    hint: isForbidden ? 'run as that user' : "start one with 'lnet up FILE.yaml', or name another with --socket",
    cause: error,
  });
}

function lostDaemon(path: string): LnetError {
  return new LnetError('ERR_LNET_DOWN', {
    errno: -ENETDOWN,
    message: `the lnet daemon at ${path} closed the connection`,
  });
}

function foreign(path: string, why: string): LnetError {
  return new LnetError('ERR_LNET_PROTOCOL', {
    errno: -EPROTO,
    message: `what listens at ${path} is no lnet daemon of this version: ${why}`,
    hint: 'restart the daemon with this version, or name another socket with --socket',
  });
}

function canceled(op: string): LnetError {
  return new LnetError('ERR_LNET_CANCELED', { errno: -ECANCELED, message: `${op} was canceled` });
}
