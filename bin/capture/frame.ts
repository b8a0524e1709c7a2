import type { Nid } from '../../lnet/wire/nid.ts';

/** One frame that crossed a link, as a tap of a NAL saw it. */
export interface CapturedFrame {
  /** Wall clock, microseconds since 1970. */
  readonly atUs: number;
  readonly from: Nid;
  readonly to: Nid;
  /** Tells several links between the same two NIDs apart. */
  readonly link: number;
  /** What socklnd puts on the stream (socklnd §4.1): message header, LNet header, payload. May be cut short. */
  readonly bytes: Uint8Array;
  /** Bytes of the whole frame on the wire. */
  readonly length: number;
}
