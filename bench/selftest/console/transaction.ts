import { EINTR, EPROTO, ETIMEDOUT } from '../../../lnet/errno.ts';
import { type Instant, US_PER_S } from '../../../lnet/clock.ts';
import type { Timer } from '../../../lnet/timer-wheel.ts';
import type { FieldKind, Layout } from '../../../lnet/wire/layout.ts';
import { ClientRpc } from '../rpc/client-rpc.ts';
import type { RpcContext } from '../rpc/rpc-context.ts';
import { areFeaturesAcceptable } from '../wire/feature.ts';
import type { ServiceKind } from '../wire/service.ts';
import type { SessionId } from '../wire/session-id.ts';
import { encodeSrpc, SRPC_BODY_AT, type SrpcMessage } from '../wire/srpc-message.ts';
import type { ConsoleNode } from './console-node.ts';

/** Every framework reply has these. */
export interface AnyReply {
  readonly status: number;
  readonly sid: SessionId;
}

/** Fields that the layout of every framework reply has. */
export type ReplyFields = { readonly status: FieldKind<number>; readonly sid: FieldKind<SessionId> };
type Encodable<F> = Parameters<Layout<F>['encode']>[0];
/** Body of a reply as the outcomes of a transaction hold it. */
export type Decoded<F> = ReturnType<Layout<F>['decode']>;

/** From this wait on a node that does not answer is down: selftest §8.2. */
export const DOWN_AFTER_S = 6;

/** What became of one node's request. Errnos are positive. */
export type Outcome<A> =
  | { readonly node: ConsoleNode; readonly kind: 'rpc'; readonly errno: number }
  | { readonly node: ConsoleNode; readonly kind: 'framework'; readonly errno: number }
  | { readonly node: ConsoleNode; readonly kind: 'ok'; readonly reply: A; readonly at: Instant };

/** One request of a transaction. */
export interface Call<Q> {
  readonly node: ConsoleNode;
  readonly body: Omit<Encodable<Q>, 'rpyid' | 'bulkid'>;
  /** Memory that the node may read. */
  readonly bulk?: Uint8Array;
}

export interface TransactionSpec<Q, A extends ReplyFields> {
  readonly service: ServiceKind;
  readonly request: SrpcMessage<Q>;
  readonly reply: SrpcMessage<A>;
  readonly calls: readonly Call<Q>[];
  readonly features: number;
  readonly waitS: number;
  /** A status that is as good as 0. */
  readonly forgives?: number;
  /** Looks at a reply with status 0, and may give an errno that makes it a failure. */
  readonly judge?: (node: ConsoleNode, reply: Decoded<A>, features: number) => number;
}

/** What transactions tell the session about its nodes. */
export interface NodeBook {
  /** A reply came, of whatever service: selftest §8.2. */
  heard(node: ConsoleNode, sid: SessionId): void;
  /** It did not answer in a transaction that waited long enough. */
  silent(node: ConsoleNode, since: Instant): void;
}

/** One request to each of many nodes; ends when all have answered or the wait is over. selftest §8.3. */
class Transaction<Q, A extends ReplyFields> {
  readonly #context: RpcContext;
  readonly #book: NodeBook;
  readonly #spec: TransactionSpec<Q, A>;
  readonly #outcomes: (Outcome<Decoded<A>> | undefined)[];
  readonly #rpcs: ClientRpc[];
  readonly #timer: Timer;
  readonly #startedAt: Instant;
  readonly #done: (outcomes: Outcome<Decoded<A>>[]) => void;
  #left: number;

  constructor(
    context: RpcContext,
    book: NodeBook,
    spec: TransactionSpec<Q, A>,
    done: (outcomes: Outcome<Decoded<A>>[]) => void,
  ) {
    this.#context = context;
    this.#book = book;
    this.#spec = spec;
    this.#outcomes = spec.calls.map(() => undefined);
    this.#left = spec.calls.length;
    this.#startedAt = context.core.clock.now();
    this.#timer = context.core.wheel.timer(() => this.#expire());
    this.#done = done;
    if (this.#left > 0) this.#timer.set(this.#startedAt + spec.waitS * US_PER_S);
    this.#rpcs = spec.calls.map((call, index) => this.#send(call, index));
  }

  #send({ node, body, bulk }: Call<Q>, index: number): ClientRpc {
    const rpc = new ClientRpc(this.#context, { rpcEnded: () => this.#ended(node, index, rpc) });
    encodeSrpc(rpc.request, this.#spec.request, this.#spec.features, {
      rpyid: 0n,
      bulkid: 0n,
      ...body,
    } as Encodable<Q>);
    rpc.start({
      service: this.#spec.service,
      target: node.id,
      timeoutUs: 0,
      bulk: bulk ? { memory: bulk, direction: 'toServer' } : null,
    });
    return rpc;
  }

  #ended(node: ConsoleNode, index: number, rpc: ClientRpc): void {
    // One that was given up has its outcome already; only its memory has come back now.
    if (this.#outcomes[index]) return;
    this.#settle(index, rpc.status === 0 ? this.#judge(node, rpc) : { node, kind: 'rpc', errno: -rpc.status });
  }

  #judge(node: ConsoleNode, rpc: ClientRpc): Outcome<Decoded<A>> {
    const { reply: message, judge, features, forgives } = this.#spec;
    const reply = message.body.decode(rpc.reply, SRPC_BODY_AT, rpc.isReplyLittleEndian);
    const { status, sid } = reply as AnyReply;
    this.#book.heard(node, sid);
    let errno = status;
    if (errno === 0) errno = judge?.(node, reply, rpc.replyFeatures) ?? 0;
    if (errno === 0 && !areFeaturesAcceptable(features, rpc.replyFeatures)) errno = EPROTO;
    if (errno !== 0 && errno !== forgives) return { node, kind: 'framework', errno };
    return { node, kind: 'ok', reply, at: this.#context.core.clock.now() };
  }

  #expire(): void {
    const isLong = this.#spec.waitS >= DOWN_AFTER_S;
    const errno = isLong ? ETIMEDOUT : EINTR;
    this.#spec.calls.forEach(({ node }, index) => {
      if (this.#outcomes[index]) return;
      if (isLong) this.#book.silent(node, this.#startedAt);
      this.#settle(index, { node, kind: 'rpc', errno });
      this.#rpcs[index]?.abort(-errno);
    });
  }

  #settle(index: number, outcome: Outcome<Decoded<A>>): void {
    this.#outcomes[index] = outcome;
    if (--this.#left > 0) return;
    this.#timer.clear();
    this.#done(this.#outcomes as Outcome<Decoded<A>>[]);
  }
}

/**
 * Begins a transaction; `done` gets one outcome for each call, in their order, and is not called before this returns, unless
 * there are no calls.
 */
export function beginTransaction<Q, A extends ReplyFields>(
  context: RpcContext,
  book: NodeBook,
  spec: TransactionSpec<Q, A>,
  done: (outcomes: Outcome<Decoded<A>>[]) => void,
): void {
  if (spec.calls.length === 0) done([]);
  else void new Transaction(context, book, spec, done);
}
