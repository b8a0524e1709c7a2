import type { BrwParams } from '../wire/test-message.ts';
import type { ConsoleNode } from './console-node.ts';
import type { Distribution } from './distribution.ts';
import type { Group } from './group.ts';

export const LST_BATCH_IDLE = 0xb0;
export const LST_BATCH_RUNNING = 0xb1;

/** What a test sends: its type and parameters. */
export type TestKind = { readonly type: 'ping' } | { readonly type: 'brw'; readonly params: BrwParams };

/** A node of a test with the index of its instance there. */
export interface TestNode {
  readonly node: ConsoleNode;
  /** Undefined when the node did not accept the instance. */
  index: number | undefined;
}

/** A test that was added to a batch, with the nodes it was added to: selftest §8.5. */
export interface ConsoleTest {
  /** 1, 2, 3, … in its batch. */
  readonly index: number;
  readonly kind: TestKind;
  /** Signed: −1 is endless. */
  readonly loop: number;
  readonly concurrency: number;
  readonly distribution: Distribution;
  readonly source: Group;
  readonly target: Group;
  readonly clients: readonly TestNode[];
  readonly servers: readonly TestNode[];
}

/** Tests that run and stop together. */
export class ConsoleBatch {
  readonly name: string;
  readonly bid: bigint;
  readonly tests: ConsoleTest[] = [];
  isRunning = false;

  constructor(name: string, bid: bigint) {
    this.name = name;
    this.bid = bid;
  }

  get state(): number {
    return this.isRunning ? LST_BATCH_RUNNING : LST_BATCH_IDLE;
  }

  /** Each client of its tests once, in order of appearance. */
  get clients(): ConsoleNode[] {
    return uniqueNodes(this.tests.flatMap((test) => test.clients));
  }

  get servers(): ConsoleNode[] {
    return uniqueNodes(this.tests.flatMap((test) => test.servers));
  }
}

function uniqueNodes(list: readonly TestNode[]): ConsoleNode[] {
  return [...new Set(list.map(({ node }) => node))];
}
