import type { Scalar } from './tree.ts';

/** Texts that YAML reads as something else than a string: numbers, booleans, null. */
const NOT_A_STRING =
  /^(?:[-+]?(?:[0-9][0-9_]*|0x[0-9a-fA-F]+|0o?[0-7]+)(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?|true|false|yes|no|on|off|null|~|)$/i;

/** Characters and places that end a plain scalar or give it another meaning. */
const NOT_PLAIN = /^[-?:,[\]{}#&*!|>'"%@`]|^\s|\s$|:\s|:$|\s#|[\n\r\t]/;

/** A plain scalar may start with these when something other than a blank follows: `-1`, `::1`. */
const MAY_START_PLAIN = /^[-?:]+(?=[^\s-?:])/;

/**
 * A value as it stands behind its key: plain when that reads back as the same string, else in double quotes. CPT lists
 * (`"[0,1]"`) come out quoted for that reason, as lnetctl §1 has them.
 */
export function scalarText(value: Scalar): string {
  if (typeof value !== 'string') return value === null ? '' : String(value);
  return isPlain(value) ? value : quoted(value);
}

function isPlain(text: string): boolean {
  if (NOT_A_STRING.test(text)) return false;
  return !NOT_PLAIN.test(text.replace(MAY_START_PLAIN, ''));
}

/** In double quotes, as YAML and JSON both read it. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}

/** In single quotes. */
export function singleQuoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
