import { EEXIST } from '../errno.ts';
import { NET_TUNABLES_DEFAULT, type NetTunables } from '../local-ni.ts';
import { LnetError } from '../error-code.ts';
import type { NalTunable } from '../nal.ts';
import { parseExprList } from '../wire/expr-list.ts';
import { formatNet, LOLND, lndOf, type NetId, parseNet } from '../wire/net.ts';
import { WireError } from '../wire/wire-error.ts';
import { parseCInteger, parseFlag } from './c-integer.ts';
import { defaultInterface, namedInterface } from './interface-nid.ts';
import { parseInterfaceList } from './networks.ts';
import type { NalFacts } from './host.ts';
import { type NetPlan, type NiPlan, nalNameOf } from './plan.ts';
import type { ConfigReader, Placed } from './reader.ts';
import { type ConfigEntry, type ConfigMap, entryOf, type Place } from './tree.ts';

/** Keys of an exported net that say how it was, not how it shall be: lnetctl §6.1. */
const READ_ONLY = new Set([
  'nid',
  'status',
  'statistics',
  'sent_stats',
  'received_stats',
  'dropped_stats',
  'health stats',
  'udsp info',
  'dev cpt',
]);
const NI_KEYS = ['interfaces', 'tunables', 'lnd tunables', 'CPT'];
const NET_KEYS = ['net type', 'local NI(s)', 'nal', ...NI_KEYS];

/** `lnd tunables` that a kernel writes and nothing can be done with here. */
const IGNORED_LND_TUNABLES = new Set(['timeout', 'map_on_demand', 'traffic_class_num']);

/** Reads one item of `net:`: lnetctl §6.1. Undefined for the loopback net, which exists by itself. */
export function readNet(reader: ConfigReader, item: ConfigMap): Placed<NetPlan> | undefined {
  const net = readNetName(reader, item, 'net type');
  if (lndOf(net) === LOLND) return undefined;
  for (const entry of item.entries) {
    if (!NET_KEYS.includes(entry.key) && !READ_ONLY.has(entry.key)) reader.unknownKey(entry, NET_KEYS);
  }
  const nal = readNal(reader, item, net);
  const listed = listedNis(reader, item);
  const interfaces: NiPlan[] = [];
  // A net item names interfaces itself when it lists no NIs, or beside those it lists.
  const naming = listed.length === 0 || entryOf(item, 'interfaces') ? [item, ...listed] : listed;
  for (const ni of naming) for (const made of readInterfaces(reader, net, ni)) addInterface(reader, interfaces, made);
  let tunables: NetTunables = NET_TUNABLES_DEFAULT;
  let lndTunables: Readonly<Record<string, number>> = {};
  for (const ni of [item, ...listed]) {
    tunables = { ...tunables, ...readTunables(reader, ni) };
    lndTunables = { ...lndTunables, ...readLndTunables(reader, ni, nal) };
    checkCpts(reader, ni);
  }
  const named = entryOf(item, 'nal') ? { nal: nal.name } : {};
  return { value: { net, ...named, interfaces, tunables, lndTunables }, place: item };
}

/** The net that an item is about; its key must come first, so that a reader of the file sees it first. */
export function readNetName(reader: ConfigReader, item: ConfigMap, key: 'net type' | 'net-spec'): NetId {
  const first = item.entries[0];
  if (first?.key !== key) {
    reader.fail(
      first ?? item,
      `Malformed input. Expect '${key}' found '${first?.key ?? ''}'`,
      `begin the item with '${key}: tcp'`,
    );
  }
  const text = reader.text(first);
  return (
    parseNet(text) ??
    reader.fail(first.value, `Invalid network ID '${text}'`, 'a network is a type and a number: tcp, tcp1, o2ib, udp')
  );
}

/** The NAL that carries the net of an item: the one of its type, or the one that `nal:` names. */
export function readNal(reader: ConfigReader, item: ConfigMap, net: NetId): NalFacts {
  const entry = entryOf(item, 'nal');
  return netNal(reader, entry?.value ?? item, net, entry && reader.text(entry));
}

/** The NAL of that name, else the one of the net's type. */
export function netNal(reader: ConfigReader, place: Place, net: NetId, named: string | undefined): NalFacts {
  const name = named ?? nalNameOf(net);
  const facts = name === undefined ? undefined : reader.host.nalOf(name);
  if (facts) return facts;
  return reader.fail(
    place,
    'LND type not supported',
    name === undefined
      ? `nothing here can carry ${formatNet(net)}`
      : `this program has no NAL '${name}'; 'lnet nal show' lists those it has`,
  );
}

