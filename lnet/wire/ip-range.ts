import { type ExprList, parseExprList } from './expr-list.ts';
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from './ip.ts';
import { WireError } from './wire-error.ts';

const OCTET = { min: 0, max: 255 };

/** Four octet expressions, `192.168.[0-3].*`: lnet-wire §2.4. */
export class Ipv4Pattern {
  readonly octets: readonly ExprList[];

  constructor(octets: readonly ExprList[]) {
    this.octets = octets;
  }

  /** `address` as a 32-bit number. */
  matches(address: number): boolean {
    return this.octets.every((octet, index) => octet.matches((address >>> (24 - 8 * index)) & 255));
  }

  toString(): string {
    return this.octets.join('.');
  }
}

/** All addresses of one family that share their first `prefix` bits. */
export class Cidr {
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  readonly prefix: number;

  constructor(address: Uint8Array, prefix: number) {
    this.address = address;
    this.prefix = prefix;
  }

  get isIpv6(): boolean {
    return this.address.length === 16;
  }

  matches(address: Uint8Array): boolean {
    if (address.length !== this.address.length) return false;
    const wholeBytes = this.prefix >>> 3;
    for (let i = 0; i < wholeBytes; i++) if (address[i] !== this.address[i]) return false;
    const restBits = this.prefix & 7;
    if (restBits === 0) return true;
    const difference = (address[wholeBytes] as number) ^ (this.address[wholeBytes] as number);
    return difference >>> (8 - restBits) === 0;
  }

  /** A prefix of full length is not printed. */
  toString(): string {
    const text = this.isIpv6 ? formatIpv6(this.address) : formatIpv4(bytesToIpv4(this.address));
    return this.prefix === this.address.length * 8 ? text : `${text}/${this.prefix}`;
  }
}

/** Parses `192.168.[0-3].*`. Throws {@link WireError} `bad_value`. */
export function parseIpv4Pattern(text: string): Ipv4Pattern {
  const parts = text.split('.');
  if (parts.length !== 4) throw new WireError('bad_value', `'${text}': an IPv4 pattern has four parts`);
  return new Ipv4Pattern(parts.map((part) => parseExprList(part, OCTET)));
}

/** True when an address pattern is a prefix and not four octet expressions: lnet-wire §2.4 rule 3. */
export function looksLikeCidr(text: string): boolean {
  const slash = text.lastIndexOf('/');
  return text.includes(':') || (slash >= 0 && !text.includes(']', slash));
}

/** Parses `10.1.0.0/16`, `fd00::/64`, or an IPv6 address alone, which means all its bits. Throws {@link WireError} `bad_value`. */
export function parseCidr(text: string): Cidr {
  const slash = text.indexOf('/');
  const addressText = slash < 0 ? text : text.slice(0, slash);
  const address = addressText.includes(':') ? parseIpv6(addressText) : ipv4ToBytes(parseIpv4(addressText));
  if (!address) throw new WireError('bad_value', `'${text}': '${addressText}' is not an IP address`);
  const bits = address.length * 8;
  const prefixText = slash < 0 ? (bits === 128 ? '128' : '') : text.slice(slash + 1);
  const prefix = /^[0-9]{1,3}$/.test(prefixText) ? Number(prefixText) : 0;
  if (prefix < 1 || prefix > bits) throw new WireError('bad_value', `'${text}': the prefix length must be 1..${bits}`);
  return new Cidr(address, prefix);
}

function ipv4ToBytes(value: number | undefined): Uint8Array | undefined {
  if (value === undefined) return undefined;
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

function bytesToIpv4(bytes: Uint8Array): number {
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}
