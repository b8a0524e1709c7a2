import { type DecodedBy, layout, u16, u32, viewOf } from '../../../lnet/wire/layout.ts';
import { WireError } from '../../../lnet/wire/wire-error.ts';
import { bits, x64 } from '../field-kind.ts';
import { fid, type LuFid } from './fid.ts';

/** Bytes of a directory page, and the hash that ends a directory. */
export const LU_PAGE_BYTES = 4096;
export const MDS_DIR_END_OFF = 0xfffffffffffffffen;

/** `flags` of a page. */
export const LDF_EMPTY = 1;
export const LDF_COLLIDE = 2;

/** LUDA_*: what an entry holds besides its name. */
export const LUDA = { FID: 0x1, TYPE: 0x2, '64BITHASH': 0x4 } as const;

/** Head of a directory page, in bulk; entries follow. Always little-endian. */
export const LU_DIRPAGE = layout('lu_dirpage', 24, 'mds-ost §1.11', {
  hashStart: x64,
  hashEnd: x64,
  flags: bits(u32, { EMPTY: LDF_EMPTY, COLLIDE: LDF_COLLIDE }),
  pad0: u32,
});

/** One entry; its name follows, then the type of the file when there is one. */
export const LU_DIRENT = layout('lu_dirent', 32, 'mds-ost §1.11', {
  fid,
  hash: x64,
  reclen: u16,
  namelen: u16,
  attrs: bits(u32, LUDA),
});

/** One name of a directory. */
export interface DirEntry {
  readonly fid: LuFid;
  readonly hash: bigint;
  /** The name's bytes, as the file system has them. */
  readonly name: Uint8Array;
  /** S_IFMT bits, when the entry tells them. */
  readonly type: number | undefined;
}

/** A page of a directory. */
export interface DirPage {
  readonly head: DecodedBy<typeof LU_DIRPAGE>;
  readonly entries: readonly DirEntry[];
}

/**
 * Reads a page. Throws {@link WireError} when an entry leads out of it. Of a page whose recording was cut, the entries that
 * are whole are read when `isCut` is set.
 */
export function decodeDirPage(bytes: Uint8Array, isCut = false): DirPage {
  const view = viewOf(bytes);
  const head = LU_DIRPAGE.decode(view);
  const entries: DirEntry[] = [];
  if ((head.flags & LDF_EMPTY) !== 0 && head.hashEnd === MDS_DIR_END_OFF) return { head, entries };
  for (let at = LU_DIRPAGE.size; ; ) {
    if (isCut && at + LU_DIRENT.size > bytes.length) break;
    const { fid: entryFid, hash, reclen, namelen, attrs } = LU_DIRENT.decode(view, at);
    const typeAt = at + LU_DIRENT.size + namelen + (namelen & 1);
    const hasType = (attrs & LUDA.TYPE) !== 0;
    const end = hasType ? typeAt + 2 : at + LU_DIRENT.size + namelen;
    if (end > bytes.length) {
      if (isCut) break;
      throw new WireError('bad_length', `directory entry at ${at} ends at ${end} of ${bytes.length} bytes`);
    }
    entries.push({
      fid: entryFid,
      hash,
      name: bytes.subarray(at + LU_DIRENT.size, at + LU_DIRENT.size + namelen),
      type: hasType ? view.getUint16(typeAt, true) : undefined,
    });
    if (reclen === 0) break;
    if (at + reclen < end) throw new WireError('bad_length', `directory entry at ${at} overlaps the next`);
    at += reclen;
  }
  return { head, entries };
}

/** Bytes that an entry takes in a page: mds-ost §1.11. */
export function direntBytes(nameBytes: number, hasType: boolean): number {
  const name = LU_DIRENT.size + nameBytes + 1;
  return Math.ceil((hasType ? name + (name & 1) + 2 : name) / 8) * 8;
}

/** Writes a page; the caller has chosen entries that fit. Throws RangeError when they do not. */
export function encodeDirPage({ head, entries }: DirPage, attrs: number): Uint8Array {
  const bytes = new Uint8Array(LU_PAGE_BYTES);
  const view = viewOf(bytes);
  LU_DIRPAGE.encode(head, view);
  let at = LU_DIRPAGE.size;
  for (const [i, { fid: entryFid, hash, name, type }] of entries.entries()) {
    const isLast = i === entries.length - 1;
    const length = direntBytes(name.length, type !== undefined);
    if (at + length > bytes.length) throw new RangeError(`${entries.length} entries do not fit into one page`);
    const reclen = isLast ? 0 : length;
    LU_DIRENT.encode({ fid: entryFid, hash, reclen, namelen: name.length, attrs }, view, at);
    bytes.set(name, at + LU_DIRENT.size);
    if (type !== undefined) view.setUint16(at + LU_DIRENT.size + name.length + (name.length & 1), type, true);
    at += length;
  }
  return bytes;
}
