/** Nodes and hand-driven peers for the tests of this NAL. */
import { seededRandom } from '../../lnet/nal.ts';
import type { NalEnv, NalUpcalls } from '../../lnet/nal.ts';
import { viewOf } from '../../lnet/wire/layout.ts';
import { LNET_MSG_PUT, LnetHdr, lnetHdrBytes } from '../../lnet/wire/lnet-hdr.ts';
import { type Nid, parseNid } from '../../lnet/wire/nid.ts';
import { Recorder } from '../compliance/recorder.ts';
import { SimClock } from '../sim/sim-clock.ts';
import type { Stream, StreamSink, TcpHost } from './stream.ts';
import { TcpNal } from './tcp-nal.ts';
import type { TcpNi } from './tcp-ni.ts';
import { VirtualTcp, type VirtualHost, type VirtualHostOptions } from './virtual-tcp.test-support.ts';
import { mirrorConnType } from './wire/conn-type.ts';
import { encodeConnreq } from './wire/connreq.ts';
import { encodeHello, hdrFormOf, type Hello, type KsockVersion, readHello } from './wire/hello.ts';
import { KSOCK_MSG, KSOCK_MSG_LNET, KSOCK_MSG_NOOP, MESSAGE_HEADER_BYTES } from './wire/message-header.ts';

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

  /** As {@link connect}, with the handshake done. */
  greet(from: string, fromPort: number, node: TestNode, type: number, changes: Partial<Hello> = {}): RawPeer {
    const peer = this.connect(parseNid(from).addressText, fromPort, node.ni.nid.addressText);
    peer.send(greeting(from, String(node.ni.nid), type, changes));
    this.settle();
    peer.take();
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

  readOn(): void {
    this.#isReading = true;
    this.stream?.resume();
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
export function greeting(from: string, to: string, type: number, changes: Partial<Hello> = {}): Uint8Array {
  return Buffer.concat([encodeConnreq(parseNid(to)), encodeHello(helloOf(from, to, type, changes))]);
}

/** Lets pending promises run. */
export async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** A message as a hand-driven peer sends it. */
export interface RawMessage {
  readonly from: string;
  readonly to: string;
  readonly payload?: Uint8Array;
  /** LNET_MSG_*; default PUT. */
  readonly type?: number;
  readonly number?: number;
  readonly portal?: number;
  readonly version?: KsockVersion;
  readonly cookie0?: bigint;
  readonly cookie1?: bigint;
  readonly checksum?: number;
  /** Default: that of the payload. */
  readonly payloadLength?: number;
  readonly srcPid?: number;
  readonly isSwapped?: boolean;
}

/** The bytes of a message with a payload, framed for the version of its connection. */
export function messageOf(message: RawMessage): Uint8Array {
  const payload = message.payload ?? new Uint8Array();
  const version = message.version ?? 3;
  const form = hdrFormOf(version);
  const prefix = version === 1 ? 0 : MESSAGE_HEADER_BYTES;
  const bytes = new Uint8Array(prefix + lnetHdrBytes(form) + payload.length);
  const hdr = Object.assign(new LnetHdr(), {
    destNid: parseNid(message.to),
    srcNid: parseNid(message.from),
    destPid: 12345,
    srcPid: message.srcPid ?? 12345,
    type: message.type ?? LNET_MSG_PUT,
    payloadLength: message.payloadLength ?? payload.length,
    matchBitsLow: message.number ?? 0,
    portal: message.portal ?? 0,
  });
  hdr.encode(viewOf(bytes), prefix, form);
  bytes.set(payload, prefix + lnetHdrBytes(form));
  if (prefix > 0) {
    const fields = { type: KSOCK_MSG_LNET, csum: message.checksum ?? 0 };
    const cookies = { zcCookie0: message.cookie0 ?? 0n, zcCookie1: message.cookie1 ?? 0n };
    KSOCK_MSG.encode({ ...fields, ...cookies }, viewOf(bytes), 0, message.isSwapped !== true);
  }
  return bytes;
}

/** The bytes of a NOOP. */
export function noopOf(cookie0: bigint, cookie1: bigint, checksum = 0): Uint8Array {
  const bytes = new Uint8Array(MESSAGE_HEADER_BYTES);
  KSOCK_MSG.encode({ type: KSOCK_MSG_NOOP, csum: checksum, zcCookie0: cookie0, zcCookie1: cookie1 }, viewOf(bytes));
  return bytes;
}

/** The HELLO that a hand-driven peer was sent, behind `skip` other bytes. */
export function helloIn(bytes: Uint8Array, skip = 0): Hello {
  const step = readHello(bytes.subarray(skip));
  if (step.kind !== 'hello') throw new Error(`no HELLO: ${step.kind} in ${Buffer.from(bytes).toString('hex')}`);
  return step.hello;
}

/** A reply to the request and HELLO that a node sent to a listening hand-driven peer. */
export function replyTo(peer: RawPeer, changes: Partial<Hello> = {}): Hello {
  const bytes = peer.take();
  const asked = helloIn(bytes, bytes[4] === 1 ? 16 : 28);
  const hello: Hello = {
    ...asked,
    srcNid: asked.dstNid,
    dstNid: asked.srcNid,
    srcIncarnation: INCARNATION,
    type: mirrorConnType(asked.type) as number,
    ...changes,
  };
  peer.send(encodeHello(hello));
  return asked;
}
