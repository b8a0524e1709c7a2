import { scalarText } from './scalar.ts';
import { isTreeList, isTreeMap, type Tree, type TreeMap } from './tree.ts';

const INDENT = '    ';

/** Dialect C: mappings indent by 4; a sequence item is four blanks, dash, blank, its further keys two columns right of the dash. lnetctl §1. */
export function printClassic(map: TreeMap): string {
  const lines: string[] = [];
  emitMap(lines, map, '', '');
  return lines.map((line) => `${line}\n`).join('');
}

function emitMap(lines: string[], map: TreeMap, first: string, margin: string): void {
  let lead = first;
  for (const [key, value] of Object.entries(map)) {
    emitEntry(lines, key, value, lead, margin);
    lead = margin;
  }
}

function emitEntry(lines: string[], key: string, value: Tree, lead: string, margin: string): void {
  if (isTreeMap(value)) {
    lines.push(`${lead}${key}:`);
    emitMap(lines, value, margin + INDENT, margin + INDENT);
  } else if (isTreeList(value)) {
    lines.push(`${lead}${key}:`);
    for (const item of value) {
      if (isTreeMap(item)) emitMap(lines, item, `${margin}${INDENT}- `, `${margin}${INDENT}  `);
      else lines.push(`${margin}${INDENT}- ${isTreeList(item) ? JSON.stringify(item) : scalarText(item)}`);
    }
  } else {
    lines.push(`${lead}${key}: ${scalarText(value)}`);
  }
}
