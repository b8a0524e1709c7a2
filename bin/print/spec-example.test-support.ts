import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { TreeMap } from './tree.ts';

const page = readFileSync(new URL('../../docs/spec/lnetctl.md', import.meta.url), 'utf8');

/** What the specification prints under `$ COMMAND`, to the end of the example. */
export function outputOf(command: string): string {
  const start = page.indexOf(`\n$ ${command}\n`);
  if (start < 0) throw new Error(`no example of '${command}'`);
  const rest = page.slice(start + command.length + 4);
  return rest.slice(0, rest.search(/^(```|\$ )/m));
}

/** The code block that begins with these lines. */
export function blockOf(beginning: string): string {
  const start = page.indexOf(`\`\`\`\n${beginning}`);
  if (start < 0) throw new Error(`no block '${beginning}'`);
  const rest = page.slice(start + 4);
  return rest.slice(0, rest.indexOf('```'));
}

/** Mappings whose order is the data's own, not a table's. */
const OPEN = new Set(['lnd tunables', 'udsp info']);

/** An example as data, its keys in reverse order, so that a printer cannot lean on the order it gets. */
export function treeOf(text: string): TreeMap {
  return reversed(parse(text)) as TreeMap;
}

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, inner]) => [key, OPEN.has(key) ? inner : reversed(inner)]),
  );
}
