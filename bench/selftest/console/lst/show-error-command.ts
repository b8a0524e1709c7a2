import type { StatReply } from '../../wire/stat-message.ts';
import { statNodes } from '../queries.ts';
import type { Outcome } from '../transaction.ts';
import { LST_OK, type LstCommand } from './lst-command.ts';
import { groupOrNodes } from './node-argument.ts';

const WAIT_S = 10;

/** selftest §9.10. */
export const SHOW_ERROR: LstCommand = {
  usage: 'show_error [--session] GROUP|IDs...',
  options: [{ long: 'session', short: 's' }],
  words: [1, Number.POSITIVE_INFINITY],
  async run(call) {
    const session = call.session();
    for (const argument of call.options.words) {
      const nodes = groupOrNodes(session, argument, 'show error');
      const outcomes = await statNodes(session, nodes, WAIT_S);
      call.print(`${argument}:`);
      const lines = outcomes.flatMap((outcome) => errorLine(outcome, call.options.has('session')) ?? []);
      for (const line of lines) call.complain(line);
      call.print(`Total ${lines.length} error nodes in ${argument}`);
    }
    return LST_OK;
  },
};

/** What is wrong with a node, or undefined. */
function errorLine(outcome: Outcome<StatReply>, isSessionOnly: boolean): string | undefined {
  if (outcome.kind === 'rpc') return `RPC failure, can't show error on ${outcome.node}`;
  if (outcome.kind === 'framework') return `Framework failure, can't show error on ${outcome.node}`;
  const { brwErrors, pingErrors, rpcErrors, rpcsDropped, rpcsExpired } = outcome.reply;
  if (brwErrors === 0 && pingErrors === 0 && (isSessionOnly || rpcErrors === 0)) return undefined;
  const session = `[Session ${brwErrors} brw errors, ${pingErrors} ping errors]`;
  const rpc = `[RPC: ${rpcErrors} errors, ${rpcsDropped} dropped, ${rpcsExpired} expired]`;
  return `${outcome.node}: ${isSessionOnly ? session : `${session} ${rpc}`}`;
}
