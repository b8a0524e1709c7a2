import { ENOENT, ESRCH } from '../../../lnet/errno.ts';
import {
  BATCH_REPLY,
  BATCH_REQUEST,
  SRPC_BATCH_OPC_QUERY,
  SRPC_BATCH_OPC_RUN,
  SRPC_BATCH_OPC_STOP,
} from '../wire/batch-message.ts';
import type { Batch } from './batch.ts';
import { FrameworkService } from './framework-service.ts';
import type { SessionKeeper } from './session-keeper.ts';

interface BatchAnswer {
  readonly status: number;
  readonly active: number;
}

type BatchOperation = (batch: Batch, request: { readonly testidx: number; readonly arg: number }) => BatchAnswer;

const OK: BatchAnswer = { status: 0, active: 0 };

/** What each opcode does. */
const OPERATIONS: Readonly<Record<number, BatchOperation>> = {
  [SRPC_BATCH_OPC_RUN]: (batch) => {
    batch.run();
    return OK;
  },
  [SRPC_BATCH_OPC_STOP]: (batch, { arg }) => {
    batch.stop(arg !== 0);
    return OK;
  },
  [SRPC_BATCH_OPC_QUERY]: (batch, { testidx }) => {
    if (testidx === 0) return { status: 0, active: batch.activeInstances };
    const instance = batch.instanceAt(testidx);
    return instance ? { status: 0, active: instance.activeUnits } : { status: ENOENT, active: 0 };
  },
};

/** selftest §6.9. */
export function batchService(keeper: SessionKeeper) {
  return new FrameworkService(keeper, {
    request: BATCH_REQUEST,
    reply: BATCH_REPLY,
    refusesFeatures: 'foreign',
    refusal: (status, sid) => ({ status, sid, active: 0, time: 0 }),
    newNote: () => null,
    handle: ({ sid, bid, opc, testidx, arg }) => {
      const session = keeper.sessionOf(sid);
      const batch = session?.batchOf(bid);
      if (!session) return { reply: { status: ESRCH, sid: keeper.sid, active: 0, time: 0 } };
      if (!batch) return { reply: { status: ENOENT, sid: keeper.sid, active: 0, time: 0 } };
      const operation = OPERATIONS[opc];
      if (!operation) return { drop: 'bad_batch_opcode' };
      const { status, active } = operation(batch, { testidx, arg });
      return { reply: { status, sid: keeper.sid, active, time: 0 } };
    },
  });
}
