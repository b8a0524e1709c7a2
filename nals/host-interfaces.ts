import { networkInterfaces } from 'node:os';

/** An interface of this machine that is up. */
export interface HostInterface {
  readonly name: string;
  readonly isLoopback: boolean;
  /** IP addresses as text, without prefix length or zone. */
  readonly addresses: readonly string[];
}

/** The interfaces of this machine that are up and have an address, in the order in which the system lists them. */
export function hostInterfaces(): HostInterface[] {
  return Object.entries(networkInterfaces()).map(([name, addresses = []]) => ({
    name,
    isLoopback: addresses.some((address) => address.internal),
    addresses: addresses.map((address) => address.address),
  }));
}
