import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { EBUSY, EINVAL, EPROTO } from '../../lnet/errno.ts';
import { LnetError } from '../../lnet/error-code.ts';
import type { Tree, TreeMap } from '../print/tree.ts';
import { faultOf } from './fault.ts';
import { LineReader } from './line-reader.ts';
import {
  CLIENTS_MAX,
  CONTROL_VERSION,
  type Greeting,
  LINE_BYTES_MAX,
  parseClientLine,
  type Reply,
  type Request,
  REQUESTS_MAX,
} from './protocol.ts';

/** How a handler answers in parts, and learns that nobody listens any more. */
export interface RequestStream {
  /** Aborted by the client's cancel, its going away, or the end of the daemon. */
  readonly signal: AbortSignal;
  /** Sends a part of the answer. False: the client is slow; wait for {@link drained} or drop what can be dropped. */
  item(part: Tree): boolean;
  drained(): Promise<void>;
}

/** Carries out one operation. What it returns is the result; what it throws is the client's error. */
export type Handler = (args: TreeMap, stream: RequestStream) => Promise<Tree> | Tree;

export type Handlers = Readonly<Record<string, Handler>>;

/** What the socket refused, by reason. */
export const CONTROL_COUNTERS = {
  requests: 'requests carried out',
  clients_refused: 'clients turned away because there were too many',
  lines_too_long: 'lines longer than allowed: the client is cut off',
  lines_unreadable: 'lines that are no request: the client is cut off',
  operations_unknown: 'requests for an operation that does not exist',
  requests_refused: 'requests turned away because the client has too many under way',
} as const;

export type ControlCounters = Record<keyof typeof CONTROL_COUNTERS, number>;

/** How long a client may take to read the last answers. */
const FLUSH_MS = 1_000;

export interface ControlServerOptions {
  readonly name: string;
  readonly handlers: Handlers;
  /** Told of errors that are defects of a handler. */
  readonly onDefect: (error: unknown) => void;
}

/** The daemon's side of the control socket. */
export class ControlServer {
  readonly counters = Object.fromEntries(Object.keys(CONTROL_COUNTERS).map((name) => [name, 0])) as ControlCounters;
  readonly #options: ControlServerOptions;
  readonly #clients = new Set<ClientSession>();
  readonly #server: Server;

