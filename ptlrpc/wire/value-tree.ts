import type { FieldKind } from '../../lnet/wire/layout.ts';
import { type AnyLayout, hex, type NestedKind, type ShownKind } from './field-kind.ts';

/** A value as a person reads it: a text, or named values. */
export type ValueTree = string | readonly (readonly [name: string, value: ValueTree])[];

const BYTES_SHOWN = 32;

/** A record by its layout. With `isTerse` fields that are zero or empty are left out. */
export function recordTree(of: AnyLayout, record: Readonly<Record<string, unknown>>, isTerse = false): ValueTree {
  return Object.entries(of.fields)
    .filter(([name, kind]) => !kind.isUnused && !(isTerse && isNothing(record[name])))
    .map(([name, kind]) => [name, fieldTree(kind, record[name], isTerse)] as const);
}

function fieldTree(kind: FieldKind<unknown>, value: unknown, isTerse: boolean): ValueTree {
  if (isShown(kind)) return kind.show(value);
  if (isNested(kind)) return recordTree(kind.layout, value as Readonly<Record<string, unknown>>, isTerse);
  return plainText(value);
}

function isShown(kind: FieldKind<unknown>): kind is ShownKind<unknown> {
  return 'show' in kind;
}

function isNested(kind: FieldKind<unknown>): kind is NestedKind<unknown> {
  return 'layout' in kind;
}

/** A value of which nothing more is known than its type. */
export function plainText(value: unknown): string {
  if (value instanceof Uint8Array) return bytesText(value);
  if (Array.isArray(value)) return `[${value.map((one: bigint | number) => hex(one)).join(' ')}]`;
  return String(value);
}

/** The beginning of some bytes in hexadecimal, and how many there are. */
export function bytesText(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'empty';
  const shown = Array.from(bytes.subarray(0, BYTES_SHOWN), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${bytes.length} bytes ${shown}${bytes.length > BYTES_SHOWN ? '…' : ''}`;
}

/** Bytes of a name as text; what is no UTF-8 shows as U+FFFD, control characters as escapes. */
export function nameText(bytes: Uint8Array): string {
  return JSON.stringify(new TextDecoder().decode(bytes));
}

function isNothing(value: unknown): boolean {
  if (value instanceof Uint8Array) return value.every((byte) => byte === 0);
  if (Array.isArray(value)) return value.every(isNothing);
  if (typeof value === 'object' && value !== null) return Object.values(value).every(isNothing);
  return value === 0 || value === 0n || value === '';
}

/** The text at a path such as `rec.fid1`, or undefined when there is none. */
export function textAt(tree: ValueTree, path: readonly string[]): string | undefined {
  let found: ValueTree | undefined = tree;
  for (const name of path) {
    if (found === undefined || typeof found === 'string') return undefined;
    found = found.find(([key]) => key === name)?.[1];
  }
  return typeof found === 'string' ? found : undefined;
}

/** One line a value, indented by two blanks a level. */
export function treeLines(tree: ValueTree, indent = ''): string[] {
  if (typeof tree === 'string') return [`${indent}${tree}`];
  return tree.flatMap(([name, value]) =>
    typeof value === 'string'
      ? [`${indent}${name}: ${value}`]
      : [`${indent}${name}:`, ...treeLines(value, `${indent}  `)],
  );
}
