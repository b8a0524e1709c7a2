import { type Instant, US_PER_S } from '../clock.ts';
import type { CoreContext } from '../core-context.ts';
import { DROP_REASONS, type DropReason } from '../counters.ts';
import type { LnetMsg } from '../msg.ts';
import { LNET_MSG_ACK, LNET_MSG_GET, LNET_MSG_NAMES, LNET_MSG_PUT } from '../wire/lnet-hdr.ts';

/** Least time between two lines about the same reason. */
const LOG_INTERVAL_US = 60 * US_PER_S;

interface Said {
  at: Instant;
  /** Messages not mentioned since. */
  silent: number;
}

/** Tells a person about drops and refusals: one line per reason and minute, whatever peers send. lnet-semantics §5.1. */
export class DropLog {
  readonly #ctx: CoreContext;
  readonly #said = new Map<DropReason, Said>();

  constructor(ctx: CoreContext) {
    this.#ctx = ctx;
  }

  /** A late or unwanted ACK is nobody's concern. */
  tell(msg: LnetMsg, reason: DropReason): void {
    if (msg.hdr.type === LNET_MSG_ACK && !reason.startsWith('refused_')) return;
    const now = this.#ctx.clock.now();
    const said = this.#said.get(reason);
    if (said && now - said.at < LOG_INTERVAL_US) {
      said.silent++;
      return;
    }
    const more = said?.silent ? ` (and ${said.silent} more for the same reason since the last such line)` : '';
    this.#said.set(reason, { at: now, silent: 0 });
    this.#ctx.log('warn', `${describe(msg)}: ${DROP_REASONS[reason]}${more}`);
  }
}

function describe({ hdr, senderNid }: LnetMsg): string {
  const type = LNET_MSG_NAMES[hdr.type] ?? `message of type ${hdr.type}`;
  const isRequest = hdr.type === LNET_MSG_PUT || hdr.type === LNET_MSG_GET;
  const bits = [hdr.matchBitsHigh, hdr.matchBitsLow].map((half) => half.toString(16).padStart(8, '0')).join('');
  const where = isRequest ? ` for portal ${hdr.portal} match bits 0x${bits}` : '';
  return `${type} from ${hdr.srcPid}-${hdr.srcNid} through ${senderNid}${where}, ${hdr.payloadLength} bytes`;
}
