import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CapturedFrame } from '../../bin/capture/frame.ts';
import { pcapngHeader, pcapngPacket } from '../../bin/capture/pcapng.ts';
import { SegmentBuilder } from '../../bin/capture/segments.ts';

/** One message as it is meant, or as a dissector reads it. Absent: not a field of its type. */
export interface LnetMessage {
  readonly ksmType: 'LNET' | 'NOOP';
  readonly zcRequest: bigint;
  readonly zcAck: bigint;
  readonly type?: 'ACK' | 'PUT' | 'GET' | 'REPLY';
  /** NIDs of the header. */
  readonly from?: string;
  readonly to?: string;
  readonly srcPid?: number;
  readonly destPid?: number;
  readonly payloadLength?: number;
  readonly interfaceCookie?: bigint;
  readonly objectCookie?: bigint;
  readonly matchBits?: bigint;
  readonly hdrData?: bigint;
  readonly portal?: number;
  readonly offset?: number;
  readonly sinkLength?: number;
  readonly mlength?: number;
}

/** A message in a capture file. */
export interface Dissected {
  readonly message: LnetMessage;
  readonly checksum: number;
  /** Addresses of the packet that ends it. */
  readonly source: string;
  readonly target: string;
  /** What the dissector finds wrong. */
  readonly complaints: readonly string[];
}

/** Fields of one layer; --no-duplicate-keys makes lists of those that stand several times in a packet. */
type Layer = Readonly<Record<string, unknown>>;

const NAMES = ['ACK', 'PUT', 'GET', 'REPLY'] as const;

/** Reads frames that a tap has seen, through a file as `lnet capture` writes it. */
export function dissectFrames(frames: readonly CapturedFrame[]): Dissected[] {
  const builder = new SegmentBuilder();
  const packets = frames.flatMap((frame) =>
    builder.packetsOf(frame).map((packet) => pcapngPacket(frame.atUs, packet.bytes, packet.length)),
  );
  return inFolder((folder) => {
    const file = join(folder, 'frames.pcapng');
    writeFileSync(file, Buffer.concat([pcapngHeader('lnet-node', 'tcp'), ...packets]));
    return dissectFile(file);
  });
}

/** Calls with a folder that is there during the call only. */
export function inFolder<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'lnet-oracle-'));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * What is wrong with a message by the dissector's reading. That it knows no payload for the portal of a PUT is a shortcoming of its
 * own, which it reports as a fault, with kernel nodes too; it must have seen the whole payload then.
 */
export function faultsOf({ message, complaints }: Dissected): readonly string[] {
  const { type, payloadLength = 0 } = message;
  if (type !== 'PUT' || payloadLength === 0) return complaints;
  const unread = `Capture:${HEAD_BYTES + payloadLength} offset:${HEAD_BYTES} (length:0) msg_type:1 ib_type:00`;
  return complaints.filter((complaint) => complaint !== unread && complaint !== 'Malformed Packet');
}

/** socklnd header and LNet header with 4-byte NIDs. */
const HEAD_BYTES = 24 + 72;

/** All LNet messages of a capture file, in the order of the packets that end them. `port`: where LNet runs, if not at 988. */
export function dissectFile(file: string, port?: number): Dissected[] {
  const layers = tshark(file, [
    ...(port === undefined ? [] : ['-d', `tcp.port==${port},lnet`]),
    '-Y',
    'lnet || lnet.ksm_type',
  ]);
  return layers.flatMap((packet) => {
    const source = text((packet['ip'] as Layer)['ip.src']);
    const target = text((packet['ip'] as Layer)['ip.dst']);
    return messagesOf(packet).map((layer) => ({
      message: messageOf(layer),
      checksum: Number(text(layer['lnet.ib_csum'] ?? layer['lnet.ksm_csum'])),
      source,
      target,
      complaints: complaintsOf(layer),
    }));
  });
}

/** Where tshark puts a packet. */
const SOURCE = '_source';

