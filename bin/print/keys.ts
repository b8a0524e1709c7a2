import { isTreeList, isTreeMap, type Tree, type TreeMap } from './tree.ts';

/** One key of an output block, declared once: the order of a table is the order of printing (lnetctl §5). */
export interface Key {
  readonly name: string;
  /** Smallest `-v` level that prints it. */
  readonly level: number;
  /** Whether `export --backup` writes it: lnetctl §6.10. */
  readonly isBackedUp: boolean;
  /** Keys of a nested mapping or of the items of a sequence; none: a plain value. */
  readonly keys?: readonly Key[];
  /** Names of an open mapping (tunables that a NAL declares) that stay out of a backup; its other keys come as they are. */
  readonly openBut?: readonly string[];
}

/** A value printed from `level` on and kept in a backup. */
export const value = (name: string, level = 0): Key => ({ name, level, isBackedUp: true });

/** Several plain values of one level. */
export const values = (level: number, ...names: string[]): Key[] => names.map((name) => value(name, level));

/** A nested mapping or a sequence of mappings. */
export const group = (name: string, level: number, keys: readonly Key[]): Key => ({
  name,
  level,
  isBackedUp: true,
  keys,
});

/** A mapping whose names the data decides. */
export const open = (name: string, level: number, openBut: readonly string[] = []): Key => ({
  name,
  level,
  isBackedUp: true,
  openBut,
});

/** The same key, left out of a backup. */
export const shown = (key: Key): Key => ({ ...key, isBackedUp: false });

/** Which keys to print. */
export interface Selection {
  readonly level: number;
  /** The form of `export --backup`: every level, without what set-up does not need. */
  readonly isBackup: boolean;
}

/** The part of `tree` that the table shows, in the table's order. Keys that `tree` lacks are left out. */
export function selectKeys(keys: readonly Key[], tree: TreeMap, selection: Selection): TreeMap {
  const chosen: Record<string, Tree> = {};
  for (const key of keys) {
    const found = tree[key.name];
    const isWanted = selection.isBackup ? key.isBackedUp : key.level <= selection.level;
    if (found === undefined || !isWanted) continue;
    const part = selectValue(key, found, selection);
    if (part !== undefined) chosen[key.name] = part;
  }
  return chosen;
}

function selectValue(key: Key, found: Tree, selection: Selection): Tree | undefined {
  const { keys, openBut } = key;
  if (openBut && isTreeMap(found)) {
    const kept = Object.entries(found).filter(([name]) => !(selection.isBackup && openBut.includes(name)));
    return kept.length === 0 ? undefined : Object.fromEntries(kept);
  }
  if (!keys) return found;
  if (isTreeList(found)) return found.map((item) => (isTreeMap(item) ? selectKeys(keys, item, selection) : item));
  return isTreeMap(found) ? selectKeys(keys, found, selection) : found;
}

/** {@link selectKeys} for each item of a sequence. */
export function selectItems(keys: readonly Key[], items: readonly Tree[], selection: Selection): TreeMap[] {
  return items.filter(isTreeMap).map((item) => selectKeys(keys, item, selection));
}
