import { EBADMSG } from '../../../lnet/errno.ts';
import type { TestClient } from '../node/test-client.ts';
import type { ClientRpc, RpcPlan } from '../rpc/client-rpc.ts';
import { BRW_REQUEST, LST_BRW_CHECK_NONE, LST_BRW_READ } from '../wire/brw-message.ts';
import type { Destination } from '../wire/destination-list.ts';
import { SERVICES } from '../wire/service.ts';
import { encodeSrpc } from '../wire/srpc-message.ts';
import type { BrwParams } from '../wire/test-message.ts';
import type { ErrorInjector } from './error-injector.ts';
import type { BrwPattern, Check } from './pattern.ts';

/** Where failed brw RPCs are counted. */
export interface BrwErrors {
  brwErrors: number;
}

export interface BrwClientSpec {
  readonly params: BrwParams;
  readonly features: number;
  readonly timeoutUs: number;
  readonly usesPages: boolean;
  readonly pattern: BrwPattern;
  readonly injector: ErrorInjector;
  readonly errors: BrwErrors;
}

/** Client side of the brw test: selftest §7.2, §7.3. The offset of the test moves nothing here. */
export class BrwClient implements TestClient {
  readonly unitBytes: number;
  readonly #spec: BrwClientSpec;
  readonly #isRead: boolean;
  readonly #isChecked: boolean;

  constructor(spec: BrwClientSpec) {
    this.#spec = spec;
    this.#isRead = spec.params.opc === LST_BRW_READ;
    this.#isChecked = spec.params.flags !== LST_BRW_CHECK_NONE;
    const needsOwn = this.#isChecked && (this.#isRead || spec.injector.isArmed);
    this.unitBytes = needsOwn ? spec.params.length : 0;
  }

  plan(rpc: ClientRpc, target: Destination): RpcPlan {
    const { params, features, timeoutUs } = this.#spec;
    const { opc: rw, length, flags } = params;
    encodeSrpc(rpc.request, BRW_REQUEST, features, { rpyid: 0n, bulkid: 0n, rw, length, flags });
    const direction = this.#isRead ? 'fromServer' : 'toServer';
    return { service: SERVICES.brw, target, timeoutUs, bulk: { memory: this.#memory(), direction } };
  }

  prepare(_rpc: ClientRpc, { bulk }: RpcPlan): void {
    if (!bulk || this.unitBytes === 0) return;
    const { pattern, injector } = this.#spec;
    if (this.#isRead) {
      pattern.poison(bulk.memory, this.#check(true));
    } else {
      bulk.memory.set(pattern.source(bulk.memory.length));
      injector.maySpoil(bulk.memory);
    }
  }

  judge(rpc: ClientRpc, plan: RpcPlan, isStopping: boolean): number {
    const errno = this.#errnoOf(rpc, plan);
    const isAborted = rpc.status !== 0 && isStopping;
    if (errno !== 0 && !isAborted) this.#spec.errors.brwErrors++;
    return errno;
  }

  #errnoOf(rpc: ClientRpc, { bulk }: RpcPlan): number {
    if (rpc.status !== 0) return rpc.status;
    if (rpc.replyStatus !== 0) return -rpc.replyStatus;
    if (!bulk || !this.#isRead || !this.#isChecked) return 0;
    return this.#spec.pattern.faultAt(bulk.memory, this.#check(rpc.isReplyLittleEndian)) < 0 ? 0 : -EBADMSG;
  }

  /** Writers share the pattern, unchecked readers one scratch area; who checks what it reads needs memory of its own. */
  #memory(): Uint8Array {
    const { pattern, params } = this.#spec;
    if (this.unitBytes > 0) return new Uint8Array(params.length);
    return this.#isRead ? pattern.sink(params.length) : pattern.source(params.length);
  }

  #check(littleEndian: boolean): Check {
    return { flags: this.#spec.params.flags, littleEndian, usesPages: this.#spec.usesPages };
  }
}
