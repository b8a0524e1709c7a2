import type { FieldKind } from '../../../lnet/wire/layout.ts';

/** Bytes of a name on the wire, its NUL included. */
export const LST_NAME_SIZE = 32;

/** A name of at most 31 bytes, NUL-terminated and padded. What a peer sends without NUL is cut (selftest §11.1 row 5). */
export const nameKind: FieldKind<string> = {
  name: 'char[32]',
  size: LST_NAME_SIZE,
  read: (view, at) => {
    const bytes = Buffer.from(view.buffer, view.byteOffset + at, LST_NAME_SIZE - 1);
    const end = bytes.indexOf(0);
    return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
  },
  write: (view, at, name) => {
    const bytes = Buffer.from(view.buffer, view.byteOffset + at, LST_NAME_SIZE).fill(0);
    bytes.write(name, 0, LST_NAME_SIZE - 1, 'utf8');
  },
};
