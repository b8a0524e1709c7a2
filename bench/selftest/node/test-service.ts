import { EBUSY, EINVAL, ENOENT, ENOMEM } from '../../../lnet/errno.ts';
import { areBrwParamsSafe } from '../brw/brw-params.ts';
import type { ServerRpc } from '../rpc/server-rpc.ts';
import { decodeDestinations, DESTINATIONS_MAX, type Destination, PACKED_ID } from '../wire/destination-list.ts';
import { SERVICES } from '../wire/service.ts';
import { isAnySession, type SessionId } from '../wire/session-id.ts';
import {
  type BrwParams,
  decodeBrwParams,
  LST_CONCURRENCY_MAX,
  LST_PAGE_BYTES,
  TEST_REPLY,
  TEST_REQUEST,
} from '../wire/test-message.ts';
import type { Batch } from './batch.ts';
import { FrameworkService, type Outcome } from './framework-service.ts';
import type { Session } from './session.ts';
import type { SessionKeeper } from './session-keeper.ts';
import type { TestInstance } from './test-instance.ts';

/** A request to add a test instance, read and independent of the memory it came in. */
export interface AddTest {
  readonly sid: SessionId;
  readonly bid: bigint;
  readonly service: number;
  /** Signed: negative is endless. */
  readonly loop: number;
  readonly concurrency: number;
  readonly isClient: boolean;
  readonly stopsOnError: boolean;
  readonly destinationCount: number;
  /** Undefined for a ping. */
  readonly brw: BrwParams | undefined;
}

/** Makes client instances; undefined when their units would take too much. */
export type MakeClientInstance = (
  test: AddTest,
  session: Session,
  destinations: readonly Destination[],
) => TestInstance | undefined;

/** What is kept while the destination list is pulled. */
interface TestNote {
  test: AddTest | null;
  list: Uint8Array;
}

const NO_LIST = new Uint8Array(0);

/** selftest §6.8. */
export function testService(keeper: SessionKeeper, serverInstance: TestInstance, makeClient: MakeClientInstance) {
  const answer = (status: number): Outcome<typeof TEST_REPLY.body.fields> => ({ reply: { status, sid: keeper.sid } });

  /** Rows 1 to 3. Gives an errno or where the instance belongs. A batch exists once its id was seen. */
  const placeOf = (test: AddTest): number | { session: Session; batch: Batch } => {
    if (!isWellFormed(test)) return EINVAL;
    const session = keeper.sessionOf(test.sid);
    if (!session) return ENOENT;
    const batch = session.obtainBatch(test.bid);
    if (!batch) return ENOMEM;
    return batch.isRunning ? EBUSY : { session, batch };
  };

  return new FrameworkService(keeper, {
    request: TEST_REQUEST,
    reply: TEST_REPLY,
    refusesFeatures: 'foreign',
    refusal: (status, sid) => ({ status, sid }),
    newNote: (): TestNote => ({ test: null, list: NO_LIST }),

    handle: (request, rpc: ServerRpc<TestNote>) => {
      const test: AddTest = {
        sid: request.sid,
        bid: request.bid,
        service: request.service,
        loop: request.loop | 0,
        concurrency: request.concur,
        isClient: request.isClient !== 0,
        stopsOnError: request.stopOnError !== 0,
        destinationCount: request.ndest,
        brw:
          request.service === SERVICES.brw.id
            ? decodeBrwParams(request.params, rpc.features, rpc.isLittleEndian)
            : undefined,
      };
      const place = placeOf(test);
      if (typeof place === 'number') return answer(place);
      if (test.brw && test.brw.offset % LST_PAGE_BYTES !== 0) place.session.hasOffsets = true;
      if (!test.isClient) {
        place.batch.add(serverInstance);
        return answer(0);
      }
      const list = new Uint8Array(PACKED_ID.size * test.destinationCount);
      rpc.note.test = test;
      rpc.note.list = list;
      return { pull: list, bulkid: request.bulkid };
    },

    pulled: (rpc) => {
      const { test, list } = rpc.note;
      rpc.note.test = null;
      rpc.note.list = NO_LIST;
      if (!test) return { drop: 'bulk_failed' };
      const place = placeOf(test);
      if (typeof place === 'number') return answer(place);
      const destinations = decodeDestinations(
        list.subarray(0, rpc.bulkBytes),
        test.destinationCount,
        rpc.isLittleEndian,
      );
      if (!destinations || (test.brw && !areBrwParamsSafe(test.brw))) return answer(EINVAL);
      const instance = makeClient(test, place.session, destinations);
      if (!instance) return answer(ENOMEM);
      place.batch.add(instance);
      return answer(0);
    },
  });
}

function isWellFormed(test: AddTest): boolean {
  return (
    test.loop !== 0 &&
    test.concurrency >= 1 &&
    test.concurrency <= LST_CONCURRENCY_MAX &&
    !isAnySession(test.sid) &&
    test.destinationCount <= DESTINATIONS_MAX &&
    (!test.isClient || test.destinationCount > 0) &&
    (test.service === SERVICES.brw.id || test.service === SERVICES.ping.id)
  );
}
