import {
  isLittleEndianMessage,
  LUSTRE_MSG,
  type MessageFault,
  messageFault,
  messageHeaderBytes,
} from './message-header.ts';
import { PTLRPC_BODY, PTLRPC_BODY_V2, PTLRPC_MSG_VERSION } from './ptlrpc-body.ts';

const { at: HEADER } = LUSTRE_MSG;
const { at: BODY } = PTLRPC_BODY;

/**
 * What every message is dispatched by, read from a view without decoding it: the delivery path. One record is reused for
 * all messages; u64 are two u32 halves, so that nothing is allocated. Buffers are decoded later, by whoever needs them.
 */
export class RpcHead {
  littleEndian = true;
  bufferCount = 0;
  secflvr = 0;
  headerFlags = 0;
  repsize = 0;
  cksum = 0;
  /** Offset of the body from the start of the view. */
  bodyAt = 0;
  type = 0;
  version = 0;
  opc = 0;
  status = 0;
  flags = 0;
  opFlags = 0;
  tag = 0;
  connCnt = 0;
  timeout = 0;
  serviceTime = 0;
  handleLow = 0;
  handleHigh = 0;
  lastXidLow = 0;
  lastXidHigh = 0;
  lastCommittedLow = 0;
  lastCommittedHigh = 0;
  transnoLow = 0;
  transnoHigh = 0;
  mbitsLow = 0;
  mbitsHigh = 0;

  /**
   * Reads the message in `length` bytes at `at`. Gives the reason when they form none or its body cannot be read
   * (ptlrpc §1.2, §1.4, §1.6): then the record holds nothing of meaning, a server drops the message and a client fails
   * the request.
   */
  read(view: DataView, at: number, length: number): MessageFault | 'bad_version' | undefined {
    if (view.byteLength - at < length) return 'short';
    const fault = messageFault(view, at, length);
    if (fault) return fault;
    const le = isLittleEndianMessage(view, at);
    this.littleEndian = le;
    this.bufferCount = view.getUint32(at, le);
    if (view.getUint32(at + LUSTRE_MSG.size, le) < PTLRPC_BODY_V2.size) return 'short';
    this.secflvr = view.getUint32(at + HEADER.secflvr, le);
    this.headerFlags = view.getUint32(at + HEADER.flags, le);
    this.repsize = view.getUint32(at + HEADER.repsize, le);
    this.cksum = view.getUint32(at + HEADER.cksum, le);
    const body = at + messageHeaderBytes(this.bufferCount);
    this.bodyAt = body;
    this.version = view.getUint32(body + BODY.version, le);
    if ((this.version & 0xffff) !== PTLRPC_MSG_VERSION) return 'bad_version';
    this.type = view.getUint32(body + BODY.type, le);
    this.opc = view.getUint32(body + BODY.opc, le);
    this.status = view.getInt32(body + BODY.status, le);
    this.flags = view.getUint32(body + BODY.flags, le);
    this.opFlags = view.getUint32(body + BODY.opFlags, le);
    this.tag = view.getUint16(body + BODY.tag, le);
    this.connCnt = view.getUint32(body + BODY.connCnt, le);
    this.timeout = view.getUint32(body + BODY.timeout, le);
    this.serviceTime = view.getUint32(body + BODY.serviceTime, le);
    // Opaque: read in one order whatever the peer's.
    this.handleLow = view.getUint32(body + BODY.handle, true);
    this.handleHigh = view.getUint32(body + BODY.handle + 4, true);
    const low = le ? 0 : 4;
    const high = le ? 4 : 0;
    this.lastXidLow = view.getUint32(body + BODY.lastXid + low, le);
    this.lastXidHigh = view.getUint32(body + BODY.lastXid + high, le);
    this.lastCommittedLow = view.getUint32(body + BODY.lastCommitted + low, le);
    this.lastCommittedHigh = view.getUint32(body + BODY.lastCommitted + high, le);
    this.transnoLow = view.getUint32(body + BODY.transno + low, le);
    this.transnoHigh = view.getUint32(body + BODY.transno + high, le);
    this.mbitsLow = view.getUint32(body + BODY.mbits + low, le);
    this.mbitsHigh = view.getUint32(body + BODY.mbits + high, le);
    return undefined;
  }
}
