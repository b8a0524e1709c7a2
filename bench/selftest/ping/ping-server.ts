import { EPROTO } from '../../../lnet/errno.ts';
import type { ServerRpc } from '../rpc/server-rpc.ts';
import type { ServiceHandler } from '../rpc/service-port.ts';
import { hasUnknownFeatures, LST_FEATS_MASK } from '../wire/feature.ts';
import { LST_PING_TEST_MAGIC, PING_REPLY, PING_REQUEST } from '../wire/ping-message.ts';
import { SRPC_BODY_AT, SRPC_HDR, SRPC_STATUS_AT } from '../wire/srpc-message.ts';

/** Server side of the ping test: answers anybody at any time, without a session. selftest §7.1. */
export const PING_SERVER: ServiceHandler<null> = {
  newNote: () => null,

  serve(rpc: ServerRpc<null>): boolean {
    const { request, reply, isLittleEndian, features } = rpc;
    const body = rpc.at + SRPC_BODY_AT;
    if (request.getUint32(body + PING_REQUEST.body.at.magic, isLittleEndian) !== LST_PING_TEST_MAGIC) {
      rpc.drop('bad_ping_magic');
      return true;
    }
    const isUnknown = hasUnknownFeatures(features);
    const seq = request.getUint32(body + PING_REQUEST.body.at.seq, isLittleEndian);
    reply.setUint32(SRPC_HDR.at.features, isUnknown ? LST_FEATS_MASK : features, true);
    reply.setUint32(SRPC_STATUS_AT, isUnknown ? EPROTO : 0, true);
    reply.setUint32(SRPC_BODY_AT + PING_REPLY.body.at.magic, LST_PING_TEST_MAGIC, true);
    reply.setUint32(SRPC_BODY_AT + PING_REPLY.body.at.seq, seq, true);
    rpc.answer();
    return true;
  },

  bulkEnded: () => undefined,
};
