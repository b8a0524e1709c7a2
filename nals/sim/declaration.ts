import { EINVAL, LNET_MAX_IOV, LnetError, type NalCaps, type NalCounter, type NalTunable } from '../../lnet/nal.ts';
import { LNET_MTU } from '../../lnet/wire/lnet-hdr.ts';

export const SIM_CAPS: NalCaps = {
  payloadBytesMax: LNET_MTU,
  segmentsMax: LNET_MAX_IOV,
  rma: 'none',
  families: ['ipv4', 'ipv6'],
  ordering: 'peer',
};

export const SIM_TUNABLES = [
  {
    name: 'timeout',
    default: 50,
    min: 1,
    max: 3600,
    unit: 's',
    help: 'A link without progress for so long is closed (as socklnd sock_timeout).',
    isShown: true,
  },
] as const satisfies readonly NalTunable[];

export const SIM_COUNTERS = [
  { name: 'sent', help: 'messages whose transmission succeeded' },
  { name: 'sent_bytes', help: 'payload bytes of them' },
  { name: 'failed', help: 'messages whose transmission failed' },
  { name: 'received', help: 'messages offered to the core' },
  { name: 'received_bytes', help: 'payload bytes put in place' },
  { name: 'discarded_bytes', help: 'payload bytes that the core did not want' },
  { name: 'waits', help: 'messages that the core made wait' },
  { name: 'refused', help: 'messages after which the core called the peer broken' },
  { name: 'connects', help: 'connections made by this side' },
  { name: 'accepts', help: 'connections made by the other side' },
  { name: 'resets', help: 'connections ended by the other side' },
  { name: 'timeouts', help: 'connections ended for lack of progress' },
  { name: 'restarts', help: 'peers that came back in another incarnation' },
] as const satisfies readonly NalCounter[];

export type SimCounters = Record<(typeof SIM_COUNTERS)[number]['name'], number>;

export function newSimCounters(): SimCounters {
  return Object.fromEntries(SIM_COUNTERS.map(({ name }) => [name, 0])) as SimCounters;
}

/** The error for a tunable that this NAL does not have. */
export function unknownTunable(name: string): LnetError {
  return new LnetError('ERR_LNET_BAD_ARGUMENT', {
    errno: -EINVAL,
    message: `the sim NAL has no tunable '${name}'`,
    hint: `it has: ${SIM_TUNABLES.map((tunable) => tunable.name).join(', ')}`,
  });
}
