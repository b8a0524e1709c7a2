import { EINVAL, ENETDOWN } from '../../../lnet/errno.ts';
import { LST_FEAT_BULK_LEN } from '../wire/feature.ts';
import { destinationAt, DESTINATIONS_PER_PAGE, encodeDestinations, PACKED_ID } from '../wire/destination-list.ts';
import { SERVICES } from '../wire/service.ts';
import {
  encodeBrwParams,
  encodePingParams,
  LST_CONCURRENCY_MAX,
  LST_PAGE_BYTES,
  TEST_REPLY,
  TEST_REQUEST,
} from '../wire/test-message.ts';
import { areBrwParamsKernelSafe } from './brw-hazard.ts';
import type { ConsoleBatch, ConsoleTest, TestKind, TestNode } from './console-batch.ts';
import type { ConsoleNode } from './console-node.ts';
import { type ConsoleSession, TRANSACTION_WAIT_S } from './console-session.ts';
import { destinationsOf, type Distribution, serverLoop } from './distribution.ts';
import type { Group } from './group.ts';
import { refusal } from './refusal.ts';
import type { Outcome } from './transaction.ts';

export interface TestSpec {
  readonly batch: ConsoleBatch;
  readonly kind: TestKind;
  /** Iterations of each unit; −1: endless. */
  readonly loop: number;
  readonly concurrency: number;
  readonly distribution: Distribution;
  readonly source: Group;
  readonly target: Group;
}

const DOING = { doing: 'add test' };

/**
 * Adds a test to a batch: server instances first, then client instances with their lists of servers (selftest §8.5). A test that
 * some node refused is listed all the same, so that it can be looked at. Throws {@link LnetError} when it is refused here.
 */
export async function addTest(session: ConsoleSession, spec: TestSpec): Promise<Outcome<unknown>[]> {
  check(session, spec);
  const { batch, source, target } = spec;
  const clients: TestNode[] = source.nodes.map((node) => ({ node, index: undefined }));
  const servers: TestNode[] = target.nodes.map((node) => ({ node, index: undefined }));
  const test: ConsoleTest = { ...spec, index: batch.tests.length + 1, clients, servers };
  batch.tests.push(test);
  source.testCount++;
  target.testCount++;
  for (const { node } of [...clients, ...servers]) node.references++;

  const outcomes = await send(session, spec, servers, false);
  // Nothing is undone on the nodes that took their part.
  if (outcomes.some(({ kind }) => kind !== 'ok')) return outcomes;
  return [...outcomes, ...(await send(session, spec, clients, true))];
}

async function send(
  session: ConsoleSession,
  spec: TestSpec,
  nodes: readonly TestNode[],
  isClient: boolean,
): Promise<Outcome<unknown>[]> {
  const { batch, kind, concurrency, distribution, source, target } = spec;
  const counts = { clients: source.nodes.length, servers: target.nodes.length, concurrency };
  const common = {
    sid: session.sid,
    bid: batch.bid,
    service: SERVICES[kind.type].id,
    loop: (isClient ? spec.loop : serverLoop(distribution, counts)) >>> 0,
    concur: concurrency,
    isClient: isClient ? 1 : 0,
    stopOnError: 1,
    ndest: isClient ? distribution.span : 0,
    params: kind.type === 'brw' ? encodeBrwParams(kind.params, session.features) : encodePingParams(),
  };
  const outcomes = await session.transact({
    service: SERVICES.test,
    request: TEST_REQUEST,
    reply: TEST_REPLY,
    waitS: TRANSACTION_WAIT_S,
    calls: nodes.map(({ node }, index) => ({
      node,
      body: common,
      ...(isClient ? { bulk: listOf(destinationsOf(index, target.nodes, distribution), session.features) } : {}),
    })),
  });
  outcomes.forEach(({ node, kind: outcome }, index) => {
    const entry = nodes[index];
    if (entry && outcome === 'ok') entry.index = node.addInstance(batch.bid);
  });
  return outcomes;
}

/** The list that a client pulls; without BULK_LEN it is offered as whole pages (selftest §5.2 rule 7). */
function listOf(destinations: readonly ConsoleNode[], features: number): Uint8Array {
  const end = destinationAt(destinations.length - 1) + PACKED_ID.size;
  const bytes = (features & LST_FEAT_BULK_LEN) !== 0 ? end : Math.ceil(end / LST_PAGE_BYTES) * LST_PAGE_BYTES;
  const list = new Uint8Array(bytes);
  encodeDestinations(
    destinations.map(({ id }) => id),
    list,
  );
  return list;
}

/** Everything that no node must see: selftest §8.5 rules 1 and 2, §11.1. */
function check(
  session: ConsoleSession,
  { batch, kind, loop, concurrency, distribution, source, target }: TestSpec,
): void {
  const { dist, span } = distribution;
  const isPossible =
    !batch.isRunning &&
    loop !== 0 &&
    concurrency >= 1 &&
    concurrency <= LST_CONCURRENCY_MAX &&
    dist >= 1 &&
    span >= 1 &&
    span <= target.nodes.length &&
    span <= DESTINATIONS_PER_PAGE &&
    source.nodes.some((node) => node.isActive) &&
    target.nodes.some((node) => node.isActive) &&
    (kind.type === 'ping' || areBrwParamsKernelSafe(kind.params, session.features));
  if (!isPossible) throw refusal(EINVAL, DOING);
  if (![...source.nodes, ...target.nodes].every((node) => node.isActive)) throw refusal(ENETDOWN, DOING);
}
