import { layout, u32, viewOf } from '../../../lnet/wire/layout.ts';
import { type Nid, nid16Kind, nid4Kind } from '../../../lnet/wire/nid.ts';
import { WireError } from '../../../lnet/wire/wire-error.ts';
import { LNET_PROTO_MAGIC } from './hello.ts';

/** First word of a connection request, in the connector's byte order: socklnd §1.3. */
export const LNET_PROTO_ACCEPTOR_MAGIC = 0xacce7100;

/** Connection request for a 4-byte NID: socklnd §1.3. */
export const CONNREQ_V1 = layout('lnet_acceptor_connreq', 16, 'socklnd §1.3', {
  magic: u32,
  version: u32,
  nid: nid4Kind,
});

/** Connection request for a large NID. */
export const CONNREQ_V2 = layout('lnet_acceptor_connreq_v2', 28, 'socklnd §1.3', {
  magic: u32,
  version: u32,
  nid: nid16Kind,
});

const MAGIC_BYTES = CONNREQ_V1.at.version;
const VERSION_BYTES = CONNREQ_V1.at.nid;

/** The first bytes that a connector sends: which NI of the acceptor it wants. Little-endian. */
export function encodeConnreq(nid: Nid): Uint8Array {
  const [form, version] = nid.isLarge ? ([CONNREQ_V2, 2] as const) : ([CONNREQ_V1, 1] as const);
  const bytes = new Uint8Array(form.size);
  form.encode({ magic: LNET_PROTO_ACCEPTOR_MAGIC, version, nid }, viewOf(bytes));
  return bytes;
}

/** What an acceptor answers before it closes when it does not speak the version, or when it is asked for it: socklnd §1.4. */
export function encodeVersionAnswer(): Uint8Array {
  const bytes = new Uint8Array(CONNREQ_V1.size);
  const view = viewOf(bytes);
  view.setUint32(CONNREQ_V1.at.magic, LNET_PROTO_ACCEPTOR_MAGIC, true);
  view.setUint32(CONNREQ_V1.at.version, 1, true);
  return bytes;
}

/** What the beginning of an accepted stream amounts to. */
export type ConnreqStep =
  /** Decide again when there are `bytes` of the stream. */
  | { readonly kind: 'more'; readonly bytes: number }
  /** A request of `bytes` length; HELLO follows. */
  | { readonly kind: 'request'; readonly nid: Nid; readonly bytes: number }
  /** Send {@link encodeVersionAnswer} and close. */
  | { readonly kind: 'version-answer' };

/**
 * Judges the bytes that a connector has sent so far, each part as soon as it is there, as socklnd §1.4 does. Throws
 * {@link WireError} when the stream is to be closed without answer.
 */
export function readConnreq(bytes: Uint8Array): ConnreqStep {
  if (bytes.length < MAGIC_BYTES) return { kind: 'more', bytes: MAGIC_BYTES };
  const view = viewOf(bytes);
  const magic = view.getUint32(0, true);
  const swappedMagic = view.getUint32(0, false);
  if (magic === LNET_PROTO_MAGIC || swappedMagic === LNET_PROTO_MAGIC) return { kind: 'version-answer' };
  const littleEndian = magic === LNET_PROTO_ACCEPTOR_MAGIC;
  if (!littleEndian && swappedMagic !== LNET_PROTO_ACCEPTOR_MAGIC)
    throw new WireError('bad_magic', 'the stream does not begin with a connection request');
  if (bytes.length < VERSION_BYTES) return { kind: 'more', bytes: VERSION_BYTES };
  const version = view.getUint32(CONNREQ_V1.at.version, littleEndian);
  if (version !== 1 && version !== 2) return { kind: 'version-answer' };
  const form = version === 1 ? CONNREQ_V1 : CONNREQ_V2;
  if (bytes.length < form.size) return { kind: 'more', bytes: form.size };
  return { kind: 'request', nid: form.decode(view, 0, littleEndian).nid, bytes: form.size };
}
