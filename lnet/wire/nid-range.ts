import { type ExprList, parseExprList } from './expr-list.ts';
import { type Cidr, type Ipv4Pattern, looksLikeCidr, parseCidr, parseIpv4Pattern } from './ip-range.ts';
import { addressFormOf, formatNet, LOLND, lndOf, NET_NUMBER_MAX, type NetId, netOf, splitNetName } from './net.ts';
import type { Nid } from './nid.ts';
import { WireError } from './wire-error.ts';

const NUMBER = { min: 0, max: 0xffffffff };

/** Everything that a NID list says about one net. */
class NetRanges {
  readonly net: NetId;
  /** `*@net` was among them: nothing else matters any more. */
  isWhole = false;
  readonly cidrs: Cidr[] = [];
  /** Of 4-byte addresses only. */
  readonly ranges: (Ipv4Pattern | ExprList)[] = [];

  constructor(net: NetId) {
    this.net = net;
  }

  matches(nid: Nid): boolean {
    if (this.isWhole) return true;
    if (!nid.isLarge && this.ranges.some((range) => range.matches(nid.address))) return true;
    const address = nid.bytes.subarray(4, 8 + nid.size);
    return this.cidrs.some((cidr) => cidr.matches(address));
  }

  toString(): string {
    const addresses = this.isWhole ? ['*'] : [...this.cidrs, ...this.ranges];
    return addresses.map((address) => `${address}@${formatNet(this.net)}`).join(' ');
  }
}

/** A set of NIDs: `192.168.[1-3].[2-8/2]@tcp 10.0.0.0/8@tcp1 *@o2ib`. lnet-wire §2.4. */
export class NidRangeList {
  readonly #nets: ReadonlyMap<NetId, NetRanges>;

  /** Use {@link parseNidRanges}. */
  constructor(nets: ReadonlyMap<NetId, NetRanges>) {
    this.#nets = nets;
  }

  matches(nid: Nid): boolean {
    return this.#nets.get(nid.net)?.matches(nid) ?? false;
  }

  /** Canonical text: ranges of one net together, prefixes first. */
  toString(): string {
    return [...this.#nets.values()].join(' ');
  }
}

/** Parses a NID list. Throws {@link WireError} `bad_value` that names the item at fault. */
export function parseNidRanges(text: string): NidRangeList {
  const items = text.split(' ').filter((item) => item !== '');
  if (items.length === 0) throw new WireError('bad_value', 'a NID list needs at least one item');
  const nets = new Map<NetId, NetRanges>();
  for (const item of items) {
    const at = item.indexOf('@');
    const net = at < 0 ? undefined : parseListNet(item.slice(at + 1));
    if (net === undefined) throw new WireError('bad_value', `'${item}': expected ADDRESSES@NET, such as 10.0.0.*@tcp`);
    const ranges = nets.get(net) ?? new NetRanges(net);
    nets.set(net, ranges);
    addAddresses(ranges, item.slice(0, at), item);
  }
  return new NidRangeList(nets);
}

/** As a net elsewhere, but for the number, which may be hexadecimal here. */
function parseListNet(text: string): NetId | undefined {
  const split = splitNetName(text);
  if (!split || split.rest === '') return split && netOf(split.lnd, 0);
  const number = /^([0-9]+|0[xX][0-9a-fA-F]+)$/.test(split.rest) ? Number(split.rest) : undefined;
  if (split.lnd === LOLND || number === undefined || number > NET_NUMBER_MAX) return undefined;
  return netOf(split.lnd, number);
}

function addAddresses(into: NetRanges, text: string, item: string): void {
  const form = addressFormOf(lndOf(into.net));
  if (text === '*') {
    into.isWhole = true;
  } else if (form === 'number' || form === 'none') {
    into.ranges.push(parseExprList(text, NUMBER));
  } else if (looksLikeCidr(text)) {
    const cidr = parseCidr(text);
    if (cidr.isIpv6 && form !== 'ip') throw new WireError('bad_value', `'${item}': this net has no IPv6 addresses`);
    into.cidrs.push(cidr);
  } else {
    into.ranges.push(parseIpv4Pattern(text));
  }
}
