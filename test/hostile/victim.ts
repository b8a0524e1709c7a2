/**
 * The node under attack, in a process of its own with little memory: driven over the IPC channel of its parent. Messages in:
 * {@link VictimRequest}; messages out: {@link VictimReport}.
 */
import {
  createNode,
  LNET_MD_MANAGE_REMOTE,
  LNET_MD_OP_GET,
  LNET_MD_OP_PUT,
  LNET_MD_TRUNCATE,
  type LnetNode,
} from '../../index.ts';
import type { TcpNi } from '../../nals/tcp/tcp-ni.ts';
import {
  ACCEPT_TIMEOUT_S,
  LAZY_PORTAL,
  OPEN_BITS,
  OPEN_BYTES,
  OPEN_PORTAL,
  SHORT_BYTES,
  SHORT_PORTAL,
  TIMEOUT_S,
  type VictimReport,
  type VictimRequest,
  type VictimState,
} from './victim-protocol.ts';

/** Short, as the other timeouts of victim-protocol.ts. */
const SETTINGS = { transaction_timeout: 4, retry_count: 0 };

let node: LnetNode | undefined;
let logLines = 0;
let failures = 0;

const report = (message: VictimReport): void => {
  process.send?.(message);
};

async function start(address: string, acceptPort: number): Promise<LnetNode> {
  const started = await createNode({
    nets: { tcp: address, tcp1: address },
    accept: 'all',
    acceptPort,
    settings: SETTINGS,
    lndTunables: { timeout: TIMEOUT_S, accept_timeout: ACCEPT_TIMEOUT_S },
    log: () => void logLines++,
  });
  serve(started, OPEN_PORTAL, OPEN_BYTES, LNET_MD_MANAGE_REMOTE | LNET_MD_TRUNCATE);
  serve(started, SHORT_PORTAL, SHORT_BYTES, LNET_MD_MANAGE_REMOTE);
  started.core.portals.setLazy(LAZY_PORTAL);
  return started;
}

function serve(started: LnetNode, portal: number, bytes: number, options: number): void {
  const me = started.attachMe({ portal, matchBits: OPEN_BITS });
  started.attachMd(
    me,
    {
      memory: new Uint8Array(bytes),
      options: LNET_MD_OP_PUT | LNET_MD_OP_GET | options,
      handler: (event) => {
        if (event.status !== 0) failures++;
      },
    },
    false,
  );
}

/** Collects until weak references are cleared too, whose clean-up takes turns of the loop. */
async function collect(): Promise<void> {
  for (let round = 0; round < 4; round++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function stateOf({ core }: LnetNode): Promise<VictimState> {
  await collect();
  const links = core.locals.all.filter((ni) => !ni.isLoopback).map((ni) => ni.link as TcpNi);
  const { heapUsed, external } = process.memoryUsage();
  return {
    drops: { ...core.drops },
    tcp: sumOf(links.map(({ counters }) => counters)),
    incoming: { ...core.network.incoming.counts },
    failures,
    peerNis: core.network.peers.size,
    links: links.flatMap(({ pairs }) => pairs).filter(({ conns }) => conns.length > 0).length,
    messages: core.pool.live,
    memoryDescriptors: core.portals.mdCount,
    delayed: core.portals.delayedCount,
    bytes: heapUsed + external,
    logLines,
  };
}

function sumOf(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const record of records)
    for (const [name, value] of Object.entries(record)) sum[name] = (sum[name] ?? 0) + value;
  return sum;
}

async function handle(request: VictimRequest): Promise<void> {
  if (request.kind === 'start') {
    node = await start(request.address, request.acceptPort);
    report({ kind: 'started' });
    return;
  }
  if (!node) throw new Error('not started');
  if (request.kind === 'look') {
    report({ kind: 'state', ...(await stateOf(node)) });
    return;
  }
  const { target, timeoutMs } = request;
  const began = performance.now();
  const errno = await node.ping(target, { timeoutMs }).then(
    () => 0,
    (error: { errno?: number }) => error.errno ?? -1,
  );
  report({ kind: 'pong', target, errno, ms: performance.now() - began });
}

process.on('message', (request: VictimRequest) => {
  void handle(request);
});
process.on('disconnect', () => process.exit(0));
