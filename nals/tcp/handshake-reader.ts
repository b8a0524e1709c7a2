import { type Nid } from '../../lnet/wire/nid.ts';
import { WireError, type WireErrorReason } from '../../lnet/wire/wire-error.ts';
import type { Reason } from './counters.ts';
import { CONNREQ_V2, readConnreq } from './wire/connreq.ts';
import { type Hello, HELLO_V4, HELLO_V3, readHello } from './wire/hello.ts';

/** Room for a request, or for a HELLO with the longest address list: socklnd §2.2. */
const BYTES_MAX = Math.max(CONNREQ_V2.size, HELLO_V4.size, HELLO_V3.size + 64, 72 + 64);

/** Shortest first part: a magic. */
const MAGIC_BYTES = 4;

/** What came of the bytes read so far. */
export type HandshakeStep =
  | { readonly kind: 'more' }
  | { readonly kind: 'request'; readonly nid: Nid }
  | { readonly kind: 'hello'; readonly hello: Hello; readonly isLittleEndian: boolean }
  /** Close; `answersVersion`: after having told which version is spoken here. */
  | { readonly kind: 'fault'; readonly reason: Reason; readonly answersVersion: boolean };

const MORE: HandshakeStep = { kind: 'more' };

const REQUEST_FAULTS: Partial<Record<WireErrorReason, Reason>> = {
  bad_magic: 'refused_request_magic',
  bad_nid: 'refused_unknown_nid',
};

const HELLO_FAULTS: Partial<Record<WireErrorReason, Reason>> = {
  bad_magic: 'refused_hello_magic',
  bad_type: 'refused_hello_magic',
  bad_nid: 'refused_hello_nid',
  bad_length: 'refused_hello_list',
  bad_value: 'refused_hello_list',
};

/**
 * Reads a connection request or a HELLO in the parts in which a kernel reads them (magic, version, rest, list), never a byte
 * beyond: what follows a HELLO belongs to the connection.
 */
export class HandshakeReader {
  readonly #expects: 'request' | 'hello';
  readonly #bytes = new Uint8Array(BYTES_MAX);
  #have = 0;
  #need = MAGIC_BYTES;
  /** Parts that have arrived: each has a timeout of its own (socklnd §2.7). */
  parts = 0;

  constructor(expects: 'request' | 'hello') {
    this.#expects = expects;
  }

  get hasBegun(): boolean {
    return this.#have > 0;
  }

  target(): Uint8Array {
    return this.#bytes.subarray(this.#have, this.#need);
  }

  received(count: number): HandshakeStep {
    this.#have += count;
    if (this.#have < this.#need) return MORE;
    this.parts++;
    const faults = this.#expects === 'request' ? REQUEST_FAULTS : HELLO_FAULTS;
    try {
      return this.#expects === 'request' ? this.#judgeRequest() : this.#judgeHello();
    } catch (error) {
      const reason = error instanceof WireError ? faults[error.reason] : undefined;
      if (reason === undefined) throw error;
      return { kind: 'fault', reason, answersVersion: false };
    }
  }

  #judgeRequest(): HandshakeStep {
    const step = readConnreq(this.#bytes.subarray(0, this.#have));
    if (step.kind === 'more') return this.#wants(step.bytes);
    if (step.kind === 'request') return step;
    const reason = this.#have > MAGIC_BYTES ? 'refused_request_version' : 'refused_version_probe';
    return { kind: 'fault', reason, answersVersion: true };
  }

  #judgeHello(): HandshakeStep {
    const step = readHello(this.#bytes.subarray(0, this.#have));
    if (step.kind === 'more') return this.#wants(step.bytes);
    if (step.kind === 'hello') return step;
    return { kind: 'fault', reason: 'refused_hello_version', answersVersion: true };
  }

  #wants(bytes: number): HandshakeStep {
    this.#need = bytes;
    return MORE;
  }
}
