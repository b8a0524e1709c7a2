import { EMPTY_IOV, type Iov, type NalTx } from '../../lnet/nal.ts';
import { LnetHdr, LNET_MSG_ACK, LNET_MSG_GET, LNET_MSG_PUT, LNET_MSG_REPLY } from '../../lnet/wire/lnet-hdr.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import { LNET_PID_LUSTRE } from '../../lnet/wire/process-id.ts';
import { patternBytes } from './memory.ts';
import type { Arrival } from './recorder.ts';

/** A transmission as a core would make it. */
export class TestTx implements NalTx {
  readonly hdr = new LnetHdr();
  readonly nextHop: Nid;
  nextHopPid = LNET_PID_LUSTRE;
  payload: Iov = EMPTY_IOV;
  payloadOffset = 0;
  sink: Iov = EMPTY_IOV;
  token: unknown = undefined;
  nalNext: NalTx | null = null;
  nalNote = 0;

  constructor(type: number, from: Nid, to: Nid) {
    this.nextHop = to;
    this.hdr.type = type;
    this.hdr.srcNid = from;
    this.hdr.destNid = to;
    this.hdr.srcPid = LNET_PID_LUSTRE;
    this.hdr.destPid = LNET_PID_LUSTRE;
  }

  /** Sends `length` bytes of this memory from `offset` on. */
  carrying(payload: Iov, offset: number, length: number): this {
    this.payload = payload;
    this.payloadOffset = offset;
    this.hdr.payloadLength = length;
    return this;
  }
}

/** A PUT of `length` pattern bytes; `number` chooses the pattern and stands in the match bits. */
export function putTx(from: Nid, to: Nid, number: number, length: number): TestTx {
  const tx = new TestTx(LNET_MSG_PUT, from, to).carrying([patternBytes(number, length)], 0, length);
  tx.hdr.interfaceCookieLow = 0xffffffff;
  tx.hdr.interfaceCookieHigh = 0xffffffff;
  tx.hdr.objectCookieLow = 0xffffffff;
  tx.hdr.objectCookieHigh = 0xffffffff;
  tx.hdr.matchBitsLow = number;
  tx.hdr.portal = 10;
  return tx;
}

/** A GET of at most `length` bytes. */
export function getTx(from: Nid, to: Nid, number: number, length: number): TestTx {
  const tx = new TestTx(LNET_MSG_GET, from, to);
  tx.hdr.objectCookieLow = number;
  tx.hdr.matchBitsLow = number;
  tx.hdr.portal = 11;
  tx.hdr.sinkLength = length;
  tx.sink = [new Uint8Array(length)];
  return tx;
}

/** The answer to a GET. */
export function replyTx(request: Arrival, payload: Uint8Array): TestTx {
  return answerTx(LNET_MSG_REPLY, request).carrying([payload], 0, payload.length);
}

/** The answer to a PUT. */
export function ackTx(request: Arrival, mlength: number): TestTx {
  const tx = answerTx(LNET_MSG_ACK, request);
  tx.hdr.matchBitsLow = request.hdr.matchBitsLow;
  tx.hdr.matchBitsHigh = request.hdr.matchBitsHigh;
  tx.hdr.mlength = mlength;
  return tx;
}

function answerTx(type: number, request: Arrival): TestTx {
  const tx = new TestTx(type, request.hdr.destNid, request.fromNid);
  tx.nextHopPid = request.fromPid;
  tx.hdr.destPid = request.fromPid;
  tx.hdr.interfaceCookieLow = request.hdr.interfaceCookieLow;
  tx.hdr.interfaceCookieHigh = request.hdr.interfaceCookieHigh;
  tx.hdr.objectCookieLow = request.hdr.objectCookieLow;
  tx.hdr.objectCookieHigh = request.hdr.objectCookieHigh;
  tx.token = request.token;
  return tx;
}
