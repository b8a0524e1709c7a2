import { WireError } from '../../lnet/wire/wire-error.ts';
import { type BufferKind, type BufferValue, zeroExtended } from './buffer-kind.ts';
import type { LustreMessage } from './message.ts';

/** The buffers of one direction of an RPC after the body, by name, in the order in which they stand. */
export type BufferList = Readonly<Record<string, BufferKind<unknown>>>;

/** Names of the buffers that always hold a value. */
type NeededNames<F> = { [N in keyof F]: undefined extends BufferValue<F[N]> ? never : N }[keyof F];

/** The values of a list of buffers. */
export type BufferValues<F> = { readonly [N in NeededNames<F>]: BufferValue<F[N]> } & {
  readonly [N in Exclude<keyof F, NeededNames<F>>]?: BufferValue<F[N]>;
};

/**
 * Reads the buffers of a message from buffer `first` on. More buffers than the list has are ignored (ptlrpc §1.1 rule 6), optional
 * ones may be empty or missing. Throws {@link WireError} when another is missing or any is not of its kind.
 */
export function readBuffers<const F extends BufferList>(list: F, message: LustreMessage, first = 1): BufferValues<F> {
  const values: Record<string, unknown> = {};
  for (const [i, [name, kind]] of Object.entries(list).entries()) {
    const value = readBuffer(name, kind, message, first + i);
    if (value !== undefined) values[name] = value;
  }
  return values as BufferValues<F>;
}

/** Reads one buffer: undefined when it is optional and not there. */
export function readBuffer(name: string, kind: BufferKind<unknown>, message: LustreMessage, index: number): unknown {
  const bytes = message.buffer(index);
  if (message.isCut(index)) throw new WireError('short', `the recording ends in buffer ${index} (${name})`);
  if (kind.isOptional && (bytes === undefined || bytes.length === 0)) return undefined;
  if (bytes === undefined) throw new WireError('short', `message has no buffer ${index} (${name})`);
  try {
    return kind.decode(bytes, message.littleEndian);
  } catch (error) {
    if (error instanceof WireError) throw new WireError(error.reason, `buffer ${index} (${name}): ${error.message}`);
    throw error;
  }
}

/** What a recording shows of the buffers of a message. */
export interface RecordedBuffers {
  readonly values: Readonly<Record<string, unknown>>;
  /** Names of the buffers that the recording does not hold to their end: what is missing reads as zero. */
  readonly cut: readonly string[];
}

/** Reads the buffers of a message of which a recording may hold only the beginning. Throws as {@link readBuffers} does. */
export function readRecordedBuffers(list: BufferList, message: LustreMessage, first = 1): RecordedBuffers {
  const values: Record<string, unknown> = {};
  const cut: string[] = [];
  for (const [i, [name, kind]] of Object.entries(list).entries()) {
    const index = first + i;
    let value: unknown;
    if (message.isCut(index)) {
      cut.push(name);
      const whole = zeroExtended(message.buffer(index) as Uint8Array, message.bufferLengths[index] as number);
      value = kind.decode(whole, message.littleEndian);
    } else value = readBuffer(name, kind, message, index);
    if (value !== undefined) values[name] = value;
  }
  return { values, cut };
}

/**
 * Writes the values as buffers. Buffers that a sender leaves out when they are empty end the list early; `count` overrides
 * how many there are.
 */
export function encodeBuffers<const F extends BufferList>(
  list: F,
  values: BufferValues<F>,
  options: { readonly count?: number; readonly littleEndian?: boolean } = {},
): Uint8Array[] {
  const { littleEndian = true } = options;
  const given = values as Readonly<Record<string, unknown>>;
  const entries = Object.entries(list);
  let count = options.count ?? entries.length;
  if (options.count === undefined)
    while (count > 0 && isLeftOut(entries[count - 1] as (typeof entries)[number], given)) count--;
  return entries.slice(0, count).map(([name, kind]) => kind.encode(given[name], littleEndian));
}

function isLeftOut(
  [name, kind]: readonly [string, BufferKind<unknown>],
  given: Readonly<Record<string, unknown>>,
): boolean {
  return kind.isOmittable === true && given[name] === undefined;
}
