import { E2BIG, EINVAL } from '../errno.ts';
import { LnetError } from '../error-code.ts';
import { type Nid, tryParseNid } from '../wire/nid.ts';
import { splitOutsideBrackets } from './bracket-split.ts';

/** Most NIDs that one list of a peer may name: lnetctl §4. */
export const PEER_NIDS_MAX = 128;

/**
 * Expands a list as `lnetctl` takes it, `10.0.0.[1-4,9]@tcp,10.0.1.1@tcp1`: NIDs separated by commas, each with its net,
 * numbers of address and net in brackets. Throws {@link LnetError} with the text that `lnetctl` prints: lnetctl §4.
 */
export function expandNidList(text: string, max = PEER_NIDS_MAX): Nid[] {
  if (text.includes('*')) throw fault('asterisk not allowed in nidstring');
  if (text.includes('<?>')) throw fault('Unable to parse nidlist: LNET_ANY_NID is unsupported');
  if (text.trim() === '') throw unparsable('no valid NIDs in string');
  const nids: Nid[] = [];
  for (const item of splitOutsideBrackets(text, ',')) {
    for (const candidate of expand(item.trim(), max - nids.length)) {
      const nid = candidate.includes('@') ? tryParseNid(candidate) : undefined;
      if (!nid) throw unparsable('invalid NID in nidstr');
      nids.push(nid);
    }
  }
  return nids;
}

/** All texts that an item stands for, the last brackets counting fastest; at most `max`. */
function expand(item: string, max: number): string[] {
  let texts = [''];
  for (let rest = item; ; ) {
    const open = rest.indexOf('[');
    const close = rest.indexOf(']');
    const plain = open < 0 ? rest : rest.slice(0, open);
    if (/[-/]/.test(plain)) throw unparsable('[] are missing');
    if (open < 0 && close < 0) {
      texts = texts.map((text) => text + plain);
      break;
    }
    if (close >= 0 && close < open) throw unparsable('improper bracket ordering');
    if (open < 0 || close < 0) throw unparsable('incomplete bracket set');
    const inside = rest.slice(open + 1, close);
    if (inside.includes('[')) throw unparsable('improper bracket ordering');
    const numbers = numbersOf(inside, max);
    if (texts.length * numbers.length > max) throw tooMany(max);
    texts = texts.flatMap((text) => numbers.map((number) => `${text}${plain}${number}`));
    rest = rest.slice(close + 1);
  }
  if (texts.length > max) throw tooMany(max);
  return texts;
}

/** The numbers of `1,3,5-9,2-8/2`. */
function numbersOf(inside: string, max: number): number[] {
  if (inside === '') throw unparsable('[] are missing');
  const numbers: number[] = [];
  for (const [index, range] of inside.split(',').entries()) {
    const missing = range === '' && index > 0 ? ',' : /([-/])(?:$|\/)/.exec(range)?.[1];
    if (missing !== undefined) throw unparsable(`range needs number after ${missing}`);
    const match = /^([0-9]+)(?:-([0-9]+)(?:\/([0-9]+))?)?$/.exec(range);
    if (!match) throw unparsable('invalid character in range');
    const low = Number(match[1]);
    const high = Number(match[2] ?? low);
    const step = Number(match[3] ?? 1);
    if (low > high) throw unparsable('range is wrong order');
    if (step === 0) throw unparsable('range needs number after /');
    if (Math.floor((high - low) / step) + 1 + numbers.length > max) throw tooMany(max);
    for (let number = low; number <= high; number += step) numbers.push(number);
  }
  return numbers;
}

function unparsable(reason: string): LnetError {
  return fault(`Unable to parse nidlist: ${reason}`);
}

function fault(message: string): LnetError {
  return new LnetError('ERR_LNET_BAD_NID', { errno: -EINVAL, message });
}

function tooMany(max: number): LnetError {
  return new LnetError('ERR_LNET_LIMIT', {
    errno: -E2BIG,
    message: `Unable to parse nidlist: more than ${max} NIDs are left`,
  });
}
