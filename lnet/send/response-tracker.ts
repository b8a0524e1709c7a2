import type { PeerNi } from '../peer/peer-ni.ts';
import type { Md } from '../portals/md.ts';

/** Watches one MD for the response it is owed: lnet-semantics §3.7. */
export interface ResponseTracker {
  readonly md: Md;
  deadline: number;
  nextHop: PeerNi | null;
}
