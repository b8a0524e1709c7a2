import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { viewOf } from '../../lnet/wire/layout.ts';
import { LnetHdr } from '../../lnet/wire/lnet-hdr.ts';
import { NID_ANY } from '../../lnet/wire/nid.ts';
import { bytesOf } from '../../test/hex.ts';
import { ROOT } from '../../test/tidy/source-tree.ts';
import { frameOf, type LnetFrame } from './lnet-frame.ts';

/** Captures of file systems at work. */
export const FILE_SYSTEM_CAPTURES = ['fs-mount-ls-umount', 'fs-io', 'fs-two-clients', 'fs-resend', 'fs-evict'] as const;

interface CaptureLine {
  readonly t: number;
  readonly kind: string;
  readonly hex: string;
  readonly payload?: string;
}

/** Bytes of the socklnd header before the LNet header. */
const KSOCK_HEADER_BYTES = 24;

/** A recorded frame and the line of the capture that it stands on, from 1. */
export interface GoldenFrame {
  readonly line: number;
  readonly frame: LnetFrame;
  /** The frame's headers as they were recorded. */
  readonly head: Uint8Array;
}

const read = new Map<string, readonly GoldenFrame[]>();

/** The LNet messages of a capture, without ACKs. */
export function goldenFrames(capture: string): readonly GoldenFrame[] {
  const known = read.get(capture);
  if (known) return known;
  const lines = readFileSync(join(ROOT, 'test', 'golden', `${capture}.jsonl`), 'utf8')
    .trimEnd()
    .split('\n');
  const frames = lines.flatMap((text, i) => {
    const { t, kind, hex, payload = '' } = JSON.parse(text) as CaptureLine;
    if (kind !== 'message') return [];
    const head = bytesOf(hex);
    const hdr = new LnetHdr();
    hdr.decode(viewOf(head), KSOCK_HEADER_BYTES, 4, NID_ANY, NID_ANY);
    const frame = frameOf(hdr, bytesOf(payload), t);
    return frame ? [{ line: i + 1, frame, head }] : [];
  });
  read.set(capture, frames);
  return frames;
}
