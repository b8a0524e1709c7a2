import type { Instant } from '../../../lnet/clock.ts';
import { EEXIST, EINVAL, ENOENT } from '../../../lnet/errno.ts';
import type { Nid } from '../../../lnet/wire/nid.ts';
import { LNET_PID_LUSTRE } from '../../../lnet/wire/process-id.ts';
import type { RpcContext } from '../rpc/rpc-context.ts';
import { isAnySession, isSameSession, type SessionId } from '../wire/session-id.ts';
import { LST_NAME_SIZE } from '../wire/session-name.ts';
import { ConsoleBatch } from './console-batch.ts';
import { ConsoleNode, NODE_ACTIVE, NODE_BUSY, NODE_DOWN, NODE_UNKNOWN } from './console-node.ts';
import { Group } from './group.ts';
import { refusal } from './refusal.ts';
import {
  beginTransaction,
  type Decoded,
  type NodeBook,
  type Outcome,
  type ReplyFields,
  type TransactionSpec,
} from './transaction.ts';

/** Wait of a transaction for which nobody names another one, seconds: selftest §4.7. */
export const TRANSACTION_WAIT_S = 30;
const TRANSACTION_WAIT_MIN_S = 3;

/** The wait that a command's `--timeout` gives, seconds. */
export function waitOf(timeoutS: number, { isClamped = false } = {}): number {
  const longest = isClamped ? TRANSACTION_WAIT_S : Number.POSITIVE_INFINITY;
  return Math.min(Math.max(timeoutS, TRANSACTION_WAIT_MIN_S), longest);
}

export const DEFAULT_BATCH = 'batch';
const DEFAULT_BATCH_ID = 1n;

export interface SessionSpec {
  readonly name: string;
  /** The number that all commands on the session must name. */
  readonly key: number;
  /** Idle timeout, seconds. */
  readonly timeoutS: number;
  /** Nodes that are in another session are taken over. */
  readonly forces: boolean;
  readonly features: number;
}

/** A session as its console sees it: nodes, groups, batches, tests. selftest §8.1. */
export class ConsoleSession implements NodeBook {
  readonly sid: SessionId;
  readonly spec: SessionSpec;
  readonly context: RpcContext;
  readonly nodes = new Map<Nid, ConsoleNode>();
  readonly groups = new Map<string, Group>();
  readonly batches = new Map<string, ConsoleBatch>();
  /** What all nodes agreed to; what we ask for until the first node has answered. */
  features: number;
  areFeaturesFixed = false;
  lastUsedAt: Instant;
  isEnding = false;
  readonly #nextBid: () => bigint;

  constructor(context: RpcContext, sid: SessionId, spec: SessionSpec, nextBid: () => bigint) {
    this.context = context;
    this.sid = sid;
    this.spec = spec;
    this.features = spec.features;
    this.lastUsedAt = context.core.clock.now();
    this.#nextBid = nextBid;
    this.batches.set(DEFAULT_BATCH, new ConsoleBatch(DEFAULT_BATCH, DEFAULT_BATCH_ID));
  }

  get activeNodes(): ConsoleNode[] {
    return [...this.nodes.values()].filter((node) => node.isActive);
  }

  /** Runs a transaction with the features of the session. Never rejects: what went wrong is in the outcomes. */
  transact<Q, A extends ReplyFields>(spec: Omit<TransactionSpec<Q, A>, 'features'>): Promise<Outcome<Decoded<A>>[]> {
    return new Promise((resolve) => {
      beginTransaction(this.context, this, { ...spec, features: this.features }, resolve);
    });
  }

  heard(node: ConsoleNode, sid: SessionId): void {
    node.lastReplyAt = this.context.core.clock.now();
    // A reply whose sid is not set tells nothing: selftest §5.2 rule 2.
    if (sid.nid === 0n) return;
    if (isSameSession(sid, this.sid)) {
      node.state = NODE_ACTIVE;
      return;
    }
    node.state = isAnySession(sid) ? NODE_UNKNOWN : NODE_BUSY;
    node.invitations = 0;
    node.forgetInstances();
  }

  silent(node: ConsoleNode, since: Instant): void {
    if (node.lastReplyAt === undefined || node.lastReplyAt <= since) node.state = NODE_DOWN;
  }

  /** The node of a NID, made when it is new. */
  obtainNode(nid: Nid): ConsoleNode {
    let node = this.nodes.get(nid);
    if (!node) this.nodes.set(nid, (node = new ConsoleNode({ nid, pid: LNET_PID_LUSTRE })));
    return node;
  }

  /** Lets go of a node that one thing held; it is forgotten when that was the last. */
  releaseNode(node: ConsoleNode): void {
    node.references--;
    if (node.references === 0) this.nodes.delete(node.id.nid);
  }

  /** Throws {@link LnetError} -ENOENT. */
  groupOf(name: string, doing: string): Group {
    const group = this.groups.get(name);
    if (!group) throw refusal(ENOENT, { thing: `group ${name}`, doing });
    return group;
  }

  /** Throws {@link LnetError} -ENOENT. */
  batchOf(name: string, doing: string): ConsoleBatch {
    const batch = this.batches.get(name);
    if (!batch) throw refusal(ENOENT, { thing: `batch ${name}`, doing });
    return batch;
  }

  addGroup(name: string): Group {
    checkName(name, 'add group');
    if (this.groups.has(name)) throw refusal(EEXIST, { thing: `group ${name}`, doing: 'add group' });
    const group = new Group(name);
    this.groups.set(name, group);
    return group;
  }

  addBatch(name: string): ConsoleBatch {
    checkName(name, 'add batch');
    if (this.batches.has(name)) throw refusal(EEXIST, { thing: `batch ${name}`, doing: 'add batch' });
    const batch = new ConsoleBatch(name, this.#nextBid());
    this.batches.set(name, batch);
    return batch;
  }
}

/** True when a name fits the wire with its NUL. */
export function isNameShort(name: string): boolean {
  return Buffer.byteLength(name) < LST_NAME_SIZE;
}

function checkName(name: string, doing: string): void {
  if (name === '' || !isNameShort(name)) throw refusal(EINVAL, { doing });
}
