import { viewOf } from '../../lnet/wire/layout.ts';
import { WireError } from '../../lnet/wire/wire-error.ts';

/** One packet of a capture file. */
export interface FilePacket {
  /** Microseconds since 1970. */
  readonly atUs: number;
  readonly linkType: number;
  /** What was kept of it. */
  readonly bytes: Uint8Array;
}

/** Magic of pcap with microseconds and with nanoseconds, and of pcapng. */
const PCAP_MAGIC_US = 0xa1b2c3d4;
const PCAP_MAGIC_NS = 0xa1b23c4d;
const PCAPNG_SECTION = 0x0a0d0d0a;
const PCAPNG_BYTE_ORDER = 0x1a2b3c4d;
const INTERFACE_BLOCK = 1;
const ENHANCED_PACKET_BLOCK = 6;
const IF_TSRESOL = 9;

const PCAP_HEADER_BYTES = 24;
const PCAP_RECORD_BYTES = 16;
const BLOCK_BYTES_MIN = 12;

/** Whether a file begins like a capture of packets. */
export function isPacketFile(bytes: Uint8Array): boolean {
  if (bytes.length < PCAP_HEADER_BYTES) return false;
  const first = viewOf(bytes).getUint32(0, true);
  return first === PCAPNG_SECTION || pcapOrder(bytes) !== undefined;
}

/** The packets of a pcap or pcapng file. Throws {@link WireError}; a file that ends inside a packet ends before it. */
export function readPacketFile(bytes: Uint8Array): FilePacket[] {
  return pcapOrder(bytes) === undefined ? readPcapng(bytes) : readPcap(bytes);
}

function pcapOrder(bytes: Uint8Array): { readonly littleEndian: boolean; readonly unitsPerUs: number } | undefined {
  const view = viewOf(bytes);
  for (const littleEndian of [true, false]) {
    const magic = view.getUint32(0, littleEndian);
    if (magic === PCAP_MAGIC_US) return { littleEndian, unitsPerUs: 1 };
    if (magic === PCAP_MAGIC_NS) return { littleEndian, unitsPerUs: 1000 };
  }
  return undefined;
}

function readPcap(bytes: Uint8Array): FilePacket[] {
  const { littleEndian, unitsPerUs } = pcapOrder(bytes) ?? { littleEndian: true, unitsPerUs: 1 };
  const view = viewOf(bytes);
  const linkType = view.getUint32(20, littleEndian) & 0xffff;
  const packets: FilePacket[] = [];
  for (let at = PCAP_HEADER_BYTES; at + PCAP_RECORD_BYTES <= bytes.length; ) {
    const atUs = view.getUint32(at, littleEndian) * 1e6 + view.getUint32(at + 4, littleEndian) / unitsPerUs;
    const start = at + PCAP_RECORD_BYTES;
    at = start + view.getUint32(at + 8, littleEndian);
    if (at <= bytes.length) packets.push({ atUs, linkType, bytes: bytes.subarray(start, at) });
  }
  return packets;
}

interface Interface {
  readonly linkType: number;
  readonly ticksPerUs: number;
}

function readPcapng(bytes: Uint8Array): FilePacket[] {
  const view = viewOf(bytes);
  const packets: FilePacket[] = [];
  let interfaces: Interface[] = [];
  let le = true;
  for (let at = 0; at + BLOCK_BYTES_MIN <= bytes.length; ) {
    const isSection = view.getUint32(at, true) === PCAPNG_SECTION;
    if (isSection) {
      le = view.getUint32(at + 8, true) === PCAPNG_BYTE_ORDER;
      interfaces = [];
    }
    const type = view.getUint32(at, le);
    const length = view.getUint32(at + 4, le);
    if (length < BLOCK_BYTES_MIN || length % 4 !== 0)
      throw new WireError('bad_length', `block at ${at} of the capture claims ${length} bytes`);
    const end = at + length;
    if (end > bytes.length) break;
    if (type === INTERFACE_BLOCK && length >= 20) interfaces.push(readInterface(view, at, end, le));
    if (type === ENHANCED_PACKET_BLOCK && length >= 32) {
      const from = interfaces[view.getUint32(at + 8, le)];
      const kept = view.getUint32(at + 20, le);
      if (from && at + 28 + kept <= end) {
        const ticks = view.getUint32(at + 12, le) * 0x1_0000_0000 + view.getUint32(at + 16, le);
        const start = at + 28;
        packets.push({
          atUs: ticks / from.ticksPerUs,
          linkType: from.linkType,
          bytes: bytes.subarray(start, start + kept),
        });
      }
    }
    at = end;
  }
  return packets;
}

function readInterface(view: DataView, at: number, end: number, le: boolean): Interface {
  const linkType = view.getUint16(at + 8, le);
  for (let option = at + 16; option + 8 <= end; ) {
    const length = view.getUint16(option + 2, le);
    if (view.getUint16(option, le) === IF_TSRESOL && length === 1) {
      const resolution = view.getUint8(option + 4);
      const ticksPerS = (resolution & 0x80) === 0 ? 10 ** resolution : 2 ** (resolution & 0x7f);
      return { linkType, ticksPerUs: ticksPerS / 1e6 };
    }
    option += 4 + ((length + 3) & ~3);
  }
  return { linkType, ticksPerUs: 1 };
}
