import { viewOf } from '../../../lnet/wire/layout.ts';
import { SRPC_MESSAGES } from '../wire/service.ts';
import { SRPC_BODY_AT, SRPC_HDR } from '../wire/srpc-message.ts';

/**
 * What may differ between a recorded message and ours: ids that each node draws from its own counter, the clock of the node,
 * and what LNet itself counts (connections and discovery went before the recording). Everything else is equal.
 */
const MAY_DIFFER: Readonly<Record<number, readonly string[]>> = {
  0: ['rpyid'],
  2: ['rpyid'],
  4: ['rpyid'],
  6: ['rpyid'],
  7: [
    'runningMs',
    'lnetMsgsAlloc',
    'lnetMsgsMax',
    'lnetSendCount',
    'lnetRecvCount',
    'lnetSendLength',
    'lnetRecvLength',
    'lnetDropCount',
    'lnetDropLength',
  ],
  8: ['rpyid', 'bulkid'],
  10: ['rpyid'],
  12: ['rpyid', 'bulkid'],
  14: ['rpyid', 'sec', 'nsec'],
};

/** A message as a value that two nodes must agree on. */
export function comparable(bytes: Uint8Array): Record<string, unknown> {
  const view = viewOf(bytes);
  const hdr = SRPC_HDR.decode(view);
  const message = SRPC_MESSAGES.get(hdr.type);
  if (!message) throw new Error(`no message has type ${hdr.type}`);
  const body = message.body.decode(view, SRPC_BODY_AT) as Record<string, unknown>;
  for (const field of MAY_DIFFER[hdr.type] ?? []) delete body[field];
  for (const [field, value] of Object.entries(body))
    if (value instanceof Uint8Array) body[field] = Buffer.from(value).toString('hex');
  const padding = bytes.subarray(SRPC_BODY_AT + message.body.size);
  return { ...hdr, ...body, padding: padding.every((byte) => byte === 0) };
}