  constructor(options: ControlServerOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Listens at `path`, for the owner alone. Rejects with the error of the system. */
  async listen(path: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      // A Unix socket is bound within this call: the mask is not seen by anything else, and there is no gap before chmod.
      const mask = process.umask(0o177);
      try {
        this.#server.listen(path, () => {
          this.#server.off('error', reject);
          resolve();
        });
      } finally {
        process.umask(mask);
      }
    });
    chmodSync(path, 0o600);
    this.#server.on('error', this.#options.onDefect);
  }

  /** Takes no client any more, ends the requests under way, and waits until their answers have gone out. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await Promise.all([...this.#clients].map((client) => client.end()));
    await closed;
  }

  #accept(socket: Socket): void {
    if (this.#clients.size >= CLIENTS_MAX) {
      this.counters.clients_refused++;
      const error = faultOf(
        new LnetError('ERR_LNET_BUSY', {
          errno: -EBUSY,
          message: `${CLIENTS_MAX} clients are served already`,
          hint: 'try again when one has finished',
        }),
      );
      socket.on('error', () => {});
      socket.end(`${JSON.stringify(greetingOf(this.#options.name))}\n${JSON.stringify({ id: -1, error })}\n`);
      return;
    }
    const client = new ClientSession(socket, this.#options, this.counters, () => this.#clients.delete(client));
    this.#clients.add(client);
  }
}

function greetingOf(name: string): Greeting {
  return { lnet: CONTROL_VERSION, pid: process.pid, name };
}

class ClientSession {
  readonly #socket: Socket;
  readonly #options: ControlServerOptions;
  readonly #counters: ControlCounters;
  readonly #lines = new LineReader(LINE_BYTES_MAX);
  readonly #running = new Map<number, AbortController>();
  readonly #ends = new Set<Promise<void>>();

  constructor(socket: Socket, options: ControlServerOptions, counters: ControlCounters, onClose: () => void) {
    this.#socket = socket;
    this.#options = options;
    this.#counters = counters;
    socket.on('data', (piece) => this.#read(piece));
    // A client that goes away is no news; `close` follows in any case.
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#abortAll();
      onClose();
    });
    this.#write(greetingOf(options.name));
  }

  async end(): Promise<void> {
    this.#abortAll();
    await Promise.all(this.#ends);
    this.#socket.end();
    // A client that does not read must not keep the daemon from ending.
    setTimeout(() => this.#socket.destroy(), FLUSH_MS).unref();
  }

  #read(piece: Buffer): void {
    const lines = this.#lines.push(piece);
    if (!lines) {
      this.#counters.lines_too_long++;
      this.#cutOff(`a line is longer than ${LINE_BYTES_MAX} bytes`);
      return;
    }
    for (const line of lines) {
      const message = parseClientLine(line);
      if (!message) {
        this.#counters.lines_unreadable++;
        this.#cutOff('a line is no request; see docs/control-socket.md');
        return;
      }
      if ('cancel' in message) this.#running.get(message.cancel)?.abort();
      else this.#begin(message);
    }
    // Who asks without reading the answers is not read either, so that answers cannot pile up.
    if (this.#socket.writableNeedDrain) {
      this.#socket.pause();
      this.#socket.once('drain', () => this.#socket.resume());
    }
  }

  #begin(request: Request): void {
    const refusal = this.#refusalOf(request);
    if (refusal) {
      this.#write({ id: request.id, error: faultOf(refusal) });
      return;
    }
    this.#counters.requests++;
    const controller = new AbortController();
    this.#running.set(request.id, controller);
    const end = this.#run(request, controller.signal).finally(() => {
      this.#running.delete(request.id);
      this.#ends.delete(end);
    });
    this.#ends.add(end);
  }

  #refusalOf({ id, op }: Request): LnetError | undefined {
    if (!Object.hasOwn(this.#options.handlers, op)) {
      this.#counters.operations_unknown++;
      return new LnetError('ERR_LNET_PROTOCOL', {
        errno: -EPROTO,
        message: `the daemon has no operation '${op}'`,
        hint: 'command and daemon are of different versions: restart the daemon with this version',
      });
    }
    if (this.#running.has(id) || this.#running.size >= REQUESTS_MAX) {
      this.#counters.requests_refused++;
      const why = this.#running.has(id)
        ? `request ${id} is under way already`
        : `${REQUESTS_MAX} requests are under way`;
      return new LnetError('ERR_LNET_BUSY', { errno: -EBUSY, message: why });
    }
    return undefined;
  }

  async #run({ id, op, args }: Request, signal: AbortSignal): Promise<void> {
    const stream: RequestStream = {
      signal,
      item: (part) => this.#write({ id, item: part }),
      drained: () => this.#drained(),
    };
    try {
      const result = await (this.#options.handlers[op] as Handler)(args, stream);
      this.#write({ id, result });
    } catch (error) {
      if (!(error instanceof LnetError)) this.#options.onDefect(error);
      this.#write({ id, error: faultOf(error) });
    }
  }

  #drained(): Promise<void> {
    if (this.#socket.destroyed || !this.#socket.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#socket.off('drain', done);
        this.#socket.off('close', done);
        resolve();
      };
      this.#socket.on('drain', done);
      this.#socket.on('close', done);
    });
  }

  #write(message: Reply | Greeting): boolean {
    if (this.#socket.destroyed || this.#socket.writableEnded) return false;
    return this.#socket.write(`${JSON.stringify(message)}\n`);
  }

  #cutOff(message: string): void {
    const error = faultOf(new LnetError('ERR_LNET_PROTOCOL', { errno: -EINVAL, message }));
    this.#abortAll();
    this.#write({ id: -1, error });
    this.#socket.pause();
    this.#socket.removeAllListeners('data');
    this.#socket.end(() => this.#socket.destroy());
  }

  #abortAll(): void {
    for (const controller of this.#running.values()) controller.abort();
  }
}
