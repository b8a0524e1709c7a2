import { WireError } from './wire-error.ts';

/** How one field of a layout is read from and written to the wire. `size` is in bytes. */
export interface FieldKind<T> {
  readonly name: string;
  readonly size: number;
  /** True for bytes that carry no value: decoding skips them. */
  readonly isUnused?: boolean;
  read(view: DataView, at: number, littleEndian: boolean): T;
  write(view: DataView, at: number, value: T, littleEndian: boolean): void;
}

export const u8: FieldKind<number> = {
  name: 'u8',
  size: 1,
  read: (view, at) => view.getUint8(at),
  write: (view, at, value) => view.setUint8(at, value),
};

export const u16: FieldKind<number> = {
  name: 'u16',
  size: 2,
  read: (view, at, le) => view.getUint16(at, le),
  write: (view, at, value, le) => view.setUint16(at, value, le),
};

export const u32: FieldKind<number> = {
  name: 'u32',
  size: 4,
  read: (view, at, le) => view.getUint32(at, le),
  write: (view, at, value, le) => view.setUint32(at, value, le),
};

export const u64: FieldKind<bigint> = {
  name: 'u64',
  size: 8,
  read: (view, at, le) => view.getBigUint64(at, le),
  write: (view, at, value, le) => view.setBigUint64(at, value, le),
};

/** `count` opaque bytes, never swapped. Decoding gives a view into the frame, not a copy. */
export function raw(count: number): FieldKind<Uint8Array> {
  return {
    name: `raw[${count}]`,
    size: count,
    read: (view, at) => new Uint8Array(view.buffer, view.byteOffset + at, count),
    write: (view, at, value) => {
      if (value.length !== count) throw new RangeError(`raw field needs ${count} bytes, got ${value.length}`);
      new Uint8Array(view.buffer, view.byteOffset + at, count).set(value);
    },
  };
}

/** `count` bytes that are sent as zero and ignored on receipt. */
export function unused(count: number): FieldKind<undefined> {
  return {
    name: `unused[${count}]`,
    size: count,
    isUnused: true,
    read: () => undefined,
    write: (view, at) => {
      new Uint8Array(view.buffer, view.byteOffset + at, count).fill(0);
    },
  };
}

/** Type of the value that a field kind reads. */
export type KindValue<K> = K extends FieldKind<infer T> ? T : never;

/** Names of the fields that carry a value (everything but {@link unused}). */
type ValueNames<F> = { [N in keyof F]: KindValue<F[N]> extends undefined ? never : N }[keyof F];

/** A frame or record of fixed size, declared once; offsets, codec, size check and documentation derive from it. */
export interface Layout<F> {
  readonly name: string;
  readonly size: number;
  /** Where the layout is described: a section of `docs/spec`. */
  readonly source: string;
  readonly fields: F;
  /** Byte offset of each field from the start of the record. */
  readonly at: { readonly [N in keyof F]: number };
  /** Reads all fields. Throws {@link WireError} `short` when fewer than `size` bytes follow `base`. */
  decode(view: DataView, base?: number, littleEndian?: boolean): { [N in ValueNames<F>]: KindValue<F[N]> };
  /** Writes all fields, zeroing unused bytes. Throws RangeError when the record does not fit. */
  encode(
    value: { readonly [N in ValueNames<F>]: KindValue<F[N]> },
    view: DataView,
    base?: number,
    littleEndian?: boolean,
  ): void;
}

/** The value that {@link Layout.decode} of a layout gives. */
export type DecodedBy<L> = L extends { decode(...args: never[]): infer V } ? V : never;

/**
 * Declares a layout. `size` is stated by hand and compared with the sum of the fields when the module loads, so that a
 * slip in the table stops the program instead of a peer.
 */
export function layout<const F extends Record<string, FieldKind<unknown>>>(
  name: string,
  size: number,
  source: string,
  fields: F,
): Layout<F> {
  const entries = Object.entries(fields);
  const offsets: Record<string, number> = {};
  let end = 0;
  for (const [field, kind] of entries) {
    offsets[field] = end;
    end += kind.size;
  }
  if (end !== size) throw new Error(`layout ${name}: fields add up to ${end} bytes, ${size} declared`);
  const steps = entries.map(([field, kind]) => ({ field, kind, at: offsets[field] as number }));
  return {
    name,
    size,
    source,
    fields,
    at: offsets as { readonly [N in keyof F]: number },
    decode(view, base = 0, littleEndian = true) {
      if (base + size > view.byteLength)
        throw new WireError('short', `${name} needs ${size} bytes, ${view.byteLength - base} are left`);
      const value: Record<string, unknown> = {};
      for (const step of steps)
        if (!step.kind.isUnused) value[step.field] = step.kind.read(view, base + step.at, littleEndian);
      return value as never;
    },
    encode(value, view, base = 0, littleEndian = true) {
      if (base + size > view.byteLength)
        throw new RangeError(`${name} needs ${size} bytes, ${view.byteLength - base} are left`);
      for (const step of steps)
        step.kind.write(view, base + step.at, (value as Record<string, unknown>)[step.field], littleEndian);
    },
  };
}

/** Converts a u64 to a number. Throws {@link WireError} `unsafe_integer` above 2^53 - 1. */
export function toSafeNumber(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw new WireError('unsafe_integer', `${value} does not fit a safe integer`);
  return Number(value);
}

/** A DataView over exactly the bytes of `bytes`. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
