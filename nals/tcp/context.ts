import type { NalEnv, NalTap, TimerWheel } from '../../lnet/nal.ts';
import type { RxStaging } from './rx-staging.ts';
import type { TcpHost } from './stream.ts';
import type { TxBatchPool } from './tx-batch.ts';

/** What all NIs and connections of one NAL share. */
export interface TcpContext {
  readonly env: NalEnv;
  readonly host: TcpHost;
  readonly wheel: TimerWheel;
  readonly staging: RxStaging;
  readonly batches: TxBatchPool;
  /** Sees every message, when set. */
  tap: NalTap | null;
}
