import {
  EACCES,
  EBUSY,
  EEXIST,
  EFAULT,
  EINVAL,
  EIO,
  ENETDOWN,
  ENOENT,
  EPERM,
  ESHUTDOWN,
  ESRCH,
  errnoText,
} from '../../../lnet/errno.ts';
import { LnetError, type LnetErrorCode } from '../../../lnet/error-code.ts';

/** What a console refuses by itself, in the words of `lst`: selftest §9.1. */
export interface Refusal {
  /** The thing that is missing or there already: `group servers`. */
  readonly thing?: string;
  /** The command, for the sentence of errors without one of their own: `add test`. */
  readonly doing: string;
}

const CODES: Readonly<Record<number, LnetErrorCode>> = {
  [EACCES]: 'ERR_LNET_NOT_PERMITTED',
  [EBUSY]: 'ERR_LNET_BUSY',
  [EEXIST]: 'ERR_LNET_EXISTS',
  [EINVAL]: 'ERR_LNET_BAD_ARGUMENT',
  [EIO]: 'ERR_LNET_IO',
  [ENETDOWN]: 'ERR_LNET_DOWN',
  [ENOENT]: 'ERR_LNET_NOT_FOUND',
  [EPERM]: 'ERR_LNET_NOT_PERMITTED',
  [ESHUTDOWN]: 'ERR_LNET_DOWN',
  [ESRCH]: 'ERR_LNET_NOT_FOUND',
};

const TEXTS: Readonly<Record<number, (refusal: Refusal) => string>> = {
  [ESRCH]: () => 'No session exists',
  [ESHUTDOWN]: () => 'Session is shutting down',
  [EACCES]: () => 'Unmatched session key or not root',
  [ENOENT]: ({ thing = 'name' }) => `Can't find ${thing} in current session`,
  [EINVAL]: () => 'Invalid parameters list in command line',
  [EFAULT]: () => 'Bad parameter address',
  [EEXIST]: ({ thing = 'name' }) => `${thing} already exists`,
};

/** The error of an operation that a console does not begin; `errno` is positive. */
export function refusal(errno: number, what: Refusal): LnetError {
  const message = TEXTS[errno]?.(what) ?? `Failed to ${what.doing}: ${errnoText(errno)}`;
  return new LnetError(CODES[errno] ?? 'ERR_LNET_IO', { errno: -errno, message });
}
