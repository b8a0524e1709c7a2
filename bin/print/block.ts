import { scalarText } from './scalar.ts';
import { isTreeList, isTreeMap, type Tree, type TreeMap } from './tree.ts';

/** How deep the two netlink dialects indent: lnetctl §1. */
export const DIALECT_N = 6;
export const DIALECT_N2 = 2;

/**
 * Dialects N and N2: mappings are indented by `indent` per level; the dash of a sequence stands at the column of its parent
 * key, and the item's first key follows `indent` columns right of it.
 */
export function printBlock(map: TreeMap, indent: number): string {
  const lines: string[] = [];
  emitMap(lines, map, '', '', indent);
  return lines.map((line) => `${line}\n`).join('');
}

/** `first` is the margin of the first line (it may hold a dash), `margin` that of the others. */
function emitMap(lines: string[], map: TreeMap, first: string, margin: string, indent: number): void {
  let lead = first;
  for (const [key, value] of Object.entries(map)) {
    emitEntry(lines, key, value, lead, margin, indent);
    lead = margin;
  }
}

function emitEntry(lines: string[], key: string, value: Tree, lead: string, margin: string, indent: number): void {
  if (isTreeMap(value)) {
    lines.push(`${lead}${key}:`);
    const inner = margin + ' '.repeat(indent);
    emitMap(lines, value, inner, inner, indent);
    return;
  }
  if (isTreeList(value)) {
    lines.push(`${lead}${key}:`);
    const dash = `${margin}-${' '.repeat(indent - 1)}`;
    for (const item of value) {
      if (isTreeMap(item)) emitMap(lines, item, dash, margin + ' '.repeat(indent), indent);
      else lines.push(dash + (isTreeList(item) ? JSON.stringify(item) : scalarText(item)));
    }
    return;
  }
  const text = scalarText(value);
  lines.push(text === '' ? `${lead}${key}:` : `${lead}${key}: ${text}`);
}
