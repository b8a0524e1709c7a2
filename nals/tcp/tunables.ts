import { EINVAL, LnetError, type NalTunable } from '../../lnet/nal.ts';

/** Options of ksocklnd that mean something here, with its names and defaults: socklnd §12.1. */
export const TCP_TUNABLES = [
  {
    name: 'conns_per_peer',
    default: 0,
    min: 0,
    max: 127,
    unit: 'count',
    help: 'Connections of each bulk type to open per peer; 0: by the speed of the link.',
    isShown: true,
  },
  {
    name: 'timeout',
    default: 50,
    min: 1,
    max: 3600,
    unit: 's',
    help: 'A connection without progress for so long is closed, and a message without connection fails.',
    isShown: true,
  },
  {
    name: 'tos',
    default: -1,
    min: -1,
    max: 255,
    unit: 'count',
    help: 'IP type of service of new connections, where the runtime can set it; -1: as the system has it.',
    isShown: true,
  },
  {
    name: 'accept_backlog',
    default: 127,
    min: 1,
    max: 4096,
    unit: 'count',
    help: 'Connections that may wait to be accepted; fixed once the NI is open.',
    isShown: false,
  },
  {
    name: 'accept_timeout',
    default: 5,
    min: 1,
    max: 3600,
    unit: 's',
    help: 'How long each step of the handshake of an accepted connection may take.',
    isShown: false,
  },
  {
    name: 'min_bulk',
    default: 1024,
    min: 0,
    max: 0x7fffffff,
    unit: 'bytes',
    help: 'A message of so many bytes, headers included, travels on a bulk connection.',
    isShown: false,
  },
  {
    name: 'min_reconnectms',
    default: 1000,
    min: 1,
    max: 3_600_000,
    unit: 'ms',
    help: 'Shortest time between attempts to connect to a peer that cannot be reached.',
    isShown: false,
  },
  {
    name: 'max_reconnectms',
    default: 60_000,
    min: 1,
    max: 3_600_000,
    unit: 'ms',
    help: 'Longest time between attempts to connect to a peer that cannot be reached.',
    isShown: false,
  },
  {
    name: 'keepalive',
    default: 30,
    min: 0,
    max: 3600,
    unit: 's',
    help: 'Time without traffic after which a NOOP is sent to a peer; 0: never.',
    isShown: false,
  },
  {
    name: 'keepalive_idle',
    default: 30,
    min: 0,
    max: 32_767,
    unit: 's',
    help: 'Time without traffic after which TCP probes a peer; 0: never. Interval and count are those of the runtime.',
    isShown: false,
  },
  {
    name: 'nagle',
    default: 0,
    min: 0,
    max: 1,
    unit: 'flag',
    help: 'Let TCP delay small segments of new connections.',
    isShown: false,
  },
  {
    name: 'round_robin',
    default: 1,
    min: 0,
    max: 1,
    unit: 'flag',
    help: 'Take connections with equal backlog in turn.',
    isShown: false,
  },
  {
    name: 'enable_csum',
    default: 0,
    min: 0,
    max: 1,
    unit: 'flag',
    help: 'Send checksums to peers of protocol version 2.',
    isShown: false,
  },
] as const satisfies readonly NalTunable[];

export type TcpTunableName = (typeof TCP_TUNABLES)[number]['name'];
export type TcpTunables = Record<TcpTunableName, number>;

/** Those that are used once, when the NI opens. */
const FIXED: readonly TcpTunableName[] = ['accept_backlog'];

const byName: ReadonlyMap<string, (typeof TCP_TUNABLES)[number]> = new Map(
  TCP_TUNABLES.map((tunable) => [tunable.name, tunable]),
);

/** The tunables of a new NI. Throws {@link LnetError} ERR_LNET_BAD_ARGUMENT for an unknown name or a value out of range. */
export function openTunables(given: Readonly<Record<string, number>>): TcpTunables {
  const values = Object.fromEntries(TCP_TUNABLES.map(({ name, default: value }) => [name, value])) as TcpTunables;
  for (const [name, value] of Object.entries(given)) values[checked(name, value)] = value;
  return values;
}

/** Changes one while the NI is open. Throws as {@link openTunables}, and for a fixed one. */
export function changeTunable(values: TcpTunables, name: string, value: number): void {
  const known = checked(name, value);
  if (FIXED.includes(known)) throw badTunable(`${name} cannot be changed while the NI is open`);
  values[known] = value;
}

function checked(name: string, value: number): TcpTunableName {
  const tunable = byName.get(name);
  if (!tunable) throw badTunable(`the tcp NAL has no tunable '${name}'`, `it has ${[...byName.keys()].join(', ')}`);
  const { min, max, unit } = tunable;
  if (!Number.isInteger(value) || value < min || value > max)
    throw badTunable(`${name} must be a whole number of ${min}..${max} (${unit}), got ${value}`);
  return tunable.name;
}

function badTunable(message: string, hint?: string): LnetError {
  return new LnetError('ERR_LNET_BAD_ARGUMENT', { errno: -EINVAL, message, ...(hint === undefined ? {} : { hint }) });
}

/** Connections of each bulk type for a link of this speed: socklnd §3.3. */
export function connsForSpeed(mbps: number): number {
  return Math.floor(Math.floor(Math.log2(Math.max(mbps, 1000) / 1000)) / 2) + 1;
}
