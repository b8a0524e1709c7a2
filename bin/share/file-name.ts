import { NAME_BYTES_MAX } from './protocol.ts';

/** Control characters and the separators of paths. */
const UNSAFE = /[\u0000-\u001f\u007f/\\]/; // eslint-disable-line no-control-regex

/**
 * True for a name that means one plain file directly in the shared directory: no path, not hidden, printable, unchanged by UTF-8.
 * Everything that begins with a dot is refused, so that `..` and the names of unfinished files are.
 */
export function isSafeFileName(name: string): boolean {
  const bytes = Buffer.byteLength(name);
  if (bytes === 0 || bytes > NAME_BYTES_MAX || name.startsWith('.')) return false;
  return !UNSAFE.test(name) && !name.includes('\ufffd');
}
