import { parseCInteger } from './c-integer.ts';

/** Text that is no bracket expression; the message is the reason as lnetctl §4 words it. */
export class BracketError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'BracketError';
  }
}

/** Most values one expression may stand for: what a port of 32 bits cannot be allowed to ask for. */
const VALUES_MAX = 65_536;

/**
 * The numbers of a bracket's inside: `2-5,8`, `0-30/10`. Throws {@link BracketError}. Values come in the order written.
 */
export function bracketNumbers(inside: string): number[] {
  const values: number[] = [];
  for (const part of inside.split(',')) {
    const match = /^\s*([^-/\s]+)\s*(?:-\s*([^/\s]*)\s*(?:\/\s*(.*?)\s*)?)?$/.exec(part);
    if (!match)
      throw new BracketError(part.trim() === '' ? 'range needs number after ,' : 'invalid character in range');
    const [, first = '', last, step] = match;
    if (last === '') throw new BracketError('range needs number after -');
    if (step === '') throw new BracketError('range needs number after /');
    const from = numberOf(first);
    const to = last === undefined ? from : numberOf(last);
    const by = step === undefined ? 1 : numberOf(step);
    if (from > to) throw new BracketError('range is wrong order');
    // A stride of 0 would never end: lnet-wire §2.4 rule 1.
    if (by === 0) throw new BracketError('invalid character in range');
    if ((to - from) / by >= VALUES_MAX - values.length)
      throw new BracketError(`range has more than ${VALUES_MAX} values`);
    for (let value = from; value <= to; value += by) values.push(value);
  }
  return values;
}

function numberOf(text: string): number {
  const value = parseCInteger(text);
  if (value === undefined || value < 0) throw new BracketError('invalid character in range');
  return value;
}

/** Expands every bracket group of a text, leftmost slowest: `10.0.[0-1].[1,3]@tcp` gives four texts. Throws {@link BracketError}. */
export function expandBrackets(text: string, countMax: number): string[] {
  const open = text.indexOf('[');
  const close = text.indexOf(']');
  if (open < 0 && close < 0) return [text];
  if (open < 0) throw new BracketError('incomplete bracket set');
  if (close >= 0 && close < open) throw new BracketError('improper bracket ordering');
  const end = text.indexOf(']', open);
  const nested = text.indexOf('[', open + 1);
  if (end < 0) throw new BracketError('incomplete bracket set');
  if (nested >= 0 && nested < end) throw new BracketError('improper bracket ordering');
  const heads = bracketNumbers(text.slice(open + 1, end));
  if (heads.length === 0) throw new BracketError('[] are missing');
  const tails = expandBrackets(text.slice(end + 1), countMax);
  if (heads.length * tails.length > countMax) throw new BracketError(`more than ${countMax} NIDs`);
  const before = text.slice(0, open);
  return heads.flatMap((value) => tails.map((tail) => `${before}${value}${tail}`));
}
