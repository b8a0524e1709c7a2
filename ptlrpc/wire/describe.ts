import { LUSTRE_MSG } from './message-header.ts';
import { PTL_RPC_MSG_ERR, PTLRPC_BODY } from './ptlrpc-body.ts';
import { FORMATS } from './formats.ts';
import type { RpcFormat } from './rpc-format.ts';
import { buffersOf, type RpcMessage } from './rpc-message.ts';
import { bytesText, recordTree, textAt, treeLines, type ValueTree } from './value-tree.ts';

/** What of a message stands outside of it. */
export interface DescribeOptions {
  /** Match bits of the request: a message does not hold its own xid. */
  readonly xid?: bigint;
}

/** Longest text of one value on the one line. */
const GIST_VALUE_CHARS = 96;

/** Name of an opcode, with its variant when the message tells it. */
export function nameOf({ format, body }: Pick<RpcMessage, 'format' | 'body'>): string {
  if (format) return format.name;
  const [first] = FORMATS.ofOpcode(body.opc);
  return first ? familyName(first) : `opcode ${body.opc}`;
}

function familyName({ name }: RpcFormat): string {
  return name.split(' ')[0] as string;
}

/** A message on one line: `MDS_REINT UNLINK request xid 0x6b00… [0x200000007:0x1:0x0] "f" …`. */
export function describe(rpc: RpcMessage, { xid }: DescribeOptions = {}): string {
  const { body, isRequest } = rpc;
  const parts = [nameOf(rpc), roleOf(rpc)];
  if (xid !== undefined) parts.push(`xid 0x${xid.toString(16)}`);
  if (!isRequest) parts.push(`status ${body.status}`);
  if (!isRequest && body.transno !== 0n) parts.push(`transno ${body.transno}`);
  if (body.tag !== 0) parts.push(`tag ${body.tag}`);
  const flags = PTLRPC_BODY.fields.flags.show(body.flags & ~PACKED_IDS);
  if (flags !== '0') parts.push(flags);
  if (body.opFlags !== 0) parts.push(PTLRPC_BODY.fields.opFlags.show(body.opFlags));
  return [...parts, ...gistOf(rpc)].join(' ');
}

/** Only early replies carry a checksum: ptlrpc §1.1. */
function roleOf({ isRequest, body, message }: RpcMessage): string {
  if (isRequest) return 'request';
  if (body.type === PTL_RPC_MSG_ERR) return 'error';
  return message.header.cksum === 0 ? 'reply' : 'early reply';
}

/** Bits that nearly every request has: no news. */
const PACKED_IDS = 0x600;

function gistOf(rpc: RpcMessage): string[] {
  const { format, isRequest, values } = rpc;
  if (!format || !values) return [];
  const tree = valuesTree(rpc, false);
  const paths = isRequest ? format.gist : format.replyGist;
  return paths.flatMap((path) => {
    const found = textAt(tree, path.split('.'));
    return found === undefined ? [] : [`${path.split('.').at(-1)} ${clipped(found)}`];
  });
}

function clipped(value: string): string {
  return value.length > GIST_VALUE_CHARS ? `${value.slice(0, GIST_VALUE_CHARS)}…` : value;
}

function valuesTree(rpc: RpcMessage, isTerse: boolean): readonly (readonly [string, ValueTree])[] {
  const { format, isRequest, values } = rpc;
  if (!format || !values) return [];
  return Object.entries(buffersOf(format, isRequest))
    .filter(([name]) => values[name] !== undefined)
    .map(([name, kind]) => [name, kind.show(values[name], isTerse)] as const);
}

/** A message in full, one value a line; fields that are zero are left out, buffers of no known form shown as bytes. */
export function describeInFull(rpc: RpcMessage, options: DescribeOptions = {}): string {
  const { message, body, cut } = rpc;
  const tree = valuesTree(rpc, true);
  const known = rpc.format && rpc.values ? Object.keys(buffersOf(rpc.format, rpc.isRequest)).length : 0;
  const extra = message.bufferLengths
    .map((length, i) => [i, length] as const)
    .filter(([i, length]) => i > known && length > 0)
    .map(([i]) => [`buffer ${i}`, bytesText(message.buffer(i) as Uint8Array)] as const);
  const order = message.littleEndian ? '' : ', big-endian';
  return [
    describe(rpc, options),
    `  message: ${message.usedBytes} bytes, buffers ${message.bufferLengths.join(' ')}${order}`,
    ...treeLines(recordTree(LUSTRE_MSG, { ...message.header, bufcount: 0, magic: 0 }, true), '    '),
    '  body:',
    ...treeLines(recordTree(PTLRPC_BODY, body, true), '    '),
    ...treeLines([...tree, ...extra], '  '),
    ...(cut.length > 0 ? [`  cut by the recording: ${cut.join(', ')}`] : []),
  ].join('\n');
}
