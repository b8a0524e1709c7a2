/** Parses `>=0.95` or `<=1.3`. Throws RangeError for anything else: targets are written by hand. */
export function parseTarget(text: string): { readonly relation: '>=' | '<='; readonly bound: number } {
  const match = /^(>=|<=)(\d+(?:\.\d+)?)$/.exec(text);
  if (!match) throw new RangeError(`'${text}' is not a target; expected >=NUMBER or <=NUMBER`);
  return { relation: match[1] as '>=' | '<=', bound: Number(match[2]) };
}

/** Whether a ratio reaches a target. */
export function meetsTarget(ratio: number, target: string): boolean {
  const { relation, bound } = parseTarget(target);
  return relation === '>=' ? ratio >= bound : ratio <= bound;
}
