import type { Nid } from '../../lnet/wire/nid.ts';
import type { CapturedFrame } from './frame.ts';

/** The port that dissectors know LNet by. */
const LNET_PORT = 988;
/** socklnd connects from reserved ports, downwards from here: socklnd §1.1. */
const CONNECTOR_PORT_MAX = 1023;
const CONNECTOR_PORT_MIN = 512;

const ETHERNET_BYTES = 14;
const IPV4_BYTES = 20;
const IPV6_BYTES = 40;
const TCP_BYTES = 20;
const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const IPPROTO_TCP = 6;
const TTL = 64;
const DONT_FRAGMENT = 0x4000;
const PSH_ACK = 0x18;
const WINDOW = 0xffff;

/** Stream bytes of one segment: what an IP packet can carry with its 16-bit length, rounded down. */
const SEGMENT_BYTES = 65_000;

/** Connections remembered at once; the oldest is forgotten, and starts anew when it is seen again. */
const CONNECTIONS_MAX = 65_536;

/** A packet as it would have crossed an Ethernet. */
export interface Packet {
  /** What is kept of it. */
  readonly bytes: Uint8Array;
  /** Its length on the wire. */
  readonly length: number;
}

interface Connection {
  /** The side that was seen sending first: it plays the connector. */
  readonly connector: Nid;
  readonly connectorPort: number;
  /** Next sequence number of the connector and of the acceptor. */
  connectorSequence: number;
  acceptorSequence: number;
}

/**
 * Wraps frames into synthetic Ethernet, IP and TCP, so that a dissector sees what socklnd would have put on the wire, whatever
 * NAL carried them. Addresses are those of the NIDs, ports and sequence numbers consistent per connection, checksums right.
 */
export class SegmentBuilder {
  readonly #connections = new Map<string, Connection>();

  /**
   * The packets of one frame. Of a frame that was cut, the last packet is marked as cut and what would follow it is a gap in
   * the sequence numbers, from which a dissector recovers at the next frame.
   */
  packetsOf(frame: CapturedFrame): Packet[] {
    const connection = this.#connectionOf(frame);
    const isFromConnector = connection.connector === frame.from;
    const acknowledged = isFromConnector ? connection.acceptorSequence : connection.connectorSequence;
    const start = isFromConnector ? connection.connectorSequence : connection.acceptorSequence;
    const packets: Packet[] = [];
    for (let at = 0; at < frame.bytes.length; at += SEGMENT_BYTES) {
      const length = Math.min(SEGMENT_BYTES, frame.length - at);
      packets.push(
        packetOf({
          source: frame.from,
          target: frame.to,
          sourcePort: isFromConnector ? connection.connectorPort : LNET_PORT,
          targetPort: isFromConnector ? LNET_PORT : connection.connectorPort,
          sequence: (start + at) >>> 0,
          acknowledged,
          data: frame.bytes.subarray(at, at + length),
          dataBytes: length,
        }),
      );
    }
    const end = (start + frame.length) >>> 0;
    if (isFromConnector) connection.connectorSequence = end;
    else connection.acceptorSequence = end;
    return packets;
  }

  #connectionOf({ from, to, link }: CapturedFrame): Connection {
    const key = [from.toString(), to.toString()].toSorted().join(' ') + ` ${link}`;
    const known = this.#connections.get(key);
    if (known) return known;
    if (this.#connections.size >= CONNECTIONS_MAX) {
      for (const oldest of this.#connections.keys()) {
        this.#connections.delete(oldest);
        break;
      }
    }
    const ports = CONNECTOR_PORT_MAX - CONNECTOR_PORT_MIN + 1;
    const made: Connection = {
      connector: from,
      connectorPort: CONNECTOR_PORT_MAX - (link % ports),
      connectorSequence: 1,
      acceptorSequence: 1,
    };
    this.#connections.set(key, made);
    return made;
  }
}

interface SegmentSpec {
  readonly source: Nid;
  readonly target: Nid;
  readonly sourcePort: number;
  readonly targetPort: number;
  readonly sequence: number;
  readonly acknowledged: number;
  /** What was kept of the stream bytes. */
  readonly data: Uint8Array;
  /** How many there were. */
  readonly dataBytes: number;
}

