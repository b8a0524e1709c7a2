import type { Frame } from './frame-fields.ts';
import { KSH_BYTES } from './frame-fields.ts';

const CONNREQ_MAGIC = 0xacce7100;
const HELLO_MAGIC = 0x45726963;
const NOOP = 0xc0;
const LNET = 0xc1;
const PAYLOAD_MAX = 1 << 20;

/**
 * Cuts the stream of one connection into frames. Knows by itself what comes next: from a connector a request and a HELLO,
 * from an acceptor a HELLO, then messages whose header form the HELLO's version decides.
 */
export class FrameCutter {
  #pending: Buffer = Buffer.alloc(0);
  #awaits: 'connreq' | 'hello' | 'message';
  #headerBytes = 72;

  constructor(peerIsConnector: boolean) {
    this.#awaits = peerIsConnector ? 'connreq' : 'hello';
  }

  /** Takes bytes as they arrived; gives the frames that they complete. Throws on what is no frame. */
  push(bytes: Buffer): Frame[] {
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    const frames: Frame[] = [];
    for (let frame = this.#next(); frame; frame = this.#next()) frames.push(frame);
    return frames;
  }

  #next(): Frame | undefined {
    const bytes = this.#pending;
    if (bytes.length < 8) return undefined;
    if (this.#awaits !== 'message') return this.#nextHandshake(this.#awaits);
    const kind = bytes.readUInt32LE(0);
    if (kind === NOOP) return this.#take('noop', KSH_BYTES, 0);
    if (kind !== LNET) throw new Error(`frame type 0x${kind.toString(16)}`);
    const lengthAt = KSH_BYTES + (this.#headerBytes === 72 ? 28 : 52);
    if (bytes.length < lengthAt + 4) return undefined;
    const type = bytes.readUInt32LE(lengthAt - 4);
    const length = bytes.readUInt32LE(lengthAt);
    if (length > PAYLOAD_MAX) throw new Error(`payload of ${length} bytes`);
    if (type > 3) throw new Error(`LNet message of type ${type}`);
    return this.#take('message', KSH_BYTES + this.#headerBytes, length);
  }

  #nextHandshake(kind: 'connreq' | 'hello'): Frame | undefined {
    const magic = this.#pending.readUInt32LE(0);
    const version = this.#pending.readUInt32LE(4);
    if (magic !== (kind === 'connreq' ? CONNREQ_MAGIC : HELLO_MAGIC))
      throw new Error(`${kind} begins with 0x${magic.toString(16)}`);
    const size = kind === 'connreq' ? { 1: 16, 2: 28 }[version] : { 3: 56, 4: 80 }[version];
    if (size === undefined) throw new Error(`${kind} of version ${version}`);
    const frame = this.#take(kind, size, 0);
    if (!frame) return undefined;
    if (kind === 'hello') this.#headerBytes = version === 3 ? 72 : 96;
    this.#awaits = kind === 'connreq' ? 'hello' : 'message';
    return frame;
  }

  #take(kind: Frame['kind'], headBytes: number, payloadBytes: number): Frame | undefined {
    const bytes = this.#pending;
    if (bytes.length < headBytes + payloadBytes) return undefined;
    this.#pending = bytes.subarray(headBytes + payloadBytes);
    return { kind, head: bytes.subarray(0, headBytes), payload: bytes.subarray(headBytes, headBytes + payloadBytes) };
  }
}
