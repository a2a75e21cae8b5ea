/** Plain text as Markdown shows it unchanged, on one line; what stands between backticks is code and stays so. */
export function plain(text) {
  return text
    .replace(/\s+/g, ' ')
    .split(/(`[^`]+`)/)
    .map((part, i) => (i % 2 === 1 ? part : part.replace(/[\\*_[\]<>~|`]|&(?=#?\w+;)/g, '\\$&')))
    .join('');
}

/** A table of figures, but for the first column, which is text. Cells are Markdown. */
export function table(head, rows) {
  return tableOf(head, `| --- |${' ---: |'.repeat(head.length - 1)}`, rows);
}

/** A table of text. Cells are Markdown. */
export function textTable(head, rows) {
  return tableOf(head, `|${' --- |'.repeat(head.length)}`, rows);
}

function tableOf(head, rule, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replace(/(?<!\\)\|/g, '\\|')).join(' | ')} |`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

/** The blocks of a document, a blank line between each two. Those that are undefined are left out. */
export function blocks(...parts) {
  return parts
    .flat(Number.POSITIVE_INFINITY)
    .filter((part) => part !== undefined)
    .join('\n\n');
}

/** The anchor that GitHub gives a heading. */
export function anchor(heading) {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
}
