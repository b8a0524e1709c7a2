import { ENETDOWN, ENOENT, EPERM } from '../../../lnet/errno.ts';
import {
  BATCH_REPLY,
  BATCH_REQUEST,
  SRPC_BATCH_OPC_QUERY,
  SRPC_BATCH_OPC_RUN,
  SRPC_BATCH_OPC_STOP,
} from '../wire/batch-message.ts';
import { SERVICES } from '../wire/service.ts';
import type { ConsoleBatch, ConsoleTest } from './console-batch.ts';
import type { ConsoleNode } from './console-node.ts';
import { type ConsoleSession, TRANSACTION_WAIT_S, waitOf } from './console-session.ts';
import { refusal } from './refusal.ts';
import type { Outcome } from './transaction.ts';

/** The operations on batches: selftest §8.6. */

interface BatchCall {
  readonly opc: number;
  readonly arg?: number;
  readonly waitS: number;
  readonly forgives?: number;
  readonly targets: readonly { readonly node: ConsoleNode; readonly testidx: number }[];
}

function send(session: ConsoleSession, batch: ConsoleBatch, { opc, arg = 0, waitS, forgives, targets }: BatchCall) {
  return session.transact({
    service: SERVICES.batch,
    request: BATCH_REQUEST,
    reply: BATCH_REPLY,
    waitS,
    ...(forgives === undefined ? {} : { forgives }),
    calls: targets.map(({ node, testidx }) => ({
      node,
      body: { sid: session.sid, bid: batch.bid, opc, testidx, arg },
    })),
  });
}

const whole = (node: ConsoleNode) => ({ node, testidx: 0 });

/** Starts a batch on all its clients. Throws {@link LnetError} -ENOENT for one without tests, -ENETDOWN when a client is not active. */
export async function runBatch(
  session: ConsoleSession,
  batch: ConsoleBatch,
  timeoutS: number,
): Promise<Outcome<unknown>[]> {
  const { clients } = batch;
  const doing = 'run batch';
  if (clients.length === 0) throw refusal(ENOENT, { thing: `test of batch ${batch.name}`, doing });
  if (!clients.every((node) => node.isActive)) throw refusal(ENETDOWN, { doing });
  const outcomes = await send(session, batch, {
    opc: SRPC_BATCH_OPC_RUN,
    arg: timeoutS,
    waitS: timeoutS === 0 ? TRANSACTION_WAIT_S : waitOf(timeoutS),
    targets: clients.map(whole),
  });
  if (outcomes.some(({ kind }) => kind === 'ok')) batch.isRunning = true;
  return outcomes;
}

/** Tells all active clients to stop, also when the batch is idle already; `forces` aborts what is in flight. */
export function stopBatch(session: ConsoleSession, batch: ConsoleBatch, forces: boolean): Promise<Outcome<unknown>[]> {
  return send(session, batch, {
    opc: SRPC_BATCH_OPC_STOP,
    arg: forces ? 1 : 0,
    waitS: TRANSACTION_WAIT_S,
    forgives: EPERM,
    targets: batch.clients.filter((node) => node.isActive).map(whole),
  });
}

export interface QuerySpec {
  readonly batch: ConsoleBatch;
  /** One test of it; absent: the whole batch. */
  readonly test?: ConsoleTest;
  /** The servers instead of the clients. */
  readonly asksServers?: boolean;
  readonly timeoutS: number;
}

/** What is active on one node. */
export type QueryOutcome = Outcome<{ readonly active: number }>;

/**
 * Asks active nodes what they have running. Each is asked by its own index of the test, since nodes count the instances that
 * they have themselves (selftest §8.6 rule 4). Nothing running anywhere makes the batch idle.
 */
export async function queryBatch(session: ConsoleSession, spec: QuerySpec): Promise<QueryOutcome[]> {
  const { batch, test, asksServers = false, timeoutS } = spec;
  const nodes = asksServers ? batch.servers : batch.clients;
  const ofTest = asksServers ? test?.servers : test?.clients;
  const targets = ofTest
    ? ofTest.flatMap(({ node, index }) => (index === undefined ? [] : [{ node, testidx: index }]))
    : nodes.map(whole);
  const outcomes = await send(session, batch, {
    opc: SRPC_BATCH_OPC_QUERY,
    waitS: waitOf(timeoutS),
    targets: targets.filter(({ node }) => node.isActive),
  });
  const isIdle = outcomes.every((outcome) => outcome.kind === 'ok' && outcome.reply.active === 0);
  if (!test && !asksServers && isIdle) batch.isRunning = false;
  return outcomes;
}
