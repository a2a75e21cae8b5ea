import { type Colour, paint } from './colour.js';
import { printable } from './printable.js';

/** A cell: its text, or that with a colour. */
export type Cell = string | { readonly text: string; readonly colour: Colour | undefined };

export interface Column {
  readonly title: string;
  readonly align?: 'right';
}

const SEPARATOR = '  ';

/**
 * Lines of a table, its titles first. What is not printable is escaped; the last column may be as long as it likes.
 * @param width the most characters a line may have; cut off where it has more
 */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  { colour = false, width = Number.POSITIVE_INFINITY }: { colour?: boolean; width?: number } = {},
): string[] {
  const titles: Cell[] = columns.map(({ title }) => ({ text: title, colour: 'dim' }));
  const cells = [titles, ...rows].map((row) =>
    row.map((cell) => {
      const { text, colour } = typeof cell === 'string' ? { text: cell, colour: undefined } : cell;
      return { text: printable(text), colour };
    }),
  );
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => row[i]?.text.length ?? 0)));
  return cells.map((row) => {
    let left = width;
    const parts: string[] = [];
    row.forEach(({ text, colour: wanted }, i) => {
      if (left <= 0) return;
      const full = i === columns.length - 1 ? 0 : (widths[i] ?? 0);
      const padded = columns[i]?.align === 'right' ? text.padStart(full) : text.padEnd(full);
      const shown = cut(padded, left);
      left -= shown.length + SEPARATOR.length;
      parts.push(colour && shown.trim() !== '' ? paint(shown, wanted) : shown);
    });
    return parts.join(SEPARATOR).trimEnd();
  });
}

/** The text, or its beginning. */
function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const kept = text.slice(0, Math.max(0, most - 1));
  // Half of a pair is no character.
  return `${kept.replace(/[\ud800-\udbff]$/, '')}…`;
}
