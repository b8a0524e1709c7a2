/** Nodes and hand-driven peers for the tests of this NAL. */
import { seededRandom } from '../../lnet/nal.ts';
import type { NalEnv, NalUpcalls } from '../../lnet/nal.ts';
import { type Nid, parseNid } from '../../lnet/wire/nid.ts';
import { Recorder } from '../compliance/recorder.ts';
import { SimClock } from '../sim/sim-clock.ts';
import type { Stream, StreamSink, TcpHost } from './stream.ts';
import { TcpNal } from './tcp-nal.ts';
import type { TcpNi } from './tcp-ni.ts';
import { VirtualTcp, type VirtualHost, type VirtualHostOptions } from './virtual-tcp.test-support.ts';
import type { ConnType } from './wire/conn-type.ts';
import { encodeConnreq } from './wire/connreq.ts';
import { encodeHello, type Hello } from './wire/hello.ts';

export const PORT = 7988;
export const NONE = 0xffffffff;

export const SOCKET = { nagle: false, keepaliveIdleS: 0, tos: -1 };

/** A NAL with one NI, and the core that records what it says. */
export interface TestNode {
  readonly nal: TcpNal;
  readonly ni: TcpNi;
  readonly core: Recorder;
  readonly logs: string[];
  readonly host: VirtualHost;
}

export interface NodeChoices {
  readonly accept?: 'secure' | 'all' | 'none';
  readonly host?: Partial<VirtualHostOptions>;
  readonly tunables?: Readonly<Record<string, number>>;
  readonly interfaceName?: string;
}

export function envOf(clock: NalEnv['clock'], upcalls: NalUpcalls, logs: string[]): NalEnv {
  return { clock, random: seededRandom(1), upcalls, pid: 12345, log: (_level, text) => void logs.push(text) };
}

/** A virtual network with real NALs and hand-driven peers on it. */
export class World {
  readonly clock: SimClock;
  readonly net: VirtualTcp;

  constructor(name = 'tcp') {
    this.clock = new SimClock(name);
    this.net = new VirtualTcp(this.clock);
  }

  async node(nid: string, choices: NodeChoices = {}): Promise<TestNode> {
    const host = this.net.host(choices.host);
    const core = new Recorder(nid);
    const logs: string[] = [];
    const nal = new TcpNal(envOf(this.clock, core, logs), host);
    const ni = (await nal.openNi({
      nid: parseNid(nid),
      interfaceName: choices.interfaceName ?? 'eth0',
      accept: choices.accept ?? 'secure',
      acceptPort: PORT,
      tunables: choices.tunables ?? {},
    })) as TcpNi;
    core.attach(ni);
    return { nal, ni, core, logs, host };
  }

  /** A peer driven by the test that connects to a node. */
  connect(from: string, fromPort: number, to: string, toPort = PORT): RawPeer {
    const peer = new RawPeer();
    this.net.host().connect({ from, fromPort, to, toPort, socket: SOCKET }, peer);
    this.clock.advance({ us: 1000 });
    return peer;
  }

  /** A peer driven by the test that listens; gives the connections made to it, in order. */
  async listen(address: string, port = PORT): Promise<RawPeer[]> {
    return listenRaw(this.net.host(), address, port);
  }

  /** Lets what is under way happen: a hundredth of a second. */
  settle(us = 10_000): void {
    this.clock.advance({ us });
  }

  seconds(s: number): void {
    this.clock.advance({ us: Math.round(s * 1_000_000) });
  }
}

export async function listenRaw(host: TcpHost, address: string, port: number): Promise<RawPeer[]> {
  const peers: RawPeer[] = [];
  await host.listen({
    address,
    port,
    backlog: 8,
    socket: SOCKET,
    accept: () => {
      const peer = new RawPeer();
      peers.push(peer);
      return peer;
    },
  });
  return peers;
}

/** One end of a stream in the hands of a test. */
export class RawPeer implements StreamSink {
  stream: Stream | null = null;
  readonly #target = new Uint8Array(65_536);
  readonly #chunks: Uint8Array[] = [];
  #isReading = true;
  /** Undefined while the connection stands. */
  end: number | undefined;

  opened(stream: Stream): void {
    this.stream = stream;
  }

  target(): Uint8Array {
    return this.#target;
  }

  received(count: number): boolean {
    this.#chunks.push(this.#target.slice(0, count));
    return this.#isReading;
  }

  written(): void {}

  ended(errno: number): void {
    this.end = errno;
  }

  /** Reads no more from the next bytes on. */
  stopReading(): void {
    this.#isReading = false;
  }

  get isOpen(): boolean {
    return this.stream !== null && this.end === undefined;
  }

  /** Everything received so far. */
  get bytes(): Uint8Array {
    return Buffer.concat(this.#chunks);
  }

  get hex(): string {
    return Buffer.from(this.bytes).toString('hex');
  }

  /** Received so far, and forgotten. */
  take(): Buffer {
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks.length = 0;
    return bytes;
  }

  send(bytes: Uint8Array | string): void {
    const stream = this.stream;
    if (!stream) throw new Error('not connected');
    stream.write([typeof bytes === 'string' ? Buffer.from(bytes.replaceAll(/\s/g, ''), 'hex') : bytes]);
  }

  close(): void {
    this.stream?.destroy();
  }
}

export const INCARNATION = 0x1886a1b2c3d4e5f0n;

/** A HELLO of a hand-driven peer. */
export function helloOf(from: Nid | string, to: Nid | string, type: number, changes: Partial<Hello> = {}): Hello {
  return {
    version: 3,
    srcNid: typeof from === 'string' ? parseNid(from) : from,
    dstNid: typeof to === 'string' ? parseNid(to) : to,
    srcPid: 12345,
    dstPid: 0,
    srcIncarnation: INCARNATION,
    dstIncarnation: 0n,
    type,
    ...changes,
  };
}

/** Request and HELLO, as a connector sends them. */
export function greeting(from: string, to: string, type: ConnType | number, changes: Partial<Hello> = {}): Uint8Array {
  return Buffer.concat([encodeConnreq(parseNid(to)), encodeHello(helloOf(from, to, type, changes))]);
}

/** Lets pending promises run. */
export async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
