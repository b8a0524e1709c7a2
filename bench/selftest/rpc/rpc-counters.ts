/** Why a server-side request ended without a good reply. All are `rpcs_dropped` to a console; here each has its number. */
export const RPC_DROP_REASONS = {
  event_error: 'its PUT did not arrive whole',
  bad_length: 'it was not 160 bytes long',
  bad_magic: 'its magic was wrong in both byte orders',
  bad_type: 'its type was not that of the service',
  bad_ping_magic: 'a ping without the magic of pings',
  bad_batch_opcode: 'a batch operation other than run, stop, query',
  bulk_failed: 'the data could not be moved',
  reply_failed: 'the reply could not be sent',
  aborted: 'the session on this node ended while it was served',
} as const;

export type RpcDropReason = keyof typeof RPC_DROP_REASONS;

/** Totals of one node since its start: the `rpc` group of selftest §3.4. */
export class RpcCounters {
  /** LNet events with an error status other than -ECANCELED. */
  errors = 0;
  rpcsSent = 0;
  rpcsRcvd = 0;
  rpcsExpired = 0;
  /** Bytes pulled and pushed as server. */
  bulkGet = 0;
  bulkPut = 0;
  readonly drops = Object.fromEntries(Object.keys(RPC_DROP_REASONS).map((reason) => [reason, 0])) as Record<
    RpcDropReason,
    number
  >;

  get rpcsDropped(): number {
    return Object.values(this.drops).reduce((sum, count) => sum + count, 0);
  }

  drop(reason: RpcDropReason): void {
    this.drops[reason]++;
  }
}
