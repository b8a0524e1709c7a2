import test, { type ExecutionContext } from 'ava';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { viewOf } from '../lnet/wire/layout.ts';
import {
  LNET_MSG_GET,
  LNET_MSG_NAMES,
  LNET_MSG_PUT,
  LNET_MSG_REPLY,
  LnetHdr,
  type LnetHdrForm,
  lnetHdrBytes,
} from '../lnet/wire/lnet-hdr.ts';
import { NID_ANY } from '../lnet/wire/nid.ts';
import { decodePingInfo, encodePingInfo, primaryNidOf } from '../lnet/wire/ping-info.ts';
import { WireError } from '../lnet/wire/wire-error.ts';
import { encodeConnreq, readConnreq } from '../nals/tcp/wire/connreq.ts';
import { encodeHello, readHello } from '../nals/tcp/wire/hello.ts';
import {
  KSOCK_MSG_LNET,
  KSOCK_MSG_NOOP,
  MESSAGE_HEADER_BYTES,
  MessageHeader,
} from '../nals/tcp/wire/message-header.ts';
import { readZcAck } from '../nals/tcp/wire/zc-cookies.ts';
import { bytesOf, hexOf } from './hex.ts';
import { ROOT } from './tidy/source-tree.ts';

interface Frame {
  readonly kind: 'connreq' | 'hello' | 'message' | 'noop';
  readonly hex: string;
  readonly type?: string;
  readonly version?: number;
  readonly payloadLength?: number;
  readonly payload?: string;
}

const FOLDER = join(ROOT, 'test', 'golden');

function framesOf(capture: string): Frame[] {
  const text = readFileSync(join(FOLDER, capture), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Frame);
}

/** Decodes a frame and encodes what came out; notes the ping info in payloads of portal 0. */
class Player {
  readonly #t: ExecutionContext;
  /** Handles of pings that wait for their reply. */
  readonly #pings = new Set<string>();
  pingInfos = 0;

  constructor(t: ExecutionContext) {
    this.#t = t;
  }

  play(frame: Frame): Uint8Array {
    const bytes = bytesOf(frame.hex);
    if (frame.kind === 'connreq') return this.#playConnreq(bytes);
    if (frame.kind === 'hello') return this.#playHello(bytes, frame);
    return this.#playMessage(bytes, frame);
  }

  #playConnreq(bytes: Uint8Array): Uint8Array {
    const step = readConnreq(bytes);
    if (step.kind !== 'request') throw new Error(step.kind);
    this.#t.is(step.bytes, bytes.length);
    return encodeConnreq(step.nid);
  }

  #playHello(bytes: Uint8Array, frame: Frame): Uint8Array {
    const step = readHello(bytes);
    if (step.kind !== 'hello') throw new Error(step.kind);
    this.#t.is(step.bytes, bytes.length);
    this.#t.is(step.hello.version, frame.version as 3 | 4);
    return encodeHello(step.hello);
  }

  #playMessage(bytes: Uint8Array, frame: Frame): Uint8Array {
    const out = new Uint8Array(bytes.length);
    const header = new MessageHeader();
    header.decode(viewOf(bytes), 0, true);
    header.encode(viewOf(out), 0);
    this.#t.is(header.csum, 0);
    const ack = readZcAck(header, 3);
    if (frame.kind === 'noop') {
      this.#t.is(header.type, KSOCK_MSG_NOOP);
      this.#t.true(ack.kind === 'values' || ack.kind === 'range' || ack.kind === 'keepalive');
      return out;
    }
    this.#t.is(header.type, KSOCK_MSG_LNET);
    this.#t.not(ack.kind, 'error');
    const form: LnetHdrForm = bytes.length === MESSAGE_HEADER_BYTES + lnetHdrBytes(4) ? 4 : 16;
    const hdr = new LnetHdr();
    hdr.decode(viewOf(bytes), MESSAGE_HEADER_BYTES, form, NID_ANY, NID_ANY);
    hdr.encode(viewOf(out), MESSAGE_HEADER_BYTES, form);
    this.#t.is(LNET_MSG_NAMES[hdr.type], frame.type as 'PUT');
    this.#t.is(hdr.payloadLength, frame.payloadLength as number);
    if (this.#carriesPingInfo(hdr)) this.#playPingInfo(bytesOf(frame.payload as string));
    return out;
  }

  #carriesPingInfo(hdr: LnetHdr): boolean {
    const handle = `${hdr.interfaceCookieHigh} ${hdr.interfaceCookieLow} ${hdr.objectCookieHigh} ${hdr.objectCookieLow}`;
    if (hdr.type === LNET_MSG_REPLY) return this.#pings.delete(handle);
    const isPing = hdr.portal === 0 && hdr.matchBitsHigh === 0x80000000 && hdr.matchBitsLow === 0;
    if (hdr.type === LNET_MSG_GET && isPing) this.#pings.add(handle);
    return hdr.type === LNET_MSG_PUT && isPing;
  }

  #playPingInfo(payload: Uint8Array): void {
    const result = decodePingInfo(payload);
    if (result.kind !== 'info') throw new Error(result.kind);
    this.#t.is(hexOf(encodePingInfo(result.info)), hexOf(payload));
    this.#t.not(primaryNidOf(result.info), undefined);
    this.pingInfos++;
  }
}

