import type { ClientRpc, RpcPlan } from '../rpc/client-rpc.ts';
import type { Destination } from '../wire/destination-list.ts';

/** What distinguishes one kind of test from another, on the side that sends requests. One per client instance. */
export interface TestClient {
  /** Bytes of memory that each unit needs for itself. */
  readonly unitBytes: number;
  /** Writes what all requests of a unit have in common; the plan is used for each of them. */
  plan(rpc: ClientRpc, target: Destination): RpcPlan;
  /** Makes request and memory ready for the next RPC. */
  prepare(rpc: ClientRpc, plan: RpcPlan): void;
  /** Evaluates an RPC that has ended and counts its error: selftest §6.11. 0 or a negative errno. */
  judge(rpc: ClientRpc, plan: RpcPlan, isStopping: boolean): number;
}
