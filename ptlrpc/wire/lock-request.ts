import { type DecodedBy, viewOf } from '../../lnet/wire/layout.ts';
import { type BufferKind, struct, zeroExtended } from './buffer-kind.ts';
import { hex, showBits } from './field-kind.ts';
import {
  LDLM_LOCK_DESC,
  LDLM_REPLY,
  LDLM_REQUEST,
  LDLM_RESOURCE_DESC,
  type LdlmLockDesc,
  MDS_INODELOCK,
  policyOf,
} from './struct/ldlm.ts';
import { recordTree, type ValueTree } from './value-tree.ts';

/** A lock request with its handles: which of them mean what depends on the opcode (mds-ost §3.5). */
export type LockRequest = DecodedBy<typeof LDLM_REQUEST> & { readonly handles: readonly bigint[] };

/** Slots for handles that are always sent. */
const HANDLE_SLOTS_MIN = 2;
const HANDLE_BYTES = 8;

/** `dlm_req`: older peers send less, which reads as zero (ptlrpc §1.10 rule 2). Bytes after the last whole handle are ignored. */
export const DLM_REQ: BufferKind<LockRequest> = {
  name: 'ldlm_request + handles',
  length: '88 + 8·n, 104 at least',
  layouts: [LDLM_REQUEST],
  decode(bytes, littleEndian) {
    const whole = zeroExtended(bytes, LDLM_REQUEST.size + HANDLE_SLOTS_MIN * HANDLE_BYTES);
    const view = viewOf(whole);
    const count = Math.floor((whole.length - LDLM_REQUEST.size) / HANDLE_BYTES);
    const handles = Array.from({ length: count }, (_, i) =>
      view.getBigUint64(LDLM_REQUEST.size + i * HANDLE_BYTES, true),
    );
    return { ...LDLM_REQUEST.decode(view, 0, littleEndian), handles };
  },
  encode(value, littleEndian) {
    const count = Math.max(value.handles.length, HANDLE_SLOTS_MIN);
    const bytes = new Uint8Array(LDLM_REQUEST.size + count * HANDLE_BYTES);
    const view = viewOf(bytes);
    LDLM_REQUEST.encode(value, view, 0, littleEndian);
    for (const [i, handle] of value.handles.entries())
      view.setBigUint64(LDLM_REQUEST.size + i * HANDLE_BYTES, handle, true);
    return bytes;
  },
  show: (value, isTerse) => [
    ['lock', showLock(value.lockDesc)],
    ...withoutDesc(recordTree(LDLM_REQUEST, value, isTerse)),
    ['handles', value.handles.map(hex).join(' ')],
  ],
};

/** `dlm_rep`. */
export const DLM_REP: BufferKind<DecodedBy<typeof LDLM_REPLY>> = {
  ...struct(LDLM_REPLY),
  show: (value, isTerse) => [
    ['lock', showLock(value.lockDesc)],
    ...withoutDesc(recordTree(LDLM_REPLY, value, isTerse)),
  ],
};

function withoutDesc(tree: ValueTree): readonly (readonly [string, ValueTree])[] {
  return typeof tree === 'string' ? [] : tree.filter(([name]) => name !== 'lockDesc');
}

/** A lock on one line: `IBITS PR/none [0x200000007 0x1 0x0 0x0] LOOKUP|UPDATE`. */
export function showLock(desc: LdlmLockDesc): string {
  const { reqMode, grantedMode } = LDLM_LOCK_DESC.fields;
  const type = LDLM_RESOURCE_DESC.fields.type.show(desc.resource.type);
  const modes = `${reqMode.show(desc.reqMode)}/${grantedMode.show(desc.grantedMode)}`;
  const name = `[${desc.resource.name.map(hex).join(' ')}]`;
  return [type, modes, name, showPolicy(desc)].filter((part) => part !== '').join(' ');
}

function showPolicy(desc: LdlmLockDesc): string {
  const policy = policyOf(desc);
  switch (policy.type) {
    case 'extent':
      return `${hex(policy.start)}..${hex(policy.end)}${policy.gid === 0n ? '' : ` gid ${policy.gid}`}`;
    case 'flock':
      return `${hex(policy.start)}..${hex(policy.end)} owner ${hex(policy.owner)} pid ${policy.pid}`;
    case 'ibits': {
      const tried = policy.tryBits === 0n ? '' : ` try ${showBits(policy.tryBits, MDS_INODELOCK)}`;
      return showBits(policy.bits, MDS_INODELOCK) + tried;
    }
    default:
      return '';
  }
}
