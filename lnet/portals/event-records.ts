import type { CoreContext } from '../core-context.ts';
import { LNET_EVENT_UNLINK, LnetEvent } from '../event.ts';
import { NID_ANY } from '../wire/nid.ts';
import type { Md } from './md.ts';

/**
 * Hands events to handlers. Records are reused, one for each depth of handlers that run inside each other, so that no event is
 * allocated and none changes under its reader.
 */
export class EventRecords {
  readonly #ctx: CoreContext;
  readonly #records: LnetEvent[] = [];
  #depth = 0;

  constructor(ctx: CoreContext) {
    this.#ctx = ctx;
  }

  /** A record to fill; every field of it must be set. {@link deliver} takes it back. */
  take(): LnetEvent {
    const record = this.#records[this.#depth] ?? new LnetEvent();
    this.#records[this.#depth++] = record;
    return record;
  }

  /** Calls the MD's handler with the record taken last. */
  deliver(md: Md, event: LnetEvent): void {
    try {
      md.handler?.(event);
    } catch (error) {
      this.#ctx.handlerFailed(error);
    } finally {
      this.#depth--;
    }
  }

  /** The event of an idle MD that was unlinked: lnet-semantics §3.6. */
  deliverUnlink(md: Md): void {
    if (!md.handler) return;
    const event = this.take();
    event.type = LNET_EVENT_UNLINK;
    event.status = 0;
    event.isUnlinked = true;
    event.md = md;
    event.targetNid = NID_ANY;
    event.targetPid = 0;
    event.initiatorNid = NID_ANY;
    event.initiatorPid = 0;
    event.sourceNid = NID_ANY;
    event.sourcePid = 0;
    event.senderNid = NID_ANY;
    event.portal = 0;
    event.matchBitsLow = 0;
    event.matchBitsHigh = 0;
    event.rlength = 0;
    event.mlength = 0;
    event.offset = 0;
    event.hdrDataLow = 0;
    event.hdrDataHigh = 0;
    event.msgType = 0;
    this.deliver(md, event);
  }
}
