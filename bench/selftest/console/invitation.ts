import { EPROTO, ESRCH } from '../../../lnet/errno.ts';
import { SERVICES } from '../wire/service.ts';
import { isSameSession } from '../wire/session-id.ts';
import {
  MAKE_SESSION_REPLY,
  MAKE_SESSION_REQUEST,
  REMOVE_SESSION_REPLY,
  REMOVE_SESSION_REQUEST,
} from '../wire/session-message.ts';
import type { ConsoleNode } from './console-node.ts';
import { type ConsoleSession, TRANSACTION_WAIT_S } from './console-session.ts';
import type { Outcome } from './transaction.ts';

/**
 * Asks nodes into the session. The first one that agrees settles the features of all: selftest §5.2 rule 6. Nodes that do not
 * agree stay known with their state.
 */
export async function invite(session: ConsoleSession, nodes: readonly ConsoleNode[]): Promise<Outcome<unknown>[]> {
  const { sid, spec } = session;
  let agreed = session.areFeaturesFixed ? session.features : undefined;
  const outcomes = await session.transact({
    service: SERVICES.makeSession,
    request: MAKE_SESSION_REQUEST,
    reply: MAKE_SESSION_REPLY,
    waitS: TRANSACTION_WAIT_S,
    calls: nodes.map((node) => ({ node, body: { sid, force: spec.forces ? 1 : 0, name: spec.name } })),
    judge: (node, { timeout }, features) => {
      node.invitations++;
      node.sessionTimeoutS = timeout;
      agreed ??= features;
      return features === agreed ? 0 : EPROTO;
    },
  });
  if (agreed !== undefined && outcomes.some(({ kind }) => kind === 'ok')) {
    session.features = agreed;
    session.areFeaturesFixed = true;
  }
  return outcomes;
}

/**
 * Lets nodes out of the session. A node that was invited more than once needs as many goodbyes (selftest §6.2): each is sent
 * while it says that it is in the session still.
 */
export async function dismiss(
  session: ConsoleSession,
  nodes: readonly ConsoleNode[],
  waitS = TRANSACTION_WAIT_S,
): Promise<Outcome<unknown>[]> {
  const last = new Map<ConsoleNode, Outcome<unknown>>();
  for (let left = [...nodes]; left.length > 0; ) {
    const outcomes = await session.transact({
      service: SERVICES.removeSession,
      request: REMOVE_SESSION_REQUEST,
      reply: REMOVE_SESSION_REPLY,
      waitS,
      calls: left.map((node) => ({ node, body: { sid: session.sid } })),
      forgives: ESRCH,
    });
    left = [];
    for (const outcome of outcomes) {
      const { node } = outcome;
      last.set(node, outcome);
      const isStillIn = outcome.kind === 'ok' && isSameSession(outcome.reply.sid, session.sid);
      node.invitations = Math.max(node.invitations - 1, 0);
      if (isStillIn && node.invitations > 0) left.push(node);
    }
  }
  return nodes.map((node) => last.get(node) as Outcome<unknown>);
}
