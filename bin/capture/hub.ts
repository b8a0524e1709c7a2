import type { Clock } from '../../lnet/clock.ts';
import type { Nal, NalTap } from '../../lnet/nal.ts';
import type { CapturedFrame } from './frame.ts';

/** Somebody who wants to see frames. Called while a message is on its way: must be quick, and must not throw. */
export interface CaptureListener {
  /** Bytes of each frame to copy for it. */
  readonly snapBytes: number;
  frame(frame: CapturedFrame): void;
}

/** Spreads what the tap of a NAL sees over any number of listeners. While there is none, there is no tap and no cost. */
export class CaptureHub {
  readonly #nals: readonly Nal[];
  readonly #clock: Clock;
  readonly #listeners = new Set<CaptureListener>();

  /** `nals`: those whose frames are socklnd's, as the capture's format has them. */
  constructor(nals: readonly Nal[], clock: Clock) {
    this.#nals = nals;
    this.#clock = clock;
  }

  add(listener: CaptureListener): void {
    this.#listeners.add(listener);
    for (const nal of this.#nals) nal.tap = this.#tap;
  }

  remove(listener: CaptureListener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size === 0) for (const nal of this.#nals) nal.tap = null;
  }

  readonly #tap: NalTap = {
    frame: (direction, ni, peer, link, segments, length) => {
      const atUs = Number(this.#clock.wallNs() / 1000n);
      const [from, to] = direction === 'out' ? [ni.nid, peer] : [peer, ni.nid];
      for (const listener of this.#listeners) {
        listener.frame({ atUs, from, to, link, bytes: firstBytes(segments, listener.snapBytes), length });
      }
    },
  };
}

/** A copy of the first bytes: what a tap is given is not valid afterwards. */
function firstBytes(segments: readonly Uint8Array[], bytesMax: number): Uint8Array {
  const total = segments.reduce((sum, segment) => sum + segment.length, 0);
  const bytes = Buffer.allocUnsafe(Math.min(total, bytesMax));
  let at = 0;
  for (const segment of segments) {
    if (at === bytes.length) break;
    const part = segment.subarray(0, bytes.length - at);
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
