/**
 * The border between the state machines of this NAL and the runtime's sockets: `socket.ts` implements one side over
 * node:net, the tests implement it in virtual time, and everything else of this folder stands on the other side.
 */

/** One end of a TCP connection. */
export interface Endpoint {
  /** IP address as text, without zone. */
  readonly address: string;
  readonly port: number;
}

/** The state machine of one byte stream: told what happens. No call of these throws. */
export interface StreamSink {
  /** The connection is there: accepted, or our own attempt has succeeded. First call but for {@link target}. */
  opened(stream: Stream): void;
  /** Memory in which the next bytes must land; never empty. May be asked for before {@link opened}, and more than once. */
  target(): Uint8Array;
  /** So many bytes have landed at the start of the last target. False: read no more until {@link Stream.resume}. */
  received(count: number): boolean;
  /** The oldest {@link Stream.write} not yet reported is over: its bytes are the kernel's. */
  written(): void;
  /** 0: the peer has closed its side. Negative errno: the connection failed, or never came about. Last call. */
  ended(errno: number): void;
}

/** A byte stream. After {@link destroy}, {@link reset} or {@link StreamSink.ended} the sink hears nothing more of it. */
export interface Stream {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Sends segments in one vectored write. Their memory must stay untouched until {@link StreamSink.written}. */
  write(segments: readonly Uint8Array[]): void;
  /** Sends last bytes and closes our side; what still arrives is delivered. {@link StreamSink.written} is not called for it. */
  finish(bytes: Uint8Array): void;
  /** Reads on after {@link StreamSink.received} answered false. */
  resume(): void;
  /** Closes at once; unsent data is discarded. When it returns nothing touches the memory of writes any more. */
  destroy(): void;
  /** As {@link destroy}, by RST. */
  reset(): void;
}

/** Something to do once at the end of the present turn of the event loop. */
export interface TurnTask {
  endTurn(): void;
}

export interface ConnectOptions {
  /** Source address. */
  readonly from: string;
  /** Source port; 0: any above 1023 that is free. */
  readonly fromPort: number;
  readonly to: string;
  readonly toPort: number;
  readonly socket: SocketOptions;
}

export interface SocketOptions {
  /** False: TCP_NODELAY. */
  readonly nagle: boolean;
  /** Seconds without traffic until TCP probes the peer; 0: never. */
  readonly keepaliveIdleS: number;
  /** IP type of service; -1: as the system has it. */
  readonly tos: number;
}

export interface ListenOptions {
  readonly address: string;
  readonly port: number;
  readonly backlog: number;
  readonly socket: SocketOptions;
  /** Judges a connection before anything is read from it; null: refused with RST. */
  readonly accept: (local: Endpoint, remote: Endpoint) => StreamSink | null;
}

/** What this NAL needs of the machine it runs on. */
export interface TcpHost {
  /** For a person: "node:net". */
  readonly description: string;
  /**
   * Opens a connection; the outcome comes later, as {@link StreamSink.opened} or {@link StreamSink.ended}. -EACCES means that this
   * process may not use the source port, and nothing else.
   */
  connect(options: ConnectOptions, sink: StreamSink): Stream;
  /** Rejects with an error that has the system's `code` (EADDRINUSE, EACCES, …). The function closes the listener. */
  listen(options: ListenOptions): Promise<() => void>;
  /** A task is given once per turn at most. */
  atTurnEnd(task: TurnTask): void;
  /** True for every address that only this machine can have connected from. */
  isOwnAddress(address: string): boolean;
  /** An interface of this machine that is up has the address. */
  hasAddress(address: string): boolean;
  /** Speed of a network device, Mb/s; 0 when unknown. */
  linkSpeedMbps(device: string): number;
}
