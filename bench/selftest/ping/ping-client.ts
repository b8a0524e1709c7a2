import type { Clock } from '../../../lnet/clock.ts';
import { EBADMSG } from '../../../lnet/errno.ts';
import type { TestClient } from '../node/test-client.ts';
import type { ClientRpc, RpcPlan } from '../rpc/client-rpc.ts';
import type { Destination } from '../wire/destination-list.ts';
import { LST_PING_TEST_MAGIC, PING_REPLY, PING_REQUEST } from '../wire/ping-message.ts';
import { SERVICES } from '../wire/service.ts';
import { encodeSrpc, SRPC_BODY_AT } from '../wire/srpc-message.ts';

/** Where failed pings are counted. */
export interface PingErrors {
  pingErrors: number;
}

/** Sequence numbers: one counter for all ping units of a node (selftest §7.1). */
export class PingSequence {
  #next = 0;
  readonly #clock: Clock;
  /** Wall clock minus monotonic clock, microseconds; pings carry the time, for information only. */
  readonly #wallOffsetUs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#wallOffsetUs = Number(clock.wallNs() / 1000n) - clock.now();
  }

  restart(): void {
    this.#next = 0;
  }

  take(): number {
    const seq = this.#next;
    this.#next = (this.#next + 1) >>> 0;
    return seq;
  }

  wallUs(): number {
    return this.#clock.now() + this.#wallOffsetUs;
  }
}

export interface PingClientSpec {
  readonly features: number;
  readonly timeoutUs: number;
  readonly sequence: PingSequence;
  readonly errors: PingErrors;
}

const REQUEST_AT = PING_REQUEST.body.at;
const REPLY_AT = PING_REPLY.body.at;

/** Client side of the ping test: selftest §7.1. */
export class PingClient implements TestClient {
  readonly unitBytes = 0;
  readonly #spec: PingClientSpec;

  constructor(spec: PingClientSpec) {
    this.#spec = spec;
  }

  plan(rpc: ClientRpc, target: Destination): RpcPlan {
    const body = { rpyid: 0n, magic: LST_PING_TEST_MAGIC, seq: 0, sec: 0n, nsec: 0n };
    encodeSrpc(rpc.request, PING_REQUEST, this.#spec.features, body);
    return { service: SERVICES.ping, target, timeoutUs: this.#spec.timeoutUs, bulk: null };
  }

  prepare({ request }: ClientRpc): void {
    const { sequence } = this.#spec;
    const wallUs = sequence.wallUs();
    const sec = Math.floor(wallUs / 1e6);
    request.setUint32(SRPC_BODY_AT + REQUEST_AT.seq, sequence.take(), true);
    request.setUint32(SRPC_BODY_AT + REQUEST_AT.sec, sec, true);
    request.setUint32(SRPC_BODY_AT + REQUEST_AT.nsec, (wallUs - sec * 1e6) * 1000, true);
  }

  judge(rpc: ClientRpc, _plan: RpcPlan, isStopping: boolean): number {
    const errno = errnoOf(rpc);
    const isAborted = rpc.status !== 0 && isStopping;
    if (errno !== 0 && !isAborted) this.#spec.errors.pingErrors++;
    return errno;
  }
}

function errnoOf({ status, replyStatus, request, reply, isReplyLittleEndian }: ClientRpc): number {
  if (status !== 0) return status;
  const magic = reply.getUint32(SRPC_BODY_AT + REPLY_AT.magic, isReplyLittleEndian);
  const seq = reply.getUint32(SRPC_BODY_AT + REPLY_AT.seq, isReplyLittleEndian);
  if (magic !== LST_PING_TEST_MAGIC || seq !== request.getUint32(SRPC_BODY_AT + REQUEST_AT.seq, true)) return -EBADMSG;
  // A kernel client takes an answer with a status for a good one; we do not (selftest §6.11).
  return -replyStatus;
}
