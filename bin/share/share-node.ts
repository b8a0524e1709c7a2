import type { Iov } from '../../lnet/iov.ts';
import type { MdHandle, MdSpec } from '../../lnet/portals/md.ts';
import type { Me, MeSpec } from '../../lnet/portals/me.ts';
import type { Nid } from '../../lnet/wire/nid.ts';

/** What file transfers use of a node. */
export interface ShareNode {
  attachMe(spec: MeSpec): Me;
  attachMd(me: Me, spec: MdSpec, unlinksWhenExhausted: boolean): MdHandle;
  unlinkMd(handle: MdHandle): void;
  put(options: ShareOperation & { readonly ack?: boolean }): Promise<{ readonly mlength: number }>;
  get(options: ShareOperation): Promise<{ readonly mlength: number }>;
}

export interface ShareOperation {
  readonly memory: Uint8Array | Iov;
  readonly target: Nid;
  readonly portal: number;
  readonly matchBits: bigint;
  readonly signal?: AbortSignal;
}
