import { parseCNumber } from '../wire/expr-list.ts';

/** Reads an integer in C syntax, with a sign: decimal, `0x…`, `0…` octal (lnetctl §2). Undefined when it is none, or not exact as a number. */
export function parseCInteger(text: string): number | undefined {
  const [, sign, digits = ''] = /^([-+]?)(.*)$/.exec(text.trim()) ?? [];
  const value = parseCNumber(digits);
  if (value === undefined || !Number.isSafeInteger(value)) return undefined;
  return sign === '-' ? 0 - value : value;
}

/** Reads a flag as `peer` blocks write it: true/false/yes/no/on/off/1/0 in any case (lnetctl §6.4). */
export function parseFlag(text: string): boolean | undefined {
  if (/^(true|yes|on|1)$/i.test(text)) return true;
  return /^(false|no|off|0)$/i.test(text) ? false : undefined;
}
