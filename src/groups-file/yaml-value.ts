import { type Alias, isAlias, isMap, isScalar, isSeq, type Node, type Pair, Scalar, visit } from 'yaml';
import { escapeSegment } from '../schemas/validation.js';

/** A spec may be nested as deeply as one over REST (100), and is itself in an array in an object. */
export const MAX_DEPTH = 102;

/** What aliases may add to a file, in values: a few lines of them can stand for billions. */
const MAX_ALIASED_VALUES = 20_000;
/** The same in characters of text. */
const MAX_ALIASED_CHARACTERS = 1024 * 1024;

/** The tags of JSON's own types; anything else has no meaning in a spec. */
const JSON_TAGS = ['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map(
  (name) => `tag:yaml.org,2002:${name}`,
);

/** A mistake at a node. */
export interface NodeMistake {
  readonly node: Node;
  readonly pointer: string;
  readonly detail: string;
}

/** What each alias of a document stands for: the last anchor of its name before it. */
export class Aliases {
  readonly #targets = new Map<Alias, Node>();

  constructor(root: Node | null) {
    const anchors = new Map<string, Node>();
    visit(root, {
      Alias: (_key, alias) => {
        const target = anchors.get(alias.source);
        if (target !== undefined) this.#targets.set(alias, target);
      },
      Value: (_key, node) => {
        if (node.anchor !== undefined) anchors.set(node.anchor, node);
      },
    });
  }

  /** The node itself, or what it stands for; null for an alias of nothing. */
  resolve(node: Node | null): Node | null {
    return isAlias(node) ? (this.#targets.get(node) ?? null) : node;
  }
}

/** A tree of nodes as plain JSON values. What has no place in JSON is a mistake, and null in the value. */
export function toValue(root: Node | null, aliases: Aliases): { value: unknown; mistakes: NodeMistake[] } {
  const conversion = new Conversion(aliases);
  return {
    value: root === null ? undefined : conversion.convert(root, '', 0),
    mistakes: conversion.mistakes,
  };
}

class Conversion {
  readonly mistakes: NodeMistake[] = [];
  readonly #aliases: Aliases;
  /** How many aliases lead to where the conversion is. */
  #within = 0;
  #aliasedValues = 0;
  #aliasedCharacters = 0;

  constructor(aliases: Aliases) {
    this.#aliases = aliases;
  }

  convert(node: Node | null, pointer: string, depth: number): unknown {
    if (node === null) return null;
    if (depth > MAX_DEPTH)
      return this.#mistake(node, pointer, `is nested more than ${MAX_DEPTH} levels deep`);
    if (this.#within > 0 && !this.#hasRoom(node)) return null;
    if (isAlias(node)) return this.#alias(node, pointer, depth);
    if (node.tag !== undefined && !JSON_TAGS.includes(node.tag))
      return this.#mistake(node, pointer, `has the tag ${node.tag}, which means nothing here: remove it`);
    if (isMap(node)) return this.#map(node.items, pointer, depth);
    if (isSeq(node))
      return node.items.map((item, i) => this.convert(item as Node | null, `${pointer}/${i}`, depth + 1));
    return this.#scalar(node as Scalar, pointer);
  }

  #alias(alias: Alias, pointer: string, depth: number): unknown {
    const target = this.#aliases.resolve(alias);
    if (target === null)
      return this.#mistake(
        alias,
        pointer,
        `stands for *${alias.source}, and there is no &${alias.source} before it`,
      );
    // Only so can there be a circle: what an alias stands for is before it.
    if (contains(target, alias))
      return this.#mistake(alias, pointer, `stands for *${alias.source}, which it is a part of itself`);
    this.#within++;
    const value = this.convert(target, pointer, depth);
    this.#within--;
    return value;
  }

  #map(items: readonly Pair[], pointer: string, depth: number): Record<string, unknown> {
    const value: Record<string, unknown> = {};
    for (const { key, value: content } of items) {
      const name = this.#key(key as Node | null, content as Node | null, pointer);
      if (name === undefined) continue;
      if (this.#within > 0) this.#aliasedCharacters += name.length;
      const field = `${pointer}/${escapeSegment(name)}`;
      if (Object.hasOwn(value, name)) this.#mistake(key as Node, field, 'is given twice: remove one of them');
      else value[name] = this.convert(content as Node | null, field, depth + 1);
    }
    return value;
  }

  /** The name of a key; undefined, with a mistake, for one that is none. */
  #key(key: Node | null, content: Node | null, pointer: string): string | undefined {
    if (!isScalar(key)) {
      if (key !== null) this.#mistake(key, pointer, 'has a key that is no text');
      return undefined;
    }
    const { value } = key;
    if (typeof value !== 'string') {
      const source = key.source ?? String(value);
      this.#mistake(key, pointer, `has the key ${source}, which is no text: put it into quotes`);
      return undefined;
    }
    if (value === '<<' && key.type === Scalar.PLAIN) {
      this.#mistake(key, pointer, 'has a merge key (<<), which YAML 1.2 does not have: write the fields out');
      return undefined;
    }
    const target = this.#aliases.resolve(content);
    // Harmless here, and a trap for whoever merges such an object into another; refused over REST as well.
    const poisoned =
      value === '__proto__' || (value === 'constructor' && isMap(target) && target.has('prototype'));
    if (poisoned) {
      this.#mistake(key, pointer, 'has a key "__proto__" or "constructor.prototype": rename it');
      return undefined;
    }
    return value;
  }

  #scalar(node: Scalar, pointer: string): unknown {
    const { value, source } = node;
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    // Zero in place of -0, which what is kept of the group could not tell from it.
    if (typeof value === 'number' && Number.isFinite(value)) return value === 0 ? 0 : value;
    const shown = source ?? String(value);
    return this.#mistake(node, pointer, `is ${shown}, a number that JSON cannot hold`);
  }

  /** Whether what aliases stand for is still within bounds. The first that is not is told. */
  #hasRoom(node: Node): boolean {
    const before = this.#isOver;
    this.#aliasedValues++;
    if (isScalar(node) && typeof node.value === 'string') this.#aliasedCharacters += node.value.length;
    if (!this.#isOver) return true;
    if (!before) this.#mistake(node, '', 'is too large once its aliases are filled in');
    return false;
  }

  get #isOver(): boolean {
    return this.#aliasedValues > MAX_ALIASED_VALUES || this.#aliasedCharacters > MAX_ALIASED_CHARACTERS;
  }

  #mistake(node: Node, pointer: string, detail: string): null {
    this.mistakes.push({ node, pointer, detail });
    return null;
  }
}

/** Whether the text of one node is inside of that of another. */
function contains(outer: Node, inner: Node): boolean {
  const [from, to] = outer.range ?? [0, 0];
  const [at] = inner.range ?? [0];
  return from <= at && at < to;
}
