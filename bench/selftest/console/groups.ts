import { EBUSY, EINVAL } from '../../../lnet/errno.ts';
import type { Nid } from '../../../lnet/wire/nid.ts';
import { type ConsoleNode, NODE_ACTIVE } from './console-node.ts';
import type { ConsoleSession } from './console-session.ts';
import type { Group } from './group.ts';
import { dismiss, invite } from './invitation.ts';
import { refusal } from './refusal.ts';
import type { Outcome } from './transaction.ts';

/** The operations on groups: selftest §8.4. Each gives the outcomes of the RPCs it made. */

/** Adds nodes that the group does not have and asks those that are not active into the session. */
export function addNodes(session: ConsoleSession, group: Group, nids: readonly Nid[]): Promise<Outcome<unknown>[]> {
  checkUnused(group, 'add nodes');
  const invited: ConsoleNode[] = [];
  for (const nid of new Set(nids)) {
    const node = session.obtainNode(nid);
    if (!group.nodes.includes(node)) {
      group.nodes.push(node);
      node.references++;
    }
    if (!node.isActive) invited.push(node);
  }
  return invite(session, invited);
}

/** Asks all its nodes that are not active again. */
export function refreshGroup(session: ConsoleSession, group: Group): Promise<Outcome<unknown>[]> {
  return invite(
    session,
    group.nodes.filter((node) => !node.isActive),
  );
}

/** Drops the nodes in any of these states. */
export function cleanGroup(session: ConsoleSession, group: Group, states: number): Promise<Outcome<unknown>[]> {
  checkUnused(group, 'clean group');
  return dropNodes(
    session,
    group,
    group.nodes.filter((node) => (node.state & states) !== 0),
  );
}

/** Drops the named nodes; names that the group does not hold are passed over. */
export function removeNodes(session: ConsoleSession, group: Group, nids: readonly Nid[]): Promise<Outcome<unknown>[]> {
  checkUnused(group, 'remove nodes');
  const named = new Set(nids);
  const nodes = group.nodes.filter((node) => named.has(node.id.nid));
  if (nodes.length === 0) throw refusal(EINVAL, { doing: 'remove nodes' });
  return dropNodes(session, group, nodes);
}

export function deleteGroup(session: ConsoleSession, group: Group): Promise<Outcome<unknown>[]> {
  checkUnused(group, 'delete group');
  const done = dropNodes(session, group, [...group.nodes]);
  session.groups.delete(group.name);
  return done;
}

/** Takes nodes out of a group; one that nothing else holds leaves the session too. An empty group is deleted. */
async function dropNodes(
  session: ConsoleSession,
  group: Group,
  nodes: readonly ConsoleNode[],
): Promise<Outcome<unknown>[]> {
  const leaving = nodes.filter((node) => node.references === 1 && node.state === NODE_ACTIVE);
  for (const node of nodes) group.nodes.splice(group.nodes.indexOf(node), 1);
  if (group.nodes.length === 0) session.groups.delete(group.name);
  const outcomes = await dismiss(session, leaving);
  for (const node of nodes) session.releaseNode(node);
  return outcomes;
}

function checkUnused(group: Group, doing: string): void {
  if (group.testCount > 0) throw refusal(EBUSY, { doing });
}
