import { ConfigError } from '../../lnet/config/config-error.ts';
import type { ConfigEntry, ConfigNode, Place } from '../../lnet/config/tree.ts';
import { lineNestedDeeperThan } from './yaml-nesting.ts';
import type * as Yaml from 'yaml';
import type { Document, LineCounter, Node, Pair } from 'yaml';

/** Largest configuration text, bytes: what a person writes, and an export of a large node, stays far below. */
export const CONFIG_BYTES_MAX = 1_048_576;

/** Deepest nesting of a configuration; the schema needs six levels. */
const DEPTH_MAX = 32;

/**
 * Reads YAML text into the tree that `lnet/config` understands. Throws {@link ConfigError} for text that is not YAML, and for
 * what the schema has no use for: several documents, anchors and aliases, keys that are not plain values.
 */
export async function readYaml(text: string, file: string): Promise<ConfigNode> {
  if (Buffer.byteLength(text) > CONFIG_BYTES_MAX) {
    const place = { line: 1, column: 1 };
    throw new ConfigError({ file, place, reason: `longer than ${CONFIG_BYTES_MAX} bytes`, hint: 'split the file' });
  }
  const deepLine = lineNestedDeeperThan(text, DEPTH_MAX);
  if (deepLine !== undefined) {
    const place = { line: deepLine, column: 1 };
    throw new ConfigError({ file, place, reason: 'nested too deeply', hint: `at most ${DEPTH_MAX} levels` });
  }
  // Loading the library takes longer than most commands: only those that read YAML pay for it.
  const yaml = await import('yaml');
  const lineCounter = new yaml.LineCounter();
  const documents = yaml.parseAllDocuments(text, {
    lineCounter,
    strict: true,
    uniqueKeys: true,
    schema: 'failsafe',
  });
  if ('empty' in documents) return { kind: 'scalar', text: '', line: 1, column: 1 };
  const builder = new TreeBuilder(yaml, file, lineCounter);
  const second = documents[1];
  if (second)
    builder.fail(second.range[0], 'more than one YAML document', "a configuration is one document: take out the '---'");
  return builder.document(documents[0] as Document.Parsed);
}

class TreeBuilder {
  readonly #yaml: typeof Yaml;
  readonly #file: string;
  readonly #lines: LineCounter;

  constructor(yaml: typeof Yaml, file: string, lines: LineCounter) {
    this.#yaml = yaml;
    this.#file = file;
    this.#lines = lines;
  }

  document(document: Document.Parsed): ConfigNode {
    const [error] = document.errors;
    if (error) {
      const { line, col } = error.linePos?.[0] ?? { line: 1, col: 1 };
      const reason = (error.message.split(' at line ')[0] as string).trim();
      throw new ConfigError({
        file: this.#file,
        place: { line, column: col },
        reason,
        hint: 'this is not valid YAML: look at indentation, quotes and colons around this place',
      });
    }
    return document.contents ? this.#node(document.contents, 0) : { kind: 'scalar', text: '', line: 1, column: 1 };
  }

  fail(offset: number, reason: string, hint: string): never {
    throw new ConfigError({ file: this.#file, place: this.#placeOf(offset), reason, hint });
  }

  #placeOf(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  #node(node: Node, depth: number): ConfigNode {
    const offset = node.range?.[0] ?? 0;
    if (depth > DEPTH_MAX) this.fail(offset, 'nested too deeply', `at most ${DEPTH_MAX} levels`);
    if (this.#yaml.isAlias(node) || node.anchor !== undefined) {
      this.fail(offset, 'anchors and aliases are not supported', 'write the value out where it is needed');
    }
    const place = this.#placeOf(offset);
    if (this.#yaml.isScalar(node)) return { kind: 'scalar', text: textOf(node.value), ...place };
    if (this.#yaml.isSeq(node)) {
      return { kind: 'list', items: node.items.map((item) => this.#node(item as Node, depth + 1)), ...place };
    }
    if (this.#yaml.isMap(node)) {
      return {
        kind: 'map',
        entries: node.items.map((pair) => this.#entry(pair as Pair<Node, Node | null>, depth)),
        ...place,
      };
    }
    return this.fail(offset, 'this is no value, mapping or sequence', "write 'key: value'");
  }

  #entry(pair: Pair<Node, Node | null>, depth: number): ConfigEntry {
    const offset = pair.key.range?.[0] ?? 0;
    const place = this.#placeOf(offset);
    if (!this.#yaml.isScalar(pair.key)) this.fail(offset, 'a key must be plain text', "write 'key: value'");
    const key = textOf(pair.key.value);
    const value = pair.value ? this.#node(pair.value, depth + 1) : ({ kind: 'scalar', text: '', ...place } as const);
    return { key, value, ...place };
  }
}

/** The failsafe schema reads every plain value as text; an absent one as null. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
