import { type Nid, tryParseNid } from '../wire/nid.ts';
import { BracketError, expandBrackets } from './bracket.ts';

/** Most NIDs that one NIDS text gives: lnetctl §4. */
export const NIDS_MAX = 128;

/** A NIDS text that cannot be read. The message is the reason alone; commands put `Unable to parse nidlist: ` before it. */
export class NidsError extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = 'NidsError';
  }
}

/**
 * Reads NIDS: NIDs separated by commas, each with `@NET`, with bracket ranges in address and net number (lnetctl §4). Throws
 * {@link NidsError}. Order is kept, repetitions are dropped.
 */
export function parseNids(text: string): Nid[] {
  const found = new Set<Nid>();
  const words = splitOutsideBrackets(text);
  if (words.every((word) => word === '')) throw new NidsError('no valid NIDs in string');
  for (const word of words) {
    if (word === '<?>') throw new NidsError('LNET_ANY_NID is unsupported');
    if (word.includes('*')) throw new NidsError('asterisk not allowed in nidstring');
    for (const each of expanded(word)) {
      const nid = word.includes('@') ? tryParseNid(each) : undefined;
      if (!nid) throw new NidsError('invalid NID in nidstr');
      found.add(nid);
      if (found.size > NIDS_MAX) throw new NidsError(`more than ${NIDS_MAX} NIDs`);
    }
  }
  return [...found];
}

function expanded(word: string): string[] {
  try {
    return expandBrackets(word, NIDS_MAX);
  } catch (error) {
    if (error instanceof BracketError) throw new NidsError(error.message, { cause: error });
    throw error;
  }
}

/** Splits at commas that stand in no bracket. */
function splitOutsideBrackets(text: string): string[] {
  const words: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '[') depth++;
    else if (char === ']') depth--;
    else if (char === ',' && depth <= 0) {
      words.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  words.push(text.slice(start).trim());
  return words;
}
