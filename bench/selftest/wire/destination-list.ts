import { type DecodedBy, layout, u32, viewOf } from '../../../lnet/wire/layout.ts';
import { nid4Kind } from '../../../lnet/wire/nid.ts';
import { LNET_PID_LUSTRE } from '../../../lnet/wire/process-id.ts';

export const PACKED_ID = layout('lnet_process_id_packed', 12, 'selftest §2', { nid: nid4Kind, pid: u32 });

/** One node to talk to. */
export type Destination = DecodedBy<typeof PACKED_ID>;

/** Entries of one 4,096-byte page: selftest §3.5. */
export const DESTINATIONS_PER_PAGE = 341;
const PAGE_BYTES = 4096;

/** Most destinations a node takes: 256 pages. */
export const DESTINATIONS_MAX = 256 * DESTINATIONS_PER_PAGE;

/** Where entry `index` starts. */
export function destinationAt(index: number): number {
  return Math.floor(index / DESTINATIONS_PER_PAGE) * PAGE_BYTES + (index % DESTINATIONS_PER_PAGE) * PACKED_ID.size;
}

/** Writes the list that a client instance pulls. `bytes` must reach to the end of the last entry. */
export function encodeDestinations(destinations: readonly Destination[], bytes: Uint8Array): void {
  const view = viewOf(bytes);
  destinations.forEach((destination, index) => PACKED_ID.encode(destination, view, destinationAt(index)));
}

/**
 * Reads `count` entries of what arrived. A kernel console cuts the list by four bytes for each full page, so that the pid of
 * the last entry may be missing: it is 12345 then (selftest §11.1 row 4). Undefined when a NID is not all there or is the
 * any-NID.
 */
export function decodeDestinations(bytes: Uint8Array, count: number, littleEndian: boolean): Destination[] | undefined {
  const view = viewOf(bytes);
  const destinations: Destination[] = [];
  for (let index = 0; index < count; index++) {
    const at = destinationAt(index);
    if (at + PACKED_ID.at.pid > bytes.length) return undefined;
    const isWhole = at + PACKED_ID.size <= bytes.length;
    const nid = nid4Kind.read(view, at, littleEndian);
    if (nid.isAny) return undefined;
    destinations.push(isWhole ? PACKED_ID.decode(view, at, littleEndian) : { nid, pid: LNET_PID_LUSTRE });
  }
  return destinations;
}
