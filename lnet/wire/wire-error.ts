/** Bytes that do not form what the layout says. Thrown by every decoder of `lnet/wire`; never carries half a value. */
export class WireError extends Error {
  /** Stable reason, also the name of the counter that the caller bumps. */
  readonly reason: WireErrorReason;

  constructor(reason: WireErrorReason, message: string) {
    super(message);
    this.name = 'WireError';
    this.reason = reason;
  }
}

export type WireErrorReason =
  | 'short'
  | 'bad_magic'
  | 'bad_version'
  | 'bad_type'
  | 'bad_length'
  | 'bad_nid'
  | 'bad_value'
  | 'unsafe_integer';
