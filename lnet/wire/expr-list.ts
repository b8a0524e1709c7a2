import { WireError } from './wire-error.ts';

/** Values from `low` to `high`, both included, in steps of `stride`. */
export interface RangeExpr {
  readonly low: number;
  readonly high: number;
  readonly stride: number;
}

/** A set of numbers as `5`, `*` or `[1,3,5-9,2-8/2]` write it: lnet-wire §2.4 `exprlist`. */
export class ExprList {
  readonly ranges: readonly RangeExpr[];

  constructor(ranges: readonly RangeExpr[]) {
    this.ranges = ranges;
  }

  matches(value: number): boolean {
    for (const { low, high, stride } of this.ranges)
      if (value >= low && value <= high && (value - low) % stride === 0) return true;
    return false;
  }

  /** Canonical text: `*` as its bounds, a single value bare, everything else in brackets. */
  toString(): string {
    const [only] = this.ranges;
    if (this.ranges.length === 1 && only && only.low === only.high) return String(only.low);
    return `[${this.ranges.map(formatRange).join(',')}]`;
  }
}

function formatRange({ low, high, stride }: RangeExpr): string {
  if (low === high) return String(low);
  return stride === 1 ? `${low}-${high}` : `${low}-${high}/${stride}`;
}

/** The bounds that the values of a list must keep. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** Parses a number, `*`, or a bracketed list. Blanks are allowed inside brackets. Throws {@link WireError} `bad_value`. */
export function parseExprList(text: string, bounds: Bounds): ExprList {
  if (!text.startsWith('[')) {
    if (text !== '*' && /[-/]/.test(text)) throw fault(text, 'a range must stand in brackets');
    return new ExprList([parseRange(text, bounds)]);
  }
  if (!text.endsWith(']')) throw fault(text, "']' is missing");
  return new ExprList(
    text
      .slice(1, -1)
      .split(',')
      .map((item) => parseRange(item.trim(), bounds)),
  );
}

function parseRange(text: string, bounds: Bounds): RangeExpr {
  if (text === '*') return { low: bounds.min, high: bounds.max, stride: 1 };
  const match = /^([0-9a-fA-FxX]+)(?:\s*-\s*([0-9a-fA-FxX]+)(?:\s*\/\s*([0-9a-fA-FxX]+))?)?$/.exec(text);
  const low = match ? parseCNumber(match[1] as string) : undefined;
  const high = match?.[2] === undefined ? low : parseCNumber(match[2]);
  const stride = match?.[3] === undefined ? 1 : parseCNumber(match[3]);
  if (low === undefined || high === undefined || stride === undefined)
    throw fault(text, 'expected a number, a-b, a-b/step or *');
  if (low > high) throw fault(text, 'the range runs backwards');
  if (stride === 0) throw fault(text, 'a step of 0 never ends');
  if (low < bounds.min || high > bounds.max) throw fault(text, `only ${bounds.min}..${bounds.max} are possible`);
  return { low, high, stride };
}

/** Parses an unsigned number as C writes it: decimal, `0x` hex, or octal after a leading 0. Undefined when it is none. */
export function parseCNumber(text: string): number | undefined {
  if (/^0[xX][0-9a-fA-F]+$/.test(text)) return Number.parseInt(text.slice(2), 16);
  if (/^0[0-7]*$/.test(text)) return Number.parseInt(text, 8);
  return /^[1-9][0-9]*$/.test(text) ? Number(text) : undefined;
}

function fault(text: string, reason: string): WireError {
  return new WireError('bad_value', `'${text}': ${reason}`);
}
