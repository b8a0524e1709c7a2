import type { PeerReport } from '../../../lnet/inquiry.ts';
import type { LnetNode } from '../../../lnet/node.ts';
import { LnetError } from '../../../lnet/error-code.ts';
import type { TreeMap } from '../../print/tree.ts';
import { Args } from '../args.ts';
import type { Handlers } from '../control-server.ts';
import { ReportedError } from '../fault.ts';

/** Longest wait for an answer: lnetctl §5.9. */
const TIMEOUT_MS_MAX = 180_000;
const TIMEOUT_MS_DEFAULT = 1_000;

/** `ping` and `discover`, one NID a request: lnetctl §5.9, §5.10. */
export function pingHandlers(node: LnetNode): Handlers {
  return {
    ping: async (given, { signal }) => {
      const args = new Args(given);
      const nid = args.nid('nid');
      const wanted = args.integerOr('timeout_ms') ?? TIMEOUT_MS_DEFAULT;
      const source = args.nidOr('source');
      args.end();
      // Outside its range a timeout counts as the longest one: lnet-semantics §1.9.
      const timeoutMs = wanted > 0 && wanted <= TIMEOUT_MS_MAX ? wanted : TIMEOUT_MS_MAX;
      const options = { timeoutMs, signal, ...(source ? { source } : {}) };
      return answerTree(await reported('ping', String(nid), () => node.ping(nid, options)));
    },
    discover: async (given, { signal }) => {
      const args = new Args(given);
      const nid = args.nid('nid');
      const force = args.flag('force');
      args.end();
      return answerTree(await reported('discover', String(nid), () => node.discover(nid, { force, signal })));
    },
  };
}

async function reported(item: string, nid: string, run: () => Promise<PeerReport>): Promise<PeerReport> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof LnetError)) throw error;
    const report = { action: 'manage', item, description: `failed to ${item} ${nid}` };
    throw new ReportedError(error.code, report, { errno: error.errno, hint: error.message, cause: error });
  }
}

/** The list is that of the answer, without the loopback; what comes before it is what the local peer table knows. */
function answerTree({ primaryNid, isMultiRail, nids }: PeerReport): TreeMap {
  return {
    'primary nid': primaryNid?.toString() ?? '<?>',
    'Multi-Rail': isMultiRail,
    peer_ni: nids.filter((nid) => !nid.isLoopback).map((nid) => ({ nid: nid.toString() })),
  };
}
