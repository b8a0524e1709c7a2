/** Makes many of one thing in a node and tells the bytes that each took. Needs `--expose-gc`. */
import { createNode, LNET_MD_OP_PUT, type LnetNode, parseNet } from '../../index.ts';
import { nid4 } from '../../lnet/wire/nid.ts';
import { freePort } from '../harness/free-port.ts';
import { serveParent } from '../harness/served.ts';

const ADDRESS = '127.0.0.44';
const PORTAL = 61;
const TCP = parseNet('tcp') as number;
/** First of the addresses of the peers: 10.0.0.1. */
const FIRST_PEER = 0x0a000001;

/** Makes the things from number `from` up to number `to`. The node keeps them. */
const MAKERS: Readonly<Record<string, (node: LnetNode, from: number, to: number) => void>> = {
  peers: (node, from, to) => {
    for (let i = from; i < to; i++) node.core.peers.ofTarget(nid4(TCP, FIRST_PEER + i));
  },
  entries: (node, from, to) => {
    // The memory that entries expose is the user's: one piece for all.
    const memory = new Uint8Array(64);
    for (let i = from; i < to; i++) {
      const me = node.attachMe({ portal: PORTAL, matchBits: BigInt(i) });
      node.attachMd(me, { memory, options: LNET_MD_OP_PUT });
    }
  },
};

/** Made before measuring, so that code and tables are there. */
const FIRST = 100;

function usedBytes(): number {
  if (!globalThis.gc) throw new Error('start node with --expose-gc');
  for (let i = 0; i < 3; i++) globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

serveParent({
  measure: async ({ what, count }: { readonly what: string; readonly count: number }) => {
    const make = MAKERS[what];
    if (!make) throw new Error(`nothing is called ${what}`);
    const node = await createNode({ nets: { tcp: ADDRESS }, accept: 'all', acceptPort: await freePort([ADDRESS]) });
    make(node, 0, FIRST);
    const before = usedBytes();
    make(node, FIRST, FIRST + count);
    const bytes = (usedBytes() - before) / count;
    await node.close();
    return bytes;
  },
});
