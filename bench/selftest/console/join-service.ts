import { EBUSY, EINVAL, ESRCH } from '../../../lnet/errno.ts';
import type { ServerRpc } from '../rpc/server-rpc.ts';
import type { ServiceHandler } from '../rpc/service-port.ts';
import { LST_FEATS_MASK } from '../wire/feature.ts';
import { isAnySession, isSameSession, NULL_SESSION_ID } from '../wire/session-id.ts';
import { JOIN_REPLY, JOIN_REQUEST } from '../wire/session-message.ts';
import { encodeSrpc, SRPC_BODY_AT } from '../wire/srpc-message.ts';
import type { Console } from './console.ts';
import { Group } from './group.ts';

/**
 * Lets a node put itself into a group of the session: selftest §3.9. Nobody sends it in practice; it is answered so that such a
 * request does not wait on its lazy portal for ever, and everything behind it.
 */
export function joinService(console: Console): ServiceHandler<null> {
  const answer = (rpc: ServerRpc<null>, status: number): void => {
    const { session } = console;
    const sid = session?.sid ?? NULL_SESSION_ID;
    const timeout = status === 0 ? (session?.spec.timeoutS ?? 0) : 0;
    const body = { status, sid, timeout, session: session?.spec.name ?? '' };
    encodeSrpc(rpc.reply, JOIN_REPLY, session?.features ?? LST_FEATS_MASK, body);
    rpc.answer();
  };
  return {
    newNote: () => null,
    bulkEnded: () => undefined,
    serve(rpc): boolean {
      const { session } = console;
      const { sid, group: name } = JOIN_REQUEST.body.decode(rpc.request, rpc.at + SRPC_BODY_AT, rpc.isLittleEndian);
      if (!session) answer(rpc, ESRCH);
      else if (!isAnySession(sid) && !isSameSession(sid, session.sid)) answer(rpc, EBUSY);
      else if (name === '' || rpc.peerNid.isLarge) answer(rpc, EINVAL);
      else {
        const group = session.groups.get(name) ?? new Group(name);
        const node = session.obtainNode(rpc.peerNid);
        session.groups.set(name, group);
        if (!group.nodes.includes(node)) {
          group.nodes.push(node);
          node.references++;
        }
        session.heard(node, session.sid);
        answer(rpc, 0);
      }
      return true;
    },
  };
}
