import type { CapturedFrame } from './capture.ts';
import { CONTROL, BULK_IN, BULK_OUT, nidText } from './frame-builder.ts';
import { fieldBytes, fieldNamed, fieldText, handleOf, messageType } from './frame-fields.ts';

/** One connection of a capture, seen from the node we stand for. */
export interface ScriptConn {
  readonly conn: number;
  /** Captured address of the kernel at the other end. */
  readonly kernel: string;
  /** Captured address of ours. */
  readonly own: string;
  /** Which side opened it. */
  readonly isOpenedByUs: boolean;
  /** Port of the side that opened it. */
  readonly openerPort: number;
  /** Type as the opener names it. */
  readonly ctype: number;
  /** False when the capture begins after the connection was opened. */
  readonly hasHandshake: boolean;
  /** Frame with which it was open at both ends; -1 without handshake. */
  readonly upAt: number;
}

/** A frame that the kernel sends to us (`in`) or that we send to it (`out`), in the order of the capture. */
export interface Step extends CapturedFrame {
  readonly direction: 'in' | 'out';
  readonly link: ScriptConn;
}

/** A capture as one node lives it. */
export interface Script {
  readonly steps: readonly Step[];
  readonly conns: readonly ScriptConn[];
  /** Captured addresses of the kernels. */
  readonly kernels: readonly string[];
}

/** A kernel opens its connections in the order of the types, each from the next lower port: socklnd §1.1, §3.3. */
const CTYPE_OF_PORT: Readonly<Record<number, number>> = { 1023: CONTROL, 1022: BULK_IN, 1021: BULK_OUT };

/**
 * The part of a capture that the node with these captured addresses takes part in, without answers to what the capture does
 * not hold.
 */
export function scriptOf(frames: readonly CapturedFrame[], own: readonly string[]): Script {
  const isOwn = (address: string): boolean => own.includes(address);
  const ours = frames.filter((frame) => isOwn(frame.src.address) !== isOwn(frame.dst.address));
  const conns = new Map<number, ScriptConn>();
  for (const frame of ours) {
    if (conns.has(frame.conn)) continue;
    conns.set(frame.conn, connOf(frame, ours, isOwn));
  }
  const requests = new Set(ours.filter(isRequest).map(handleOf));
  const steps = ours
    .filter((frame) => !isAnswer(frame) || requests.has(handleOf(frame)))
    .map(
      (frame): Step => ({
        ...frame,
        direction: isOwn(frame.src.address) ? 'out' : 'in',
        link: conns.get(frame.conn) as ScriptConn,
      }),
    );
  const all = [...conns.values()];
  return { steps, conns: all, kernels: [...new Set(all.map(({ kernel }) => kernel))] };
}

function connOf(
  frame: CapturedFrame,
  frames: readonly CapturedFrame[],
  isOwn: (address: string) => boolean,
): ScriptConn {
  // The listening port is below all that connectors use, or 988 among them.
  const opener = frame.src.port === 988 ? frame.dst : frame.src;
  const listener = opener === frame.src ? frame.dst : frame.src;
  const hellos = frames.filter(({ conn, kind }) => conn === frame.conn && kind === 'hello');
  const hello = hellos.find(({ src }) => src.port === opener.port);
  const ctype = hello
    ? fieldBytes(hello, fieldNamed(hello, 'hello.ctype')).readUInt32LE(0)
    : (CTYPE_OF_PORT[opener.port] ?? CONTROL);
  return {
    conn: frame.conn,
    kernel: isOwn(opener.address) ? listener.address : opener.address,
    own: isOwn(opener.address) ? opener.address : listener.address,
    isOpenedByUs: isOwn(opener.address),
    openerPort: opener.port,
    ctype,
    hasHandshake: hello !== undefined,
    upAt: hellos.at(-1)?.index ?? -1,
  };
}

function isRequest(frame: CapturedFrame): boolean {
  return frame.kind === 'message' && (messageType(frame) === 'put' || messageType(frame) === 'get');
}

function isAnswer(frame: CapturedFrame): boolean {
  return frame.kind === 'message' && !isRequest(frame);
}

/** What tells two frames apart that could be taken for each other: same key, same meaning. */
export function keyOf(frame: Pick<CapturedFrame, 'kind' | 'head' | 'payload'>): string {
  const text = (name: string): string => fieldText(frame, fieldNamed(frame, name));
  if (frame.kind === 'connreq') return `connreq ${nidText(frame, 'connreq.nid')}`;
  if (frame.kind === 'hello') return `hello ${text('hello.ctype')}`;
  if (frame.kind === 'noop') return 'noop';
  const type = messageType(frame);
  const to = nidText(frame, 'hdr.destNid');
  if (type === 'put') return `PUT to ${to} portal ${text('put.portal')} bits ${text('put.matchBits')}`;
  if (type === 'get')
    return `GET to ${to} portal ${text('get.portal')} bits ${text('get.matchBits')} sink ${text('get.sinkLength')}`;
  return `${type.toUpperCase()} to ${to} handle ${text(`${type}.handle`)}`;
}
