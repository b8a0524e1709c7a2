/**
 * The sockets of this NAL: node:net as a {@link TcpHost}.
 */
import { readFileSync } from 'node:fs';
import { connect, createServer, type OnReadOpts, type Server, type Socket, type TcpNetConnectOpts } from 'node:net';
import { networkInterfaces } from 'node:os';
import { ECONNRESET, EIO, ENETUNREACH } from '../../lnet/nal.ts';
import { type AcceptMode, listening, tryOnread, withOnread } from './accepted-socket.ts';
import type {
  ConnectOptions,
  Endpoint,
  ListenOptions,
  SocketOptions,
  Stream,
  StreamSink,
  TcpHost,
  TurnTask,
} from './stream.ts';

/** node:net as the machine of this NAL. */
export class NodeTcpHost implements TcpHost {
  readonly #tasks: TurnTask[] = [];
  #isTurnAwaited = false;
  #mode: Promise<AcceptMode> | undefined;
  #isCopying = false;

  /** `mode`: how accepted connections are read; found out when absent. */
  constructor(mode?: AcceptMode) {
    this.#mode = mode && Promise.resolve(mode);
  }

  get description(): string {
    return this.#isCopying ? "node:net (accepted connections through 'data', with a copy)" : 'node:net';
  }

  connect(options: ConnectOptions, sink: StreamSink): Stream {
    const target: TcpNetConnectOpts & { onread: OnReadOpts } = {
      host: options.to,
      port: options.toPort,
      localAddress: options.from,
      ...(options.fromPort === 0 ? {} : { localPort: options.fromPort }),
      onread: onreadOf(sink),
    };
    const socket = connect(target);
    const stream = new NodeStream(socket, sink, null);
    socket.once('connect', () => {
      setUp(socket, options.socket);
      stream.connected();
    });
    return stream;
  }

  async listen(options: ListenOptions): Promise<() => void> {
    const mode = await this.#acceptMode(options.address);
    this.#isCopying = mode === 'copied';
    const server = createServer({ pauseOnConnect: true }, (accepted) => take(server, accepted, options, mode));
    await listening(server, options.address, options.port, options.backlog);
    // An error of a listening socket (too many open files) concerns the connection that could not be taken.
    server.on('error', () => {});
    return () => server.close();
  }

  async #acceptMode(address: string): Promise<AcceptMode> {
    this.#mode ??= tryOnread(address);
    try {
      return await this.#mode;
    } catch (error) {
      // The address cannot be listened on at all; another one may.
      this.#mode = undefined;
      throw error;
    }
  }

  atTurnEnd(task: TurnTask): void {
    this.#tasks.push(task);
    if (this.#isTurnAwaited) return;
    this.#isTurnAwaited = true;
    setImmediate(() => this.#endTurn());
  }

  #endTurn(): void {
    this.#isTurnAwaited = false;
    // Tasks that come up meanwhile belong to the next turn.
    for (const task of this.#tasks.splice(0)) task.endTurn();
  }

  isOwnAddress(address: string): boolean {
    return address === '::1' || address.startsWith('127.') || this.#addresses().includes(address);
  }

  hasAddress(address: string): boolean {
    const addresses = this.#addresses();
    // The whole of 127.0.0.0/8 belongs to the loopback device, which lists one address of it.
    return address.startsWith('127.') ? addresses.some((own) => own.startsWith('127.')) : addresses.includes(address);
  }

  #addresses(): string[] {
    return Object.values(networkInterfaces()).flatMap((entries) => (entries ?? []).map((entry) => entry.address));
  }

  linkSpeedMbps(device: string): number {
    if (!/^[A-Za-z0-9_.@-]+$/.test(device)) return 0;
    try {
      return Math.max(Number(readFileSync(`/sys/class/net/${device}/speed`, 'utf8')) || 0, 0);
    } catch {
      // No such device (an address stands in its place), or one that has no speed.
      return 0;
    }
  }
}

/** `onread` of a sink. The runtime asks for the next target after each read, so that the sink decides where bytes land. */
function onreadOf(sink: StreamSink): OnReadOpts {
  return { buffer: () => sink.target(), callback: (count) => sink.received(count) };
}

function setUp(socket: Socket, options: SocketOptions): void {
  if (!options.nagle) socket.setNoDelay(true);
  // The runtime lets the idle time be chosen; interval and count of the probes are its own (1 s, 10 in libuv).
  if (options.keepaliveIdleS > 0) socket.setKeepAlive(true, options.keepaliveIdleS * 1000);
  const settable = socket as Socket & { setTypeOfService?: (tos: number) => unknown };
  if (options.tos >= 0) settable.setTypeOfService?.(options.tos);
}

