import { SERVICES } from '../wire/service.ts';
import { DEBUG_REPLY, DEBUG_REQUEST } from '../wire/session-message.ts';
import { STAT_REPLY, STAT_REQUEST, type StatReply } from '../wire/stat-message.ts';
import type { ConsoleNode } from './console-node.ts';
import { type ConsoleSession, waitOf } from './console-session.ts';
import { beginTransaction, type Decoded, type Outcome } from './transaction.ts';

const KEEP_ALIVE_WAIT_S = 30;

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
  return session.transact(pingSpec(session, nodes, timeoutS));
}

/** Asks one node, so that it hears from its console; `done` is called when it has answered or not. */
export function keepAlive(session: ConsoleSession, node: ConsoleNode, done: () => void): void {
  const spec = { ...pingSpec(session, [node], KEEP_ALIVE_WAIT_S), features: session.features };
  beginTransaction(session.context, session, spec, done);
}

function pingSpec(session: ConsoleSession, nodes: readonly ConsoleNode[], timeoutS: number) {
  return {
    service: SERVICES.debug,
    request: DEBUG_REQUEST,
    reply: DEBUG_REPLY,
    waitS: waitOf(timeoutS, { isClamped: true }),
    calls: nodes.map((node) => ({ node, body: { sid: session.sid, flags: 0 } })),
  };
}
