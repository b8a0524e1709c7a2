import { EINVAL } from '../errno.ts';
import { NET_TUNABLES_DEFAULT } from '../local-ni.ts';
import { parseIpv4, parseIpv6 } from '../wire/ip.ts';
import { parseCidr, parseIpv4Pattern } from '../wire/ip-range.ts';
import { formatNet, type NetId } from '../wire/net.ts';
import { WireError } from '../wire/wire-error.ts';
import type { HostInterface } from './host.ts';
import { addressOfDevice, defaultInterface, isLinkLocal, namedInterface } from './interface-nid.ts';
import type { NetPlan, NiPlan } from './plan.ts';
import {
  addInterface,
  checkCpts,
  readInterfaceNames,
  readLndTunables,
  readNal,
  readNetName,
  readTunables,
} from './read-net.ts';
import type { ConfigReader, Placed } from './reader.ts';
import { type ConfigEntry, type ConfigMap, entryOf } from './tree.ts';

const RULE_KEYS = ['net-spec', 'interfaces', 'ip-range', 'tunables', 'lnd tunables', 'CPT', 'nal'];

/** Reads `ip2nets:` as a sequence of rules: for each network the first rule that matches this machine counts. lnetctl §6.2. */
export function readIp2nets(reader: ConfigReader, block: ConfigEntry): Placed<NetPlan>[] {
  const plans = new Map<NetId, Placed<NetPlan>>();
  for (const rule of reader.maps(block)) {
    const net = readNetName(reader, rule, 'net-spec');
    for (const entry of rule.entries) if (!RULE_KEYS.includes(entry.key)) reader.unknownKey(entry, RULE_KEYS);
    const nal = readNal(reader, rule, net);
    const tunables = { ...NET_TUNABLES_DEFAULT, ...readTunables(reader, rule) };
    const lndTunables = readLndTunables(reader, rule, nal);
    checkCpts(reader, rule);
    const matched = matchedInterfaces(reader, net, rule);
    if (matched.length === 0 || plans.has(net)) continue;
    const interfaces: NiPlan[] = [];
    for (const made of matched) addInterface(reader, interfaces, made);
    const named = entryOf(rule, 'nal') ? { nal: nal.name } : {};
    plans.set(net, { value: { net, ...named, interfaces, tunables, lndTunables }, place: rule });
  }
  if (plans.size === 0) {
    const has = reader.host.interfaces().map((device) => `${device.name} (${device.addresses.join(', ')})`);
    reader.fail(block, 'No ip2nets rules applied', `this machine has ${has.join(', ') || 'no interface'}`, -EINVAL);
  }
  return [...plans.values()];
}

/** What a rule gives on this machine; nothing when it does not match. */
function matchedInterfaces(reader: ConfigReader, net: NetId, rule: ConfigMap): Placed<NiPlan>[] {
  const named = entryOf(rule, 'interfaces');
  const ranges = entryOf(rule, 'ip-range');
  const patterns = ranges ? readPatterns(reader, ranges) : undefined;
  const devices = reader.host.interfaces();
  if (!named) {
    if (!patterns) return [{ value: defaultInterface(reader, net, rule), place: rule }];
    const matching = devices.filter((device) => !device.isLoopback && hasMatch(device, patterns));
    return matching.map((device) => ({
      value: niOf(reader, net, { value: device.name, place: rule }, patterns),
      place: rule,
    }));
  }
  const names = readInterfaceNames(reader, named);
  const isMatch = names.every(({ value }) => {
    const device = devices.find((each) => each.name === value);
    return device !== undefined && (!patterns || hasMatch(device, patterns));
  });
  if (!isMatch) return [];
  return names.map((name) => ({ value: niOf(reader, net, name, patterns), place: name.place }));
}

/** Whether an address fits an ip2nets pattern. */
type AddressPattern = (address: string) => boolean;

/** Four byte expressions, or an IPv6 address with an optional prefix: lnetctl §4. */
function addressPattern(text: string): AddressPattern {
  if (text.includes(':')) {
    const cidr = parseCidr(text);
    return (address) => {
      const bytes = parseIpv6(address);
      return bytes !== undefined && cidr.matches(bytes);
    };
  }
  const pattern = parseIpv4Pattern(text);
  return (address) => {
    const ipv4 = parseIpv4(address);
    return ipv4 !== undefined && pattern.matches(ipv4);
  };
}

function hasMatch(device: HostInterface, patterns: readonly AddressPattern[]): boolean {
  return device.addresses.some((address) => matchesAny(address, patterns));
}

function matchesAny(address: string, patterns: readonly AddressPattern[]): boolean {
  return !isLinkLocal(address) && patterns.some((matches) => matches(address));
}

/** The NI of a device: the address that matched, or without patterns the one that a net takes by itself. */
function niOf(
  reader: ConfigReader,
  net: NetId,
  name: Placed<string>,
  patterns: readonly AddressPattern[] | undefined,
): NiPlan {
  const device = reader.host.interfaces().find((each) => each.name === name.value);
  const matching = device?.addresses.find((address) => patterns && matchesAny(address, patterns));
  const address = matching ?? (device && addressOfDevice(device, net));
  if (device === undefined || address === undefined) {
    reader.fail(
      name.place,
      `No interface matching '${name.value}'`,
      `${formatNet(net)} needs an address of this machine`,
    );
  }
  const { nid } = namedInterface(reader, net, { value: address, place: name.place });
  return { interfaceName: device.name, nid };
}

function readPatterns(reader: ConfigReader, ranges: ConfigEntry): AddressPattern[] {
  return reader.texts(ranges).map(({ value, place }) => {
    try {
      return addressPattern(value);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return reader.fail(place, `invalid value '${value}' for key 'ip-range'`, error.message);
    }
  });
}
