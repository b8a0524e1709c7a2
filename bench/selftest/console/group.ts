import type { ConsoleNode } from './console-node.ts';

/** Nodes under a name, in the order in which they were added. */
export class Group {
  readonly name: string;
  readonly nodes: ConsoleNode[] = [];
  /** Tests that use it: it cannot be changed while there are any. */
  testCount = 0;

  constructor(name: string) {
    this.name = name;
  }
}
