import type { LnetMsg } from '../msg.ts';
import type { PeerNi } from '../peer/peer-ni.ts';
import { LNET_MSG_GET, LNET_MSG_PUT, type LnetHdr } from '../wire/lnet-hdr.ts';

/** Most answers under way to what one peer NI asked: a peer that asks and does not read gets no further. */
export const ANSWERS_PER_PEER_MAX = 4_096;

/** Most answers under way in all, but for those that each peer NI may have whatever others do. */
export const ANSWERS_MAX = 32_768;

/** Answers under way that each peer NI may have. */
export const ANSWERS_SURE = 8;

/**
 * Counts ACKs and REPLYs from their making to their end, by the peer NI over whose link the request came. Requests cost a peer
 * nothing and nothing else bounds how many it sends, so what waits because it does not take the answers is bounded here.
 */
export class AnswerLimit {
  #underWay = 0;

  /** Whether a request may be taken. */
  admits({ hdr, peerNi }: LnetMsg): boolean {
    if (peerNi === null || !asksForAnswer(hdr)) return true;
    const { answers } = peerNi;
    if (answers < ANSWERS_SURE) return true;
    return answers < ANSWERS_PER_PEER_MAX && this.#underWay < ANSWERS_MAX && !isForAnother(hdr, peerNi);
  }

  begin(answer: LnetMsg, asker: PeerNi | null): void {
    if (asker === null) return;
    answer.asker = asker;
    asker.answers++;
    this.#underWay++;
  }

  /** Any message ends. */
  end({ asker }: LnetMsg): void {
    if (asker === null) return;
    asker.answers--;
    this.#underWay--;
  }
}

/**
 * The answer would go to another node of this net than the one that asked (lnet-wire §3): over a connection made for it, perhaps to
 * nobody. Each such answer holds a send credit of the NI for as long as that takes, so a peer may have few of them.
 */
function isForAnother({ srcNid }: LnetHdr, { nid }: PeerNi): boolean {
  return srcNid !== nid && srcNid.net === nid.net;
}

function asksForAnswer(hdr: LnetHdr): boolean {
  return hdr.type === LNET_MSG_GET || (hdr.type === LNET_MSG_PUT && !hdr.hasNoHandle);
}
