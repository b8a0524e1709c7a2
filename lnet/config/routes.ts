import { E2BIG } from '../errno.ts';
import type { LnetError } from '../error-code.ts';
import { LOLND, lndOf, type NetId, parseNet } from '../wire/net.ts';
import { type Nid, tryParseNid } from '../wire/nid.ts';
import { badConfig } from './bad-config.ts';
import type { RoutePlan } from './plan.ts';

/** Bounds of a `routes` text, characters: lnet-semantics §13.3 rule 7. */
const ENTRY_LENGTH_MAX = 4096;
const EXPANSION_LENGTH_MAX = 65_536;

/** Most routes that one entry may make. */
const ENTRY_ROUTES_MAX = 65_536;

/** Entries of a `routes` or `ip2nets` text: separated by `;` or line ends, comments and blanks around them removed. */
export function splitEntries(text: string): string[] {
  return text
    .split(/[;\n\r]/)
    .map((entry) => entry.replace(/#.*$/, '').trim())
    .filter((entry) => entry !== '');
}

/**
 * Parses the `routes` module option: `tcp1 2 10.0.0.[1-4]@tcp0:1; o2ib[0-2] 10.0.0.9@tcp`. Each net of an entry goes through
 * each of its gateways. Throws {@link LnetError}. lnet-semantics §13.3.
 *
 * A gateway that is one of the node's own NIDs is in the result: it means that the node is a router, which is for the caller.
 */
export function parseRoutes(text: string): RoutePlan[] {
  const budget = { left: EXPANSION_LENGTH_MAX };
  return splitEntries(text).flatMap((entry) => {
    if (entry.length > ENTRY_LENGTH_MAX)
      throw badConfig(`${entry.slice(0, 40)}…`, `a route is longer than ${ENTRY_LENGTH_MAX} characters`, -E2BIG);
    return parseYamlLike(entry) ?? parseEntry(entry, budget);
  });
}

function parseEntry(entry: string, budget: { left: number }): RoutePlan[] {
  const [netToken = '', ...rest] = entry.split(/\s+/);
  const hops = parseHops(rest[0] ?? '');
  const gatewayTokens = hops === undefined ? rest : rest.slice(1);
  if (gatewayTokens.length === 0) throw badConfig(entry, 'expected NET [HOPS] GATEWAY..., such as tcp1 10.0.0.1@tcp');
  const nets = expandBrackets(netToken, entry, budget).map((name) => parseRemoteNet(name, entry));
  let priority = 0;
  const gateways = gatewayTokens.flatMap((token) => {
    const split = splitPriority(token, entry);
    // One priority serves the whole entry, that of its last gateway, as in the kernel: rule 4.
    priority = split.priority;
    return expandBrackets(split.gateway, entry, budget).map((nid) => parseGateway(nid, entry));
  });
  if (nets.length * gateways.length > ENTRY_ROUTES_MAX)
    throw badConfig(entry, `an entry makes more than ${ENTRY_ROUTES_MAX} routes`, -E2BIG);
  return nets.flatMap((net) => gateways.map((gateway) => ({ net, gateway, hops, priority })));
}

/** The other way in which route texts are found in the field: `tcp1: { gateway: 10.1.1.2@tcp0, priority: 3 }`. lnetctl §9.3. */
function parseYamlLike(entry: string): RoutePlan[] | undefined {
  const match = /^([^\s:]+):\s*\{(.*)\}$/.exec(entry);
  if (!match) return undefined;
  const [, net = '', body = ''] = match;
  const fields = new Map(body.split(',').map((field) => splitOnce(field, ':')));
  const [gateway, hop, priority] = ['gateway', 'hop', 'priority'].map((name) => fields.get(name) ?? '');
  const hops = parseHops(hop as string);
  if (hop !== '' && hops === undefined) throw badConfig(entry, 'hop must be 1..255');
  return [
    {
      net: parseRemoteNet(net, entry),
      gateway: parseGateway(gateway as string, entry),
      hops,
      priority: priority === '' ? 0 : parsePriority(priority as string, entry),
    },
  ];
}

function splitOnce(text: string, separator: string): [before: string, after: string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text.trim(), ''] : [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}

function parseHops(token: string): number | undefined {
  const hops = /^[0-9]+$/.test(token) ? Number(token) : 0;
  return hops >= 1 && hops <= 255 ? hops : undefined;
}

/** The colon of an IPv6 address would begin a priority too, so such gateways cannot be written here: rule 6. */
function splitPriority(token: string, entry: string): { gateway: string; priority: number } {
  const colon = token.indexOf(':');
  if (colon < 0) return { gateway: token, priority: 0 };
  return { gateway: token.slice(0, colon), priority: parsePriority(token.slice(colon + 1), entry) };
}

function parsePriority(text: string, entry: string): number {
  const priority = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (!(priority <= 0xffffffff)) throw badConfig(entry, `'${text}' is not a priority`);
  return priority;
}

function parseRemoteNet(name: string, entry: string): NetId {
  const net = parseNet(name);
  if (net === undefined || lndOf(net) === LOLND) throw badConfig(entry, `'${name}' is not a net to route to`);
  return net;
}

function parseGateway(text: string, entry: string): Nid {
  const nid = tryParseNid(text);
  if (!nid || nid.isAny || nid.isLoopback) throw badConfig(entry, `'${text}' is not the NID of a gateway`);
  return nid;
}

/**
 * Replaces bracket groups by each of their items in turn, the last group counting fastest: `[a,b,3-7,1-9/2]`. Unlike in an
 * address pattern, items may be any text, and a range must end exactly on a step: lnet-semantics §13.3 rule 1.
 */
function expandBrackets(token: string, entry: string, budget: { left: number }): string[] {
  let texts = [''];
  let length = 0;
  for (const part of token.split(/(\[[^[\]]*\])/)) {
    if (/[[\]]/.test(part) && !/^\[.*\]$/.test(part))
      throw badConfig(entry, `'${token}' has a bracket without partner`);
    const items = part.startsWith('[') ? part.slice(1, -1).split(',') : undefined;
    const choices = items?.flatMap((item) => expandItem(item, entry, budget)) ?? [part];
    length = length * choices.length + texts.length * choices.reduce((sum, choice) => sum + choice.length, 0);
    if (length > budget.left) throw tooLong(entry);
    texts = texts.flatMap((text) => choices.map((choice) => text + choice));
  }
  budget.left -= length;
  return texts;
}

function expandItem(item: string, entry: string, budget: { left: number }): string[] {
  if (item === '') throw badConfig(entry, 'a bracket group has an empty item');
  const match = /^([0-9]+)-([0-9]+)(?:\/([0-9]+))?$/.exec(item);
  if (!match) return [item];
  const [low, high, stride] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 1)];
  if (low > high || stride === 0 || (high - low) % stride !== 0)
    throw badConfig(entry, `the range ${item} does not go up in whole steps`);
  if ((high - low) / stride >= budget.left) throw tooLong(entry);
  return Array.from({ length: (high - low) / stride + 1 }, (_, index) => String(low + index * stride));
}

function tooLong(entry: string): LnetError {
  return badConfig(entry, `routes expand to more than ${EXPANSION_LENGTH_MAX} characters`, -E2BIG);
}
