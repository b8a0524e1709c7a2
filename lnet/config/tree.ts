/** Where something stands in a file; both count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/**
 * A configuration file as a tree of values with their places. Independent of the library that read it. Scalars are kept as
 * text: which texts are numbers or booleans is a matter of each key (lnetctl §6 rule 3), not of YAML.
 */
export type ConfigNode = ConfigScalar | ConfigMap | ConfigList;

export interface ConfigScalar extends Place {
  readonly kind: 'scalar';
  /** Empty for a key without value. */
  readonly text: string;
}

export interface ConfigMap extends Place {
  readonly kind: 'map';
  /** In file order, keys distinct. */
  readonly entries: readonly ConfigEntry[];
}

/** One key with its value; the place is the key's. */
export interface ConfigEntry extends Place {
  readonly key: string;
  readonly value: ConfigNode;
}

export interface ConfigList extends Place {
  readonly kind: 'list';
  readonly items: readonly ConfigNode[];
}

/** The entry of a key, or undefined. */
export function entryOf(map: ConfigMap, key: string): ConfigEntry | undefined {
  return map.entries.find((entry) => entry.key === key);
}
