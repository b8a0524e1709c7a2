import { E2BIG, ENOENT } from '../errno.ts';
import { type Ipv4Pattern, parseIpv4Pattern } from '../wire/ip-range.ts';
import { formatNet } from '../wire/net.ts';
import { WireError } from '../wire/wire-error.ts';
import { badConfig } from './bad-config.ts';
import { mergeNets, type NetSpec, NETWORKS_LENGTH_MAX, parseNetSpecs } from './networks.ts';
import { splitEntries } from './routes.ts';

/** One entry of an `ip2nets` text: these nets when an address of the node is among these. */
export interface Ip2netsRule {
  readonly nets: readonly NetSpec[];
  readonly patterns: readonly Ipv4Pattern[];
  /** The list of nets as written. */
  readonly text: string;
}

/** Parses the `ip2nets` module option. Throws {@link LnetError}. lnet-semantics §13.4. */
export function parseIp2nets(text: string): Ip2netsRule[] {
  return splitEntries(text).map((entry) => {
    const [nets = '', ...patterns] = entry.split(/\s+/);
    if (patterns.length === 0)
      throw badConfig(entry, 'expected nets and then IPv4 patterns, such as tcp(eth0) 10.0.*.*');
    const specs = parseNetSpecs(nets);
    const twice = specs.find((spec, index) => specs.findIndex((other) => other.net === spec.net) !== index);
    if (twice) throw badConfig(entry, `${formatNet(twice.net)} is named twice`);
    return { nets: specs, patterns: patterns.map((pattern) => parsePattern(pattern, entry)), text: nets };
  });
}

function parsePattern(text: string, entry: string): Ipv4Pattern {
  try {
    return parseIpv4Pattern(text);
  } catch (error) {
    if (error instanceof WireError) throw badConfig(entry, error.message);
    throw error;
  }
}

/**
 * The nets of a node with these IPv4 addresses (32-bit numbers) of its usable interfaces. For each net the first rule that
 * matches counts: lnetctl §9.2. Throws {@link LnetError} -ENOENT when no rule matches.
 */
export function netsOfIp2nets(rules: readonly Ip2netsRule[], addresses: readonly number[]): NetSpec[] {
  const matching = rules.filter((rule) =>
    rule.patterns.some((pattern) => addresses.some((address) => pattern.matches(address))),
  );
  if (matching.length === 0) throw badConfig('ip2nets', 'no rule matches an address of this node', -ENOENT);
  const length = matching.reduce((sum, rule) => sum + rule.text.length + 1, -1);
  if (length > NETWORKS_LENGTH_MAX)
    throw badConfig('ip2nets', `the rules that match name more than ${NETWORKS_LENGTH_MAX} characters of nets`, -E2BIG);
  const chosen: NetSpec[] = [];
  for (const spec of matching.flatMap((rule) => rule.nets))
    if (!chosen.some((known) => known.net === spec.net)) chosen.push(spec);
  return mergeNets(chosen);
}
