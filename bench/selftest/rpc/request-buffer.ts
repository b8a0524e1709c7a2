import type { EventHandler } from '../../../lnet/event.ts';
import { LNET_MD_MAX_SIZE, LNET_MD_OP_PUT, type MdHandle, type MdSpec } from '../../../lnet/portals/md.ts';
import { viewOf } from '../../../lnet/wire/layout.ts';
import type { ServiceKind } from '../wire/service.ts';
import { SRPC_MSG_BYTES } from '../wire/srpc-message.ts';
import type { RpcContext } from './rpc-context.ts';

/** Requests that one buffer takes before it is posted anew. */
export const REQUESTS_PER_BUFFER = 256;

/**
 * Memory in which requests of one service land one behind the other. It is posted anew only when all requests in it have
 * been begun: while a service cannot keep up, its lazy portal holds further requests back, and with them their senders.
 */
export class RequestBuffer {
  readonly view: DataView;
  /** Requests in it that have not been begun. */
  pending = 0;
  readonly #context: RpcContext;
  readonly #service: ServiceKind;
  readonly #spec: MdSpec;
  #md: MdHandle | null = null;
  #isOpen = false;
  /** Until its descriptor's last event. */
  #isPosted = false;

  constructor(context: RpcContext, service: ServiceKind, handler: EventHandler) {
    const memory = new Uint8Array(REQUESTS_PER_BUFFER * SRPC_MSG_BYTES);
    this.view = viewOf(memory);
    this.#context = context;
    this.#service = service;
    this.#spec = {
      memory,
      options: LNET_MD_OP_PUT | LNET_MD_MAX_SIZE,
      maxSize: SRPC_MSG_BYTES,
      user: this,
      handler,
    };
  }

  get isPosted(): boolean {
    return this.#isPosted;
  }

  open(): void {
    this.#isOpen = true;
    this.#post();
  }

  /** Takes it back; its descriptor's last event may come later, when a request is just landing. */
  close(): void {
    this.#isOpen = false;
    if (this.#md?.isLive) this.#context.core.portals.unlinkMd(this.#md);
  }

  /** Its descriptor has had its last event. */
  unlinked(): void {
    this.#isPosted = false;
    if (this.pending === 0) this.#post();
  }

  /** A request in it has been begun, so that its bytes are not needed any more. */
  begun(): void {
    this.pending--;
    if (this.pending === 0 && !this.#isPosted) this.#post();
  }

  #post(): void {
    if (!this.#isOpen) return;
    this.#isPosted = true;
    const { portals } = this.#context.core;
    const me = portals.attachMe({ portal: this.#service.portal, matchBits: BigInt(this.#service.id) });
    const md = portals.attachMd(me, this.#spec, true);
    // What waited on the portal may have filled it before the call returned, and even had it posted anew.
    if (md.isLive) this.#md = md;
  }
}
