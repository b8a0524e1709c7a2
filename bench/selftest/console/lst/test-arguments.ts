import { parseCNumber } from '../../../../lnet/wire/expr-list.ts';
import { LST_BRW_BYTES_MAX } from '../../brw/brw-params.ts';
import {
  LST_BRW_CHECK_FULL,
  LST_BRW_CHECK_NONE,
  LST_BRW_CHECK_SIMPLE,
  LST_BRW_READ,
  LST_BRW_WRITE,
} from '../../wire/brw-message.ts';
import type { BrwParams } from '../../wire/test-message.ts';
import { areBrwParamsKernelSafe } from '../brw-hazard.ts';
import type { TestKind } from '../console-batch.ts';

const SIZE_DEFAULT = 4096;

type Result<T> = { readonly value: T } | { readonly fault: string };

/** Reads a test and its arguments, in any order and case; later ones override earlier ones. selftest §9.7. */
export function parseTest([name = '', ...words]: readonly string[], features: number): Result<TestKind> {
  const type = name.toLowerCase();
  if (type === 'ping') return { value: { type } };
  if (type !== 'brw') return { fault: `Unknow test name ${name}` };
  const params = { opc: LST_BRW_READ, flags: LST_BRW_CHECK_NONE, length: SIZE_DEFAULT, offset: 0 };
  for (const word of words) {
    const fault = takeWord(word, params);
    if (fault !== undefined) return { fault };
  }
  const fault = hazardOf(params, features);
  return fault === undefined ? { value: { type, params } } : { fault };
}

const OPCODES: Readonly<Record<string, number>> = {
  r: LST_BRW_READ,
  read: LST_BRW_READ,
  w: LST_BRW_WRITE,
  write: LST_BRW_WRITE,
};

const CHECKS: Readonly<Record<string, number>> = { simple: LST_BRW_CHECK_SIMPLE, full: LST_BRW_CHECK_FULL };

type Writable<T> = { -readonly [N in keyof T]: T[N] };

/** Puts one argument into the parameters; gives a complaint, or nothing. */
function takeWord(word: string, params: Writable<BrwParams>): string | undefined {
  const opc = OPCODES[word.toLowerCase()];
  if (opc !== undefined) {
    params.opc = opc;
    return undefined;
  }
  const [, key = '', value = ''] = /^([^=]*)=(.*)$/.exec(word) ?? [];
  switch (key.toLowerCase()) {
    case 's':
    case 'size': {
      const length = sizeOf(value);
      if (length === undefined || length < 1) return `Invalid size ${value}`;
      if (length > LST_BRW_BYTES_MAX) return `Size exceed limitation: ${length} bytes`;
      params.length = length;
      return undefined;
    }
    case 'c':
    case 'check': {
      const flags = CHECKS[value.toLowerCase()];
      if (flags === undefined) return `Unknow flag ${value}`;
      params.flags = flags;
      return undefined;
    }
    case 'off': {
      const offset = parseCNumber(value);
      if (offset === undefined || offset % 8 !== 0) return `Invalid offset ${value}`;
      params.offset = offset;
      return undefined;
    }
    default:
      return `Unknow parameter: ${word}`;
  }
}

/** `16K`, `1m`, `0x1000`. */
function sizeOf(text: string): number | undefined {
  const [, digits = '', suffix = ''] = /^(.*?)([kKmM]?)$/.exec(text) ?? [];
  const number = parseCNumber(digits);
  const factor = { '': 1, k: 1024, m: 1024 * 1024 }[suffix.toLowerCase()] ?? 1;
  return number === undefined ? undefined : number * factor;
}

/** What would crash a kernel node: selftest §11.1. */
function hazardOf(params: BrwParams, features: number): string | undefined {
  if (areBrwParamsKernelSafe(params, features)) return undefined;
  if (areBrwParamsKernelSafe({ ...params, offset: 0 }, features)) return `Invalid offset ${params.offset}`;
  return `Invalid size ${params.length}`;
}
