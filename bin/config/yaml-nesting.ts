/** Widest indentation of a line; the deepest one of the schema stays below 40. */
const INDENT_MAX = 256;

/** Indicators that open one block level each on a line: `- - - a`. */
const COMPACT_BLOCK = /(?:^|[ \t])[-?](?=[ \t])/g;

/**
 * Line of the first place that is nested deeper than `depthMax`, or undefined. The YAML library recurses, and text that is
 * nested without end takes the whole process down with it: so this is looked at first, roughly, without understanding YAML.
 * Brackets in quotes count too; only a text with very many unbalanced ones is refused wrongly.
 */
export function lineNestedDeeperThan(text: string, depthMax: number): number | undefined {
  let depth = 0;
  let number = 0;
  for (const line of text.split('\n')) {
    number++;
    const code = line.replace(/(^|\s)#.*$/, '');
    const indent = code.length - code.trimStart().length;
    const blocks = code.match(COMPACT_BLOCK)?.length ?? 0;
    if (indent > INDENT_MAX || blocks > depthMax) return number;
    for (const char of code) {
      if (char === '[' || char === '{') depth++;
      else if ((char === ']' || char === '}') && depth > 0) depth--;
      if (depth > depthMax) return number;
    }
  }
  return undefined;
}
