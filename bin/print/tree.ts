/** What the daemon answers and what the printers print: plain JSON. Human text is built from this and nothing else. */
export type Tree = Scalar | readonly Tree[] | TreeMap;

export type Scalar = null | boolean | number | string;

/** A mapping, in the order in which its keys are printed. */
export interface TreeMap {
  readonly [key: string]: Tree;
}

export function isTreeMap(tree: Tree | undefined): tree is TreeMap {
  return typeof tree === 'object' && tree !== null && !Array.isArray(tree);
}

export function isTreeList(tree: Tree | undefined): tree is readonly Tree[] {
  return Array.isArray(tree);
}