const captures = readdirSync(FOLDER).filter((name) => name.endsWith('.jsonl'));

for (const capture of captures) {
  test(`every frame of ${capture} decodes and encodes to the same bytes`, (t) => {
    const frames = framesOf(capture);
    const player = new Player(t);
    const different = frames.filter((frame) => hexOf(player.play(frame)) !== frame.hex);
    t.deepEqual(different, []);
    t.log(`${frames.length} frames compared, with ${player.pingInfos} ping infos`);
  });
}

test('the captures hold every kind of frame', (t) => {
  const kinds = new Set(
    captures.flatMap(framesOf).map(({ kind, type, version }) => `${kind} ${type ?? version ?? ''}`),
  );
  t.deepEqual([...kinds].toSorted(), [
    'connreq ',
    'hello 3',
    'hello 4',
    'message ACK',
    'message GET',
    'message PUT',
    'message REPLY',
    'noop ',
  ]);
});

/** Decodes bytes as a kind of frame, whatever comes out. */
function decodeAs(kind: Frame['kind'] | 'ping-info', bytes: Uint8Array): unknown {
  if (kind === 'connreq') return readConnreq(bytes);
  if (kind === 'hello') return readHello(bytes);
  if (kind === 'ping-info') return decodePingInfo(bytes);
  const header = new MessageHeader();
  header.decode(viewOf(bytes), 0, true);
  if (kind === 'noop') return [2, 3, 4].map((version) => readZcAck(header, version as 2 | 3 | 4));
  const form = bytes.length === MESSAGE_HEADER_BYTES + lnetHdrBytes(4) ? 4 : 16;
  new LnetHdr().decode(viewOf(bytes), MESSAGE_HEADER_BYTES, form, NID_ANY, NID_ANY);
  return header;
}

test('every bit flipped and every byte cut off a recorded frame gives a value or a WireError', (t) => {
  const samples = new Map<string, [kind: Frame['kind'] | 'ping-info', bytes: Uint8Array]>();
  for (const { kind, type, hex, payload = '' } of captures.flatMap(framesOf)) {
    samples.set(`${kind} ${type} ${hex.length}`, [kind, bytesOf(hex)]);
    if (payload.startsWith('676e6970')) samples.set(`ping info ${payload.length}`, ['ping-info', bytesOf(payload)]);
  }
  let inputs = 0;
  const tryOne = (kind: Frame['kind'] | 'ping-info', bytes: Uint8Array): void => {
    inputs++;
    try {
      decodeAs(kind, bytes);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  };
  for (const [kind, bytes] of samples.values()) {
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      tryOne(kind, flipped);
    }
    // Headers of messages are read when they are whole: that is the receiver's part.
    if (kind === 'message' || kind === 'noop') continue;
    for (let length = 0; length < bytes.length; length++) tryOne(kind, bytes.subarray(0, length));
  }
  t.log(`${inputs} inputs tried, of ${samples.size} kinds of frame`);
  t.pass();
});
