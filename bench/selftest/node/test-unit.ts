import { ClientRpc, type ClientRpcOwner, type RpcPlan } from '../rpc/client-rpc.ts';
import type { RpcContext } from '../rpc/rpc-context.ts';
import type { TestClient } from './test-client.ts';

/** What a unit asks of the instance it belongs to. */
export interface UnitOwner {
  readonly client: TestClient;
  readonly isStopping: boolean;
  readonly stopsOnError: boolean;
  unitDone(): void;
}

/** One of the RPCs that a client instance keeps in flight to each destination: selftest §6.10. */
export class TestUnit implements ClientRpcOwner {
  readonly #owner: UnitOwner;
  readonly #plan: RpcPlan;
  readonly #rpc: ClientRpc;
  /** RPCs left; negative: endless. */
  #loop = 0;

  constructor(context: RpcContext, owner: UnitOwner, makePlan: (rpc: ClientRpc) => RpcPlan) {
    this.#owner = owner;
    this.#rpc = new ClientRpc(context, this);
    this.#plan = makePlan(this.#rpc);
  }

  run(loop: number): void {
    this.#loop = loop;
    this.#next();
  }

  /** Aborts the RPC in flight. */
  abort(errno: number): void {
    this.#rpc.abort(errno);
  }

  rpcEnded(rpc: ClientRpc): void {
    const owner = this.#owner;
    const errno = owner.client.judge(rpc, this.#plan, owner.isStopping);
    if (owner.isStopping || this.#loop === 0 || (errno !== 0 && owner.stopsOnError)) owner.unitDone();
    else this.#next();
  }

  #next(): void {
    if (this.#loop > 0) this.#loop--;
    this.#owner.client.prepare(this.#rpc, this.#plan);
    this.#rpc.start(this.#plan);
  }
}
