import { LnetError } from '../error-code.ts';
import { NET_TUNABLES_DEFAULT } from '../local-ni.ts';
import { parseIpv4 } from '../wire/ip.ts';
import { defaultInterface, isLinkLocal, namedInterface } from './interface-nid.ts';
import { netsOfIp2nets, parseIp2nets } from './ip2nets.ts';
import { type NetSpec, parseNetworks } from './networks.ts';
import type { NetPlan, RoutePlan } from './plan.ts';
import { netNal } from './read-net.ts';
import type { ConfigReader, Placed } from './reader.ts';
import { parseRoutes } from './routes.ts';
import type { ConfigEntry } from './tree.ts';

/** `networks: "tcp0(eth0),o2ib(ib0)"`, the string of the module option: lnetctl §9.1. */
export function readLegacyNetworks(reader: ConfigReader, entry: ConfigEntry): Placed<NetPlan>[] {
  const specs = legacy(reader, entry, parseNetworks);
  return specs.map((spec) => netPlan(reader, entry, spec));
}

/** `ip2nets:` with a string instead of a sequence: lnetctl §9.2. */
export function readLegacyIp2nets(reader: ConfigReader, entry: ConfigEntry): Placed<NetPlan>[] {
  const addresses = reader.host
    .interfaces()
    .filter((device) => !device.isLoopback)
    .flatMap((device) => device.addresses.filter((address) => !isLinkLocal(address)))
    .flatMap((address) => parseIpv4(address) ?? []);
  const specs = legacy(reader, entry, (text) => netsOfIp2nets(parseIp2nets(text), addresses));
  return specs.map((spec) => netPlan(reader, entry, spec));
}

/** `routes: "o2ib 192.168.1.1@tcp"`: lnetctl §9.3. */
export function readLegacyRoutes(reader: ConfigReader, entry: ConfigEntry): Placed<RoutePlan>[] {
  return legacy(reader, entry, parseRoutes).map((value) => ({ value, place: entry.value }));
}

/** Reads a text with its own grammar; what that refuses gets its place in the file. */
function legacy<T>(reader: ConfigReader, entry: ConfigEntry, parse: (text: string) => T): T {
  try {
    return parse(reader.text(entry));
  } catch (error) {
    // A complaint of the reader itself has its place already.
    if (!(error instanceof LnetError) || error.name === 'ConfigError') throw error;
    return reader.fail(
      entry.value,
      error.message,
      `see the examples of '${entry.key}' in docs/configuration.md`,
      error.errno,
    );
  }
}

function netPlan(reader: ConfigReader, entry: ConfigEntry, { net, interfaces: names }: NetSpec): Placed<NetPlan> {
  netNal(reader, entry.value, net, undefined);
  const place = entry.value;
  const interfaces =
    names.length === 0
      ? [defaultInterface(reader, net, place)]
      : names.map((value) => namedInterface(reader, net, { value, place }));
  return { value: { net, interfaces, tunables: NET_TUNABLES_DEFAULT, lndTunables: {} }, place };
}
