import { type DecodedBy, type FieldKind, type Layout, u32, u64 } from '../../lnet/wire/layout.ts';

/** A layout of whatever fields. */
export type AnyLayout = Layout<Readonly<Record<string, FieldKind<unknown>>>>;

/** A field kind that knows how a person reads its values. */
export interface ShownKind<T> extends FieldKind<T> {
  readonly show: (value: T) => string;
}

export const s32: FieldKind<number> = {
  name: 's32',
  size: 4,
  read: (view, at, le) => view.getInt32(at, le),
  write: (view, at, value, le) => view.setInt32(at, value, le),
};

export const s64: FieldKind<bigint> = {
  name: 's64',
  size: 8,
  read: (view, at, le) => view.getBigInt64(at, le),
  write: (view, at, value, le) => view.setBigInt64(at, value, le),
};

/** An opaque handle, echoed byte for byte: never swapped, whatever the peer's byte order (ptlrpc §1.4 rule 3). */
export const cookie: ShownKind<bigint> = {
  name: 'cookie',
  size: 8,
  read: (view, at) => view.getBigUint64(at, true),
  write: (view, at, value) => view.setBigUint64(at, value, true),
  show: hex,
};

/** A number that people read in hexadecimal. */
export const x32: ShownKind<number> = { ...u32, name: 'u32', show: hex };
export const x64: ShownKind<bigint> = { ...u64, name: 'u64', show: hex };

/** `0x1f`. */
export function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

/** Names of bits or of values, as the kernel spells them. */
export type NamedNumbers = Readonly<Record<string, number | bigint>>;

/** A word of flags: shown as their names, what has no name in hexadecimal. */
export function bits<T extends number | bigint>(kind: FieldKind<T>, names: NamedNumbers): ShownKind<T> {
  return { ...kind, show: (value) => showBits(value, names) };
}

/** `REPLAY|0x800`; `0` when no bit is set. */
export function showBits(value: number | bigint, names: NamedNumbers): string {
  let rest = BigInt(value);
  const found: string[] = [];
  for (const [name, bit] of Object.entries(names)) {
    if ((rest & BigInt(bit)) !== BigInt(bit)) continue;
    rest &= ~BigInt(bit);
    found.push(name);
  }
  if (rest !== 0n) found.push(hex(rest));
  return found.join('|') || '0';
}

/** A number that stands for one of several named things. */
export function named<T extends number | bigint>(kind: FieldKind<T>, names: NamedNumbers): ShownKind<T> {
  const byNumber = new Map(Object.entries(names).map(([name, value]) => [BigInt(value), name]));
  return { ...kind, show: (value) => byNumber.get(BigInt(value)) ?? hex(value) };
}

/** A field that is a record of its own. */
export interface NestedKind<T> extends FieldKind<T> {
  readonly layout: AnyLayout;
}

/** A record inside a record. */
export function nested<const L extends AnyLayout>(of: L): NestedKind<DecodedBy<L>> {
  return {
    name: of.name,
    size: of.size,
    layout: of,
    read: (view, at, le) => of.decode(view, at, le) as DecodedBy<L>,
    write: (view, at, value, le) => of.encode(value, view, at, le),
  };
}

/** `count` values of one kind. */
export function list<T>(kind: FieldKind<T>, count: number): FieldKind<readonly T[]> {
  return {
    name: `${kind.name}[${count}]`,
    size: kind.size * count,
    read: (view, at, le) => Array.from({ length: count }, (_, i) => kind.read(view, at + i * kind.size, le)),
    write: (view, at, value, le) => {
      if (value.length !== count) throw new RangeError(`list field needs ${count} values, got ${value.length}`);
      for (const [i, one] of value.entries()) kind.write(view, at + i * kind.size, one, le);
    },
  };
}

/** Text of at most `count` bytes, one character a byte, ended by a NUL when it is shorter; padded with NUL. */
export function text(count: number): ShownKind<string> {
  return {
    name: `text[${count}]`,
    size: count,
    read: (view, at) => untilNul(new Uint8Array(view.buffer, view.byteOffset + at, count)),
    write: (view, at, value) => {
      if (value.length > count) throw new RangeError(`text field has room for ${count} bytes, got ${value.length}`);
      const bytes = new Uint8Array(view.buffer, view.byteOffset + at, count);
      bytes.fill(0);
      bytes.set(charBytes(value));
    },
    show: (value) => JSON.stringify(value),
  };
}

/** The characters before the first NUL, one a byte. */
export function untilNul(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  let chars = '';
  for (const byte of end < 0 ? bytes : bytes.subarray(0, end)) chars += String.fromCharCode(byte);
  return chars;
}

/** One byte a character. Throws RangeError for characters that do not fit in one. */
export function charBytes(chars: string): Uint8Array {
  return Uint8Array.from(chars, (char) => {
    const code = char.charCodeAt(0);
    if (code > 0xff || char.length > 1) throw new RangeError(`${JSON.stringify(char)} is not one byte`);
    return code;
  });
}
