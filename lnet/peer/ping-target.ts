import type { CoreContext } from '../core-context.ts';
import { LNET_EVENT_PUT, type LnetEvent } from '../event.ts';
import type { Network } from '../network.ts';
import {
  LNET_MD_MANAGE_REMOTE,
  LNET_MD_OP_GET,
  LNET_MD_OP_PUT,
  LNET_MD_TRUNCATE,
  type MdHandle,
} from '../portals/md.ts';
import { LNET_PROTO_PING_MATCHBITS, LNET_RESERVED_PORTAL, PING_BYTES_MIN } from './reserved-portal.ts';

/** Answers pings with the node's own info: lnet-semantics §10.1. */
export class PingTarget {
  readonly #core: CoreContext;
  #md: MdHandle | null = null;

  constructor(core: CoreContext) {
    this.#core = core;
  }

  /** Serves these bytes from now on. The new entry stands before the old one goes, so that no ping finds neither. */
  publish(bytes: Uint8Array): void {
    const { portals } = this.#core;
    const me = portals.attachMe({ portal: LNET_RESERVED_PORTAL, matchBits: LNET_PROTO_PING_MATCHBITS });
    const options = LNET_MD_OP_GET | LNET_MD_TRUNCATE | LNET_MD_MANAGE_REMOTE;
    const md = portals.attachMd(me, { memory: bytes, options }, false);
    this.stop();
    this.#md = md;
  }

  stop(): void {
    if (this.#md) this.#core.portals.unlinkMd(this.#md);
    this.#md = null;
  }
}

/**
 * Takes the pushes of other nodes: lnet-semantics §10.1. Each posting serves one push; portal 0 is lazy, so that one which comes
 * between two postings waits.
 */
export class PushTarget {
  readonly #core: CoreContext;
  readonly #network: Network;
  #memory = new Uint8Array(PING_BYTES_MIN);
  #md: MdHandle | null = null;
  /** Number of the posting that stands; an older one is not replaced when it ends. */
  #posting = 0;
  #isPosting = false;
  #mustPost = false;

  constructor(core: CoreContext, network: Network) {
    this.#core = core;
    this.#network = network;
  }

  start(): void {
    this.#core.portals.setLazy(LNET_RESERVED_PORTAL);
    this.#post();
  }

  stop(): void {
    this.#posting++;
    if (this.#md?.isLive) this.#core.portals.unlinkMd(this.#md);
    this.#core.portals.clearLazy(LNET_RESERVED_PORTAL);
  }

  /** Makes room for info of this length: a push or reply has shown that it exists. */
  grow(bytes: number): void {
    if (bytes <= this.#memory.length) return;
    this.#memory = new Uint8Array(bytes);
    const old = this.#md;
    if (!old?.isLive) return;
    this.#post();
    this.#core.portals.unlinkMd(old);
  }

  /** A push that waited may use the posting up before it returns: then the loop makes the next one. */
  #post(): void {
    this.#mustPost = true;
    if (this.#isPosting) return;
    this.#isPosting = true;
    while (this.#mustPost) {
      this.#mustPost = false;
      this.#attach();
    }
    this.#isPosting = false;
  }

  #attach(): void {
    const { portals } = this.#core;
    const memory = this.#memory;
    const posting = ++this.#posting;
    const handler = (event: LnetEvent): void => {
      if (event.type === LNET_EVENT_PUT) this.#network.incoming.push(event, memory);
      if (event.isUnlinked && posting === this.#posting) this.#post();
    };
    const me = portals.attachMe({ portal: LNET_RESERVED_PORTAL, matchBits: LNET_PROTO_PING_MATCHBITS });
    const options = LNET_MD_OP_PUT | LNET_MD_TRUNCATE;
    this.#md = portals.attachMd(me, { memory, threshold: 1, options, handler }, true);
  }
}
