/**
 * What a terminal would act on instead of showing it: control characters (C0, DEL, C1), line separators, and the marks
 * that change the direction of text. Workers write reasons, so they may hold anything.
 */
const ACTED_ON = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** The text without what a terminal would act on; of JSON it is the same JSON, for there they are only within strings. */
export function harmless(text: string): string {
  return text.replace(ACTED_ON, escaped);
}

/** The text as one line that keeps its blanks and tabs, as of a log, in which they mean something. */
export function printableLine(text: string): string {
  const ends: Readonly<Record<string, string>> = { '\t': '\t', '\n': '\\n', '\r': '\\r' };
  return text.replace(ACTED_ON, (character) => ends[character] ?? escaped(character)).trimEnd();
}

/** The text as one line that a terminal shows and does not act on. */
export function printable(text: string): string {
  return text.replace(/\s+/g, ' ').replace(ACTED_ON, escaped).trim();
}

/** The value as one line of JSON without such characters. */
export function printableJson(value: unknown): string {
  return harmless(JSON.stringify(value));
}