/** These layers of each packet that the arguments let through. */
export function tshark(file: string, args: readonly string[], wanted = 'ip lnet'): Layer[] {
  const output = execFileSync('tshark', ['-r', file, ...args, '-T', 'json', '-J', wanted, '--no-duplicate-keys'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 1 << 28,
  });
  return (JSON.parse(output) as readonly Record<typeof SOURCE, { readonly layers: Layer }>[]).map(
    (packet) => packet[SOURCE].layers,
  );
}

/** A NOOP has no layer of its own: its fields stand beside the layers. */
function messagesOf(packet: Layer): Layer[] {
  const lnet = packet['lnet'];
  const messages = (Array.isArray(lnet) ? lnet : lnet === undefined ? [] : [lnet]) as Layer[];
  const types = list(packet['lnet.ksm_type']);
  const noops = types.map((_, index) =>
    Object.fromEntries(
      Object.entries(packet)
        .filter(([name]) => name.startsWith('lnet.'))
        .map(([name, value]) => [name, list(value)[index]]),
    ),
  );
  return [...messages, ...noops];
}

function messageOf(layer: Layer): LnetMessage {
  const number = (name: string): number => Number(text(layer[name]));
  const big = (name: string): bigint => BigInt(text(layer[name]));
  const zc = { zcRequest: big('lnet.ksm_zc_req_cookie'), zcAck: big('lnet.ksm_zc_ack_cookie') };
  if (number('lnet.ksm_type') === 0xc0) return { ksmType: 'NOOP', ...zc };
  const type = NAMES[number('lnet.msg_type')];
  if (number('lnet.ksm_type') !== 0xc1 || type === undefined)
    throw new Error(`no LNet message: ${JSON.stringify(layer)}`);
  // Handles are raw bytes, and it shows those of an ACK the other way round than those of a request.
  const handle = (name: string): bigint => (type === 'ACK' ? swapped(big(name)) : big(name));
  const common: LnetMessage = {
    ksmType: 'LNET',
    ...zc,
    type,
    from: nidText(layer['lnet.src_nid'] as Layer),
    to: nidText(layer['lnet.dest_nid'] as Layer),
    // This dissector gives the two words each other's name: lnet-wire §5.1.
    srcPid: number('lnet.dest_pid'),
    destPid: number('lnet.src_pid'),
    payloadLength: number('lnet.payload_length'),
    interfaceCookie: handle('lnet.msg_dst_interface_cookie'),
    objectCookie: handle('lnet.msg_dst_object_cookie'),
  };
  if (type === 'REPLY') return common;
  const matchBits = big('lnet.msg_dst_match_bits');
  if (type === 'ACK') return { ...common, matchBits, mlength: number('lnet.msg_length') };
  const portal = number('lnet.ptl_index');
  return type === 'PUT'
    ? { ...common, matchBits, portal, hdrData: big('lnet.msg_hdr_data'), offset: number('lnet.offset') }
    : { ...common, matchBits, portal, offset: number('lnet.src_offset'), sinkLength: number('lnet.sink_length') };
}

function swapped(value: bigint): bigint {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes.readBigUInt64BE();
}

function nidText(nid: Layer): string {
  if (Number(text(nid['lnet.nid.type'])) !== 2) throw new Error(`no NID of tcp: ${JSON.stringify(nid)}`);
  const net = Number(text(nid['lnet.nid.net_interface']));
  return `${text(nid['lnet.nid.addr'])}@tcp${net === 0 ? '' : net}`;
}

function complaintsOf(layer: Layer): string[] {
  const experts = list(layer['_ws.expert']).map((expert) => text((expert as Layer)['_ws.expert.message']));
  return [...experts, ...list(layer['_ws.malformed']).map(text)];
}

const list = (value: unknown): unknown[] => (value === undefined ? [] : Array.isArray(value) ? value : [value]);

function text(value: unknown): string {
  if (typeof value !== 'string') throw new Error(`one value expected: ${JSON.stringify(value)}`);
  return value;
}