function packetOf(spec: SegmentSpec): Packet {
  const isIpv6 = spec.source.isLarge || spec.target.isLarge;
  const ipBytes = isIpv6 ? IPV6_BYTES : IPV4_BYTES;
  const tcpAt = ETHERNET_BYTES + ipBytes;
  const bytes = new Uint8Array(tcpAt + TCP_BYTES + spec.data.length);
  const view = new DataView(bytes.buffer);
  const source = addressOf(spec.source, isIpv6);
  const target = addressOf(spec.target, isIpv6);
  writeEthernet(view, bytes, spec, isIpv6);
  const tcpLength = TCP_BYTES + spec.dataBytes;
  if (isIpv6) writeIpv6(view, bytes, source, target, tcpLength);
  else writeIpv4(view, bytes, source, target, tcpLength);
  view.setUint16(tcpAt, spec.sourcePort);
  view.setUint16(tcpAt + 2, spec.targetPort);
  view.setUint32(tcpAt + 4, spec.sequence);
  view.setUint32(tcpAt + 8, spec.acknowledged);
  view.setUint8(tcpAt + 12, (TCP_BYTES / 4) << 4);
  view.setUint8(tcpAt + 13, PSH_ACK);
  view.setUint16(tcpAt + 14, WINDOW);
  bytes.set(spec.data, tcpAt + TCP_BYTES);
  // Of a segment that was cut the checksum cannot be known; dissectors do not verify it then.
  if (spec.data.length === spec.dataBytes) {
    const pseudo = sumOf(source) + sumOf(target) + IPPROTO_TCP + tcpLength;
    view.setUint16(tcpAt + 16, folded(pseudo + sumOf(bytes.subarray(tcpAt))));
  }
  return { bytes, length: tcpAt + TCP_BYTES + spec.dataBytes };
}

/** Locally administered hardware addresses that carry the last four bytes of the NID's address. */
function writeEthernet(view: DataView, bytes: Uint8Array, { source, target }: SegmentSpec, isIpv6: boolean): void {
  view.setUint8(0, 0x02);
  bytes.set(addressOf(target, isIpv6).subarray(-4), 2);
  view.setUint8(6, 0x02);
  bytes.set(addressOf(source, isIpv6).subarray(-4), 8);
  view.setUint16(12, isIpv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
}

function writeIpv4(view: DataView, bytes: Uint8Array, source: Uint8Array, target: Uint8Array, tcpLength: number): void {
  const at = ETHERNET_BYTES;
  view.setUint8(at, 0x45);
  view.setUint16(at + 2, IPV4_BYTES + tcpLength);
  view.setUint16(at + 6, DONT_FRAGMENT);
  view.setUint8(at + 8, TTL);
  view.setUint8(at + 9, IPPROTO_TCP);
  bytes.set(source, at + 12);
  bytes.set(target, at + 16);
  view.setUint16(at + 10, folded(sumOf(bytes.subarray(at, at + IPV4_BYTES))));
}

function writeIpv6(view: DataView, bytes: Uint8Array, source: Uint8Array, target: Uint8Array, tcpLength: number): void {
  const at = ETHERNET_BYTES;
  view.setUint8(at, 0x60);
  view.setUint16(at + 4, tcpLength);
  view.setUint8(at + 6, IPPROTO_TCP);
  view.setUint8(at + 7, TTL);
  bytes.set(source, at + 8);
  bytes.set(target, at + 24);
}

/** The address of a NID as IP has it; numeric addresses are shown as an IPv4 address of the same value, `0@lo` as 127.0.0.1. */
function addressOf(nid: Nid, isIpv6: boolean): Uint8Array {
  if (nid.isLarge) return nid.bytes.subarray(4, 20);
  const ipv4 = nid.isLoopback ? Uint8Array.of(127, 0, 0, 1) : nid.bytes.subarray(4, 8);
  if (!isIpv6) return ipv4;
  const mapped = new Uint8Array(16);
  mapped.set([0xff, 0xff], 10);
  mapped.set(ipv4, 12);
  return mapped;
}

/** Sum of 16-bit words, as the Internet checksum takes it (RFC 1071); an odd last byte is padded with zero. */
function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  const even = bytes.length & ~1;
  for (let at = 0; at < even; at += 2) sum += ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  if (bytes.length !== even) sum += (bytes[even] as number) << 8;
  return sum;
}

function folded(sum: number): number {
  let rest = sum;
  while (rest > 0xffff) rest = (rest & 0xffff) + Math.floor(rest / 0x1_0000);
  return ~rest & 0xffff;
}
