import { viewOf } from '../../lnet/wire/layout.ts';
import type { FilePacket } from './packet-file.ts';

/** Bytes of one direction of a connection that follow each other without a gap. */
export interface StreamRun {
  /** Offset in the direction, from the first byte that was seen. */
  readonly at: number;
  readonly bytes: Uint8Array;
  /** When the byte at which offset of the run had arrived, in order. */
  readonly arrivals: readonly { readonly end: number; readonly atUs: number }[];
}

/** One direction of a TCP connection. */
export interface TcpStream {
  readonly isIpv6: boolean;
  readonly runs: readonly StreamRun[];
}

interface Segment {
  readonly at: number;
  readonly atUs: number;
  readonly bytes: Uint8Array;
}

interface Direction {
  readonly isIpv6: boolean;
  readonly segments: Segment[];
  lastAt: number;
  lastSequence: number;
}

const LINKTYPE_ETHERNET = 1;
const LINKTYPE_RAW = 101;
const LINKTYPE_LINUX_SLL = 113;
const LINKTYPE_LINUX_SLL2 = 276;
const ETHERTYPE_VLAN = 0x8100;
const IPPROTO_TCP = 6;
const TCP_SYN = 0x02;

/** Puts the TCP segments of packets in order, each byte once. What is no TCP over IP is left out. */
export function tcpStreams(packets: readonly FilePacket[]): TcpStream[] {
  const directions = new Map<string, Direction>();
  const generations = new Map<string, number>();
  for (const packet of packets) {
    const segment = segmentOf(packet);
    if (!segment) continue;
    if (segment.isSyn) generations.set(segment.key, (generations.get(segment.key) ?? 0) + 1);
    if (segment.data.length === 0) continue;
    const key = `${segment.key} ${generations.get(segment.key) ?? 0}`;
    let direction = directions.get(key);
    if (!direction) {
      direction = { isIpv6: segment.isIpv6, segments: [], lastAt: 0, lastSequence: segment.sequence };
      directions.set(key, direction);
    }
    // Sequence numbers wrap: what counts is the distance from the last one.
    const at = direction.lastAt + ((segment.sequence - direction.lastSequence) | 0);
    direction.lastAt = at;
    direction.lastSequence = segment.sequence;
    direction.segments.push({ at, atUs: packet.atUs, bytes: segment.data });
  }
  return [...directions.values()].map(({ isIpv6, segments }) => ({ isIpv6, runs: runsOf(segments) }));
}

function runsOf(segments: readonly Segment[]): StreamRun[] {
  const runs: StreamRun[] = [];
  let parts: Segment[] = [];
  let end = Number.NEGATIVE_INFINITY;
  const finish = (): void => {
    const [first] = parts;
    if (!first) return;
    let length = 0;
    const arrivals = parts.map(({ atUs, bytes }) => ({ end: (length += bytes.length), atUs }));
    runs.push({ at: first.at, bytes: Buffer.concat(parts.map((part) => part.bytes)), arrivals });
    parts = [];
  };
  for (const segment of segments.toSorted((a, b) => a.at - b.at)) {
    const fresh = segment.bytes.subarray(Math.max(0, Math.min(segment.bytes.length, end - segment.at)));
    if (segment.at > end) finish();
    if (fresh.length === 0) continue;
    const at = segment.at + segment.bytes.length - fresh.length;
    parts.push({ at, atUs: segment.atUs, bytes: fresh });
    end = at + fresh.length;
  }
  finish();
  return runs;
}

interface RawSegment {
  readonly key: string;
  readonly isIpv6: boolean;
  readonly isSyn: boolean;
  readonly sequence: number;
  readonly data: Uint8Array;
}

/** Offset of the IP header by kind of link; undefined for a link of another kind. */
function ipAt({ linkType, bytes }: FilePacket): number | undefined {
  switch (linkType) {
    case LINKTYPE_ETHERNET:
      return bytes.length > 14 && viewOf(bytes).getUint16(12) === ETHERTYPE_VLAN ? 18 : 14;
    case LINKTYPE_RAW:
      return 0;
    case LINKTYPE_LINUX_SLL:
      return 16;
    case LINKTYPE_LINUX_SLL2:
      return 20;
    default:
      return undefined;
  }
}

function segmentOf(packet: FilePacket): RawSegment | undefined {
  const at = ipAt(packet);
  const { bytes } = packet;
  if (at === undefined || at + 40 > bytes.length) return undefined;
  const view = viewOf(bytes);
  const isIpv6 = view.getUint8(at) >> 4 === 6;
  if (!isIpv6 && view.getUint8(at) >> 4 !== 4) return undefined;
  if (view.getUint8(at + (isIpv6 ? 6 : 9)) !== IPPROTO_TCP) return undefined;
  // A fragment that is not the first holds no TCP header.
  if (!isIpv6 && (view.getUint16(at + 6) & 0x1fff) !== 0) return undefined;
  const tcp = at + (isIpv6 ? 40 : (view.getUint8(at) & 15) * 4);
  const ipEnd = at + (isIpv6 ? 40 + view.getUint16(at + 4) : view.getUint16(at + 2));
  if (tcp + 20 > bytes.length) return undefined;
  const addresses = isIpv6 ? bytes.subarray(at + 8, at + 40) : bytes.subarray(at + 12, at + 20);
  const dataAt = tcp + (view.getUint8(tcp + 12) >> 4) * 4;
  return {
    key: `${addresses.join('.')} ${view.getUint16(tcp)} ${view.getUint16(tcp + 2)}`,
    isIpv6,
    isSyn: (view.getUint8(tcp + 13) & TCP_SYN) !== 0,
    sequence: view.getUint32(tcp + 4),
    // Short Ethernet frames are padded behind the IP packet.
    data: bytes.subarray(dataAt, Math.min(ipEnd, bytes.length)),
  };
}
