/**
 * Writer of pcapng files: one section, one Ethernet interface, enhanced packets. All integers little-endian, as the byte-order
 * magic of the section says; every block is padded to four bytes and repeats its length at the end.
 */

const SECTION_HEADER_BLOCK = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION_BLOCK = 1;
const ENHANCED_PACKET_BLOCK = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const LINKTYPE_ETHERNET = 1;

const OPTION_END = 0;
const SHB_USERAPPL = 4;
const IF_NAME = 2;
const IF_TSRESOL = 9;
const TSRESOL_MICROSECONDS = 6;

const padded = (length: number): number => (length + 3) & ~3;

/** Appends little-endian integers and bytes to a block of known size. */
class BlockWriter {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(type: number, bodyBytes: number) {
    const total = 12 + padded(bodyBytes);
    this.bytes = new Uint8Array(total);
    this.#view = new DataView(this.bytes.buffer);
    this.#view.setUint32(total - 4, total, true);
    this.u32(type);
    this.u32(total);
  }

  u16(value: number): void {
    this.#view.setUint16(this.#at, value, true);
    this.#at += 2;
  }

  u32(value: number): void {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  /** Bytes, padded with zeros to a multiple of four. */
  raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.#at);
    this.#at += padded(bytes.length);
  }

  option(code: number, bytes: Uint8Array): void {
    this.u16(code);
    this.u16(bytes.length);
    this.raw(bytes);
  }
}

const optionBytes = (bytes: Uint8Array): number => 4 + padded(bytes.length);

/** The two blocks that begin a file. */
export function pcapngHeader(application: string, interfaceName: string): Uint8Array {
  const text = new TextEncoder();
  const appl = text.encode(application);
  const section = new BlockWriter(SECTION_HEADER_BLOCK, 16 + optionBytes(appl) + 4);
  section.u32(BYTE_ORDER_MAGIC);
  section.u16(1);
  section.u16(0);
  // Length of the section: not known while it is being written.
  section.u32(0xffffffff);
  section.u32(0xffffffff);
  section.option(SHB_USERAPPL, appl);
  section.u32(OPTION_END);

  const name = text.encode(interfaceName);
  const resolution = Uint8Array.of(TSRESOL_MICROSECONDS);
  const description = new BlockWriter(INTERFACE_DESCRIPTION_BLOCK, 8 + optionBytes(name) + optionBytes(resolution) + 4);
  description.u16(LINKTYPE_ETHERNET);
  description.u16(0);
  description.u32(0);
  description.option(IF_NAME, name);
  description.option(IF_TSRESOL, resolution);
  description.u32(OPTION_END);
  return Buffer.concat([section.bytes, description.bytes]);
}

/** One packet. `bytes` is what was kept of it, `length` what it had on the wire. */
export function pcapngPacket(atUs: number, bytes: Uint8Array, length: number): Uint8Array {
  const block = new BlockWriter(ENHANCED_PACKET_BLOCK, 20 + padded(bytes.length));
  block.u32(0);
  block.u32(Math.floor(atUs / 0x1_0000_0000));
  block.u32(atUs % 0x1_0000_0000);
  block.u32(bytes.length);
  block.u32(length);
  block.raw(bytes);
  return block.bytes;
}
