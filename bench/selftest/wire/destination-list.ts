import { viewOf } from '../../../lnet/wire/layout.ts';
import { type Nid, nid4FromHalves, nid4High, nid4Low } from '../../../lnet/wire/nid.ts';

/** A packed process id: u64 NID, u32 pid. */
export const PACKED_ID_BYTES = 12;

/** Entries of one 4,096-byte page: selftest §3.5. */
export const DESTINATIONS_PER_PAGE = 341;
const PAGE_BYTES = 4096;

/** Most destinations a node takes: 256 pages. */
export const DESTINATIONS_MAX = 256 * DESTINATIONS_PER_PAGE;

const LST_PID = 12345;

/** One node to talk to. */
export interface Destination {
  readonly nid: Nid;
  readonly pid: number;
}

/** Where entry `index` starts. */
export function destinationAt(index: number): number {
  return Math.floor(index / DESTINATIONS_PER_PAGE) * PAGE_BYTES + (index % DESTINATIONS_PER_PAGE) * PACKED_ID_BYTES;
}

/** Writes the list that a client instance pulls. `bytes` must reach to the end of the last entry. */
export function encodeDestinations(destinations: readonly Destination[], bytes: Uint8Array): void {
  const view = viewOf(bytes);
  destinations.forEach(({ nid, pid }, index) => {
    const at = destinationAt(index);
    view.setUint32(at, nid4Low(nid), true);
    view.setUint32(at + 4, nid4High(nid), true);
    view.setUint32(at + 8, pid, true);
  });
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
    if (at + 8 > bytes.length) return undefined;
    const high = view.getUint32(littleEndian ? at + 4 : at, littleEndian);
    const nid = nid4FromHalves(high, view.getUint32(littleEndian ? at : at + 4, littleEndian));
    if (nid.isAny) return undefined;
    destinations.push({ nid, pid: at + 12 > bytes.length ? LST_PID : view.getUint32(at + 8, littleEndian) });
  }
  return destinations;
}
