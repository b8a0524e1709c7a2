import {
  LNET_MSG_ACK,
  LNET_MSG_GET,
  LNET_MSG_NAMES,
  LNET_MSG_PUT,
  LnetHdr,
  lnetHdrBytes,
  u64Of,
} from '../../lnet/wire/lnet-hdr.ts';
import { viewOf } from '../../lnet/wire/layout.ts';
import { WireError } from '../../lnet/wire/wire-error.ts';
import type { CapturedFrame } from './frame.ts';

/** socklnd's own header, and its two types: socklnd §4.1. */
const KSOCK_HEADER_BYTES = 24;
const KSOCK_MSG_NOOP = 0xc0;

/** One line about a frame: when, from whom to whom, what. */
export function summaryOf(frame: CapturedFrame): string {
  const time = new Date(frame.atUs / 1000).toISOString().slice(11, 23) + String(frame.atUs % 1000).padStart(3, '0');
  return `${time} ${frame.from} > ${frame.to} ${contentOf(frame)}`;
}

function contentOf({ bytes, from, length }: CapturedFrame): string {
  // socklnd uses the large form on IPv6 links and only there: socklnd §2.1.
  const form = from.isLarge ? 16 : 4;
  const view = viewOf(bytes);
  if (bytes.length >= 4 && view.getUint32(0, true) === KSOCK_MSG_NOOP) return 'NOOP';
  if (bytes.length < KSOCK_HEADER_BYTES + lnetHdrBytes(form)) return `${length} bytes, cut too short to tell`;
  const hdr = new LnetHdr();
  try {
    hdr.decode(view, KSOCK_HEADER_BYTES, form, from, from);
  } catch (error) {
    if (error instanceof WireError) return `unreadable header: ${error.message}`;
    throw error;
  }
  return `${LNET_MSG_NAMES[hdr.type] ?? `type ${hdr.type}`} ${detailsOf(hdr)}`;
}

function detailsOf(hdr: LnetHdr): string {
  const routed = `${hdr.srcNid} -> ${hdr.destNid}`;
  const match = `match 0x${u64Of(hdr.matchBitsHigh, hdr.matchBitsLow).toString(16)}`;
  if (hdr.type === LNET_MSG_PUT) {
    const ack = hdr.hasNoHandle ? '' : ' ack wanted';
    return `portal ${hdr.portal} ${match} offset ${hdr.offset} length ${hdr.payloadLength}${ack} (${routed})`;
  }
  if (hdr.type === LNET_MSG_GET)
    return `portal ${hdr.portal} ${match} offset ${hdr.offset} wants ${hdr.sinkLength} (${routed})`;
  if (hdr.type === LNET_MSG_ACK) return `${match} mlength ${hdr.mlength} (${routed})`;
  return `length ${hdr.payloadLength} (${routed})`;
}
