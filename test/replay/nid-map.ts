import { fieldsOf, type Frame } from './frame-fields.ts';

/** Which captured address is played at which one of this machine. Addresses it does not name stay as they are. */
export class AddressMap {
  readonly #toPlayed: ReadonlyMap<string, string>;
  readonly #toCaptured: ReadonlyMap<string, string>;

  constructor(pairs: readonly (readonly [captured: string, played: string])[]) {
    this.#toPlayed = new Map(pairs);
    this.#toCaptured = new Map(pairs.map(([captured, played]) => [played, captured]));
  }

  /** Captured 10.77.0.x stands at 127.77.`block`.x: tests with different blocks do not meet. */
  static loopback(block: number): AddressMap {
    return new AddressMap(Array.from({ length: 32 }, (_, i) => [`10.77.0.${i}`, `127.77.${block}.${i}`] as const));
  }

  /** Every address stands for itself: for a namespace that has the captured addresses. */
  static identity(): AddressMap {
    return new AddressMap([]);
  }

  played(captured: string): string {
    return this.#toPlayed.get(captured) ?? captured;
  }

  captured(played: string): string {
    return this.#toCaptured.get(played) ?? played;
  }

  /** A frame with the NIDs in its header and in ping info as they are played. */
  toPlayed(frame: Frame): Frame {
    return rewritten(frame, this.#toPlayed);
  }

  /** The other way: a frame of ours as it would have stood in the capture. */
  toCaptured(frame: Frame): Frame {
    return rewritten(frame, this.#toCaptured);
  }
}

function rewritten(frame: Frame, addresses: ReadonlyMap<string, string>): Frame {
  if (addresses.size === 0) return frame;
  const nids = fieldsOf(frame).filter((field) => field.kind === 'nid4' || field.kind === 'nid16');
  const copy: Frame = {
    kind: frame.kind,
    head: Buffer.from(frame.head),
    payload: nids.some((field) => field.part === 'payload') ? Buffer.from(frame.payload) : frame.payload,
  };
  for (const { part, at, kind } of nids) {
    const bytes = copy[part];
    // nid4 is a little-endian word whose low half is the address; nid16 holds it in network order behind four bytes.
    const address = kind === 'nid4' ? bytes.subarray(at, at + 4).toReversed() : bytes.subarray(at + 4, at + 8);
    if (kind === 'nid16' && bytes[at] !== 0) continue;
    const other = addresses.get(address.join('.'));
    if (other === undefined) continue;
    const octets = Buffer.from(other.split('.').map(Number));
    octets.copy(bytes, kind === 'nid4' ? at : at + 4);
    if (kind === 'nid4') bytes.subarray(at, at + 4).reverse();
  }
  return copy;
}
