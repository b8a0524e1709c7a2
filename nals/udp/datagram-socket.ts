/** The sockets of this NAL: node:dgram as a {@link DatagramHost}. The only file of the folder that opens something. */
import { randomFillSync } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { EIO } from '../../lnet/nal.ts';
import type { BindOptions, DatagramHost, DatagramSink, DatagramSocket, TurnTask } from './datagram.ts';

/** MTU where the system does not tell. */
const MTU_DEFAULT = 1_500;

/** How often it is looked whether the system has taken a datagram that it refused at first. */
const BLOCKED_MS = 1;

/** How long the answer to a probe is waited for, and how many may be under way. */
const PROBE_MS = 1_000;
const PROBES_MAX = 32;

/** Addresses are never names here: no look-up, which would cost a turn of the loop for each datagram. */
const lookup = (
  address: string,
  _options: unknown,
  callback: (error: null, address: string, family: number) => void,
): void => callback(null, address, address.includes(':') ? 6 : 4);

const socketFor = (address: string): Socket =>
  createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', lookup: lookup });

/** node:dgram as the machine of this NAL. */
export class NodeDatagramHost implements DatagramHost {
  readonly description = 'node:dgram';
  readonly #tasks: TurnTask[] = [];
  #isTurnAwaited = false;
  #probes = 0;

  async bind({ address, port, bufferBytes }: BindOptions, sink: DatagramSink): Promise<DatagramSocket> {
    const socket = socketFor(address);
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ address, port, exclusive: true }, () => {
        socket.off('error', reject);
        resolve();
      });
    });
    for (const ask of ['setRecvBufferSize', 'setSendBufferSize'] as const) {
      try {
        socket[ask](bufferBytes);
      } catch {
        // A system that gives no buffer of this size: the one that it has loses more, which the protocol makes good.
      }
    }
    return new NodeDatagramSocket(socket, sink);
  }

  probe(options: { from: string; to: string; port: number; packet: Uint8Array; refused: () => void }): void {
    if (this.#probes === PROBES_MAX) return;
    this.#probes++;
    const socket = socketFor(options.to);
    let isOver = false;
    const finish = (): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(giveUp);
      this.#probes--;
      socket.close();
    };
    const giveUp = setTimeout(finish, PROBE_MS);
    giveUp.unref();
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (isOver) return;
      finish();
      if (error.code === 'ECONNREFUSED') options.refused();
    });
    // Only a connected socket is told of ICMP messages.
    socket.once('connect', () => socket.send(options.packet));
    socket.bind({ address: options.from }, () => {
      if (!isOver) socket.connect(options.port, options.to);
    });
    socket.unref();
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

  hasAddress(address: string): boolean {
    return interfaceOf(address) !== undefined;
  }

  mtuOf(address: string): number {
    const name = interfaceOf(address);
    if (name === undefined) return MTU_DEFAULT;
    try {
      return Number(readFileSync(`/sys/class/net/${name}/mtu`, 'utf8')) || MTU_DEFAULT;
    } catch {
      return MTU_DEFAULT;
    }
  }

  fillRandom(bytes: Uint8Array): void {
    randomFillSync(bytes);
  }
}

/** The interface that is up and has an address. All of 127.0.0.0/8 belongs to the loopback device, which lists one of it. */
function interfaceOf(address: string): string | undefined {
  const isLoopback = address.startsWith('127.');
  return Object.entries(networkInterfaces()).find(([, entries = []]) =>
    entries.some((entry) => entry.address === address || (isLoopback && entry.address.startsWith('127.'))),
  )?.[0];
}

/** One bound socket. The runtime sends at once when the system takes the datagram, else it keeps it: then we wait. */
class NodeDatagramSocket implements DatagramSocket {
  readonly #socket: Socket;
  readonly #sink: DatagramSink;
  /** One for all sends. The first of each turn takes it: enough to hear of errors, and much cheaper than one for each. */
  readonly #sent: (error: Error | null) => void;
  #isWatched = false;
  isBlocked = false;
  #isClosed = false;

  constructor(socket: Socket, sink: DatagramSink) {
    this.#socket = socket;
    this.#sink = sink;
    this.#sent = (error) => this.#onSent(error);
    socket.on('message', (bytes, from) => sink.received(bytes, from.address, from.port));
    // An error of the socket itself concerns one datagram, which is as good as lost.
    socket.on('error', () => {});
  }

  send(segments: readonly Uint8Array[], address: string, port: number): void {
    if (this.#isClosed) return;
    if (this.#isWatched) this.#socket.send(segments, port, address);
    else {
      this.#isWatched = true;
      this.#socket.send(segments, port, address, this.#sent);
    }
    if (this.#socket.getSendQueueCount() === 0) return;
    this.isBlocked = true;
    setTimeout(() => this.#unblock(), BLOCKED_MS);
  }

  #onSent(error: NodeJS.ErrnoException | null): void {
    this.#isWatched = false;
    if (error && !this.#isClosed) this.#sink.failed(error.errno ?? -EIO, (error as { address?: string }).address ?? '');
  }

  #unblock(): void {
    if (this.#isClosed) return;
    if (this.#socket.getSendQueueCount() > 0) {
      setTimeout(() => this.#unblock(), BLOCKED_MS);
      return;
    }
    this.isBlocked = false;
    this.#sink.drained();
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return new Promise((resolve) => {
      this.#socket.close(() => resolve());
    });
  }
}
