import { SERVICES } from '../wire/service.ts';
import { DEBUG_REPLY, DEBUG_REQUEST } from '../wire/session-message.ts';
import { STAT_REPLY, STAT_REQUEST, type StatReply } from '../wire/stat-message.ts';
import type { ConsoleNode } from './console-node.ts';
import { type ConsoleSession, waitOf } from './console-session.ts';
import type { Decoded, Outcome } from './transaction.ts';

/** Asks nodes for their counters, all at the same time: selftest §8.7. */
export function statNodes(
  session: ConsoleSession,
  nodes: readonly ConsoleNode[],
  timeoutS: number,
): Promise<Outcome<StatReply>[]> {
  return session.transact({
    service: SERVICES.stat,
    request: STAT_REQUEST,
    reply: STAT_REPLY,
    waitS: waitOf(timeoutS, { isClamped: true }),
    calls: nodes.map((node) => ({ node, body: { sid: session.sid, type: 0 } })),
  });
}

export type DebugReply = Decoded<typeof DEBUG_REPLY.body.fields>;

/** Asks nodes for the session they are in: selftest §8.8. */
export function pingNodes(
  session: ConsoleSession,
  nodes: readonly ConsoleNode[],
  timeoutS: number,
): Promise<Outcome<DebugReply>[]> {
  return session.transact({
    service: SERVICES.debug,
    request: DEBUG_REQUEST,
    reply: DEBUG_REPLY,
    waitS: waitOf(timeoutS, { isClamped: true }),
    calls: nodes.map((node) => ({ node, body: { sid: session.sid, flags: 0 } })),
  });
}
