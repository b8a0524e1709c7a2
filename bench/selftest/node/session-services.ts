import { EBUSY, ESRCH } from '../../../lnet/errno.ts';
import {
  DEBUG_REPLY,
  DEBUG_REQUEST,
  MAKE_SESSION_REPLY,
  MAKE_SESSION_REQUEST,
  REMOVE_SESSION_REPLY,
  REMOVE_SESSION_REQUEST,
} from '../wire/session-message.ts';
import { FrameworkService } from './framework-service.ts';
import type { SessionKeeper } from './session-keeper.ts';

const newNote = (): null => null;

/** selftest §6.2. */
export function makeSessionService(keeper: SessionKeeper) {
  return new FrameworkService(keeper, {
    request: MAKE_SESSION_REQUEST,
    reply: MAKE_SESSION_REPLY,
    refusesFeatures: 'unknown',
    refusal: (status, sid) => ({ status, sid, timeout: 0, name: '' }),
    newNote,
    handle: ({ sid, force, name }, { features }) => {
      const status = keeper.make(sid, { name, features, forces: force !== 0 });
      const blocking = status === EBUSY ? (keeper.current?.name ?? '') : '';
      return { reply: { status, sid: keeper.sid, timeout: keeper.timeoutS, name: blocking } };
    },
  });
}

/** selftest §6.3. */
export function removeSessionService(keeper: SessionKeeper) {
  return new FrameworkService(keeper, {
    request: REMOVE_SESSION_REQUEST,
    reply: REMOVE_SESSION_REPLY,
    refusesFeatures: 'foreign',
    refusal: (status, sid) => ({ status, sid }),
    newNote,
    handle: ({ sid }) => {
      const status = keeper.remove(sid);
      return { reply: { status, sid: keeper.sid } };
    },
  });
}

/** Answers anybody: selftest §6.6. */
export function debugService(keeper: SessionKeeper) {
  return new FrameworkService(keeper, {
    request: DEBUG_REQUEST,
    reply: DEBUG_REPLY,
    refusesFeatures: 'unknown',
    refusal: (status, sid) => ({ status, sid, timeout: 0, nbatch: 0, name: '' }),
    newNote,
    handle: () => {
      const { current, sid, timeoutS } = keeper;
      const status = current ? 0 : ESRCH;
      return { reply: { status, sid, timeout: timeoutS, nbatch: 0, name: current?.name ?? '' } };
    },
  });
}
