/** TCP in virtual time: a {@link TcpHost} for tests in which every byte boundary, refusal and silence can be arranged. */
import { EACCES, EADDRINUSE, EADDRNOTAVAIL, ECONNREFUSED, ECONNRESET } from '../../lnet/nal.ts';
import type { SimClock } from '../sim/sim-clock.ts';
import type { ConnectOptions, Endpoint, ListenOptions, Stream, StreamSink, TcpHost, TurnTask } from './stream.ts';

const LATENCY_US = 50;

/** Bytes of one direction that the network holds: a writer that nobody reads gets no further. */
const BUFFER_BYTES = 262_144;

const key = (endpoint: Endpoint): string => `${endpoint.address} ${endpoint.port}`;

/** The network: hosts by address. */
export class VirtualTcp {
  readonly clock: SimClock;
  /** Most bytes of one read. */
  readMax = Number.POSITIVE_INFINITY;
  /** Pairs of addresses between which nothing passes. */
  readonly cuts = new Set<string>();
  readonly listeners = new Map<string, ListenOptions>();
  /** Connections in use, as `local port remote port`. */
  readonly tuples = new Set<string>();
  readonly ends: VirtualStream[] = [];
  #ephemeral = 32_768;

  constructor(clock: SimClock) {
    this.clock = clock;
  }

  host(options: Partial<VirtualHostOptions> = {}): VirtualHost {
    return new VirtualHost(this, options);
  }

  nextPort(): number {
    return this.#ephemeral++;
  }

  isCut(a: string, b: string): boolean {
    return this.cuts.has(`${a} ${b}`) || this.cuts.has(`${b} ${a}`);
  }

  /** Nothing passes between two addresses until healed. */
  cut(a: string, b: string): { heal(): void } {
    this.cuts.add(`${a} ${b}`);
    return {
      heal: () => {
        this.cuts.delete(`${a} ${b}`);
        for (const end of this.ends) end.pump();
      },
    };
  }
}

export interface VirtualHostOptions {
  /** May use ports below 1024. */
  readonly isPrivileged: boolean;
  /** Source ports that another program holds. */
  readonly portsInUse: ReadonlySet<number>;
  /** Addresses of this machine besides loopback. */
  readonly ownAddresses: readonly string[];
}

export class VirtualHost implements TcpHost {
  readonly description = 'virtual TCP';
  readonly #net: VirtualTcp;
  readonly #options: Partial<VirtualHostOptions>;
  readonly #tasks: TurnTask[] = [];
  /** Every attempt to connect, in order. */
  readonly attempts: ConnectOptions[] = [];
  lostAddresses = new Set<string>();

  constructor(net: VirtualTcp, options: Partial<VirtualHostOptions>) {
    this.#net = net;
    this.#options = options;
  }

  connect(options: ConnectOptions, sink: StreamSink): Stream {
    this.attempts.push(options);
    const local = { address: options.from, port: options.fromPort === 0 ? this.#net.nextPort() : options.fromPort };
    const stream = new VirtualStream(this.#net, local, { address: options.to, port: options.toPort }, sink);
    // As the runtime does, ask for the first target before the connection is there.
    sink.target();
    this.#net.clock.alarm(this.#net.clock.now() + LATENCY_US, () => this.#arrive(options, stream));
    return stream;
  }

  #arrive(options: ConnectOptions, stream: VirtualStream): void {
    if (stream.isOver) return;
    const net = this.#net;
    const errno = this.#bindError(options, stream);
    if (errno !== 0) return stream.fail(errno);
    if (net.isCut(options.from, options.to)) return;
    const listener = net.listeners.get(key(stream.remote));
    if (!listener) return stream.fail(-ECONNREFUSED);
    const sink = listener.accept(stream.remote, stream.local);
    net.tuples.add(stream.tuple);
    const other = new VirtualStream(net, stream.remote, stream.local, sink);
    stream.joins(other);
    stream.opened();
    if (sink) other.opened();
    else other.reset();
  }

  #bindError(options: ConnectOptions, stream: VirtualStream): number {
    const { isPrivileged = true, portsInUse } = this.#options;
    const port = options.fromPort;
    if (port !== 0 && port < 1024 && !isPrivileged) return -EACCES;
    if (portsInUse?.has(port)) return -EADDRINUSE;
    return this.#net.tuples.has(stream.tuple) ? -EADDRNOTAVAIL : 0;
  }

