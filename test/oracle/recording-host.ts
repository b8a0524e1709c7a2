import { EACCES } from '../../lnet/errno.ts';
import type {
  ConnectOptions,
  Endpoint,
  ListenOptions,
  Stream,
  StreamSink,
  TcpHost,
  TurnTask,
} from '../../nals/tcp/stream.ts';

/** What one node sent on one TCP connection, from the first byte on. */
export interface SentStream {
  readonly isConnector: boolean;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly bytes: Buffer;
}

/**
 * A {@link TcpHost} that keeps a copy of all that is sent through it: what a tap does not show, the handshakes. It can also
 * play a process without privileges, which may not use source ports below 1024.
 */
export class RecordingHost implements TcpHost {
  readonly #host: TcpHost;
  readonly #isUnprivileged: boolean;
  readonly #streams: RecordingStream[] = [];

  constructor(host: TcpHost, isUnprivileged: boolean) {
    this.#host = host;
    this.#isUnprivileged = isUnprivileged;
  }

  /** Connections in the order in which they were opened. */
  get sent(): readonly SentStream[] {
    return this.#streams;
  }

  get description(): string {
    return this.#host.description;
  }

  connect(options: ConnectOptions, sink: StreamSink): Stream {
    if (this.#isUnprivileged && options.fromPort !== 0) {
      setImmediate(() => sink.ended(-EACCES));
      return NEVER_OPENED;
    }
    return this.#host.connect(options, this.#recorded(sink, true));
  }

  listen(options: ListenOptions): Promise<() => void> {
    const accept = (local: Endpoint, remote: Endpoint): StreamSink | null => {
      const sink = options.accept(local, remote);
      return sink && this.#recorded(sink, false);
    };
    return this.#host.listen({ ...options, accept });
  }

  #recorded(sink: StreamSink, isConnector: boolean): StreamSink {
    return {
      opened: (stream) => {
        const recording = new RecordingStream(stream, isConnector);
        this.#streams.push(recording);
        sink.opened(recording);
      },
      target: () => sink.target(),
      received: (count) => sink.received(count),
      written: () => sink.written(),
      ended: (errno) => sink.ended(errno),
    };
  }

  atTurnEnd(task: TurnTask): void {
    this.#host.atTurnEnd(task);
  }

  isOwnAddress(address: string): boolean {
    return this.#host.isOwnAddress(address);
  }

  hasAddress(address: string): boolean {
    return this.#host.hasAddress(address);
  }

  linkSpeedMbps(device: string): number {
    return this.#host.linkSpeedMbps(device);
  }
}

class RecordingStream implements Stream, SentStream {
  readonly isConnector: boolean;
  readonly #stream: Stream;
  readonly #chunks: Uint8Array[] = [];

  constructor(stream: Stream, isConnector: boolean) {
    this.#stream = stream;
    this.isConnector = isConnector;
  }

  get local(): Endpoint {
    return this.#stream.local;
  }

  get remote(): Endpoint {
    return this.#stream.remote;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  write(segments: readonly Uint8Array[]): void {
    for (const segment of segments) this.#chunks.push(Uint8Array.from(segment));
    this.#stream.write(segments);
  }

  finish(bytes: Uint8Array): void {
    this.#chunks.push(Uint8Array.from(bytes));
    this.#stream.finish(bytes);
  }

  resume(): void {
    this.#stream.resume();
  }

  destroy(): void {
    this.#stream.destroy();
  }

  reset(): void {
    this.#stream.reset();
  }
}

const NOWHERE: Endpoint = { address: '', port: 0 };

const NEVER_OPENED: Stream = {
  local: NOWHERE,
  remote: NOWHERE,
  write: () => {},
  finish: () => {},
  resume: () => {},
  destroy: () => {},
  reset: () => {},
};
