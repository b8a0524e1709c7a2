import { type DecodedBy, layout, raw, u32, u64, unused, viewOf } from '../../lnet/wire/layout.ts';
import { WireError } from '../../lnet/wire/wire-error.ts';

/**
 * How two of our daemons hand each other files: requests to one portal, answers to another, data through a third. Described
 * in docs/file-transfer.md. Portals from 60 up are used by nothing in Lustre.
 */
export const SHARE_REQUEST_PORTAL = 60;
export const SHARE_REPLY_PORTAL = 61;
export const SHARE_DATA_PORTAL = 62;

/** Match bits of requests. Answers and data are matched by the request's id, which nobody else can guess. */
export const SHARE_MATCH_BITS = 0x6c6e_6574_7368_6172n;

/** Bytes of one chunk: the most that one LNet message carries. */
export const CHUNK_BYTES = 1_048_576;

/** Chunks of one transfer under way at once. */
export const CHUNKS_IN_FLIGHT = 16;

const REQUEST_MAGIC = 0x3153_4e4c;
const REPLY_MAGIC = 0x3253_4e4c;

/** What a request asks for. */
export const SHARE_OFFER = 1;
export const SHARE_OPEN = 2;
export const SHARE_WRITE = 3;
export const SHARE_READ = 4;
export const SHARE_COMMIT = 5;
export const SHARE_CLOSE = 6;

/** The file name in UTF-8 follows. All integers little-endian. */
export const SHARE_REQUEST = layout('share_request', 72, 'docs/file-transfer.md', {
  magic: u32,
  op: u32,
  requestId: u64,
  transferId: u64,
  chunk: u32,
  nameBytes: u32,
  size: u64,
  sha256: raw(32),
});

/** An explanation in UTF-8 follows. `status` is 0 or a positive errno. */
export const SHARE_REPLY = layout('share_reply', 72, 'docs/file-transfer.md', {
  magic: u32,
  status: u32,
  requestId: u64,
  transferId: u64,
  size: u64,
  sha256: raw(32),
  textBytes: u32,
  reserved: unused(4),
});

/** Longest name and longest explanation, bytes. */
export const NAME_BYTES_MAX = 255;
export const REQUEST_BYTES_MAX = SHARE_REQUEST.size + NAME_BYTES_MAX;
export const REPLY_BYTES_MAX = SHARE_REPLY.size + NAME_BYTES_MAX;

const NO_DIGEST = new Uint8Array(32);

export type ShareRequest = Omit<DecodedBy<typeof SHARE_REQUEST>, 'magic' | 'nameBytes'> & { readonly name: string };
export type ShareReply = Omit<DecodedBy<typeof SHARE_REPLY>, 'magic' | 'textBytes'> & { readonly text: string };

/** Encodes a request; what is not given is 0. */
export function encodeRequest(request: Partial<ShareRequest> & Pick<ShareRequest, 'op' | 'requestId'>): Uint8Array {
  const name = Buffer.from(request.name ?? '');
  const bytes = new Uint8Array(SHARE_REQUEST.size + name.length);
  const fields = { transferId: 0n, chunk: 0, size: 0n, sha256: NO_DIGEST, ...request };
  SHARE_REQUEST.encode({ ...fields, magic: REQUEST_MAGIC, nameBytes: name.length }, viewOf(bytes));
  bytes.set(name, SHARE_REQUEST.size);
  return bytes;
}

/** Decodes a request. Throws {@link WireError}. */
export function decodeRequest(bytes: Uint8Array): ShareRequest {
  const { magic, nameBytes, ...request } = SHARE_REQUEST.decode(viewOf(bytes));
  if (magic !== REQUEST_MAGIC) throw new WireError('bad_magic', 'no request of a file transfer');
  return { ...request, sha256: request.sha256.slice(), name: tail(bytes, SHARE_REQUEST.size, nameBytes) };
}

export function encodeReply(reply: Partial<ShareReply> & Pick<ShareReply, 'requestId' | 'status'>): Uint8Array {
  const text = Buffer.from(reply.text ?? '').subarray(0, NAME_BYTES_MAX);
  const bytes = new Uint8Array(SHARE_REPLY.size + text.length);
  const fields = { transferId: 0n, size: 0n, sha256: NO_DIGEST, ...reply };
  SHARE_REPLY.encode({ ...fields, magic: REPLY_MAGIC, textBytes: text.length }, viewOf(bytes));
  bytes.set(text, SHARE_REPLY.size);
  return bytes;
}

/** Decodes an answer. Throws {@link WireError}. */
export function decodeReply(bytes: Uint8Array): ShareReply {
  const { magic, textBytes, ...reply } = SHARE_REPLY.decode(viewOf(bytes));
  if (magic !== REPLY_MAGIC) throw new WireError('bad_magic', 'no answer of a file transfer');
  return { ...reply, sha256: reply.sha256.slice(), text: tail(bytes, SHARE_REPLY.size, textBytes) };
}

function tail(bytes: Uint8Array, at: number, length: number): string {
  if (length > NAME_BYTES_MAX || at + length > bytes.length)
    throw new WireError('bad_length', 'text is longer than the message');
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, length).toString('utf8');
}

/** Chunks of a file of that size. */
export function chunkCount(size: number): number {
  return Math.ceil(size / CHUNK_BYTES);
}

/** Bytes of one of them. */
export function chunkBytes(size: number, chunk: number): number {
  return Math.min(CHUNK_BYTES, size - chunk * CHUNK_BYTES);
}
