/**
 * Every code that an operation of this package can fail with. `docs/errors.md` says for each what it means and what to try.
 */
export const LNET_ERROR_CODES = [
  'ERR_LNET_BAD_ARGUMENT',
  'ERR_LNET_BAD_NID',
  'ERR_LNET_BAD_CONFIG',
  'ERR_LNET_EXISTS',
  'ERR_LNET_NOT_FOUND',
  'ERR_LNET_NOT_PERMITTED',
  'ERR_LNET_BUSY',
  'ERR_LNET_DOWN',
  'ERR_LNET_UNREACHABLE',
  'ERR_LNET_TIMED_OUT',
  'ERR_LNET_CANCELED',
  'ERR_LNET_IO',
  'ERR_LNET_PROTOCOL',
  'ERR_LNET_TRUNCATED',
  'ERR_LNET_LISTEN',
  'ERR_LNET_REFUSED_INSECURE_PORT',
  'ERR_LNET_UNSAFE_IPV6_PORT',
  'ERR_LNET_LIMIT',
] as const;

export type LnetErrorCode = (typeof LNET_ERROR_CODES)[number];

export interface LnetErrorOptions {
  /** Says what happened, to whom. */
  readonly message: string;
  /** The errno a kernel node would give, negative. */
  readonly errno: number;
  /** What to do next, for a person. */
  readonly hint?: string;
  /** The NIDs involved, as text. */
  readonly nids?: readonly string[];
  readonly isRetryable?: boolean;
  readonly cause?: unknown;
}

/** An operation that failed for a reason outside the program. API misuse throws TypeError or RangeError instead. */
export class LnetError extends Error {
  readonly code: LnetErrorCode;
  readonly errno: number;
  readonly hint: string | undefined;
  readonly nids: readonly string[];
  readonly isRetryable: boolean;

  constructor(code: LnetErrorCode, options: LnetErrorOptions) {
    super(options.hint ? `${options.message}; ${options.hint}` : options.message, { cause: options.cause });
    this.name = 'LnetError';
    this.code = code;
    this.errno = options.errno;
    this.hint = options.hint;
    this.nids = options.nids ?? [];
    this.isRetryable = options.isRetryable ?? false;
  }
}
