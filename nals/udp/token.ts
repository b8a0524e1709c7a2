/**
 * Proof that a dialler can be reached at the address that it sends from: RFC 9000 §8.1. Nothing is kept for it; the token
 * holds the time and a MAC over what it was made for.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { type Instant, US_PER_S } from '../../lnet/nal.ts';
import { readU53, writeU53 } from './wire.ts';
import { viewOf } from '../../lnet/wire/layout.ts';

const TIME_BYTES = 8;
const MAC_BYTES = 32;

export const TOKEN_BYTES = TIME_BYTES + MAC_BYTES;

/** How long a token is good for. */
export const TOKEN_LIFE_US = 10 * US_PER_S;

/** What a token is bound to. */
export interface TokenSubject {
  readonly address: string;
  readonly port: number;
  /** The dialler's connection id as it stands in its INIT: 8 bytes. */
  readonly connId: Uint8Array;
}

export class TokenMint {
  readonly #key: Uint8Array;

  /** `key` must not be guessable. */
  constructor(key: Uint8Array) {
    this.#key = key;
  }

  issue(subject: TokenSubject, now: Instant): Uint8Array {
    const token = new Uint8Array(TOKEN_BYTES);
    writeU53(viewOf(token), 0, now);
    token.set(this.#mac(token.subarray(0, TIME_BYTES), subject), TIME_BYTES);
    return token;
  }

  /** True when the token was issued here, for this subject, within {@link TOKEN_LIFE_US}. */
  isGood(token: Uint8Array, subject: TokenSubject, now: Instant): boolean {
    if (token.length !== TOKEN_BYTES) return false;
    const time = token.subarray(0, TIME_BYTES);
    if (!timingSafeEqual(this.#mac(time, subject), token.subarray(TIME_BYTES))) return false;
    const age = now - readU53(viewOf(token), 0);
    return age >= 0 && age <= TOKEN_LIFE_US;
  }

  #mac(time: Uint8Array, { address, port, connId }: TokenSubject): Uint8Array {
    return createHmac('sha256', this.#key).update(time).update(connId).update(`${address} ${port}`).digest();
  }
}
