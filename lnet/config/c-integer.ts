const C_INTEGER = /^([-+]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/;

/** Reads an integer in C syntax: decimal, `0x…`, `0…` octal (lnetctl §2). Undefined when it is none, or not exact as a number. */
export function parseCInteger(text: string): number | undefined {
  const match = C_INTEGER.exec(text.trim());
  if (!match) return undefined;
  const [, sign, digits = ''] = match;
  const isOctal = digits.length > 1 && digits.startsWith('0') && !/^0[xX]/.test(digits);
  const value = isOctal ? Number.parseInt(digits, 8) : Number(digits);
  if (!Number.isSafeInteger(value)) return undefined;
  return sign === '-' ? 0 - value : value;
}

/** Reads a flag as `peer` blocks write it: true/false/yes/no/on/off/1/0 in any case (lnetctl §6.4). */
export function parseFlag(text: string): boolean | undefined {
  if (/^(true|yes|on|1)$/i.test(text)) return true;
  return /^(false|no|off|0)$/i.test(text) ? false : undefined;
}
