/** How addresses of a network type are written. */
export type AddressForm = 'ip4' | 'ip' | 'number' | 'none';

interface NetType {
  readonly lnd: number;
  readonly name: string;
  /** `ip`: IPv4 or IPv6; `ip4`: IPv4 only; `number`: an unsigned 32-bit number; `none`: always 0 (loopback). */
  readonly address: AddressForm;
}

/**
 * Network (LND) types with a text name: lnet-wire §2.1. `udp` is ours: a number no kernel uses, so that a kernel refuses
 * it politely instead of mistaking it (design: compatibility promise).
 */
export const NET_TYPES = [
  { lnd: 2, name: 'tcp', address: 'ip' },
  { lnd: 5, name: 'o2ib', address: 'ip4' },
  { lnd: 9, name: 'lo', address: 'none' },
  { lnd: 13, name: 'gni', address: 'number' },
  { lnd: 14, name: 'gip', address: 'ip4' },
  { lnd: 15, name: 'ptlf', address: 'number' },
  { lnd: 16, name: 'kfi', address: 'number' },
  { lnd: 18, name: 'efa', address: 'ip' },
  { lnd: 19, name: 'bxi3f', address: 'number' },
  { lnd: 192, name: 'udp', address: 'ip' },
] as const satisfies readonly NetType[];

export const SOCKLND = 2;
export const O2IBLND = 5;
export const LOLND = 9;
export const KFILND = 16;
export const UDPLND = 192;

/** A network: `type << 16 | number` as an unsigned integer. Compare with `===`. */
export type NetId = number;

/** Wildcard network. */
export const NET_ANY: NetId = 0xffffffff;

/** Largest network number: lnet-wire §2.2 rule 3. */
export const NET_NUMBER_MAX = 65535;

const byLnd = new Map<number, NetType>(NET_TYPES.map((type) => [type.lnd, type]));

/** Network names, longest first, so that prefix matching never stops at a shorter name. */
const byLength: readonly NetType[] = NET_TYPES.toSorted((a, b) => b.name.length - a.name.length);

export function netOf(lnd: number, number: number): NetId {
  return ((lnd << 16) | number) >>> 0;
}

export function lndOf(net: NetId): number {
  return (net >>> 16) & 0xff;
}

export function netNumberOf(net: NetId): number {
  return net & 0xffff;
}

/** Address form of a type, or undefined for a type without text name. */
export function addressFormOf(lnd: number): AddressForm | undefined {
  return byLnd.get(lnd)?.address;
}

/** Name of a network type (`tcp`), or undefined for a type without one. */
export function netTypeName(lnd: number): string | undefined {
  return byLnd.get(lnd)?.name;
}

/**
 * Splits a network name into its type and what follows it. `tcp12x` gives `{ lnd: 2, rest: '12x' }`; undefined when no
 * type name starts the text.
 */
export function splitNetName(text: string): { readonly lnd: number; readonly rest: string } | undefined {
  const type = byLength.find((candidate) => text.startsWith(candidate.name));
  return type && { lnd: type.lnd, rest: text.slice(type.name.length) };
}

/** Parses `tcp`, `tcp0`, `o2ib12`. Undefined when it is not a network: lnet-wire §2.2 rules 2 and 3. */
export function parseNet(text: string): NetId | undefined {
  const split = splitNetName(text);
  if (!split) return undefined;
  if (split.rest === '') return netOf(split.lnd, 0);
  if (split.lnd === LOLND || !/^[0-9]+$/.test(split.rest)) return undefined;
  const number = Number(split.rest);
  return number > NET_NUMBER_MAX ? undefined : netOf(split.lnd, number);
}

/** Text of a network: `tcp`, `tcp1`; `<17:3>` for a type without name; `<?>` for the wildcard. */
export function formatNet(net: NetId): string {
  if (net === NET_ANY) return '<?>';
  const name = netTypeName(lndOf(net));
  const number = netNumberOf(net);
  if (name === undefined) return `<${lndOf(net)}:${number}>`;
  return number === 0 ? name : `${name}${number}`;
}
