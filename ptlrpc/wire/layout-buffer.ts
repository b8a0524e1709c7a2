import type { BufferKind } from './buffer-kind.ts';
import { WireError } from '../../lnet/wire/wire-error.ts';
import {
  decodeLayoutEa,
  LMV_MAGIC_STRIPE,
  LMV_MAGIC_V1,
  LMV_MDS_MD_V1,
  LMV_USER_MAGIC,
  LMV_USER_MD,
  LOV_MAGIC_COMP_V1,
  LOV_MAGIC_V1,
  LOV_MAGIC_V3,
  LOV_MDS_MD_V1,
  LOV_COMP_MD_ENTRY_V1,
  type LovPlain,
  LOV_PATTERN,
} from './struct/layout-ea.ts';
import { showOstId } from './struct/fid.ts';
import { bytesText, nameText, recordTree, type ValueTree } from './value-tree.ts';
import { viewOf } from '../../lnet/wire/layout.ts';
import { hex, showBits } from './field-kind.ts';

/**
 * What a file's layout, a directory's layout, or the target of a symbolic link travels in: which of them it is follows from the
 * bytes, so the value is the bytes. Only what is shown depends on it.
 */
export const MD: BufferKind<Uint8Array> = {
  name: 'layout EA',
  length: 'any',
  layouts: [LOV_MDS_MD_V1, LMV_MDS_MD_V1, LMV_USER_MD],
  decode: (bytes) => bytes,
  encode: (value) => value,
  show: showMd,
};

function showMd(bytes: Uint8Array, isTerse: boolean): ValueTree {
  if (bytes.length < 4 || bytes.every((byte) => byte === 0)) return bytesText(bytes);
  const view = viewOf(bytes);
  try {
    switch (view.getUint32(0, true)) {
      case LOV_MAGIC_V1:
      case LOV_MAGIC_V3:
      case LOV_MAGIC_COMP_V1:
        return showLayout(bytes);
      case LMV_MAGIC_V1:
      case LMV_MAGIC_STRIPE:
        return recordTree(LMV_MDS_MD_V1, LMV_MDS_MD_V1.decode(view), isTerse);
      case LMV_USER_MAGIC:
        return recordTree(LMV_USER_MD, LMV_USER_MD.decode(view), isTerse);
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return `${bytesText(bytes)} (${error.message})`;
  }
  // A symbolic link's target is the only other thing that travels here; it ends with its only NUL.
  return bytes.indexOf(0) === bytes.length - 1 ? nameText(bytes.subarray(0, -1)) : bytesText(bytes);
}

function showLayout(bytes: Uint8Array): ValueTree {
  const ea = decodeLayoutEa(bytes);
  if (ea.kind === 'plain') return showPlain(ea);
  return ea.components.map(({ entry, layout }) => [
    `component ${hex(entry.id)}`,
    `${entry.start}..${entry.end} ${LOV_COMP_MD_ENTRY_V1.fields.flags.show(entry.flags)}, ${showPlain(layout)}`,
  ]);
}

function showPlain({ head, poolName, objects }: LovPlain): string {
  const shape = `${showBits(head.pattern, LOV_PATTERN)} ${head.stripeCount} x ${head.stripeSize}`;
  const pool = poolName ? ` pool ${poolName}` : '';
  return [`${shape}${pool}`, ...objects.map(({ ostIdx, ostOi }) => `OST ${ostIdx} ${showOstId(ostOi)}`)].join(', ');
}
