import { layout, u32, u64 } from '../../../lnet/wire/layout.ts';

/** Message types of socklnd: socklnd §4.1. */
export const KSOCK_MSG_NOOP = 0xc0;
export const KSOCK_MSG_LNET = 0xc1;

/**
 * Header before each message of a connection of version 2 and above, in the byte order of the sender's HELLO. For type LNET
 * an LNet header and its payload follow.
 */
export const KSOCK_MSG = layout('ksock_msg_hdr', 24, 'socklnd §4.1', {
  type: u32,
  csum: u32,
  zcCookie0: u64,
  zcCookie1: u64,
});

/** Bytes of a {@link MessageHeader}; a NOOP is nothing else. */
export const MESSAGE_HEADER_BYTES = KSOCK_MSG.size;

/** One message header, decoded. Reusable; cookies are two u32 halves, so that no bigint is made per message. */
export class MessageHeader {
  type = 0;
  /** 0: none. */
  csum = 0;
  /** LNET: the sender wants this value acknowledged, 0: not. NOOP: see {@link readZcAck}. */
  zcCookie0Low = 0;
  zcCookie0High = 0;
  /** Acknowledged value, 0: none. */
  zcCookie1Low = 0;
  zcCookie1High = 0;

  get wantsZcAck(): boolean {
    return this.type === KSOCK_MSG_LNET && (this.zcCookie0Low !== 0 || this.zcCookie0High !== 0);
  }

  get hasZcAck(): boolean {
    return this.zcCookie1Low !== 0 || this.zcCookie1High !== 0;
  }

  /** The caller has made sure that {@link MESSAGE_HEADER_BYTES} are there. Every value is accepted here. */
  decode(view: DataView, at: number, littleEndian: boolean): void {
    const low = littleEndian ? 0 : 4;
    const cookie0 = at + KSOCK_MSG.at.zcCookie0;
    const cookie1 = at + KSOCK_MSG.at.zcCookie1;
    this.type = view.getUint32(at, littleEndian);
    this.csum = view.getUint32(at + KSOCK_MSG.at.csum, littleEndian);
    this.zcCookie0Low = view.getUint32(cookie0 + low, littleEndian);
    this.zcCookie0High = view.getUint32(cookie0 + 4 - low, littleEndian);
    this.zcCookie1Low = view.getUint32(cookie1 + low, littleEndian);
    this.zcCookie1High = view.getUint32(cookie1 + 4 - low, littleEndian);
  }

  /** Writes {@link MESSAGE_HEADER_BYTES} bytes, little-endian. */
  encode(view: DataView, at: number): void {
    view.setUint32(at, this.type, true);
    view.setUint32(at + KSOCK_MSG.at.csum, this.csum, true);
    view.setUint32(at + KSOCK_MSG.at.zcCookie0, this.zcCookie0Low, true);
    view.setUint32(at + KSOCK_MSG.at.zcCookie0 + 4, this.zcCookie0High, true);
    view.setUint32(at + KSOCK_MSG.at.zcCookie1, this.zcCookie1Low, true);
    view.setUint32(at + KSOCK_MSG.at.zcCookie1 + 4, this.zcCookie1High, true);
  }
}

/** Writes the header of an LNET message that asks for nothing and acknowledges nothing: what all but ACK carriers are. */
export function writeLnetHeader(view: DataView, at: number): void {
  view.setUint32(at, KSOCK_MSG_LNET, true);
  for (let word = KSOCK_MSG.at.csum; word < MESSAGE_HEADER_BYTES; word += 4) view.setUint32(at + word, 0, true);
}
