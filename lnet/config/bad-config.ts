import { EINVAL } from '../errno.ts';
import { LnetError } from '../error-code.ts';

/** A configuration text that cannot be taken: `text` is the part at fault, `reason` says why, as a sentence without stop. */
export function badConfig(text: string, reason: string, errno = -EINVAL): LnetError {
  return new LnetError('ERR_LNET_BAD_CONFIG', { errno, message: `'${text}': ${reason}` });
}
