import { parseCInteger, parseFlag } from './c-integer.ts';
import { ConfigError } from './config-error.ts';
import type { ConfigHost } from './host.ts';
import type { ConfigEntry, ConfigMap, ConfigNode, Place } from './tree.ts';

/** A value with its place in the file, for checks that come later. */
export interface Placed<T> {
  readonly value: T;
  readonly place: Place;
}

/** Bounds of an integer, both included. */
export interface IntegerRange {
  readonly min: number;
  readonly max: number;
}

/** Reads values out of a tree; every complaint names file, line, column, reason and remedy. One per file. */
export class ConfigReader {
  readonly file: string;
  readonly host: ConfigHost;
  readonly #warn: (text: string) => void;

  constructor(file: string, host: ConfigHost, warn: (text: string) => void) {
    this.file = file;
    this.host = host;
    this.#warn = warn;
  }

  fail(place: Place, reason: string, hint: string, errno?: number): never {
    throw new ConfigError({ file: this.file, place, reason, hint, ...(errno === undefined ? {} : { errno }) });
  }

  /** For what is skipped, not refused. */
  warn(place: Place, text: string): void {
    this.#warn(`${this.file}:${place.line}:${place.column}: ${text}`);
  }

  unknownKey(entry: ConfigEntry, known: readonly string[]): never {
    this.fail(entry, `invalid key '${entry.key}'`, `known here: ${known.join(', ')}`);
  }

  /** The value of a key as text. */
  text(entry: ConfigEntry): string {
    const { value } = entry;
    if (value.kind !== 'scalar') this.fail(value, badValue('a block', entry.key), 'write one value behind the key');
    if (value.text === '')
      this.fail(entry, `no value specified for key '${entry.key}'`, 'write a value behind the key');
    return value.text;
  }

  integer(entry: ConfigEntry, range: IntegerRange): number {
    const text = this.text(entry);
    const number = parseCInteger(text);
    if (number === undefined || number < range.min || number > range.max) {
      this.fail(entry.value, badValue(text, entry.key), `a whole number of ${range.min}..${range.max} belongs here`);
    }
    return number;
  }

  flag(entry: ConfigEntry): boolean {
    const text = this.text(entry);
    return parseFlag(text) ?? this.fail(entry.value, badValue(text, entry.key), 'true or false belongs here');
  }

  map(node: ConfigNode, what: string): ConfigMap {
    if (node.kind === 'map') return node;
    return this.fail(node, `${what} must be a mapping`, `write keys and values below it, one per line: 'key: value'`);
  }

  /** The items of a sequence of mappings. An empty value is an empty sequence. */
  maps(entry: ConfigEntry): readonly ConfigMap[] {
    const { value } = entry;
    if (value.kind === 'scalar' && value.text === '') return [];
    if (value.kind !== 'list') {
      this.fail(value, `'${entry.key}' must be a sequence`, `begin each of its items with '- '`);
    }
    return value.items.map((item) => this.map(item, `each item of '${entry.key}'`));
  }

  /** The plain values of a mapping `0: a`, `1: b`, of a sequence, or of a single scalar. */
  texts(entry: ConfigEntry): readonly Placed<string>[] {
    const { value } = entry;
    if (value.kind === 'map') return value.entries.map((inner) => ({ value: this.text(inner), place: inner.value }));
    if (value.kind === 'scalar') return [{ value: this.text(entry), place: value }];
    return value.items.map((item) => {
      if (item.kind !== 'scalar' || item.text === '') {
        this.fail(item, `no value specified for key '${entry.key}'`, 'write one plain value in each item');
      }
      return { value: item.text, place: item };
    });
  }
}

function badValue(text: string, key: string): string {
  return `invalid value '${text}' for key '${key}'`;
}
