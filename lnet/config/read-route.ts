import { EINVAL } from '../errno.ts';
import { LnetError } from '../error-code.ts';
import { LOLND, lndOf, NET_ANY, type NetId, parseNet } from '../wire/net.ts';
import type { Nid } from '../wire/nid.ts';
import { parseCInteger } from './c-integer.ts';
import { ROUTE_ADD_TEXTS } from './kernel-text.ts';
import { expandNidList } from './nid-list.ts';
import type { RoutePlan } from './plan.ts';
import type { ConfigReader, Placed } from './reader.ts';
import { type ConfigEntry, type ConfigMap, entryOf } from './tree.ts';

const KEYS = new Set(['net', 'gateway', 'hop', 'priority', 'health_sensitivity', 'state', 'type', 'seq_no']);

const HOPS_MAX = 255;
const PRIORITY_MAX = 0xffffffff;

/** Reads one item of `route:`; a range of gateways makes several routes. lnetctl §6.3. */
export function readRoute(reader: ConfigReader, item: ConfigMap): Placed<RoutePlan>[] {
  warnOfUnknownKeys(reader, item, KEYS, 'route');
  const net = readRemoteNet(reader, item);
  const hops = readHops(reader, item);
  const priority = readPriority(reader, item);
  return readGateways(reader, item).map((gateway) => {
    if (gateway.net === net) {
      reader.fail(
        item,
        ROUTE_ADD_TEXTS[EINVAL] as string,
        `${gateway} is on that network itself: a gateway is on another`,
      );
    }
    return { value: { net, gateway, hops, priority }, place: item };
  });
}

/** Unknown keys of a route or peer are skipped, as LNet does (lnetctl §12 item 5); a person is told, for it may be a slip of the pen. */
export function warnOfUnknownKeys(
  reader: ConfigReader,
  item: ConfigMap,
  known: ReadonlySet<string>,
  block: string,
): void {
  for (const entry of item.entries) {
    if (!known.has(entry.key)) reader.warn(entry, `Ignoring unrecognized key '${entry.key}' for '${block}'`);
  }
}

function readRemoteNet(reader: ConfigReader, item: ConfigMap): NetId {
  const entry = entryOf(item, 'net') ?? reader.fail(item, 'missing mandatory parameter: network', "add 'net: o2ib'");
  const text = reader.text(entry);
  const net = text === '*' || text === '<?>' ? NET_ANY : parseNet(text);
  if (net === undefined) reader.fail(entry.value, 'cannot parse remote net', 'a network is a type and a number: o2ib1');
  if (net === NET_ANY) reader.fail(entry.value, 'setting LNET_NET_ANY not allowed', 'name one network');
  if (lndOf(net) === LOLND) reader.fail(entry.value, 'setting @lo not allowed', 'loopback needs no route');
  return net;
}

function readGateways(reader: ConfigReader, item: ConfigMap): Nid[] {
  const entry =
    entryOf(item, 'gateway') ?? reader.fail(item, 'missing mandatory parameter: gateway', "add 'gateway: NID'");
  const gateways = readNids(reader, entry, 'cannot parse gateway');
  const loopback = gateways.find((nid) => nid.isLoopback);
  if (loopback) reader.fail(entry.value, 'setting @lo not allowed', 'a gateway is another node');
  return gateways;
}

/** NIDS behind a key. `reason` is said when the text is none. */
export function readNids(reader: ConfigReader, entry: ConfigEntry, reason: string): Nid[] {
  const text = reader.text(entry);
  try {
    return expandNidList(text);
  } catch (error) {
    if (!(error instanceof LnetError)) throw error;
    return reader.fail(entry.value, reason, `'${text}': ${error.message}; write ADDRESS@NET, such as 10.0.0.[1-4]@tcp`);
  }
}

function readHops(reader: ConfigReader, item: ConfigMap): number | undefined {
  const entry = entryOf(item, 'hop');
  if (!entry) return undefined;
  const hops = parseCInteger(reader.text(entry));
  if (hops === -1) return undefined;
  if (hops === undefined || hops < 1 || hops > HOPS_MAX) {
    reader.fail(entry.value, `invalid hop count must be between 1 and ${HOPS_MAX}`, '-1 stands for "not known"');
  }
  return hops;
}

function readPriority(reader: ConfigReader, item: ConfigMap): number {
  const entry = entryOf(item, 'priority');
  if (!entry) return 0;
  const priority = parseCInteger(reader.text(entry));
  if (priority === undefined || priority < 0 || priority > PRIORITY_MAX) {
    reader.fail(entry.value, 'invalid priority, must not be negative', '0 is the best; larger numbers come later');
  }
  return priority;
}
