import { NID_ANY } from '../../../../lnet/wire/nid.ts';
import { consoleNidOf } from '../../wire/session-id.ts';
import { type ConsoleNode, NODE_ACTIVE, NODE_BUSY, NODE_STATE_NAMES } from '../console-node.ts';
import type { ConsoleSession } from '../console-session.ts';
import { type DebugReply, pingNodes } from '../queries.ts';
import type { Outcome } from '../transaction.ts';
import { LST_OK, type LstCall, type LstCommand, UsageError } from './lst-command.ts';
import { nodesOf } from './node-argument.ts';

const TIMEOUT_S = 5;
const TARGETS = ['session', 'group', 'batch', 'nodes'] as const;

/** selftest §9.4. */
export const PING: LstCommand = {
  usage: 'ping [--session] [--group NAME] [--batch NAME] [--server] [--nodes IDs] [--timeout TIME]',
  options: [
    { long: 'session', short: 's' },
    { long: 'group', short: 'g', takes: 'text' },
    { long: 'batch', short: 'b', takes: 'text' },
    { long: 'server', short: 'v' },
    { long: 'nodes', short: 'n', takes: 'text' },
    { long: 'timeout', short: 't', takes: 'number' },
  ],
  async run(call) {
    const { options } = call;
    const kinds = TARGETS.filter((target) => options.has(target));
    const [kind] = kinds;
    if (kind === undefined || kinds.length !== 1) throw new UsageError();
    const session = call.session();
    const name = options.text(kind) || 'session';
    const nodes = targets(call, session, kind, name);
    if (nodes.length === 0) {
      call.print(`Target ${name} is empty`);
      return LST_OK;
    }
    for (const outcome of await pingNodes(session, nodes, options.number('timeout', TIMEOUT_S)))
      call.print(pingLine(outcome));
    return LST_OK;
  },
};

function targets(
  call: LstCall,
  session: ConsoleSession,
  kind: (typeof TARGETS)[number],
  name: string,
): readonly ConsoleNode[] {
  if (kind === 'session') return [...session.nodes.values()];
  if (kind === 'group') return session.groupOf(name, 'ping').nodes;
  if (kind === 'nodes') return nodesOf(session, name, 'ping');
  const batch = session.batchOf(name, 'ping');
  return call.options.has('server') ? batch.servers : batch.clients;
}

function pingLine(outcome: Outcome<DebugReply>): string {
  const { node } = outcome;
  const isIn = node.state === NODE_ACTIVE || node.state === NODE_BUSY;
  const reply = outcome.kind === 'ok' ? outcome.reply : undefined;
  const name = isIn ? (reply?.name ?? 'Unknown') : '<NULL>';
  const id = isIn && reply ? consoleNidOf(reply.sid) : NID_ANY;
  return `\t${node}: ${NODE_STATE_NAMES[node.state]} [session: ${name} id: ${id}]`;
}
