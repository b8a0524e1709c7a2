import { viewOf } from '../wire/layout.ts';
import type { Nid } from '../wire/nid.ts';
import { linkFirst, linkLast, unlink } from './me-list.ts';
import type { Me, MeList } from './me.ts';

const LISTS_MIN = 16;
const LISTS_MAX = 1 << 16;

/**
 * Match entries without ignore bits, found by a hash: of match bits, NID and pid on a unique portal, of the match bits alone
 * on a wildcard one. The kernel hashes fewer bits into 256 lists (lnet-semantics §2.2). That cannot be told apart: entries
 * that one message can match have equal keys, so they stand in one list here as there, in the order of their insertion.
 */
export class MeTable {
  #lists: MeList[] = newLists(LISTS_MIN);
  readonly #hashesInitiator: boolean;
  size = 0;

  /** `hashesInitiator`: NID and pid are part of the key, as on a unique portal. */
  constructor(hashesInitiator: boolean) {
    this.#hashesInitiator = hashesInitiator;
  }

  add(me: Me, atHead: boolean): void {
    if (this.size >= this.#lists.length && this.#lists.length < LISTS_MAX) this.#grow();
    this.size++;
    const list = this.listOf(me.matchBitsLow, me.matchBitsHigh, me.nid, me.pid);
    if (atHead) linkFirst(list, me);
    else linkLast(list, me);
  }

  remove(me: Me): void {
    this.size--;
    unlink(me);
  }

  /** The list that holds every entry with this key, and some others. */
  listOf(matchBitsLow: number, matchBitsHigh: number, nid: Nid, pid: number): MeList {
    let hash = mix(mix(0, matchBitsLow), matchBitsHigh);
    if (this.#hashesInitiator) hash = mix(mix(hash, pid), hashOfNid(nid));
    return this.#lists[(hash ^ (hash >>> 16)) & (this.#lists.length - 1)] as MeList;
  }

  #grow(): void {
    const old = this.#lists;
    this.#lists = newLists(old.length * 4);
    for (const list of old) {
      for (let me = list.first; me; ) {
        const next = me.next;
        linkLast(this.listOf(me.matchBitsLow, me.matchBitsHigh, me.nid, me.pid), me);
        me = next;
      }
    }
  }
}

function newLists(count: number): MeList[] {
  return Array.from({ length: count }, () => ({ first: null, last: null }));
}

function mix(hash: number, word: number): number {
  const h = Math.imul(hash ^ word, 0x85ebca6b);
  return (h ^ (h >>> 13)) | 0;
}

function hashOfNid(nid: Nid): number {
  let hash = mix(nid.net, nid.address);
  if (!nid.isLarge) return hash;
  const view = viewOf(nid.bytes);
  for (let at = 4; at < nid.bytes.length; at += 4) hash = mix(hash, view.getUint32(at));
  return hash;
}
