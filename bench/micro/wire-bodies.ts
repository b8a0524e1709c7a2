import { viewOf } from '../../lnet/wire/layout.ts';
import {
  LNET_HDR4,
  LNET_HDR4_BYTES,
  LNET_HDR16_BYTES,
  LNET_MSG_PUT,
  LNET_PUT,
  LnetHdr,
  type LnetHdrForm,
} from '../../lnet/wire/lnet-hdr.ts';
import { parseNid } from '../../lnet/wire/nid.ts';
import type { Bodies } from './body.ts';

const near = parseNid('192.168.1.10@tcp');
const far = parseNid('192.168.1.20@tcp');

function put(): LnetHdr {
  const hdr = new LnetHdr();
  hdr.destNid = near;
  hdr.srcNid = far;
  hdr.destPid = 12345;
  hdr.srcPid = 12345;
  hdr.type = LNET_MSG_PUT;
  hdr.payloadLength = 65_536;
  hdr.interfaceCookieLow = 0xc0ffee01;
  hdr.interfaceCookieHigh = 0x1886a1b2;
  hdr.objectCookieLow = 0x49;
  hdr.matchBitsLow = 0x9b;
  hdr.matchBitsHigh = 0xeddb0000;
  hdr.portal = 52;
  return hdr;
}

function encoded(form: LnetHdrForm): DataView {
  const view = viewOf(new Uint8Array(form === 4 ? LNET_HDR4_BYTES : LNET_HDR16_BYTES));
  put().encode(view, 0, form);
  return view;
}

function decoding(form: LnetHdrForm) {
  return () => {
    const view = encoded(form);
    const hdr = new LnetHdr();
    return () => {
      hdr.decode(view, 0, form, near, far);
      return hdr.payloadLength;
    };
  };
}

function encoding(form: LnetHdrForm) {
  return () => {
    const view = encoded(form);
    const hdr = put();
    return () => {
      hdr.encode(view, 0, form);
      return view.getUint8(0);
    };
  };
}

/** Header codec, and the same through the layout tables; NID texts. */
export const WIRE_BODIES: Bodies = {
  'decode 72': decoding(4),
  'decode 96': decoding(16),
  'encode 72': encoding(4),
  'encode 96': encoding(16),
  'decode 72 by table': () => {
    const view = encoded(4);
    return () => LNET_HDR4.decode(view, 0).payloadLength + LNET_PUT.decode(view, LNET_HDR4.size).portal;
  },
  'encode 72 by table': () => {
    const view = encoded(4);
    const common = LNET_HDR4.decode(view, 0);
    const union = LNET_PUT.decode(view, LNET_HDR4.size);
    return () => {
      LNET_HDR4.encode(common, view, 0);
      LNET_PUT.encode(union, view, LNET_HDR4.size);
      return view.getUint8(0);
    };
  },
  'parse IPv4 NID': () => () => parseNid('192.168.1.10@tcp1'),
  'parse IPv6 NID': () => {
    // NIDs are held weakly: one that is in use is found, as in a running node.
    const used = parseNid('fd77::11@tcp6');
    return () => parseNid('fd77::11@tcp6') === used;
  },
};
