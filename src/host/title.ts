/** A name has 63 characters at most. A process has as much room for a title as it was given arguments. */
const ROOM = 'parallel-workers host '.length + 63;

/** What a host is listed as by `ps` and its like. */
export function hostTitle(group: string): string {
  return `parallel-workers host ${group}`;
}

/** The same of one that waits for a group. */
export const SPARE_TITLE = 'parallel-workers spare host';

/** The title as an argument that leaves room for every other. */
export function titleArgument(title: string): string {
  return title.padEnd(ROOM);
}
