import type { LnetNode } from '../../lnet/node.ts';
import { LNET_EVENT_PUT, type LnetEvent } from '../../lnet/event.ts';
import { LNET_MD_MANAGE_REMOTE, LNET_MD_OP_GET, LNET_MD_OP_PUT, type MdHandle } from '../../lnet/portals/md.ts';

/** Where load is aimed: a portal that nothing of Lustre uses. */
export const LOAD_PORTAL = 60;
export const LOAD_MATCH_BITS = 0x6c6f61640000n;

/** What has arrived at a target, and when that was asked. */
export interface TargetReading {
  readonly messages: number;
  readonly bytes: number;
  readonly atMs: number;
}

/**
 * Memory that any peer may PUT into and GET from, at the offset that the peer names: the message lands in its place, with
 * nothing between. Counts what arrives.
 */
export class Target {
  readonly #node: LnetNode;
  readonly #md: MdHandle;
  #messages = 0;
  #bytes = 0;

  constructor(node: LnetNode, memory: Uint8Array) {
    this.#node = node;
    const me = node.attachMe({ portal: LOAD_PORTAL, matchBits: LOAD_MATCH_BITS });
    const options = LNET_MD_OP_PUT | LNET_MD_OP_GET | LNET_MD_MANAGE_REMOTE;
    this.#md = node.attachMd(me, { memory, options, handler: (event) => this.#handle(event) }, false);
  }

  read(): TargetReading {
    return { messages: this.#messages, bytes: this.#bytes, atMs: performance.now() };
  }

  close(): void {
    if (this.#md.isLive) this.#node.unlinkMd(this.#md);
  }

  #handle(event: LnetEvent): void {
    if (event.type !== LNET_EVENT_PUT || event.status !== 0) return;
    this.#messages++;
    this.#bytes += event.mlength;
  }
}
