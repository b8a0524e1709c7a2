import type { AckFrame } from './ack-ranges.ts';
import {
  FRAME_ACK,
  FRAME_CLOSE,
  FRAME_DATA,
  FRAME_PADDING,
  FRAME_PING,
  FRAME_WINDOW,
  readU53,
  UDP_CLOSE,
  UDP_DATA,
  UDP_FRAME,
  UDP_PACKET,
  UDP_WINDOW,
} from './wire.ts';

/**
 * True when a DATA packet consists of whole frames of known kinds whose fields make sense, so that a reader need not check
 * again: udp §3. `ack` is scratch space.
 */
export function areFramesSound(view: DataView, ack: AckFrame): boolean {
  const end = view.byteLength;
  let at: number = UDP_PACKET.size;
  while (at < end) {
    const bodyAt = at + UDP_FRAME.size;
    if (bodyAt > end) return false;
    const bodyBytes = view.getUint16(at + UDP_FRAME.at.bodyBytes, true);
    if (bodyAt + bodyBytes > end) return false;
    if (!isBodySound(view, view.getUint8(at), bodyAt, bodyBytes, ack)) return false;
    at = bodyAt + bodyBytes;
  }
  return at > UDP_PACKET.size;
}

function isBodySound(view: DataView, kind: number, at: number, bytes: number, ack: AckFrame): boolean {
  switch (kind) {
    case FRAME_PADDING:
      return true;
    case FRAME_PING:
      return bytes === 0;
    case FRAME_ACK:
      return ack.read(view, at, bytes);
    case FRAME_DATA:
      return bytes > UDP_DATA.size && readU53(view, at) >= 0;
    case FRAME_WINDOW:
      return bytes === UDP_WINDOW.size && readU53(view, at) >= 0;
    case FRAME_CLOSE:
      return bytes === UDP_CLOSE.size;
    default:
      return false;
  }
}
