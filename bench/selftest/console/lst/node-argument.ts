import { EINVAL, ENOENT } from '../../../../lnet/errno.ts';
import { LnetError } from '../../../../lnet/error-code.ts';
import type { ConsoleNode } from '../console-node.ts';
import type { ConsoleSession } from '../console-session.ts';
import { expandNodeIds } from '../node-id-list.ts';
import { refusal } from '../refusal.ts';

/** The nodes of the session that a list names. Throws {@link LnetError}: -EINVAL for a bad list, -ENOENT for a stranger. */
export function nodesOf(session: ConsoleSession, text: string, doing: string): ConsoleNode[] {
  const list = expandNodeIds(text);
  if ('fault' in list) throw new LnetError('ERR_LNET_BAD_NID', { errno: -EINVAL, message: list.fault });
  return [...new Set(list.nids)].map((nid) => {
    const node = session.nodes.get(nid);
    if (!node) throw refusal(ENOENT, { thing: String(nid), doing });
    return node;
  });
}

/** Nodes of an argument that is the name of a group, or a list of ids: selftest §9.9. */
export function groupOrNodes(session: ConsoleSession, text: string, doing: string): readonly ConsoleNode[] {
  return session.groups.get(text)?.nodes ?? nodesOf(session, text, doing);
}
