import { type DecodedBy, layout, u32, u64, unused } from '../../../lnet/wire/layout.ts';
import { bits, cookie, list, named, s64, x32, x64, nested } from '../field-kind.ts';

/** Lock types: mds-ost §3.2. */
export const LDLM_PLAIN = 10;
export const LDLM_EXTENT = 11;
export const LDLM_FLOCK = 12;
export const LDLM_IBITS = 13;

/** Lock modes: mds-ost §3.1. */
export const LCK = { EX: 1, PW: 2, PR: 4, CW: 8, CR: 16, NL: 32, GROUP: 64, COS: 128, TXN: 256 } as const;

/** Flags of lock requests, replies and callbacks: mds-ost §3.4. */
export const LDLM_FL = {
  LOCK_CHANGED: 0x1,
  BLOCK_GRANTED: 0x2,
  BLOCK_WAIT: 0x8,
  SPECULATIVE: 0x10,
  AST_SENT: 0x20,
  REPLAY: 0x100,
  INTENT_ONLY: 0x200,
  HAS_INTENT: 0x1000,
  FLOCK_DEADLOCK: 0x8000,
  DISCARD_DATA: 0x10000,
  NO_TIMEOUT: 0x20000,
  BLOCK_NOWAIT: 0x40000,
  TEST_LOCK: 0x80000,
  CANCEL_ON_BLOCK: 0x800000,
  NO_EXPANSION: 0x20000000,
  DENY_ON_CONTENTION: 0x40000000,
  AST_DISCARD_DATA: 0x80000000,
} as const;

/** MDS_INODELOCK_*: mds-ost §3.3. */
export const MDS_INODELOCK = {
  LOOKUP: 0x1n,
  UPDATE: 0x2n,
  OPEN: 0x4n,
  LAYOUT: 0x8n,
  PERM: 0x10n,
  XATTR: 0x20n,
  DOM: 0x40n,
} as const;

/** IT_*: what an intent asks for (mds-ost §1.8). */
export const IT = {
  OPEN: 0x1n,
  CREAT: 0x2n,
  GETATTR: 0x8n,
  LOOKUP: 0x10n,
  GETXATTR: 0x80n,
  LAYOUT: 0x400n,
  QUOTA_DQACQ: 0x800n,
  QUOTA_CONN: 0x1000n,
  GLIMPSE: 0x4000n,
  BRW: 0x8000n,
} as const;

/** DISP_*: how far an intent came (mds-ost §1.8). */
export const DISP = {
  IT_EXECD: 0x1n,
  LOOKUP_EXECD: 0x2n,
  LOOKUP_NEG: 0x4n,
  LOOKUP_POS: 0x8n,
  OPEN_CREATE: 0x10n,
  OPEN_OPEN: 0x20n,
  OPEN_LOCK: 0x2000000n,
  OPEN_LEASE: 0x4000000n,
  OPEN_STRIPE: 0x8000000n,
  OPEN_DENY: 0x10000000n,
} as const;

const lockMode = named(u32, { none: 0, ...LCK });

/** Name of a resource. */
export const LDLM_RES_ID = layout('ldlm_res_id', 32, 'mds-ost §1.8', { name: list(x64, 4) });

export const LDLM_RESOURCE_DESC = layout('ldlm_resource_desc', 40, 'mds-ost §1.8', {
  type: named(u32, { PLAIN: LDLM_PLAIN, EXTENT: LDLM_EXTENT, FLOCK: LDLM_FLOCK, IBITS: LDLM_IBITS }),
  pad: unused(4),
  name: list(x64, 4),
});

/**
 * The policy of a lock, whatever its type: the three of them have one shape, so that a swapped peer's is read without
 * knowing the type. {@link policyOf} gives the words their names.
 */
export const LDLM_POLICY = layout('ldlm_policy_data', 32, 'mds-ost §1.8', {
  first: x64,
  second: x64,
  third: x64,
  padding: u32,
  last: u32,
});

