import { type Nid, tryParseNid } from '../wire/nid.ts';
import { parseFlag } from './c-integer.ts';
import { PEER_NIDS_MAX } from './nid-list.ts';
import type { PeerPlan } from './plan.ts';
import { readNids, warnOfUnknownKeys } from './read-route.ts';
import type { ConfigReader, Placed } from './reader.ts';
import { type ConfigMap, entryOf } from './tree.ts';

const KEYS = new Set(['primary nid', 'Multi-Rail', 'peer ni', 'peer state']);

/** Reads one item of `peer:`: lnetctl §6.4. The primary NID comes first in `nids`. */
export function readPeer(reader: ConfigReader, item: ConfigMap): Placed<PeerPlan> {
  warnOfUnknownKeys(reader, item, KEYS, 'peer');
  const primaryNid = readPrimaryNid(reader, item);
  const nids = new Set([primaryNid, ...readPeerNis(reader, item)]);
  if (nids.size > PEER_NIDS_MAX) {
    reader.fail(item, 'failed to add peer', `${nids.size} NIDs: at most ${PEER_NIDS_MAX} belong to one peer`);
  }
  return { value: { primaryNid, isMultiRail: readMultiRail(reader, item), nids: [...nids] }, place: item };
}

function readPrimaryNid(reader: ConfigReader, item: ConfigMap): Nid {
  const first = item.entries[0];
  if (first?.key !== 'primary nid') {
    reader.fail(first ?? item, 'missing primary NID', "begin the item with 'primary nid: NID'");
  }
  const text = reader.text(first);
  const nid = tryParseNid(text);
  if (!nid || nid.isAny || nid.isLoopback) {
    reader.fail(first.value, 'unsupported primary NID', `'${text}' names no other node; write ADDRESS@NET`);
  }
  return nid;
}

function readMultiRail(reader: ConfigReader, item: ConfigMap): boolean {
  const entry = entryOf(item, 'Multi-Rail');
  if (!entry) return true;
  return (
    parseFlag(reader.text(entry)) ?? reader.fail(entry.value, 'invalid MR flag param', 'true or false belongs here')
  );
}

function readPeerNis(reader: ConfigReader, item: ConfigMap): Nid[] {
  const entry = entryOf(item, 'peer ni');
  if (!entry) return [];
  return reader.maps(entry).flatMap((ni) => {
    const nid =
      entryOf(ni, 'nid') ?? reader.fail(ni, "no value specified for key 'nid'", "each item begins with 'nid: NID'");
    const nids = readNids(reader, nid, 'failed to add peer');
    if (nids.some((each) => each.isLoopback)) reader.fail(nid.value, 'failed to add peer', '0@lo is every node itself');
    return nids;
  });
}