/** One accepted connection. */
function take(server: Server, accepted: Socket, options: ListenOptions, mode: AcceptMode): void {
  accepted.on('error', () => {});
  const local = endpoint(accepted.localAddress, accepted.localPort);
  const remote = endpoint(accepted.remoteAddress, accepted.remotePort);
  const sink = local && remote ? options.accept(local, remote) : null;
  if (!sink) {
    accepted.resetAndDestroy();
    return;
  }
  const socket = mode === 'direct' ? withOnread(server, accepted, onreadOf(sink)) : accepted;
  setUp(socket, options.socket);
  const stream = new NodeStream(socket, sink, mode === 'direct' ? null : new ChunkFeed(socket, sink));
  stream.connected();
}

function endpoint(address: string | undefined, port: number | undefined): Endpoint | null {
  return address === undefined || port === undefined ? null : { address, port };
}

/** The negative errno of a socket's error, as the state machines understand it. */
export function errnoOf({ errno, code, syscall }: Partial<NodeJS.ErrnoException>): number {
  // A broadcast address or a rule of the system, as opposed to a source port that is not permitted.
  if (code === 'EACCES' && syscall !== 'bind') return -ENETUNREACH;
  // A write that finds out about the RST of the peer before a read does.
  if (code === 'EPIPE') return -ECONNRESET;
  return -Math.abs(errno ?? EIO);
}

const NOWHERE: Endpoint = { address: '', port: 0 };

/** A socket as a {@link Stream}. */
class NodeStream implements Stream {
  readonly #socket: Socket;
  readonly #sink: StreamSink;
  readonly #feed: ChunkFeed | null;
  readonly #onWritten: (error?: Error | null) => void;
  #local = NOWHERE;
  #remote = NOWHERE;
  #isOver = false;

  constructor(socket: Socket, sink: StreamSink, feed: ChunkFeed | null) {
    this.#socket = socket;
    this.#sink = sink;
    this.#feed = feed;
    this.#onWritten = (error) => {
      if (!error && !this.#isOver) sink.written();
    };
    socket.on('error', (error: NodeJS.ErrnoException) => this.#ended(errnoOf(error)));
    socket.on('end', () => this.#ended(0));
    socket.on('close', () => this.#ended(0));
  }

  get local(): Endpoint {
    return this.#local;
  }

  get remote(): Endpoint {
    return this.#remote;
  }

  connected(): void {
    if (this.#isOver) return;
    this.#local = endpoint(this.#socket.localAddress, this.#socket.localPort) ?? NOWHERE;
    this.#remote = endpoint(this.#socket.remoteAddress, this.#socket.remotePort) ?? NOWHERE;
    this.#sink.opened(this);
    this.#feed?.start();
  }

  write(segments: readonly Uint8Array[]): void {
    const socket = this.#socket;
    const last = segments.length - 1;
    if (last > 0) socket.cork();
    for (let i = 0; i < last; i++) socket.write(segments[i] as Uint8Array);
    socket.write(segments[last] as Uint8Array, this.#onWritten);
    if (last > 0) socket.uncork();
  }

  finish(bytes: Uint8Array): void {
    this.#socket.end(bytes);
  }

  resume(): void {
    if (this.#feed) this.#feed.resume();
    else this.#socket.resume();
  }

  destroy(): void {
    this.#isOver = true;
    this.#socket.destroy();
  }

  reset(): void {
    this.#isOver = true;
    this.#socket.resetAndDestroy();
  }

  #ended(errno: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink.ended(errno);
    this.#socket.destroy();
  }
}

/** The way of an accepted socket without `onread`: chunks of the runtime, copied to where the sink wants them. */
class ChunkFeed {
  readonly #socket: Socket;
  readonly #sink: StreamSink;
  #rest: Uint8Array | null = null;

  constructor(socket: Socket, sink: StreamSink) {
    this.#socket = socket;
    this.#sink = sink;
  }

  start(): void {
    this.#socket.on('data', (chunk: Uint8Array) => this.#deliver(chunk));
    this.#socket.resume();
  }

  resume(): void {
    // Not at once: who resumes is not to be told of further messages from inside.
    setImmediate(() => this.#goOn());
  }

  #goOn(): void {
    const rest = this.#rest;
    this.#rest = null;
    if (rest && !this.#deliver(rest)) return;
    this.#socket.resume();
  }

  #deliver(chunk: Uint8Array): boolean {
    for (let at = 0; at < chunk.length; ) {
      const target = this.#sink.target();
      const count = Math.min(target.length, chunk.length - at);
      target.set(chunk.subarray(at, at + count));
      at += count;
      if (this.#sink.received(count)) continue;
      if (at < chunk.length) this.#rest = chunk.subarray(at);
      this.#socket.pause();
      return false;
    }
    return true;
  }
}