/** A lock: its resource, modes and policy. */
export const LDLM_LOCK_DESC = layout('ldlm_lock_desc', 80, 'mds-ost §1.8', {
  resource: nested(LDLM_RESOURCE_DESC),
  reqMode: lockMode,
  grantedMode: lockMode,
  policy: nested(LDLM_POLICY),
});
export type LdlmLockDesc = DecodedBy<typeof LDLM_LOCK_DESC>;

/** Extent and flock end inclusively. */
export type LdlmPolicy =
  | { readonly type: 'plain' }
  | { readonly type: 'extent'; readonly start: bigint; readonly end: bigint; readonly gid: bigint }
  | {
      readonly type: 'flock';
      readonly start: bigint;
      readonly end: bigint;
      readonly owner: bigint;
      readonly pid: number;
    }
  | {
      readonly type: 'ibits';
      readonly bits: bigint;
      /** Bits wanted if free; in blocking callbacks those that somebody else wants. */
      readonly tryBits: bigint;
      readonly gid: bigint;
      readonly initiatorId: number;
    };

/** The policy of a lock by its type: mds-ost §1.8. A lock of a foreign type has none. */
export function policyOf({ resource, policy }: LdlmLockDesc): LdlmPolicy {
  const { first, second, third, last } = policy;
  if (resource.type === LDLM_EXTENT) return { type: 'extent', start: first, end: second, gid: third };
  if (resource.type === LDLM_FLOCK) return { type: 'flock', start: first, end: second, owner: third, pid: last };
  if (resource.type === LDLM_IBITS)
    return { type: 'ibits', bits: first, tryBits: second, gid: third, initiatorId: last };
  return { type: 'plain' };
}

/** The words of a policy. */
export function policyWords(policy: LdlmPolicy): DecodedBy<typeof LDLM_POLICY> {
  if (policy.type === 'plain') return { first: 0n, second: 0n, third: 0n, padding: 0, last: 0 };
  if (policy.type === 'ibits') {
    const { bits: first, tryBits: second, gid: third, initiatorId: last } = policy;
    return { first, second, third, padding: 0, last };
  }
  const { start: first, end: second } = policy;
  return policy.type === 'extent'
    ? { first, second, third: policy.gid, padding: 0, last: 0 }
    : { first, second, third: policy.owner, padding: 0, last: policy.pid };
}

/** Head of a lock request; handles follow, at least two slots. */
export const LDLM_REQUEST = layout('ldlm_request', 88, 'mds-ost §1.8', {
  lockFlags: bits(u32, LDLM_FL),
  lockCount: u32,
  lockDesc: nested(LDLM_LOCK_DESC),
});

/** Answer to a lock request. */
export const LDLM_REPLY = layout('ldlm_reply', 112, 'mds-ost §1.8', {
  lockFlags: bits(u32, LDLM_FL),
  padding: unused(4),
  lockDesc: nested(LDLM_LOCK_DESC),
  lockHandle: cookie,
  policyRes1: bits(u64, DISP),
  policyRes2: x64,
});

export const LDLM_INTENT = layout('ldlm_intent', 8, 'mds-ost §1.8', { opc: bits(u64, IT) });

/** What the server of an object knows about it. Version 1 is the first 40 bytes. */
export const OST_LVB = layout('ost_lvb', 56, 'mds-ost §1.8', {
  size: u64,
  mtime: s64,
  atime: s64,
  ctime: s64,
  blocks: u64,
  mtimeNs: u32,
  atimeNs: u32,
  ctimeNs: u32,
  padding: unused(4),
});

/** What part of a file an IT_LAYOUT is about. */
export const LAYOUT_INTENT = layout('layout_intent', 24, 'mds-ost §1.10', {
  opc: named(u32, { ACCESS: 0, WRITE: 2, TRUNC: 4, PCCRO_SET: 7, PCCRO_CLEAR: 8, CHANGE: 9 }),
  flags: x32,
  start: u64,
  end: u64,
});
