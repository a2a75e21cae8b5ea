import { feedWords } from '../readings/group-words.js';
import { NOTHING } from '../readings/quantities.js';
import type { GroupStatus } from '../schemas/group-status.js';
import type { Cell, Column } from './table.js';

const COLUMNS: readonly Column[] = [
  { title: 'FEED', align: 'right' },
  { title: 'TRAINER WAITS', align: 'right' },
  { title: 'WORKERS WAIT', align: 'right' },
];

/** The columns about feeds of a table of these groups, and the cells of a group in them: none where no group has one. */
export function feedColumns(groups: readonly GroupStatus[]): {
  columns: readonly Column[];
  cells: (group: GroupStatus) => Cell[];
} {
  if (groups.every(({ feed }) => feed === null)) return { columns: [], cells: () => [] };
  return {
    columns: COLUMNS,
    cells: (group) => {
      const words = feedWords(group);
      return [words?.depth ?? NOTHING, words?.trainerWaits ?? NOTHING, words?.workersWait ?? NOTHING];
    },
  };
}