/** The mappings below `local NI(s)`, a level that may be left out. */
function listedNis(reader: ConfigReader, item: ConfigMap): readonly ConfigMap[] {
  const level = entryOf(item, 'local NI(s)');
  const nis = level ? reader.maps(level) : [];
  for (const ni of nis) {
    for (const entry of ni.entries) {
      if (!NI_KEYS.includes(entry.key) && !READ_ONLY.has(entry.key)) reader.unknownKey(entry, NI_KEYS);
    }
  }
  return nis;
}

function readInterfaces(reader: ConfigReader, net: NetId, ni: ConfigMap): Placed<NiPlan>[] {
  const entry = entryOf(ni, 'interfaces');
  if (!entry) return [{ value: defaultInterface(reader, net, ni), place: ni }];
  return readInterfaceNames(reader, entry).map((name) => ({
    value: namedInterface(reader, net, name),
    place: name.place,
  }));
}

/** The names of `interfaces:`, without their CPT sets. */
export function readInterfaceNames(reader: ConfigReader, entry: ConfigEntry): Placed<string>[] {
  return reader.texts(entry).flatMap(({ value, place }) => {
    try {
      return parseInterfaceList(value).map((name) => ({ value: name, place }));
    } catch (error) {
      if (!(error instanceof LnetError)) throw error;
      return reader.fail(place, 'bad interface list', `${error.message}; write 'eth0' or 'eth0[0,1]'`);
    }
  });
}

/** Adds an NI to those of its net; the same one twice is refused. */
export function addInterface(reader: ConfigReader, interfaces: NiPlan[], { value, place }: Placed<NiPlan>): void {
  if (interfaces.some((known) => known.nid === value.nid)) {
    reader.fail(place, 'cannot add LNet NI', `${value.nid} is there already: name each interface once`, -EEXIST);
  }
  interfaces.push(value);
}

const INT_MAX = 0x7fffffff;
const ANY_INT = { min: -INT_MAX - 1, max: INT_MAX };

/** `tunables:`. Values at or below 0 (`peer_timeout`: below 0) mean "default". */
export function readTunables(reader: ConfigReader, ni: ConfigMap): Partial<NetTunables> {
  const entry = entryOf(ni, 'tunables');
  if (!entry || isEmpty(entry)) return {};
  const found: { -readonly [K in keyof NetTunables]?: number } = {};
  for (const inner of reader.map(entry.value, "'tunables'").entries) {
    const name = TUNABLES[inner.key];
    if (!name) {
      reader.warn(inner, `Ignoring unrecognized key '${inner.key}' for 'tunables'`);
      continue;
    }
    const value = reader.integer(inner, ANY_INT);
    if (value > 0 || (name === 'peerTimeoutS' && value === 0)) found[name] = value;
  }
  return found;
}

const TUNABLES: Readonly<Record<string, keyof NetTunables>> = {
  peer_timeout: 'peerTimeoutS',
  peer_credits: 'peerCredits',
  peer_buffer_credits: 'peerBufferCredits',
  credits: 'credits',
};

/** `lnd tunables:`, as the NAL declares them. */
export function readLndTunables(reader: ConfigReader, ni: ConfigMap, nal: NalFacts): Record<string, number> {
  const entry = entryOf(ni, 'lnd tunables');
  if (!entry || isEmpty(entry)) return {};
  const found: Record<string, number> = {};
  for (const inner of reader.map(entry.value, "'lnd tunables'").entries) {
    if (IGNORED_LND_TUNABLES.has(inner.key)) continue;
    const tunable = nal.tunables.find((each) => each.name === inner.key);
    if (tunable) found[inner.key] = lndValue(reader, inner, tunable);
    else reader.warn(inner, `Ignoring unrecognized key '${inner.key}' for 'lnd tunables'`);
  }
  return found;
}

function lndValue(reader: ConfigReader, entry: ConfigEntry, tunable: NalTunable): number {
  const text = reader.text(entry);
  if (tunable.unit === 'flag' && parseCInteger(text) === undefined && parseFlag(text) !== undefined) {
    return reader.flag(entry) ? 1 : 0;
  }
  return reader.integer(entry, tunable);
}

function isEmpty(entry: ConfigEntry): boolean {
  return entry.value.kind === 'scalar' && entry.value.text === '';
}

const CPTS = { min: 0, max: 0xffff };

/** `CPT:` as text or as a sequence of numbers and ranges: checked, then dropped, since there is one CPU partition here. */
export function checkCpts(reader: ConfigReader, ni: ConfigMap): void {
  const entry = entryOf(ni, 'CPT');
  if (!entry) return;
  for (const { value, place } of reader.texts(entry)) {
    try {
      parseExprList(value.startsWith('[') ? value : `[${value}]`, CPTS);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      reader.fail(place, `Unable to parse CPT '${value}'`, 'write "[0,1]" or "[0-3]"');
    }
  }
}
