import { parseCInteger } from '../../../../lnet/config/c-integer.ts';

/** One option of a command. */
export interface OptionSpec {
  readonly long: string;
  readonly short?: string;
  /** Takes a value; otherwise it is a flag. */
  readonly takes?: 'text' | 'number';
}

/** What a command line says. */
export class Options {
  readonly #values = new Map<string, string>();
  /** Arguments that belong to no option, in order. */
  readonly words: string[] = [];

  set(long: string, value: string): void {
    this.#values.set(long, value);
  }

  has(long: string): boolean {
    return this.#values.has(long);
  }

  text(long: string): string | undefined {
    return this.#values.get(long);
  }

  /** The parser has made sure that it is one. */
  number(long: string, otherwise: number): number {
    const text = this.#values.get(long);
    return text === undefined ? otherwise : (parseCInteger(text) ?? otherwise);
  }
}

/**
 * Reads a command line as getopt_long does: `--long value`, `--long=value`, `-s value`, `-svalue`, flags in one word, unique
 * beginnings of long options, options and arguments in any order, everything after `--` an argument. Undefined when the usage is
 * wrong: selftest §9.1.
 */
export function parseOptions(argv: readonly string[], specs: readonly OptionSpec[]): Options | undefined {
  const options = new Options();
  const queue = [...argv];
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === '--') {
      options.words.push(...queue);
      break;
    }
    if (word === '-' || !word.startsWith('-')) options.words.push(word);
    else if (!(word.startsWith('--') ? takeLong(word, queue, specs, options) : takeShort(word, queue, specs, options)))
      return undefined;
  }
  return options;
}

function takeLong(word: string, queue: string[], specs: readonly OptionSpec[], options: Options): boolean {
  const split = word.indexOf('=');
  const name = word.slice(2, split < 0 ? undefined : split);
  const exact = specs.find(({ long }) => long === name);
  const similar = specs.filter(({ long }) => long.startsWith(name));
  const spec = exact ?? (similar.length === 1 ? similar[0] : undefined);
  if (!spec) return false;
  const inline = split < 0 ? undefined : word.slice(split + 1);
  if (!spec.takes) return inline === undefined && setValue(options, spec, '');
  return setValue(options, spec, inline ?? queue.shift());
}

function takeShort(word: string, queue: string[], specs: readonly OptionSpec[], options: Options): boolean {
  for (let at = 1; at < word.length; at++) {
    const spec = specs.find(({ short }) => short === word[at]);
    if (!spec) return false;
    if (spec.takes) return setValue(options, spec, at + 1 < word.length ? word.slice(at + 1) : queue.shift());
    setValue(options, spec, '');
  }
  return true;
}

function setValue(options: Options, spec: OptionSpec, value: string | undefined): boolean {
  if (value === undefined || (spec.takes === 'number' && parseCInteger(value) === undefined)) return false;
  options.set(spec.long, value);
  return true;
}