  async listen(options: ListenOptions): Promise<() => void> {
    const place = key(options);
    if (this.#net.listeners.has(place)) throw Object.assign(new Error('in use'), { code: 'EADDRINUSE', errno: -98 });
    this.#net.listeners.set(place, options);
    return () => void this.#net.listeners.delete(place);
  }

  atTurnEnd(task: TurnTask): void {
    this.#tasks.push(task);
    if (this.#tasks.length > 1) return;
    this.#net.clock.alarm(this.#net.clock.now(), () => {
      for (const due of this.#tasks.splice(0)) due.endTurn();
    });
  }

  isOwnAddress(address: string): boolean {
    return address.startsWith('127.') || address === '::1' || this.#options.ownAddresses?.includes(address) === true;
  }

  hasAddress(address: string): boolean {
    return !this.lostAddresses.has(address);
  }

  linkSpeedMbps(device: string): number {
    return device === 'fast' ? 100_000 : 0;
  }
}

/** One end of a virtual connection. */
export class VirtualStream implements Stream {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly #net: VirtualTcp;
  readonly #sink: StreamSink | null;
  #other: VirtualStream | null = null;
  /** Writes not yet taken by the network, and what it holds for the other end. */
  readonly #writes: { left: Uint8Array[]; isReported: boolean }[] = [];
  readonly #held: Uint8Array[] = [];
  #heldBytes = 0;
  #isFinished = false;
  #isPaused = false;
  #isOpen = false;
  #isPumping = false;
  isOver = false;
  /** Vectored writes so far, and the number of segments of each. */
  readonly written: number[] = [];
  /** Where the next bytes of the other end land: asked for in advance, as the runtime does. */
  #target: Uint8Array | null = null;

  constructor(net: VirtualTcp, local: Endpoint, remote: Endpoint, sink: StreamSink | null) {
    this.#net = net;
    this.local = local;
    this.remote = remote;
    this.#sink = sink;
    net.ends.push(this);
  }

  get tuple(): string {
    return `${key(this.local)} ${key(this.remote)}`;
  }

  joins(other: VirtualStream): void {
    this.#other = other;
    other.#other = this;
  }

  opened(): void {
    this.#isOpen = true;
    this.#sink?.opened(this);
    this.pump();
  }

  fail(errno: number): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#net.tuples.delete(this.tuple);
    this.#sink?.ended(errno);
  }

  write(segments: readonly Uint8Array[]): void {
    if (segments.length === 0) throw new Error('a write of nothing');
    this.written.push(segments.length);
    this.#writes.push({ left: [...segments], isReported: true });
    this.#pumpSoon();
  }

  finish(bytes: Uint8Array): void {
    this.#writes.push({ left: [bytes], isReported: false });
    this.#isFinished = true;
    this.#pumpSoon();
  }

  resume(): void {
    this.#isPaused = false;
    this.#net.clock.alarm(this.#net.clock.now(), () => this.#other?.pump());
  }

  /** What the network holds still arrives, then the end. */
  destroy(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#net.tuples.delete(this.tuple);
    this.#writes.length = 0;
    this.#isFinished = true;
    this.#pumpSoon();
  }

  reset(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#net.tuples.delete(this.tuple);
    const other = this.#other;
    this.#net.clock.alarm(this.#net.clock.now() + LATENCY_US, () => other?.fail(-ECONNRESET));
  }

  /** The machine died: nobody is told. */
  vanish(): void {
    this.isOver = true;
  }

  #pumpSoon(): void {
    this.#net.clock.alarm(this.#net.clock.now() + LATENCY_US, () => this.pump());
  }

  /** Moves bytes from the writes into the network and from there to the other end. */
  pump(): void {
    if (this.#isPumping || !this.#isOpen) return;
    this.#isPumping = true;
    try {
      while (this.#absorb() || this.#deliverOne());
      this.#deliverEnd();
    } finally {
      this.#isPumping = false;
    }
  }

  #absorb(): boolean {
    const write = this.#writes[0];
    if (!write || this.#heldBytes >= BUFFER_BYTES || this.#net.isCut(this.local.address, this.remote.address))
      return false;
    const segment = write.left.shift();
    if (segment) {
      const take = Math.min(segment.length, BUFFER_BYTES - this.#heldBytes);
      if (take < segment.length) write.left.unshift(segment.subarray(take));
      this.#held.push(new Uint8Array(segment.subarray(0, take)));
      this.#heldBytes += take;
    }
    if (write.left.length === 0) {
      this.#writes.shift();
      // Reported later, as the runtime does.
      if (write.isReported)
        this.#net.clock.alarm(this.#net.clock.now(), () => {
          if (!this.isOver) this.#sink?.written();
        });
    }
    return true;
  }

  #deliverOne(): boolean {
    const other = this.#other;
    const chunk = this.#held[0];
    if (!other || !chunk || this.#net.isCut(this.local.address, this.remote.address)) return false;
    if (other.isOver) {
      this.#held.length = 0;
      this.#heldBytes = 0;
      this.fail(-ECONNRESET);
      return false;
    }
    if (other.#isPaused || !other.#isOpen) return false;
    const sink = other.#sink as StreamSink;
    const target = other.#target ?? sink.target();
    const count = Math.min(target.length, chunk.length, this.#net.readMax);
    if (count === 0) throw new Error('an empty target');
    target.set(chunk.subarray(0, count));
    if (count === chunk.length) this.#held.shift();
    else this.#held[0] = chunk.subarray(count);
    this.#heldBytes -= count;
    if (!sink.received(count)) other.#isPaused = true;
    other.#target = sink.target();
    return true;
  }

  #deliverEnd(): void {
    if (!this.#isFinished || this.#heldBytes > 0 || this.#writes.length > 0) return;
    const other = this.#other;
    if (!other || other.isOver || other.#isPaused || this.#net.isCut(this.local.address, this.remote.address)) return;
    other.fail(0);
  }
}
