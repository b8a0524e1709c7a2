import { parseIpv6 } from '../wire/ip.ts';
import { BracketError, bracketNumbers } from './bracket.ts';
import { parseCInteger } from './c-integer.ts';

/** Text that is no ip2nets pattern. */
export class AddressPatternError extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = 'AddressPatternError';
  }
}

/** An ip2nets pattern: lnetctl §4. */
export interface AddressPattern {
  /** `address`: the value of an IPv4 address, the bytes of an IPv6 one. */
  matches(address: number | Uint8Array | undefined): boolean;
}

/**
 * Reads four byte expressions joined by dots, each a number, `*` or `[a-b/step,…]`, or an IPv6 address with an optional
 * `/prefix`. Throws {@link AddressPatternError}.
 */
export function parseAddressPattern(text: string): AddressPattern {
  return text.includes(':') ? ipv6Pattern(text) : ipv4Pattern(text);
}

function ipv6Pattern(text: string): AddressPattern {
  const [address = '', length] = text.split('/');
  const network = parseIpv6(address);
  const bits = length === undefined ? 128 : parseCInteger(length);
  if (!network || bits === undefined || bits < 1 || bits > 128) {
    throw new AddressPatternError('write an IPv6 address with a prefix of 1..128: fd00::/64');
  }
  return {
    matches: (candidate) => candidate instanceof Uint8Array && haveSamePrefix(candidate, network, bits),
  };
}

function haveSamePrefix(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (a[i] !== b[i]) return false;
  const mask = (0xff00 >> (bits & 7)) & 0xff;
  return mask === 0 || ((a[whole] as number) & mask) === ((b[whole] as number) & mask);
}

function ipv4Pattern(text: string): AddressPattern {
  const parts = text.split('.');
  if (parts.length !== 4) {
    throw new AddressPatternError('write four byte expressions joined by dots: 192.168.[0-3].*');
  }
  const allowed = parts.map(octets);
  return {
    matches: (candidate) =>
      typeof candidate === 'number' && allowed.every((set, i) => set.has((candidate >>> (24 - 8 * i)) & 255)),
  };
}

const ALL_OCTETS: ReadonlySet<number> = new Set(Array.from({ length: 256 }, (_, value) => value));

function octets(text: string): ReadonlySet<number> {
  if (text === '*') return ALL_OCTETS;
  const isBracket = text.startsWith('[') && text.endsWith(']');
  if (!isBracket && !/^[0-9a-fA-FxX]+$/.test(text)) throw new AddressPatternError('a range stands in brackets: [1-3]');
  const numbers = octetNumbers(isBracket ? text.slice(1, -1) : text);
  const wrong = numbers.find((value) => value > 255);
  if (wrong !== undefined) throw new AddressPatternError(`${wrong} is no byte of an address: 0..255`);
  return new Set(numbers);
}

function octetNumbers(inside: string): number[] {
  if (inside.split(',').some((part) => part.trim() === '*')) return [...ALL_OCTETS];
  try {
    return bracketNumbers(inside);
  } catch (error) {
    if (error instanceof BracketError) throw new AddressPatternError(error.message, { cause: error });
    throw error;
  }
}
