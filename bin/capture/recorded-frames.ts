import { LNET_MSG_REPLY, LNET_MTU, LnetHdr, type LnetHdrForm, lnetHdrBytes } from '../../lnet/wire/lnet-hdr.ts';
import { viewOf } from '../../lnet/wire/layout.ts';
import { NID_ANY } from '../../lnet/wire/nid.ts';
import { WireError } from '../../lnet/wire/wire-error.ts';
import { LNET_PROTO_ACCEPTOR_MAGIC, readConnreq } from '../../nals/tcp/wire/connreq.ts';
import { LNET_PROTO_MAGIC, LNET_PROTO_TCP_MAGIC, readHello } from '../../nals/tcp/wire/hello.ts';
import { KSOCK_MSG_LNET, KSOCK_MSG_NOOP, MESSAGE_HEADER_BYTES } from '../../nals/tcp/wire/message-header.ts';
import { frameOf, type LnetFrame } from '../../ptlrpc/capture/lnet-frame.ts';
import { isPacketFile, readPacketFile } from './packet-file.ts';
import { type StreamRun, type TcpStream, tcpStreams } from './tcp-streams.ts';

/** What a capture file holds of LNet. */
export interface Recording {
  /** PUTs, GETs and REPLYs in the order in which they had arrived; times count from the first packet. */
  readonly frames: readonly LnetFrame[];
  /** Bytes of streams in which no frame was found. */
  readonly skippedBytes: number;
}

/** Reads a pcap or pcapng file of LNet over TCP, or frames as JSON lines. Throws {@link WireError} when it is neither. */
export function readRecording(bytes: Uint8Array): Recording {
  return isPacketFile(bytes) ? readPackets(bytes) : { frames: readJsonLines(bytes), skippedBytes: 0 };
}

function readPackets(bytes: Uint8Array): Recording {
  const packets = readPacketFile(bytes);
  const startUs = packets[0]?.atUs ?? 0;
  const found = tcpStreams(packets).map((stream) => framesOf(stream, startUs));
  const frames = found.flatMap((part) => part.frames).toSorted((a, b) => a.timeS - b.timeS);
  return { frames, skippedBytes: found.reduce((sum, part) => sum + part.skippedBytes, 0) };
}

/** Cuts one direction of a connection into frames; behind a gap it looks for the next that is one. */
function framesOf({ runs, isIpv6 }: TcpStream, startUs: number): { frames: LnetFrame[]; skippedBytes: number } {
  // socklnd uses the large form on IPv6 links and only there: socklnd §2.1.
  const form: LnetHdrForm = isIpv6 ? 16 : 4;
  const frames: LnetFrame[] = [];
  let skippedBytes = 0;
  /** Where the next frame begins: the payload of the last may reach into a gap or another run. */
  let next = Number.NEGATIVE_INFINITY;
  for (const run of runs) {
    let at = Math.max(0, Math.min(next - run.at, run.bytes.length));
    const view = viewOf(run.bytes);
    while (at < run.bytes.length) {
      const length = mayBegin(view, at) ? frameBytes(run.bytes.subarray(at), form) : undefined;
      if (length === undefined) {
        at++;
        skippedBytes++;
        continue;
      }
      const frame = frameAt(run, at, length, form, startUs);
      if (frame) frames.push(frame);
      at += length;
    }
    next = run.at + at;
  }
  return { frames, skippedBytes };
}

/** Whether a frame could begin here: most bytes of a foreign stream are told by this alone. */
function mayBegin(view: DataView, at: number): boolean {
  if (at + 4 > view.byteLength) return false;
  const first = view.getUint32(at, true);
  return first === KSOCK_MSG_LNET || first === KSOCK_MSG_NOOP || MAGICS.has(first);
}

const MAGICS: ReadonlySet<number> = new Set([LNET_PROTO_ACCEPTOR_MAGIC, LNET_PROTO_MAGIC, LNET_PROTO_TCP_MAGIC]);

function frameBytes(bytes: Uint8Array, form: LnetHdrForm): number | undefined {
  return messageBytes(bytes, form) ?? handshakeBytes(bytes);
}

