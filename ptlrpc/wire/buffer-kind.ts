import { type DecodedBy, type FieldKind, viewOf } from '../../lnet/wire/layout.ts';
import { WireError } from '../../lnet/wire/wire-error.ts';
import { type AnyLayout, charBytes, untilNul } from './field-kind.ts';
import { bytesText, nameText, plainText, recordTree, type ValueTree } from './value-tree.ts';

/** How one buffer of a message is read, written and shown. */
export interface BufferKind<T> {
  readonly name: string;
  /** What the length must be, for people: `216`, `16·n`. */
  readonly length: string;
  /** Records that the buffer is made of. */
  readonly layouts: readonly AnyLayout[];
  /** The buffer may have length 0, or be missing at the end of a message. */
  readonly isOptional?: boolean;
  /** A sender leaves the buffer out when there is nothing in it, instead of sending it with length 0. */
  readonly isOmittable?: boolean;
  /** Throws {@link WireError} when the bytes are none of this kind. */
  decode(bytes: Uint8Array, littleEndian: boolean): T;
  encode(value: T, littleEndian: boolean): Uint8Array;
  show(value: T, isTerse: boolean): ValueTree;
}

/** Type of the value that a buffer kind reads. */
export type BufferValue<K> = K extends BufferKind<infer T> ? T : never;

type RecordOf<L> = DecodedBy<L>;

function encodeRecord(of: AnyLayout, value: unknown, littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(of.size);
  of.encode(value as never, viewOf(bytes), 0, littleEndian);
  return bytes;
}

/** The beginning of `bytes`, filled with zeros up to `size`. */
export function zeroExtended(bytes: Uint8Array, size: number): Uint8Array {
  if (bytes.length >= size) return bytes;
  const whole = new Uint8Array(size);
  whole.set(bytes);
  return whole;
}

/** A record. A longer buffer is accepted, a shorter one is not: ptlrpc §1.10 rule 2. */
export function struct<const L extends AnyLayout>(of: L): BufferKind<RecordOf<L>> {
  return {
    name: of.name,
    length: String(of.size),
    layouts: [of],
    decode(bytes, littleEndian) {
      if (bytes.length < of.size)
        throw new WireError('bad_length', `${of.name} of ${bytes.length} bytes, ${of.size} are needed`);
      return of.decode(viewOf(bytes), 0, littleEndian) as RecordOf<L>;
    },
    encode: (value, littleEndian) => encodeRecord(of, value, littleEndian),
    show: (value, isTerse) => recordTree(of, value, isTerse),
  };
}

/** A record that older peers send shorter: what is missing reads as zero. */
export function growingStruct<const L extends AnyLayout>(of: L): BufferKind<RecordOf<L>> {
  return {
    ...struct(of),
    length: `${of.size}, or less`,
    decode: (bytes, littleEndian) => of.decode(viewOf(zeroExtended(bytes, of.size)), 0, littleEndian) as RecordOf<L>,
  };
}

/** Records one after another: ptlrpc §1.10 rule 3. */
export function structs<const L extends AnyLayout>(of: L): BufferKind<readonly RecordOf<L>[]> {
  return {
    name: `${of.name}[]`,
    length: `${of.size}·n`,
    layouts: [of],
    decode(bytes, littleEndian) {
      const view = viewOf(bytes);
      return Array.from(
        { length: countOf(of.name, bytes, of.size) },
        (_, i) => of.decode(view, i * of.size, littleEndian) as RecordOf<L>,
      );
    },
    encode(values, littleEndian) {
      const bytes = new Uint8Array(values.length * of.size);
      const view = viewOf(bytes);
      for (const [i, value] of values.entries()) of.encode(value, view, i * of.size, littleEndian);
      return bytes;
    },
    show: (values, isTerse) =>
      values.map((value, i) => [String(i), recordTree(of, value as Readonly<Record<string, unknown>>, isTerse)]),
  };
}

function countOf(name: string, bytes: Uint8Array, size: number): number {
  if (bytes.length % size !== 0)
    throw new WireError('bad_length', `${name} of ${bytes.length} bytes is no multiple of ${size}`);
  return bytes.length / size;
}

