import { EINVAL, LnetError, type NalTunable } from '../../lnet/nal.ts';
import { BASE_DATAGRAM_BYTES, DATAGRAM_BYTES_MAX } from './pmtu.ts';

/** Options of an NI on UDP; those that socklnd has too have its names and defaults (socklnd §12.1). */
export const UDP_TUNABLES = [
  {
    name: 'timeout',
    default: 50,
    min: 1,
    max: 3600,
    unit: 's',
    help: 'A link on which nothing is acknowledged for so long is closed, and a message without link fails.',
    isShown: true,
  },
  {
    name: 'datagram_max',
    default: DATAGRAM_BYTES_MAX,
    min: BASE_DATAGRAM_BYTES,
    max: DATAGRAM_BYTES_MAX,
    unit: 'bytes',
    help: 'Largest datagram to send or to take; what the path carries is found out by probing. For new links.',
    isShown: true,
  },
  {
    name: 'window_kb',
    default: 4096,
    min: 64,
    max: 65_536,
    unit: 'count',
    help: 'KiB that a peer may have under way to this node, so also what one link holds at most. For new links.',
    isShown: true,
  },
  {
    name: 'held_kb',
    default: 65_536,
    min: 1024,
    max: 1_048_576,
    unit: 'count',
    help: 'KiB that all links together hold of what came ahead of its turn.',
    isShown: false,
  },
  {
    name: 'keepalive',
    default: 30,
    min: 0,
    max: 3600,
    unit: 's',
    help: 'Time without a sign of a peer after which it is asked for one; 0: never.',
    isShown: false,
  },
  {
    name: 'ack_delay_ms',
    default: 1,
    min: 1,
    max: 1000,
    unit: 'ms',
    help: 'Longest delay of an acknowledgement. For new links.',
    isShown: false,
  },
  {
    name: 'half_open_max',
    default: 64,
    min: 0,
    max: 4096,
    unit: 'count',
    help: 'Links accepted and not yet heard from; from so many on a dialler has to prove its address first.',
    isShown: false,
  },
  {
    name: 'links_max',
    default: 65_536,
    min: 1,
    max: 1_048_576,
    unit: 'count',
    help: 'Links of this NI.',
    isShown: false,
  },
  {
    name: 'sockbuf_kb',
    default: 4096,
    min: 64,
    max: 262_144,
    unit: 'count',
    help: 'KiB asked of the system for each of the two buffers of the socket; fixed once the NI is open.',
    isShown: false,
  },
] as const satisfies readonly NalTunable[];

export type UdpTunableName = (typeof UDP_TUNABLES)[number]['name'];
export type UdpTunables = Record<UdpTunableName, number>;

/** Those that are used once, when the NI opens. */
const FIXED: readonly UdpTunableName[] = ['sockbuf_kb'];

const byName: ReadonlyMap<string, (typeof UDP_TUNABLES)[number]> = new Map(
  UDP_TUNABLES.map((tunable) => [tunable.name, tunable]),
);

/** The tunables of a new NI. Throws {@link LnetError} ERR_LNET_BAD_ARGUMENT for an unknown name or a value out of range. */
export function openTunables(given: Readonly<Record<string, number>>): UdpTunables {
  const values = Object.fromEntries(UDP_TUNABLES.map(({ name, default: value }) => [name, value])) as UdpTunables;
  for (const [name, value] of Object.entries(given)) values[checked(name, value)] = value;
  return values;
}

/** Changes one while the NI is open. Throws as {@link openTunables}, and for a fixed one. */
export function changeTunable(values: UdpTunables, name: string, value: number): void {
  const known = checked(name, value);
  if (FIXED.includes(known)) throw badTunable(`${name} cannot be changed while the NI is open`);
  values[known] = value;
}

function checked(name: string, value: number): UdpTunableName {
  const tunable = byName.get(name);
  if (!tunable) throw badTunable(`the udp NAL has no tunable '${name}'`, `it has ${[...byName.keys()].join(', ')}`);
  const { min, max, unit } = tunable;
  if (!Number.isInteger(value) || value < min || value > max)
    throw badTunable(`${name} must be a whole number of ${min}..${max} (${unit}), got ${value}`);
  return tunable.name;
}

function badTunable(message: string, hint?: string): LnetError {
  return new LnetError('ERR_LNET_BAD_ARGUMENT', { errno: -EINVAL, message, ...(hint === undefined ? {} : { hint }) });
}
