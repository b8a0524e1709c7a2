import { LnetError } from '../lnet/error-code.ts';

/** Errno of the LnetError that `act` throws, 0 when it throws nothing. Any other error passes. */
export function errnoOf(act: () => unknown): number {
  try {
    act();
    return 0;
  } catch (error) {
    if (error instanceof LnetError) return error.errno;
    throw error;
  }
}
