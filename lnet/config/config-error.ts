import { EINVAL } from '../errno.ts';
import { LnetError } from '../error-code.ts';
import type { Place } from './tree.ts';

export interface ConfigErrorOptions {
  readonly file: string;
  readonly place: Place;
  /** What is wrong; the kernel's own text where lnetctl §3.4 has one. */
  readonly reason: string;
  /** What to do. */
  readonly hint: string;
  /** Negative; default -EINVAL. */
  readonly errno?: number;
}

/** A configuration that cannot be applied: which file, where in it, why, and what to do. */
export class ConfigError extends LnetError {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly reason: string;

  constructor({ file, place, reason, hint, errno = -EINVAL }: ConfigErrorOptions) {
    super('ERR_LNET_BAD_CONFIG', { errno, message: `${file}:${place.line}:${place.column}: ${reason}`, hint });
    this.name = 'ConfigError';
    this.file = file;
    this.line = place.line;
    this.column = place.column;
    this.reason = reason;
  }
}
