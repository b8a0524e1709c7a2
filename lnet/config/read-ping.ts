import { LnetError } from '../error-code.ts';
import { type Nid, tryParseNid } from '../wire/nid.ts';
import { expandNidList } from './nid-list.ts';
import type { ConfigReader } from './reader.ts';
import { type ConfigEntry, entryOf } from './tree.ts';

/** A `ping:` or `discover:` block of `import --exec`: lnetctl §6.9. */
export interface PingPlan {
  readonly nids: readonly Nid[];
  readonly timeoutMs?: number;
  readonly source?: Nid;
}

const KEYS = ['nids', 'timeout', 'source'];
const TIMEOUT_MS_MAX = 180_000;

export function readPing(reader: ConfigReader, block: ConfigEntry): PingPlan {
  const map = reader.map(block.value, `'${block.key}'`);
  for (const entry of map.entries) if (!KEYS.includes(entry.key)) reader.unknownKey(entry, KEYS);
  const nids =
    entryOf(map, 'nids') ?? reader.fail(map, "no value specified for key 'nids'", "add 'nids:' with '0: NID'");
  const timeout = entryOf(map, 'timeout');
  const source = entryOf(map, 'source');
  return {
    nids: reader.texts(nids).flatMap(({ value, place }) => {
      try {
        return expandNidList(value);
      } catch (error) {
        if (!(error instanceof LnetError)) throw error;
        return reader.fail(place, error.message, 'write ADDRESS@NET');
      }
    }),
    ...(timeout ? { timeoutMs: reader.integer(timeout, { min: 1, max: TIMEOUT_MS_MAX }) } : {}),
    ...(source ? { source: readSource(reader, source) } : {}),
  };
}

function readSource(reader: ConfigReader, entry: ConfigEntry): Nid {
  const text = reader.text(entry);
  return (
    tryParseNid(text) ??
    reader.fail(entry.value, `invalid value '${text}' for key 'source'`, 'write a NID of this node')
  );
}
