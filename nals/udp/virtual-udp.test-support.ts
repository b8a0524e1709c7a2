/** UDP in virtual time: a {@link DatagramHost} for tests, in which every loss, delay and bottleneck can be arranged. */
import { seededRandom, type Instant, type Random } from '../../lnet/nal.ts';
import type { SimClock } from '../sim/sim-clock.ts';
import type { BindOptions, DatagramHost, DatagramSink, DatagramSocket, TurnTask } from './datagram.ts';

const IPV4_HEADERS_BYTES = 28;

export interface Datagram {
  readonly from: string;
  readonly fromPort: number;
  readonly to: string;
  readonly toPort: number;
  readonly bytes: Uint8Array;
}

/** A queue of limited length before a link of limited speed, shared by whoever goes through it. */
export class Bottleneck {
  readonly bytesPerS: number;
  readonly queueBytes: number;
  #freeAt: Instant = 0;
  dropped = 0;
  carriedBytes = 0;

  constructor(options: { readonly bytesPerS: number; readonly queueBytes: number }) {
    this.bytesPerS = options.bytesPerS;
    this.queueBytes = options.queueBytes;
  }

  /** Delay of a packet that enters now, or undefined when the queue is full. */
  enter(now: Instant, bytes: number): number | undefined {
    const waitUs = Math.max(this.#freeAt - now, 0);
    if ((waitUs * this.bytesPerS) / 1e6 > this.queueBytes) {
      this.dropped++;
      return undefined;
    }
    this.#freeAt = Math.max(this.#freeAt, now) + (bytes * 1e6) / this.bytesPerS;
    this.carriedBytes += bytes;
    return this.#freeAt - now;
  }
}

/** How datagrams travel. */
export interface Conditions {
  readonly delayUs: number;
  /** Added at random: reorders what follows closely. */
  readonly jitterUs: number;
  readonly loss: number;
  readonly duplicate: number;
  readonly corrupt: number;
  /** Larger IP packets vanish. */
  readonly mtu: number;
  readonly bottleneck: Bottleneck | null;
}

const FINE: Conditions = {
  delayUs: 50,
  jitterUs: 0,
  loss: 0,
  duplicate: 0,
  corrupt: 0,
  mtu: 65_535,
  bottleneck: null,
};

export class VirtualUdp {
  readonly clock: SimClock;
  readonly random: Random;
  conditions: Conditions;
  /** Instead of {@link conditions}, for the datagrams of one address. */
  readonly conditionsOf = new Map<string, Conditions>();
  readonly sockets = new Map<string, VirtualSocket>();
  readonly #cuts = new Set<string>();
  /** Sees every datagram that is sent; false takes it out. */
  watch: (datagram: Datagram) => boolean = () => true;
  sent = 0;
  lost = 0;

  constructor(clock: SimClock, options: { readonly seed: number } & Partial<Conditions>) {
    const { seed, ...conditions } = options;
    this.clock = clock;
    this.random = seededRandom(seed);
    this.conditions = { ...FINE, ...conditions };
  }

  host(options: { readonly mtu?: number } = {}): VirtualUdpHost {
    return new VirtualUdpHost(this, options.mtu ?? 1_500);
  }

  /** Nothing passes between two addresses until healed. */
  cut(a: string, b: string): { heal(): void } {
    this.#cuts.add(`${a} ${b}`).add(`${b} ${a}`);
    return {
      heal: () => {
        this.#cuts.delete(`${a} ${b}`);
        this.#cuts.delete(`${b} ${a}`);
      },
    };
  }

  isCut(a: string, b: string): boolean {
    return this.#cuts.has(`${a} ${b}`);
  }

  #chance(probability: number): boolean {
    return probability > 0 && this.random.u32() < probability * 0x1_0000_0000;
  }