/** Length of the message that begins here; undefined when none does, or when its headers are not all there. */
function messageBytes(bytes: Uint8Array, form: LnetHdrForm): number | undefined {
  if (bytes.length < MESSAGE_HEADER_BYTES) return undefined;
  const view = viewOf(bytes);
  const type = view.getUint32(0, true);
  if (type === KSOCK_MSG_NOOP) return MESSAGE_HEADER_BYTES;
  const headBytes = MESSAGE_HEADER_BYTES + lnetHdrBytes(form);
  if (type !== KSOCK_MSG_LNET || bytes.length < headBytes) return undefined;
  const hdr = headerOf(view, MESSAGE_HEADER_BYTES, form);
  if (!hdr || hdr.type > LNET_MSG_REPLY || hdr.payloadLength > LNET_MTU) return undefined;
  return headBytes + hdr.payloadLength;
}

function headerOf(view: DataView, at: number, form: LnetHdrForm): LnetHdr | undefined {
  const hdr = new LnetHdr();
  try {
    hdr.decode(view, at, form, NID_ANY, NID_ANY);
    return hdr;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** Length of the connection request or HELLO that begins here. */
function handshakeBytes(bytes: Uint8Array): number | undefined {
  for (const read of [readConnreq, readHello])
    try {
      const step = read(bytes);
      if (step.kind === 'request' || step.kind === 'hello') return step.bytes;
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  return undefined;
}

function frameAt(
  run: StreamRun,
  at: number,
  length: number,
  form: LnetHdrForm,
  startUs: number,
): LnetFrame | undefined {
  const headBytes = MESSAGE_HEADER_BYTES + lnetHdrBytes(form);
  if (length < headBytes || viewOf(run.bytes).getUint32(at, true) !== KSOCK_MSG_LNET) return undefined;
  const hdr = headerOf(viewOf(run.bytes), at + MESSAGE_HEADER_BYTES, form);
  const payload = run.bytes.subarray(at + headBytes, at + length);
  const lastByte = Math.min(at + length, run.bytes.length);
  return hdr && frameOf(hdr, payload, (arrivalOf(run, lastByte) - startUs) / 1e6);
}

/** When the byte before offset `end` of a run had arrived. */
function arrivalOf({ arrivals }: StreamRun, end: number): number {
  let low = 0;
  let high = arrivals.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((arrivals[middle]?.end ?? 0) < end) low = middle + 1;
    else high = middle;
  }
  return arrivals[low]?.atUs ?? 0;
}

function readJsonLines(bytes: Uint8Array): LnetFrame[] {
  const frames: LnetFrame[] = [];
  for (const [i, line] of new TextDecoder().decode(bytes).split('\n').entries()) {
    if (line.trim() === '') continue;
    const { t, kind, hex, payload } = lineOf(line, i + 1);
    if (kind !== 'message') continue;
    const head = Buffer.from(hex, 'hex');
    const form: LnetHdrForm = head.length === MESSAGE_HEADER_BYTES + lnetHdrBytes(16) ? 16 : 4;
    if (head.length < MESSAGE_HEADER_BYTES + lnetHdrBytes(form))
      throw new WireError('short', `line ${i + 1} holds no whole header`);
    const hdr = headerOf(viewOf(head), MESSAGE_HEADER_BYTES, form);
    const frame = hdr && frameOf(hdr, Buffer.from(payload, 'hex'), t);
    if (frame) frames.push(frame);
  }
  return frames;
}

interface JsonFrame {
  readonly t: number;
  readonly kind: string;
  readonly hex: string;
  readonly payload: string;
}

function lineOf(text: string, number: number): JsonFrame {
  let line: Partial<JsonFrame> | null;
  try {
    line = JSON.parse(text) as Partial<JsonFrame> | null;
  } catch {
    throw new WireError('bad_value', `line ${number} is neither JSON nor part of a packet capture`);
  }
  const { t = 0, kind = '', hex = '', payload = '' } = line ?? {};
  if (typeof t !== 'number' || [kind, hex, payload].some((one) => typeof one !== 'string'))
    throw new WireError('bad_value', `line ${number} is no frame of a capture`);
  return { t, kind, hex, payload };
}
