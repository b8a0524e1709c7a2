import type { PeerDirectory } from '../core-context.ts';
import { EPERM, errnoName } from '../errno.ts';
import { LnetError } from '../error-code.ts';
import { type LnetMsg, MsgQueue } from '../msg.ts';
import { LNET_MSG_GET } from '../wire/lnet-hdr.ts';
import { NID_ANY, type Nid } from '../wire/nid.ts';
import { type MatchResult, type MatchVerdict, matchMe } from './match.ts';
import { LNET_PID_ANY, type Me, type MeList, type MePosition } from './me.ts';
import { linkFirst, linkLast, unlink } from './me-list.ts';
import { MeTable } from './me-table.ts';

/** Portals of a node, and the largest index + 1. */
export const MAX_PORTALS = 64;

/** Fixed by the first match entry: lnet-semantics §2.1. */
export type PortalType = 'untyped' | 'unique' | 'wildcard';

/** One receive index: its match entries and, when it is lazy, the PUTs that wait for memory. lnet-semantics §2. */
export class Portal {
  readonly index: number;
  type: PortalType = 'untyped';
  isLazy = false;
  /** PUTs that wait for an MD, in order of arrival. */
  readonly delayed = new MsgQueue();
  /** Entries with ignore bits: tried before all others. */
  readonly #ignoring: MeList = { first: null, last: null };
  /** The others; made with the first entry, which fixes the type. */
  #exact: MeTable | null = null;

  constructor(index: number) {
    this.index = index;
  }

  /** Puts an entry in its place. Throws {@link LnetError} (-EPERM) when it is not of the portal's type. */
  insert(me: Me, position: MePosition): void {
    this.#admit(me);
    const atHead = position === 'before';
    if (!ignoresBits(me)) this.#exact?.add(me, atHead);
    else if (atHead) linkFirst(this.#ignoring, me);
    else linkLast(this.#ignoring, me);
  }

  /** Destroys an entry. */
  remove(me: Me): void {
    if (me.list === null) return;
    if (ignoresBits(me)) unlink(me);
    else this.#exact?.remove(me);
  }

  #admit(me: Me): void {
    const type = !ignoresBits(me) && me.nid !== NID_ANY && me.pid !== LNET_PID_ANY ? 'unique' : 'wildcard';
    if (this.type === 'untyped') {
      this.type = type;
      this.#exact = new MeTable(type === 'unique');
    } else if (this.type !== type) {
      throw new LnetError('ERR_LNET_NOT_PERMITTED', {
        errno: -EPERM,
        message: `${errnoName(EPERM)}: portal ${this.index} is ${this.type} since its first match entry, this one is ${type}`,
        hint: 'use another portal, or criteria of the same kind',
      });
    }
  }

  /** Finds the MD for a message: lnet-semantics §2.4. `delayed` only says that it has to wait. */
  match(msg: LnetMsg, peers: PeerDirectory): MatchVerdict {
    const result = this.#search(msg, peers);
    if (result !== 'missed') return result;
    if (!this.isLazy) return 'no_match';
    return msg.hdr.type === LNET_MSG_GET ? 'get_on_lazy' : 'delayed';
  }

  #search(msg: LnetMsg, peers: PeerDirectory): MatchResult {
    const result = searchList(this.#ignoring, msg, peers);
    if (result !== 'missed') return result;
    const initiator = msg.initiatorNid;
    const found = this.#searchExact(initiator, msg, peers);
    return found === 'missed' && this.type === 'unique' ? this.#searchPeer(initiator, msg, peers) : found;
  }

  #searchExact(nid: Nid, msg: LnetMsg, peers: PeerDirectory): MatchResult {
    const { matchBitsLow, matchBitsHigh, srcPid } = msg.hdr;
    if (this.#exact === null || this.#exact.size === 0) return 'missed';
    return searchList(this.#exact.listOf(matchBitsLow, matchBitsHigh, nid, srcPid), msg, peers);
  }

  /**
   * An entry may name another NID of the initiator's peer, such as one that was primary when it was attached (lnet-semantics
   * §2.3, test 5). The hash holds the NID, so each NID of the peer is looked up; only after a miss.
   */
  #searchPeer(initiator: Nid, msg: LnetMsg, peers: PeerDirectory): MatchResult {
    const peer = peers.find(initiator)?.peerNet.peer;
    if (!peer) return 'missed';
    for (const { nid } of peer.peerNis()) {
      if (nid === initiator) continue;
      const result = this.#searchExact(nid, msg, peers);
      if (result !== 'missed') return result;
    }
    return 'missed';
  }
}

function ignoresBits(me: Me): boolean {
  return me.ignoreBitsLow !== 0 || me.ignoreBitsHigh !== 0;
}

function searchList(list: MeList, msg: LnetMsg, peers: PeerDirectory): MatchResult {
  for (let me = list.first; me; me = me.next) {
    const result = matchMe(me, msg, peers);
    if (result !== 'missed') return result;
  }
  return 'missed';
}
