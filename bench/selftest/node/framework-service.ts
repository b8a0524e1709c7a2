import { EPROTO } from '../../../lnet/errno.ts';
import type { Layout } from '../../../lnet/wire/layout.ts';
import type { RpcDropReason } from '../rpc/rpc-counters.ts';
import type { ServerRpc } from '../rpc/server-rpc.ts';
import type { ServiceHandler } from '../rpc/service-port.ts';
import { hasUnknownFeatures, LST_FEATS_MASK } from '../wire/feature.ts';
import type { SessionId } from '../wire/session-id.ts';
import { encodeSrpc, SRPC_BODY_AT, type SrpcMessage } from '../wire/srpc-message.ts';
import type { SessionKeeper } from './session-keeper.ts';

type Decoded<F> = ReturnType<Layout<F>['decode']>;
type Encodable<F> = Parameters<Layout<F>['encode']>[0];

/** What became of a request: the body to answer with, no answer at all, or bulk first. */
export type Outcome<A> =
  | { readonly reply: Encodable<A> }
  | { readonly drop: RpcDropReason }
  | { readonly pull: Uint8Array; readonly bulkid: bigint };

export interface FrameworkServiceSpec<Q, A, N> {
  readonly request: SrpcMessage<Q>;
  readonly reply: SrpcMessage<A>;
  /** `unknown` bits only (requests that begin a session), or any that are not those of the node's session. */
  readonly refusesFeatures: 'unknown' | 'foreign';
  /** Body of the reply to a request with wrong features. */
  readonly refusal: (status: number, sid: SessionId) => Encodable<A>;
  readonly newNote: () => N;
  readonly handle: (request: Decoded<Q>, rpc: ServerRpc<N>) => Outcome<A>;
  /** Goes on after the bulk of an outcome `pull`. */
  readonly pulled?: (rpc: ServerRpc<N>) => Outcome<A>;
}

/** In replies whose sid is not set. */
const SESSION_ID_UNSET: SessionId = { nid: 0n, stamp: 0n };

/** What all framework services share: the session timer (selftest §6.5), features (§5.2), and how an outcome becomes a reply. */
export class FrameworkService<Q, A, N> implements ServiceHandler<N> {
  readonly #keeper: SessionKeeper;
  readonly #spec: FrameworkServiceSpec<Q, A, N>;

  constructor(keeper: SessionKeeper, spec: FrameworkServiceSpec<Q, A, N>) {
    this.#keeper = keeper;
    this.#spec = spec;
  }

  newNote(): N {
    return this.#spec.newNote();
  }

  serve(rpc: ServerRpc<N>): boolean {
    const request = this.#spec.request.body.decode(rpc.request, rpc.at + SRPC_BODY_AT, rpc.isLittleEndian);
    if (this.#refuses(rpc.features)) {
      const sid = this.#spec.refusesFeatures === 'unknown' ? SESSION_ID_UNSET : this.#keeper.sid;
      this.#answer(rpc, this.#spec.refusal(EPROTO, sid), LST_FEATS_MASK);
    } else {
      this.#finish(rpc, this.#spec.handle(request, rpc));
    }
    this.#keeper.touch();
    return true;
  }

  bulkEnded(rpc: ServerRpc<N>, errno: number): void {
    if (errno !== 0 || !this.#spec.pulled) {
      rpc.drop('bulk_failed');
      return;
    }
    this.#finish(rpc, this.#spec.pulled(rpc));
    this.#keeper.touch();
  }

  #refuses(features: number): boolean {
    if (this.#spec.refusesFeatures === 'unknown') return hasUnknownFeatures(features);
    return this.#keeper.current !== null && features !== this.#keeper.current.features;
  }

  #finish(rpc: ServerRpc<N>, outcome: Outcome<A>): void {
    if ('reply' in outcome) this.#answer(rpc, outcome.reply, this.#keeper.replyFeatures);
    else if ('drop' in outcome) rpc.drop(outcome.drop);
    else rpc.pull(outcome.pull, Number(outcome.bulkid & 0xffffffffn), Number(outcome.bulkid >> 32n));
  }

  #answer(rpc: ServerRpc<N>, body: Encodable<A>, features: number): void {
    encodeSrpc(rpc.reply, this.#spec.reply, features, body);
    rpc.answer();
  }
}
