import type { ExecutionContext } from 'ava';
import { createServer } from 'node:net';
import { createNode, type CreateNodeOptions } from '../../index.ts';
import type { ConfigHost } from '../../lnet/config/host.ts';
import type { LnetNode } from '../../lnet/node.ts';
import { hostInterfaces } from '../../nals/host-interfaces.ts';
import { TCP_TUNABLES } from '../../nals/tcp/tunables.ts';
import type { Tree, TreeMap } from '../print/tree.ts';
import type { Handlers, RequestStream } from './control-server.ts';

/** A port that was free a moment ago on every loopback address. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '0.0.0.0', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** Nodes on loopback addresses of one network; closed when the test ends. */
export async function startNodes(
  t: ExecutionContext,
  addresses: readonly string[],
  options: Partial<CreateNodeOptions> = {},
): Promise<LnetNode[]> {
  const acceptPort = await freePort();
  const nodes: LnetNode[] = [];
  t.teardown(() => Promise.all(nodes.map((node) => node.close())));
  for (const address of addresses) {
    nodes.push(await createNode({ accept: 'all', acceptPort, ...options, nets: { tcp: address } }));
  }
  return nodes;
}

/** This machine, and the tcp NAL. */
export const TEST_HOST: ConfigHost = {
  interfaces: hostInterfaces,
  nalOf: (name) => (name === 'tcp' ? { name, tunables: TCP_TUNABLES } : undefined),
};

const STREAM: RequestStream = {
  signal: new AbortController().signal,
  item: () => true,
  drained: () => Promise.resolve(),
};

/** Runs one operation as the control socket would. */
export function call(handlers: Handlers, op: string, args: TreeMap = {}): Promise<Tree> {
  const handler = handlers[op];
  if (!handler) throw new Error(`no operation ${op}`);
  return Promise.resolve().then(() => handler(args, STREAM));
}
