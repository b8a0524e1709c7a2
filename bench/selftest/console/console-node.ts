import type { Instant } from '../../../lnet/clock.ts';
import type { Destination } from '../wire/destination-list.ts';

/** States of a node as a console sees it; a set of them is a sum: selftest §8.2. */
export const NODE_ACTIVE = 1;
export const NODE_BUSY = 2;
export const NODE_DOWN = 4;
export const NODE_UNKNOWN = 8;
export const NODE_INVALID = NODE_BUSY | NODE_DOWN | NODE_UNKNOWN;

export type NodeState = typeof NODE_ACTIVE | typeof NODE_BUSY | typeof NODE_DOWN | typeof NODE_UNKNOWN;

export const NODE_STATE_NAMES: Readonly<Record<NodeState, string>> = {
  [NODE_ACTIVE]: 'Active',
  [NODE_BUSY]: 'Busy',
  [NODE_DOWN]: 'Down',
  [NODE_UNKNOWN]: 'Unknown',
};

/** A node of a session. All groups and tests that hold it share its state. */
export class ConsoleNode {
  readonly id: Destination;
  state: NodeState = NODE_UNKNOWN;
  /** When its last reply came. */
  lastReplyAt: Instant | undefined = undefined;
  /** Its session timeout, seconds, as it said itself. */
  sessionTimeoutS = 0;
  /** MAKE_SESSIONs that it answered well and that were not taken back. */
  invitations = 0;
  /** Groups and tests that hold it. */
  references = 0;
  /** A keep-alive is on its way. */
  isBeingPinged = false;
  /** Test instances that it has, by batch: the index that its queries take. */
  readonly #instances = new Map<bigint, number>();

  constructor(id: Destination) {
    this.id = id;
  }

  get isActive(): boolean {
    return this.state === NODE_ACTIVE;
  }

  /** Counts an instance that it accepted; gives its index there. */
  addInstance(bid: bigint): number {
    const index = (this.#instances.get(bid) ?? 0) + 1;
    this.#instances.set(bid, index);
    return index;
  }

  /** It lost its session: what it had of it is gone. */
  forgetInstances(): void {
    this.#instances.clear();
  }

  toString(): string {
    return `${this.id.pid}-${this.id.nid}`;
  }
}

/** How many nodes are in each state. */
export interface StateCounts {
  readonly active: number;
  readonly busy: number;
  readonly down: number;
  readonly unknown: number;
  readonly total: number;
}

export function countStates(nodes: Iterable<ConsoleNode>): StateCounts {
  const counts = { active: 0, busy: 0, down: 0, unknown: 0, total: 0 };
  const names = {
    [NODE_ACTIVE]: 'active',
    [NODE_BUSY]: 'busy',
    [NODE_DOWN]: 'down',
    [NODE_UNKNOWN]: 'unknown',
  } as const;
  for (const { state } of nodes) {
    counts[names[state]]++;
    counts.total++;
  }
  return counts;
}