  /** Sends a datagram as if from anywhere. */
  send(datagram: Datagram): void {
    this.sent++;
    if (!this.watch(datagram) || this.isCut(datagram.from, datagram.to)) return;
    const conditions = this.conditionsOf.get(datagram.from) ?? this.conditions;
    const { loss, duplicate, corrupt, mtu, bottleneck } = conditions;
    const ipBytes = datagram.bytes.length + IPV4_HEADERS_BYTES;
    const queuedUs = bottleneck ? bottleneck.enter(this.clock.now(), ipBytes) : 0;
    if (ipBytes > mtu || queuedUs === undefined || this.#chance(loss)) {
      this.lost++;
      return;
    }
    for (let copies = this.#chance(duplicate) ? 2 : 1; copies > 0; copies--) {
      const bytes = datagram.bytes.slice();
      if (this.#chance(corrupt)) {
        const at = this.random.below(bytes.length);
        bytes[at] = (bytes[at] as number) ^ (1 << this.random.below(8));
      }
      const jitterUs = conditions.jitterUs > 0 ? this.random.below(conditions.jitterUs) : 0;
      this.clock.alarm(this.clock.now() + conditions.delayUs + queuedUs + jitterUs, () => {
        this.sockets.get(`${datagram.to} ${datagram.toPort}`)?.sink.received(bytes, datagram.from, datagram.fromPort);
      });
    }
  }
}

export class VirtualUdpHost implements DatagramHost {
  readonly description = 'virtual UDP';
  readonly #net: VirtualUdp;
  readonly #mtu: number;
  readonly #tasks: TurnTask[] = [];
  readonly lostAddresses = new Set<string>();

  constructor(net: VirtualUdp, mtu: number) {
    this.#net = net;
    this.#mtu = mtu;
  }

  async bind(options: BindOptions, sink: DatagramSink): Promise<DatagramSocket> {
    const place = `${options.address} ${options.port}`;
    if (this.#net.sockets.has(place)) throw Object.assign(new Error('in use'), { code: 'EADDRINUSE', errno: -98 });
    const socket = new VirtualSocket(this.#net, options, sink);
    this.#net.sockets.set(place, socket);
    return socket;
  }

  probe(options: { from: string; to: string; port: number; refused: () => void }): void {
    const net = this.#net;
    net.clock.alarm(net.clock.now() + 100, () => {
      if (!net.isCut(options.from, options.to) && !net.sockets.has(`${options.to} ${options.port}`)) options.refused();
    });
  }

  atTurnEnd(task: TurnTask): void {
    this.#tasks.push(task);
    if (this.#tasks.length > 1) return;
    this.#net.clock.alarm(this.#net.clock.now(), () => {
      for (const due of this.#tasks.splice(0)) due.endTurn();
    });
  }

  hasAddress(address: string): boolean {
    return !this.lostAddresses.has(address);
  }

  mtuOf(): number {
    return this.#mtu;
  }

  fillRandom(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at++) bytes[at] = this.#net.random.below(256);
  }
}

export class VirtualSocket implements DatagramSocket {
  readonly #net: VirtualUdp;
  readonly address: string;
  readonly port: number;
  readonly sink: DatagramSink;
  /** Sends so many datagrams before it blocks for some turns. */
  blocksAfter = Number.POSITIVE_INFINITY;
  isBlocked = false;
  /** Every attempt to send fails with this error. */
  errno = 0;

  constructor(net: VirtualUdp, options: BindOptions, sink: DatagramSink) {
    this.#net = net;
    this.address = options.address;
    this.port = options.port;
    this.sink = sink;
  }

  send(segments: readonly Uint8Array[], address: string, port: number): void {
    if (this.isBlocked) throw new Error('a datagram while the socket is blocked');
    const net = this.#net;
    if (this.errno !== 0) {
      net.clock.alarm(net.clock.now(), () => this.sink.failed(this.errno, address));
      return;
    }
    const leave = (): void =>
      net.send({ from: this.address, fromPort: this.port, to: address, toPort: port, bytes: Buffer.concat(segments) });
    if (--this.blocksAfter >= 0) return leave();
    this.isBlocked = true;
    // Read late, as the runtime does with what it had to keep.
    net.clock.alarm(net.clock.now() + 700, () => {
      this.isBlocked = false;
      this.blocksAfter = 20;
      leave();
      this.sink.drained();
    });
  }

  async close(): Promise<void> {
    this.#net.sockets.delete(`${this.address} ${this.port}`);
  }
}
