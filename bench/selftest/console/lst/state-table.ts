import { type ConsoleNode, countStates, NODE_STATE_NAMES } from '../console-node.ts';

/** Title of the tables that count nodes by state: selftest §9.5. */
export const STATE_TITLE = '\tACTIVE\tBUSY\tDOWN\tUNKNOWN\tTOTAL';

/** The five numbers of such a table. */
export function stateRow(nodes: Iterable<ConsoleNode>): string {
  const { active, busy, down, unknown, total } = countStates(nodes);
  return [active, busy, down, unknown, total].join('\t');
}

/** A node in a list: `12345-192.168.1.20@tcp: Active`, behind a tab. */
export function nodeLine(node: ConsoleNode): string {
  return `\t${node}: ${NODE_STATE_NAMES[node.state]}`;
}
