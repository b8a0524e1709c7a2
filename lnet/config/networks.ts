import { E2BIG } from '../errno.ts';
import { parseExprList } from '../wire/expr-list.ts';
import { formatNet, LOLND, lndOf, type NetId, parseNet } from '../wire/net.ts';
import { WireError } from '../wire/wire-error.ts';
import { badConfig } from './bad-config.ts';
import { splitOutsideBrackets } from './bracket-split.ts';

/** Longest text of `networks`, also of one made from `ip2nets`: lnet-semantics §13.2, §13.4. */
export const NETWORKS_LENGTH_MAX = 4096;

/** One net of a `networks` text. */
export interface NetSpec {
  readonly net: NetId;
  /** Device names in order; none: the first usable one. */
  readonly interfaces: readonly string[];
}

/**
 * Parses the `networks` module option: `tcp0(eth0,eth1)[0],o2ib(ib0)`. CPU partitions are checked for form and dropped,
 * `lo` is skipped, an empty text means `tcp`. Throws {@link LnetError}. lnet-semantics §13.2.
 */
export function parseNetworks(text: string): NetSpec[] {
  if (text.length > NETWORKS_LENGTH_MAX)
    throw badConfig(`${text.slice(0, 40)}…`, `networks is longer than ${NETWORKS_LENGTH_MAX} characters`, -E2BIG);
  return mergeNets(parseNetSpecs(text.trim() === '' ? 'tcp' : text));
}

/** Parses net specifications without merging those of one net: the shared part of `networks` and `ip2nets`. */
export function parseNetSpecs(text: string): NetSpec[] {
  return splitOutsideBrackets(text, ',')
    .map((item) => parseNetSpec(item.trim()))
    .filter((spec) => lndOf(spec.net) !== LOLND);
}

/** Joins the interfaces of specifications of one net. Throws when one would be used twice. */
export function mergeNets(specs: readonly NetSpec[]): NetSpec[] {
  const byNet = new Map<NetId, string[]>();
  for (const { net, interfaces } of specs) {
    const known = byNet.get(net);
    if (known && (known.length === 0 || interfaces.length === 0))
      throw badConfig(formatNet(net), 'the net is listed again, and once without interfaces');
    const all = [...(known ?? []), ...interfaces];
    const twice = all.find((name, index) => all.indexOf(name) !== index);
    if (twice !== undefined) throw badConfig(formatNet(net), `interface ${twice} is listed twice`);
    byNet.set(net, all);
  }
  return [...byNet].map(([net, interfaces]) => ({ net, interfaces }));
}

function parseNetSpec(text: string): NetSpec {
  const match = /^([^()[\]\s]+)\s*(?:\(([^()]*)\))?\s*(\[[^[\]]*\])?$/.exec(text);
  if (!match) throw badConfig(text, 'expected a net such as tcp, tcp1(eth0) or o2ib(ib0,ib1)[0]');
  const [, name = '', interfaces, cpts] = match;
  const net = parseNet(name);
  if (net === undefined) throw badConfig(text, `${name} is not a net`);
  checkCpts(cpts);
  return { net, interfaces: interfaces === undefined ? [] : parseInterfaceList(interfaces) };
}

/** Parses interface names, each with an optional set of CPU partitions, which is dropped: `eth0[0,1],ib0[2-3]`. lnetctl §4. */
export function parseInterfaceList(text: string): string[] {
  return splitOutsideBrackets(text, ',').map((item) => {
    const match = /^([^\s,[\]()]+)\s*(\[[^[\]]*\])?$/.exec(item.trim());
    if (!match)
      throw badConfig(text, item.trim() === '' ? 'an interface name is missing' : `${item} is not an interface`);
    checkCpts(match[2]);
    return match[1] as string;
  });
}

/** This node has one CPU partition; a text for a machine with more must do all the same. */
function checkCpts(text: string | undefined): void {
  if (text === undefined) return;
  try {
    parseExprList(text, { min: 0, max: 0xffffffff });
  } catch (error) {
    if (error instanceof WireError) throw badConfig(text, 'expected CPU partitions such as [0,2-3]');
    throw error;
  }
}
