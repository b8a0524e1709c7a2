import { parseIpv4, parseIpv6 } from '../wire/ip.ts';
import { addressFormOf, formatNet, lndOf, type NetId } from '../wire/net.ts';
import { nidOfText } from '../wire/nid.ts';
import type { HostInterface } from './host.ts';
import type { NiPlan } from './plan.ts';
import type { ConfigReader, Placed } from './reader.ts';

/** True for an address that names no single place: 169.254.0.0/16, fe80::/10, and the unspecified ones. */
export function isLinkLocal(address: string): boolean {
  const ipv4 = parseIpv4(address);
  if (ipv4 !== undefined) return ipv4 >>> 16 === 0xa9fe || ipv4 === 0;
  const ipv6 = parseIpv6(address);
  if (!ipv6) return false;
  const isFe80 = ipv6[0] === 0xfe && ((ipv6[1] as number) & 0xc0) === 0x80;
  return isFe80 || ipv6.every((byte) => byte === 0);
}

/** The address that a device gives to a net: its first IPv4 one, else, where the net takes IPv6, its first of those. */
export function addressOfDevice(device: HostInterface, net: NetId): string | undefined {
  const usable = device.addresses.filter((address) => !isLinkLocal(address));
  const ipv4 = usable.find((address) => parseIpv4(address) !== undefined);
  return ipv4 ?? (addressFormOf(lndOf(net)) === 'ip' ? usable[0] : undefined);
}

/** The interface to use when none is named: the first that is up, not loopback, and has an IPv4 address. */
export function defaultInterface(reader: ConfigReader, net: NetId, place: Placed<unknown>['place']): NiPlan {
  for (const device of reader.host.interfaces()) {
    const address = device.isLoopback
      ? undefined
      : device.addresses.find((text) => parseIpv4(text) !== undefined && !isLinkLocal(text));
    const nid = address === undefined ? undefined : nidOfText(net, address);
    if (nid) return { interfaceName: device.name, nid };
  }
  return reader.fail(
    place,
    'No UP interfaces were found',
    `name one for ${formatNet(net)} under 'interfaces:', a device or an IP address of this machine`,
  );
}

/** The NI that a named device, or an address in its place, gives to a net. */
export function namedInterface(reader: ConfigReader, net: NetId, { value: name, place }: Placed<string>): NiPlan {
  const form = addressFormOf(lndOf(net));
  if (form === 'number') return numberedInterface(reader, net, { value: name, place });
  const isIpv6 = parseIpv6(name) !== undefined;
  if (parseIpv4(name) !== undefined || isIpv6) {
    if (isIpv6 && form !== 'ip') reader.fail(place, `${formatNet(net)} has no IPv6 addresses`, 'give an IPv4 address');
    return { interfaceName: name, nid: nidOfAddress(reader, net, { value: name, place }) };
  }
  const devices = reader.host.interfaces();
  const device = devices.find((each) => each.name === name);
  if (!device) {
    const known = devices.map((each) => each.name).join(', ') || 'none';
    reader.fail(place, `No interface matching '${name}'`, `interfaces of this machine that are up: ${known}`);
  }
  const address = addressOfDevice(device, net);
  if (address === undefined) {
    const has = device.addresses.join(', ') || 'none';
    reader.fail(place, `interface '${name}' has no address that ${formatNet(net)} can use`, `its addresses: ${has}`);
  }
  return { interfaceName: name, nid: nidOfAddress(reader, net, { value: address, place }) };
}

/** Loopback addresses are welcome when they are named: lnet-wire §2.2 rule 5. */
function nidOfAddress(reader: ConfigReader, net: NetId, { value: address, place }: Placed<string>): NiPlan['nid'] {
  if (isLinkLocal(address)) {
    reader.fail(
      place,
      `${address} is a link-local or unspecified address: it names no single node`,
      'use an address that the other nodes can reach',
    );
  }
  const isHere = reader.host.interfaces().some((device) => device.addresses.includes(address));
  if (!isHere && !isLoopbackAddress(address)) {
    reader.fail(place, `no interface of this machine has the address ${address}`, "see 'ip address show'");
  }
  const nid = nidOfText(net, address);
  return (
    nid ??
    reader.fail(
      place,
      `${formatNet(net)} has no address of the form ${address}`,
      'write an address of the kind that the network uses',
    )
  );
}

function isLoopbackAddress(address: string): boolean {
  const ipv4 = parseIpv4(address);
  return ipv4 === undefined ? address === '::1' : ipv4 >>> 24 === 127;
}

/** On nets whose addresses are numbers the number stands in the place of a device. */
function numberedInterface(reader: ConfigReader, net: NetId, { value: text, place }: Placed<string>): NiPlan {
  const nid = nidOfText(net, text);
  return nid
    ? { interfaceName: text, nid }
    : reader.fail(
        place,
        `No interface matching '${text}'`,
        `addresses of ${formatNet(net)} are numbers: write one here`,
      );
}
