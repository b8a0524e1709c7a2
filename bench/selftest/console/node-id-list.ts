import { parseExprList } from '../../../lnet/wire/expr-list.ts';
import { type Nid, tryParseNid } from '../../../lnet/wire/nid.ts';
import { WireError } from '../../../lnet/wire/wire-error.ts';

/** Most nodes that one list may name. */
export const NODE_LIST_MAX = 16_384;

/** The nodes of a list, or what is wrong with it, in the words of `lst`. */
export type NodeIdList = { readonly nids: readonly Nid[] } | { readonly fault: string };

/**
 * Expands `192.168.1.[2-5,9]@tcp`: any number of bracket groups, left to right, in order (selftest §9.2). A comma outside
 * brackets separates nothing. Selftest knows four-byte NIDs only.
 */
export function expandNodeIds(text: string): NodeIdList {
  const syntax = { fault: `Syntax error in "${text}"` };
  let texts = [''];
  for (let rest = text; rest !== ''; ) {
    const match = /^([^[\],]*)(\[([^[\]]+)\])?/.exec(rest);
    const [whole, plain, group, inside] = match ?? [''];
    if (whole === undefined || whole === '') return syntax;
    const numbers = group === undefined ? [''] : numbersOf(inside as string, NODE_LIST_MAX / texts.length);
    if (!numbers) return syntax;
    texts = texts.flatMap((before) => numbers.map((number) => `${before}${plain}${number}`));
    rest = rest.slice(whole.length);
  }
  const nids: Nid[] = [];
  for (const candidate of texts) {
    const nid = tryParseNid(candidate);
    if (!nid || nid.isAny || nid.isLoopback || nid.isLarge) return { fault: `Invalid nid: ${candidate}` };
    nids.push(nid);
  }
  return { nids };
}

/** The numbers of `n`, `lo-hi` with lo < hi, `lo-hi/step`; undefined when it is none of these, or too many. */
function numbersOf(inside: string, max: number): string[] | undefined {
  if (/[*\sxX]/.test(inside) || /(?:^|,)(\d+)-\1(?:,|\/|$)/.test(inside)) return undefined;
  try {
    const numbers: string[] = [];
    for (const { low, high, stride } of parseExprList(`[${inside}]`, { min: 0, max: 0xffffffff }).ranges) {
      if (numbers.length + (high - low) / stride >= max) return undefined;
      for (let number = low; number <= high; number += stride) numbers.push(String(number));
    }
    return numbers;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
