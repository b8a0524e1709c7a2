import type { Instant } from '../../lnet/clock.ts';
import {
  HEALTH_NETWORK_TIMEOUT,
  HEALTH_REMOTE_DROPPED,
  HEALTH_REMOTE_ERROR,
  HEALTH_REMOTE_TIMEOUT,
} from '../../lnet/health-status.ts';
import type { PeerNi } from '../../lnet/peer/peer-ni.ts';
import { LNET_PEER_MULTI_RAIL, type Peer } from '../../lnet/peer/peer.ts';
import type { TreeMap } from '../print/tree.ts';
import { countersTree, numberedNids, priorityOf, secondsUntil } from './net-view.ts';

/** A peer with everything that `peer show` can print, at any level: lnetctl §5.3. */
export function peerTree(peer: Peer, now: Instant): TreeMap {
  return {
    'primary nid': peer.primaryNid.toString(),
    'Multi-Rail': peer.has(LNET_PEER_MULTI_RAIL),
    'peer state': peer.flags,
    'peer ni': [...peer.peerNis()].map((ni) => peerNiTree(peer, ni, now)),
  };
}

function peerNiTree(peer: Peer, ni: PeerNi, now: Instant): TreeMap {
  const failed = (status: number): number => ni.failures[status] ?? 0;
  return {
    nid: ni.nid.toString(),
    'udsp info': {
      'net priority': priorityOf(ni.peerNet.priority),
      'nid priority': priorityOf(ni.priority),
      ...(ni.preferredRouters.length > 0 ? { 'Preferred gateway NIDs': numberedNids(ni.preferredRouters) } : {}),
      ...(ni.preferredNids.length > 0 ? { 'Preferred source NIDs': numberedNids(ni.preferredNids) } : {}),
    },
    state: stateOf(peer, ni),
    max_ni_tx_credits: ni.creditsMax,
    available_tx_credits: ni.credits,
    min_tx_credits: ni.creditsMin,
    tx_q_num_of_buf: ni.queuedBytes,
    available_rtr_credits: ni.routerCredits,
    min_rtr_credits: ni.routerCreditsMin,
    refcount: 1 + ni.waiting.size,
    ...countersTree(ni),
    'health stats': {
      'health value': ni.health,
      dropped: failed(HEALTH_REMOTE_DROPPED),
      timeout: failed(HEALTH_REMOTE_TIMEOUT),
      error: failed(HEALTH_REMOTE_ERROR),
      'network timeout': failed(HEALTH_NETWORK_TIMEOUT),
      ping_count: ni.recoveryPings,
      next_ping: secondsUntil(ni.nextRecovery, now),
    },
  };
}

/** Aliveness is watched for gateways only: lnet-semantics §14.2. */
function stateOf(peer: Peer, ni: PeerNi): string {
  if (peer.gatewayRefs === 0) return 'NA';
  return peer.isAlive && ni.isUp ? 'up' : 'down';
}
