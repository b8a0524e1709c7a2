import type { ConfigHost } from '../../lnet/config/host.ts';
import type { NalTunable } from '../../lnet/nal.ts';
import { hostInterfaces } from '../../nals/host-interfaces.ts';
import { TCP_TUNABLES } from '../../nals/tcp/tunables.ts';
import { UDP_TUNABLES } from '../../nals/udp/tunables.ts';

/** `lnd tunables:` of each NAL that a file can ask for. */
const TUNABLES: Readonly<Record<string, readonly NalTunable[]>> = {
  tcp: TCP_TUNABLES,
  udp: UDP_TUNABLES,
};

/** This machine and this program, as reading a configuration sees them. */
export const HOST: ConfigHost = {
  interfaces: hostInterfaces,
  nalOf: (name) => {
    const tunables = Object.hasOwn(TUNABLES, name) ? TUNABLES[name] : undefined;
    return tunables && { name, tunables };
  },
};
