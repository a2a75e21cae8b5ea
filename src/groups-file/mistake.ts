import type { FieldError } from '../errors.js';

/** A place in the text of a file, both from 1 on; columns are counted in UTF-16 units, as editors do. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** One mistake in a groups file. Its pointer is empty, and it has no line, when it is about the whole file. */
export type Mistake = FieldError;

/** More mistakes than this are counted, not told. */
export const MAX_MISTAKES = 100;

/** One line for a person: `groups.yaml:7:5: /groups/1/workers must be integer`. */
export function describeMistake(file: string, { line, column, pointer, detail }: Mistake): string {
  const place = line === undefined ? file : `${file}:${line}:${column ?? 1}`;
  return oneLine(`${place}: ${pointer === '' ? '' : `${pointer} `}${detail}`);
}

/** The first mistakes, and how many more there are. */
export function bounded(mistakes: readonly Mistake[]): Mistake[] {
  if (mistakes.length <= MAX_MISTAKES) return [...mistakes];
  const more = mistakes.length - MAX_MISTAKES;
  return [...mistakes.slice(0, MAX_MISTAKES), { pointer: '', detail: `has ${more} more mistakes` }];
}

/** In the order of the file; what is about the whole of it comes last. */
export function byPlace(a: Mistake, b: Mistake): number {
  const end = Number.POSITIVE_INFINITY;
  return (a.line ?? end) - (b.line ?? end) || (a.column ?? 0) - (b.column ?? 0);
}

/** Keys and names from the file are quoted in messages, and may have line breaks and worse in them. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}
