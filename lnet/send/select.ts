import type { LocalNis } from '../core-context.ts';
import { type LocalNet, LocalNi } from '../local-ni.ts';
import type { PeerNi } from '../peer/peer-ni.ts';
import type { PeerNet } from '../peer/peer.ts';
import type { Route } from './route-table.ts';

/** One step of a comparison: of two candidates the one with the larger or smaller value wins; equal ones go to the next step. */
export interface Criterion<T, C> {
  readonly name: string;
  readonly better: 'larger' | 'smaller';
  readonly of: (candidate: T, context: C) => number;
}

/** An ordered list of criteria: the first difference decides. */
export type Criteria<T, C> = readonly Criterion<T, C>[];

/** A NID, or several: {@link Nid.addressForm} of each. */
interface HasForms {
  readonly addressForms: number;
}

/**
 * An IPv4 and an IPv6 NID cannot talk to each other, although both are on one net: there is no socket between them, and the
 * headers for 4-byte NIDs cannot name the other one (lnet-wire §2.8).
 */
export function shareForm(a: HasForms, b: HasForms): boolean {
  return (a.addressForms & b.addressForms) !== 0;
}

/**
 * NI of a local net, given where the message may go next: lnet-semantics §9.3. GPU device priority and NUMA distance are equal for all NIs of a process that is one
 * CPU partition, so they are no criteria here.
 */
export const NI_CRITERIA: Criteria<LocalNi, HasForms | null> = [
  { name: 'form of address', better: 'larger', of: (ni, hops) => (hops === null || shareForm(ni, hops) ? 1 : 0) },
  { name: 'fatal link error', better: 'smaller', of: (ni) => (ni.hasFatalError ? 1 : 0) },
  { name: 'health', better: 'larger', of: (ni) => ni.health },
  { name: 'priority', better: 'smaller', of: (ni) => ni.priority },
  { name: 'credits', better: 'larger', of: (ni) => ni.credits },
  { name: 'sequence', better: 'smaller', of: (ni) => ni.sequence },
];

/** NID of a peer on one net, given the local NI or net that the message leaves from, if that is clear: lnet-semantics §9.4. */
export const PEER_NI_CRITERIA: Criteria<PeerNi, LocalNi | LocalNet | null> = [
  { name: 'form of address', better: 'larger', of: (peerNi, from) => (!from || shareForm(peerNi, from) ? 1 : 0) },
  { name: 'health', better: 'larger', of: (peerNi) => peerNi.health },
  { name: 'priority', better: 'smaller', of: (peerNi) => peerNi.priority },
  { name: 'prefers the local NI', better: 'larger', of: (peerNi, from) => (prefers(peerNi, from) ? 1 : 0) },
  { name: 'credits', better: 'larger', of: (peerNi) => peerNi.credits },
  { name: 'sequence', better: 'smaller', of: (peerNi) => peerNi.sequence },
];

/** Net over which to reach a Multi-Rail peer directly; all candidates are local nets too: lnet-semantics §9.3. */
export const NET_CRITERIA: Criteria<PeerNet, LocalNis> = [
  { name: 'peer net health', better: 'larger', of: (net) => net.health },
  { name: 'peer net priority', better: 'smaller', of: (net) => net.priority },
  { name: 'local net health', better: 'larger', of: (net, locals) => locals.netOf(net.net)?.health ?? -1 },
  { name: 'local net priority', better: 'smaller', of: (net, locals) => locals.netOf(net.net)?.priority ?? 0 },
  { name: 'peer net sequence', better: 'smaller', of: (net) => net.sequence },
  { name: 'local net sequence', better: 'smaller', of: (net, locals) => locals.netOf(net.net)?.sequence ?? 0 },
];

/** Net of a Multi-Rail peer to route to: lnet-semantics §8.3. */
export const REMOTE_NET_CRITERIA: Criteria<PeerNet, null> = [
  { name: 'health', better: 'larger', of: (net) => net.health },
  { name: 'priority', better: 'smaller', of: (net) => net.priority },
  { name: 'sequence', better: 'smaller', of: (net) => net.sequence },
];

/**
 * Route to a net, given the NID it ends at if that is known; every candidate has its `hop` set: lnet-semantics §8.3. Of
 * routes that are equal in all of this the later one of the list wins.
 */
export const ROUTE_CRITERIA: Criteria<Route, PeerNi | null> = [
  { name: 'preferred router', better: 'larger', of: (route, end) => (isPreferredRouter(route, end) ? 1 : 0) },
  { name: 'priority', better: 'smaller', of: (route) => route.priority },
  { name: 'hops', better: 'smaller', of: (route) => route.hops ?? 1 },
  { name: 'health', better: 'larger', of: (route) => route.hop?.health ?? -1 },
  { name: 'queued bytes', better: 'smaller', of: (route) => route.hop?.queuedBytes ?? 0 },
  { name: 'credits', better: 'larger', of: (route) => route.hop?.credits ?? 0 },
  { name: 'sequence', better: 'smaller', of: (route) => route.sequence },
];

function prefers(peerNi: PeerNi, from: LocalNi | LocalNet | null): boolean {
  return from instanceof LocalNi && peerNi.preferredNids.includes(from.nid);
}

function isPreferredRouter(route: Route, end: PeerNi | null): boolean {
  return end !== null && end.preferredRouters.length > 0 && end.preferredRouters.includes(route.gateway.primaryNid);
}

/** Positive when `a` wins, negative when `b` does, 0 when no criterion tells them apart. */
export function compareBy<T, C>(criteria: Criteria<T, C>, a: T, b: T, context: C): number {
  for (const { better, of } of criteria) {
    const difference = of(a, context) - of(b, context);
    if (difference !== 0) return better === 'larger' ? difference : -difference;
  }
  return 0;
}

/** The winner; of equal ones the earliest. Undefined when there is none. */
export function bestOf<T, C>(candidates: readonly T[], criteria: Criteria<T, C>, context: C): T | undefined {
  let best = candidates[0];
  for (let i = 1; i < candidates.length; i++) {
    const candidate = candidates[i] as T;
    if (compareBy(criteria, candidate, best as T, context) > 0) best = candidate;
  }
  return best;
}
