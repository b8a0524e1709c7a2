import { connect, type Socket } from 'node:net';
import { greeting, noop } from './frames.ts';

/** Longest anything here may take, ms. */
const PATIENCE_MS = 10_000;

/** Bytes of answers that are kept. */
const KEPT_MAX = 1 << 18;

export interface Place {
  readonly address: string;
  readonly port: number;
}

/** One TCP connection in the hands of a test, which may send anything on it. */
export class RawPeer {
  readonly address: string;
  readonly #socket: Socket;
  readonly #began = performance.now();
  #received: Buffer = Buffer.alloc(0);
  /** Milliseconds from the connection to its end, whoever ended it; undefined while it stands. */
  lastedMs: number | undefined;
  #wake: (() => void) | undefined;

  private constructor(address: string, socket: Socket) {
    this.address = address;
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      if (this.#received.length < KEPT_MAX) this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake?.();
    });
    socket.on('close', () => {
      this.lastedMs = performance.now() - this.#began;
      this.#wake?.();
    });
  }

  /** Port 0: any above 1023. */
  static connect(from: Place | string, to: Place): Promise<RawPeer> {
    const { address, port } = typeof from === 'string' ? { address: from, port: 0 } : from;
    return new Promise((resolve, reject) => {
      const socket = connect({
        host: to.address,
        port: to.port,
        localAddress: address,
        ...(port === 0 ? {} : { localPort: port }),
      });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RawPeer(address, socket));
      });
    });
  }

  get isOpen(): boolean {
    return this.lastedMs === undefined;
  }

  get received(): Buffer {
    return this.#received;
  }

  /** Forgets what was received. */
  take(): Buffer {
    const taken = this.#received;
    this.#received = Buffer.alloc(0);
    return taken;
  }

  /** Bytes that were sent and that the system has not taken. */
  get backlog(): number {
    return this.#socket.writableLength;
  }

  send(bytes: Uint8Array): this {
    if (this.isOpen) this.#socket.write(bytes);
    return this;
  }

  /** Sends; resolves when the system has taken it or the connection has ended. */
  async pour(bytes: Uint8Array): Promise<void> {
    if (!this.isOpen || this.#socket.write(bytes)) return;
    await this.until(() => !this.#socket.writableNeedDrain);
  }

  /** Reads no more. */
  stopReading(): this {
    this.#socket.pause();
    return this;
  }

  /** Connection request and HELLO as a good peer sends them; resolves with the answer's bytes. */
  async greet(to: string, type = 1): Promise<this> {
    this.send(greeting(`${this.address}@tcp`, to, type));
    await this.until(() => this.#received.length >= 56);
    if (!this.isOpen) throw new Error('refused');
    this.take();
    return this;
  }

  /** Waits until something is so, or the connection has ended. */
  async until(isSo: () => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (this.isOpen && !isSo()) {
      if (performance.now() > deadline) throw new Error('the node neither answers nor closes');
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 20);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Waits for the end; gives the time that the connection lasted. */
  async ended(): Promise<number> {
    // Who does not read learns of the end only from what it sends.
    await this.until(() => {
      if (this.#socket.isPaused()) this.send(noop(0n, 1n));
      return false;
    });
    return this.lastedMs as number;
  }

  close(): void {
    this.#socket.resetAndDestroy();
  }
}
