import {
  HEALTH_LOCAL_ABORTED,
  HEALTH_LOCAL_DROPPED,
  HEALTH_LOCAL_ERROR,
  HEALTH_LOCAL_INTERRUPT,
  HEALTH_LOCAL_NO_ROUTE,
  HEALTH_LOCAL_TIMEOUT,
} from '../../lnet/health-status.ts';
import { type LocalNet, type LocalNi, LNET_PRIORITY_DEFAULT } from '../../lnet/local-ni.ts';
import { type Instant, US_PER_S } from '../../lnet/clock.ts';
import type { MessageCounts } from '../../lnet/counters.ts';
import type { NalNi } from '../../lnet/nal.ts';
import { formatNet } from '../../lnet/wire/net.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import type { Tree, TreeMap } from '../print/tree.ts';

/** A local net with everything that `net show` can print, at any level: lnetctl §5.2. */
export function netTree(net: LocalNet, now: Instant): TreeMap {
  return { 'net type': formatNet(net.net), 'local NI(s)': net.nis.map((ni) => niTree(net, ni, now)) };
}

function niTree(net: LocalNet, ni: LocalNi, now: Instant): TreeMap {
  const failed = (status: number): number => ni.failures[status] ?? 0;
  const { tunables } = net;
  return {
    nid: ni.nid.toString(),
    status: ni.isUp ? 'up' : 'down',
    ...(ni.isLoopback ? {} : { interfaces: { 0: ni.link.interfaceName } }),
    ...countersTree(ni),
    'udsp info': { 'net priority': priorityOf(net.priority), 'nid priority': priorityOf(ni.priority) },
    'health stats': {
      fatal_error: ni.hasFatalError ? 1 : 0,
      'health value': ni.health,
      interrupts: failed(HEALTH_LOCAL_INTERRUPT),
      dropped: failed(HEALTH_LOCAL_DROPPED),
      aborted: failed(HEALTH_LOCAL_ABORTED),
      'no route': failed(HEALTH_LOCAL_NO_ROUTE),
      timeouts: failed(HEALTH_LOCAL_TIMEOUT),
      error: failed(HEALTH_LOCAL_ERROR),
      ping_count: ni.recoveryPings,
      next_ping: secondsUntil(ni.nextRecovery, now),
    },
    tunables: {
      peer_timeout: tunables.peerTimeoutS,
      peer_credits: tunables.peerCredits,
      peer_buffer_credits: tunables.peerBufferCredits,
      credits: tunables.credits,
    },
    ...(ni.isLoopback ? {} : { 'lnd tunables': lndTunables(ni.link) }),
    'dev cpt': 0,
    CPT: '[0]',
  };
}

/** Those that the NAL wants shown, in its order. */
function lndTunables(link: NalNi): TreeMap {
  const shown = link.nal.tunables.filter((tunable) => tunable.isShown);
  return Object.fromEntries(
    shown.map(({ name, unit, default: byDefault }): [string, Tree] => {
      const value = link.tunables[name] ?? byDefault;
      return [name, unit === 'flag' ? value !== 0 : value];
    }),
  );
}

interface Counted {
  readonly sent: MessageCounts;
  readonly received: MessageCounts;
  readonly dropped: MessageCounts;
}

/** `statistics` and the counts by message type of an NI or peer NI. */
export function countersTree({ sent, received, dropped }: Counted): TreeMap {
  return {
    statistics: { send_count: sent.total, recv_count: received.total, drop_count: dropped.total },
    sent_stats: sent.toJSON(),
    received_stats: received.toJSON(),
    dropped_stats: dropped.toJSON(),
  };
}

/** A priority as `udsp info` prints it: -1 when no policy sets one. */
export function priorityOf(priority: number): number {
  return priority === LNET_PRIORITY_DEFAULT ? -1 : priority;
}

/** `NID-0: …`, `NID-1: …`. */
export function numberedNids(nids: readonly Nid[]): TreeMap {
  return Object.fromEntries(nids.map((nid, at) => [`NID-${at}`, nid.toString()]));
}

/** Whole seconds until an instant, at least 0; 0 when there is none. */
export function secondsUntil(at: Instant | undefined, now: Instant): number {
  return at === undefined ? 0 : Math.max(0, Math.ceil((at - now) / US_PER_S));
}
