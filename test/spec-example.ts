import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './tidy/source-tree.ts';
import { bytesOf } from './hex.ts';

/** The text of one section of a specification under docs/spec, without its subsections. */
function sectionOf(document: string, section: string): string {
  const text = readFileSync(join(ROOT, 'docs', 'spec', `${document}.md`), 'utf8');
  const heading = new RegExp(`^#+ ${section.replaceAll('.', '\\.')} .*$`, 'm').exec(text);
  if (!heading) throw new Error(`${document} has no section ${section}`);
  const from = heading.index + heading[0].length;
  const length = text.slice(from).search(/^#+ /m);
  return length < 0 ? text.slice(from) : text.slice(from, from + length);
}

/** The hex dumps of one section, in order: what the document shows is what the test compares with. */
export function specDumps(document: string, section: string): Uint8Array[] {
  return [...sectionOf(document, section).matchAll(/^```\n((?:[0-9a-f]{4} {2}.*\n)+)```$/gm)].map((block) =>
    bytesOf((block[1] as string).replaceAll(/^[0-9a-f]{4} {2}/gm, '')),
  );
}

/** The bytes in the last column of a section's table, row by row. */
export function specTableBytes(document: string, section: string): Uint8Array[] {
  return [...sectionOf(document, section).matchAll(/\| `((?:[0-9a-f]{2} ?)+)` \|$/gm)].map((row) =>
    bytesOf(row[1] as string),
  );
}

/** The first dump of a section. */
export function specDump(document: string, section: string): Uint8Array {
  const [dump] = specDumps(document, section);
  if (!dump) throw new Error(`${document} §${section} shows no bytes`);
  return dump;
}
