import {
  Composer,
  type Document,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  Parser,
} from 'yaml';
import type { Mistake, Position } from './mistake.js';
import { Aliases, MAX_DEPTH, toValue } from './yaml-value.js';

/** A text as plain JSON values, and where in the text each of them is. */
export interface YamlDocument {
  /** Undefined for a text without any content. */
  readonly value: unknown;
  /** Where the field of a JSON pointer is, or what of it there is: a field that is missing is where it belongs. */
  readonly locate: (pointer: string) => Position;
  readonly mistakes: Mistake[];
}

/** Document, collection and scalar that are being read take places on the parser's stack besides the levels. */
const STACK_SLACK = 4;

/** Reads YAML 1.2, of which JSON is a part. */
export function readYaml(text: string): YamlDocument {
  const lines = new LineCounter();
  const positionAt = (offset: number): Position => {
    const { line, col } = lines.linePos(Math.min(offset, text.length));
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const told = (offset: number, detail: string, pointer = ''): Mistake => ({
    pointer,
    detail,
    ...positionAt(offset),
  });
  const { document, mistakes } = compose(text, lines, told);
  const root: Node | null = document?.contents ?? null;
  const aliases = new Aliases(root);
  const locate = (pointer: string): Position => positionAt(offsetOf(root, pointer, aliases));
  if (mistakes.length > 0) return { value: undefined, locate, mistakes };
  const { value, mistakes: inValues } = toValue(root, aliases);
  return {
    value,
    locate,
    mistakes: inValues.map(({ node, detail, pointer }) => told(node.range?.[0] ?? 0, detail, pointer)),
  };
}

/** What the library makes of the text, unless it cannot be trusted with it. */
function compose(
  text: string,
  lines: LineCounter,
  told: (offset: number, detail: string) => Mistake,
): { document?: Document.Parsed; mistakes: Mistake[] } {
  const parser = new Parser(lines.addNewLine);
  const tokens = [];
  let offset = 0;
  lines.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    offset += lexeme.length;
    // The composer goes into depth by recursion: on a stack that is nearly full V8 has ended the whole process.
    if (parser.stack.length > MAX_DEPTH + STACK_SLACK)
      return { mistakes: [told(offset, `is nested more than ${MAX_DEPTH} levels deep`)] };
  }
  tokens.push(...parser.end());
  // Keys that are given twice are found on our own: the library compares each with each.
  const options = { lineCounter: lines, prettyErrors: false, uniqueKeys: false, resolveKnownTags: false };
  let document: Document.Parsed | undefined;
  for (const next of new Composer(options).compose(tokens, true, text.length)) {
    if (document !== undefined) {
      const at = next.contents?.range[0] ?? next.range[0];
      return { mistakes: [told(at, 'has a second document after "---": put all groups into one')] };
    }
    document = next;
  }
  const { errors = [], warnings = [], directives } = document ?? {};
  // Tags are told where they stand, with the values.
  const serious = [...errors, ...warnings].filter(({ code }) => code !== 'TAG_RESOLVE_FAILED');
  const mistakes = serious.map(({ pos, message }) => told(pos[0], `cannot be read: ${message}`));
  if (directives?.yaml.explicit === true && directives.yaml.version !== '1.2')
    mistakes.push(
      told(0, `is declared as YAML ${directives.yaml.version}: it is read as 1.2, remove "%YAML"`),
    );
  return document === undefined ? { mistakes } : { document, mistakes };
}

/** Where the node of a pointer begins; of a field of a map, where its key does. */
function offsetOf(root: Node | null, pointer: string, aliases: Aliases): number {
  let node = root;
  let offset = root?.range?.[0] ?? 0;
  for (const segment of pointer.split('/').slice(1)) {
    const key = segment.replaceAll('~1', '/').replaceAll('~0', '~');
    const target = aliases.resolve(node);
    if (!isCollection(target)) break;
    if (isMap(target)) {
      const pair = target.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
      if (pair === undefined) break;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = (pair.value as Node | null) ?? null;
    } else if (isSeq(target)) {
      const item = target.items[Number(key)] as Node | undefined;
      if (item === undefined) break;
      offset = item.range?.[0] ?? offset;
      node = item;
    }
  }
  return offset;
}