/** Numbers one after another. */
export function words<T>(kind: FieldKind<T>): BufferKind<readonly T[]> {
  return {
    name: `${kind.name}[]`,
    length: `${kind.size}·n`,
    layouts: [],
    decode(bytes, littleEndian) {
      const view = viewOf(bytes);
      return Array.from({ length: countOf(kind.name, bytes, kind.size) }, (_, i) =>
        kind.read(view, i * kind.size, littleEndian),
      );
    },
    encode(values, littleEndian) {
      const bytes = new Uint8Array(values.length * kind.size);
      const view = viewOf(bytes);
      for (const [i, value] of values.entries()) kind.write(view, i * kind.size, value, littleEndian);
      return bytes;
    },
    show: (values) => plainText(values),
  };
}

/** One number. */
export function word<T>(kind: FieldKind<T>): BufferKind<T> {
  return {
    name: kind.name,
    length: String(kind.size),
    layouts: [],
    decode(bytes, littleEndian) {
      if (bytes.length < kind.size)
        throw new WireError('bad_length', `${kind.name} of ${bytes.length} bytes, ${kind.size} are needed`);
      return kind.read(viewOf(bytes), 0, littleEndian);
    },
    encode(value, littleEndian) {
      const bytes = new Uint8Array(kind.size);
      kind.write(viewOf(bytes), 0, value, littleEndian);
      return bytes;
    },
    show: (value) => plainText(value),
  };
}

/** A record that is read as little-endian whatever the message: what stands on disk in that form. */
export function diskStruct<const L extends AnyLayout>(of: L): BufferKind<RecordOf<L>> {
  const inner = struct(of);
  return {
    ...inner,
    name: `${of.name}, little-endian`,
    decode: (bytes) => inner.decode(bytes, true),
    encode: (value) => inner.encode(value, true),
  };
}

/** Bytes that mean something to the handler only. */
export const BYTES: BufferKind<Uint8Array> = {
  name: 'bytes',
  length: 'any',
  layouts: [],
  decode: (bytes) => bytes,
  encode: (value) => value,
  show: (value) => bytesText(value),
};

/** A buffer that lost its use and keeps its place: always sent with length 0 (ptlrpc §1.10 rule 4). */
export const RETIRED: BufferKind<undefined> = {
  name: 'retired',
  length: '0',
  layouts: [],
  isOptional: true,
  decode: () => undefined,
  encode: () => new Uint8Array(0),
  show: () => 'empty',
};

/** Text of at most `bytesMax` bytes in a buffer of that size, ended by NUL or by the buffer: ptlrpc §1.10 rule 1. */
export function fixedText(bytesMax: number): BufferKind<string> {
  return {
    name: `text[${bytesMax}]`,
    length: String(bytesMax),
    layouts: [],
    decode(bytes) {
      const end = bytes.indexOf(0);
      if (end < 0) throw new WireError('bad_value', `text of ${bytes.length} bytes has no NUL`);
      if (end > bytesMax) throw new WireError('bad_length', `text of ${end} bytes, ${bytesMax} are allowed`);
      return untilNul(bytes);
    },
    encode(value) {
      const chars = charBytes(value);
      if (chars.length >= bytesMax) throw new RangeError(`text of ${chars.length} bytes does not fit ${bytesMax}`);
      return zeroExtended(chars, bytesMax);
    },
    show: (value) => JSON.stringify(value),
  };
}

/** A name as a file system has it: any bytes but NUL, with one NUL behind that is no part of the value. */
export const NAME: BufferKind<Uint8Array> = {
  name: 'name',
  length: 'text + 1',
  layouts: [],
  decode(bytes) {
    if (bytes.indexOf(0) !== bytes.length - 1)
      throw new WireError('bad_value', `name of ${bytes.length} bytes does not end with its only NUL`);
    return bytes.subarray(0, -1);
  },
  encode: (value) => zeroExtended(value, value.length + 1),
  show: (value) => nameText(value),
};

/** A key of SET_INFO or GET_INFO, with or without NUL behind: kept as it came. */
export const KEY: BufferKind<Uint8Array> = {
  ...BYTES,
  name: 'key',
  show: (value) => nameText(value.at(-1) === 0 ? value.subarray(0, -1) : value),
};

/** A buffer that may be empty; peers that do not know it leave it out. */
export function optional<T>(kind: BufferKind<T>): BufferKind<T | undefined> {
  return {
    ...kind,
    isOptional: true,
    encode: (value, littleEndian) => (value === undefined ? new Uint8Array(0) : kind.encode(value, littleEndian)),
    show: (value, isTerse) => (value === undefined ? 'empty' : kind.show(value, isTerse)),
  };
}

/** A last buffer that is only sent when there is something in it. */
export function omittable<T>(kind: BufferKind<T>): BufferKind<T | undefined> {
  return { ...optional(kind), isOmittable: true };
}
