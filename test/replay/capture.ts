import { readFileSync } from 'node:fs';
import { completePayload } from './payload.ts';

/** One end of a TCP connection of a capture. */
export interface CapturedEnd {
  readonly address: string;
  readonly port: number;
}

export type FrameKind = 'connreq' | 'hello' | 'message' | 'noop';

/** One frame as a kernel sent it: test/golden/README.md. */
export interface CapturedFrame {
  /** Line number in the capture, from 0. */
  readonly index: number;
  readonly conn: number;
  readonly src: CapturedEnd;
  readonly dst: CapturedEnd;
  readonly kind: FrameKind;
  /** Everything but the payload. */
  readonly head: Buffer;
  /** The payload, completed where the capture holds only its beginning. Empty for all but PUT and REPLY. */
  readonly payload: Buffer;
}

interface CaptureLine {
  readonly conn: number;
  readonly src: string;
  readonly dst: string;
  readonly kind: FrameKind;
  readonly hex: string;
  readonly payloadLength?: number;
  readonly payload?: string;
  readonly payloadSha256?: string;
}

const completed = new Map<string, Buffer>();

/** Reads a capture of test/golden. */
export function readCapture(name: string): readonly CapturedFrame[] {
  const text = readFileSync(new URL(`../golden/${name}.jsonl`, import.meta.url), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line, index) => frameOf(JSON.parse(line) as CaptureLine, index));
}

function frameOf(line: CaptureLine, index: number): CapturedFrame {
  const { conn, kind } = line;
  return {
    index,
    conn,
    src: endOf(line.src),
    dst: endOf(line.dst),
    kind,
    head: Buffer.from(line.hex, 'hex'),
    payload: payloadOf(line),
  };
}

/** `10.77.0.11:1023` or `[fd77::11]:1023`. */
function endOf(text: string): CapturedEnd {
  const split = text.lastIndexOf(':');
  return { address: text.slice(0, split).replace(/^\[|\]$/g, ''), port: Number(text.slice(split + 1)) };
}

function payloadOf({ payload = '', payloadLength = 0, payloadSha256 }: CaptureLine): Buffer {
  const beginning = Buffer.from(payload, 'hex');
  if (beginning.length === payloadLength) return beginning;
  // Bulk of one pattern is completed once and shared: never written to.
  const key = `${payloadLength} ${payloadSha256} ${payload}`;
  const known = completed.get(key) ?? completePayload(beginning, payloadLength, payloadSha256);
  completed.set(key, known);
  return known;
}
