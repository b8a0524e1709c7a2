import { LNET_MSG_NAMES, u64Of } from './wire/lnet-hdr.ts';
import { NID_ANY, type Nid } from './wire/nid.ts';
import type { MdHandle } from './portals/md.ts';

/** Event types, numbered as the kernel numbers them: lnet-semantics §4.1. */
export const LNET_EVENT_GET = 1;
export const LNET_EVENT_PUT = 2;
export const LNET_EVENT_REPLY = 3;
export const LNET_EVENT_ACK = 4;
export const LNET_EVENT_SEND = 5;
export const LNET_EVENT_UNLINK = 6;

export type LnetEventType = 1 | 2 | 3 | 4 | 5 | 6;

/** Names by number. */
export const LNET_EVENT_NAMES = ['', 'GET', 'PUT', 'REPLY', 'ACK', 'SEND', 'UNLINK'] as const;

/**
 * What happened to a memory descriptor: lnet-semantics §4.2. The record handed to a handler is reused: read it during the
 * call, or keep a {@link clone}.
 */
export class LnetEvent {
  type: LnetEventType = LNET_EVENT_SEND;
  /** 0, or a negative errno: lnet-semantics §4.4. */
  status = 0;
  /** True on the last event of its MD. */
  isUnlinked = false;
  md!: MdHandle;
  targetNid: Nid = NID_ANY;
  targetPid = 0;
  /** Primary NID of the other node; ANY for SEND and UNLINK. */
  initiatorNid: Nid = NID_ANY;
  initiatorPid = 0;
  /** NID in the header, before it was mapped to a primary one. */
  sourceNid: Nid = NID_ANY;
  sourcePid = 0;
  /** NID of the last hop. */
  senderNid: Nid = NID_ANY;
  portal = 0;
  matchBitsLow = 0;
  matchBitsHigh = 0;
  /** Length asked for and length moved, bytes. */
  rlength = 0;
  mlength = 0;
  offset = 0;
  hdrDataLow = 0;
  hdrDataHigh = 0;
  /** LNET_MSG_* of the message that caused it. */
  msgType = 0;

  /** Match bits as one number. Makes a bigint: not for hot handlers. */
  get matchBits(): bigint {
    return u64Of(this.matchBitsHigh, this.matchBitsLow);
  }

  get hdrData(): bigint {
    return u64Of(this.hdrDataHigh, this.hdrDataLow);
  }

  get typeName(): (typeof LNET_EVENT_NAMES)[number] {
    return LNET_EVENT_NAMES[this.type];
  }

  /** A record of its own that stays valid. */
  clone(): LnetEvent {
    return Object.assign(new LnetEvent(), this);
  }

  toJSON(): Record<string, unknown> {
    return {
      type: this.typeName,
      status: this.status,
      unlinked: this.isUnlinked,
      target: `${this.targetPid}-${this.targetNid}`,
      initiator: `${this.initiatorPid}-${this.initiatorNid}`,
      source: `${this.sourcePid}-${this.sourceNid}`,
      sender: String(this.senderNid),
      portal: this.portal,
      matchBits: `0x${this.matchBits.toString(16)}`,
      rlength: this.rlength,
      mlength: this.mlength,
      offset: this.offset,
      hdrData: `0x${this.hdrData.toString(16)}`,
      message: LNET_MSG_NAMES[this.msgType],
    };
  }
}

/**
 * Called for each event of an MD, in the core's own call: must not block and must not unlink that MD at once (lnet-semantics
 * §4.6). It may start further operations. An exception is a programmer error and leaves through the shell.
 */
export type EventHandler = (event: LnetEvent) => void;
