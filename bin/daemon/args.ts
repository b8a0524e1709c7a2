import { EINVAL } from '../../lnet/errno.ts';
import { LnetError } from '../../lnet/error-code.ts';
import { type Nid, tryParseNid } from '../../lnet/wire/nid.ts';
import { isTreeList, type Tree, type TreeMap } from '../print/tree.ts';

/**
 * Takes the arguments of a request out of what a client sent. Each `take` checks one; {@link end} refuses what nobody took, so
 * that a client with a newer idea of an operation learns that this daemon does not have it.
 */
export class Args {
  readonly #args: TreeMap;
  readonly #taken = new Set<string>();

  constructor(args: TreeMap) {
    this.#args = args;
  }

  #take(name: string): Tree | undefined {
    this.#taken.add(name);
    return Object.hasOwn(this.#args, name) ? this.#args[name] : undefined;
  }

  text(name: string): string {
    return this.textOr(name) ?? bad(`argument '${name}' is missing`);
  }

  textOr(name: string): string | undefined {
    const value = this.#take(name);
    return value === undefined || typeof value === 'string' ? value : bad(`argument '${name}' must be text`);
  }

  integerOr(name: string): number | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    return typeof value === 'number' && Number.isSafeInteger(value)
      ? value
      : bad(`argument '${name}' must be a whole number`);
  }

  integer(name: string): number {
    return this.integerOr(name) ?? bad(`argument '${name}' is missing`);
  }

  flag(name: string): boolean {
    const value = this.#take(name) ?? false;
    return typeof value === 'boolean' ? value : bad(`argument '${name}' must be true or false`);
  }

  oneOf<T extends string>(name: string, choices: readonly T[]): T {
    const text = this.text(name);
    return choices.find((choice) => choice === text) ?? bad(`argument '${name}' must be one of ${choices.join(', ')}`);
  }

  nidOr(name: string): Nid | undefined {
    const text = this.textOr(name);
    return text === undefined ? undefined : nidOf(text);
  }

  nid(name: string): Nid {
    return nidOf(this.text(name));
  }

  textsOr(name: string): string[] | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    if (!isTreeList(value)) return bad(`argument '${name}' must be a list of texts`);
    return value.map((each) => (typeof each === 'string' ? each : bad(`argument '${name}' must be a list of texts`)));
  }

  texts(name: string): string[] {
    const value = this.#take(name);
    if (!isTreeList(value)) return bad(`argument '${name}' must be a list of texts`);
    return value.map((each) => (typeof each === 'string' ? each : bad(`argument '${name}' must be a list of texts`)));
  }

  end(): void {
    const unknown = Object.keys(this.#args).find((name) => !this.#taken.has(name));
    if (unknown !== undefined) bad(`argument '${unknown}' is unknown`);
  }
}

function nidOf(text: string): Nid {
  const nid = tryParseNid(text);
  if (nid) return nid;
  throw new LnetError('ERR_LNET_BAD_NID', {
    errno: -EINVAL,
    message: `'${text}' is no NID`,
    hint: 'write ADDRESS@NET, such as 192.168.1.10@tcp',
  });
}

function bad(message: string): never {
  throw new LnetError('ERR_LNET_BAD_ARGUMENT', { errno: -EINVAL, message });
}
