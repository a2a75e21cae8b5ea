import type { GroupStatus } from '../schemas/group-status.js';

/**
 * Items a second that were taken from the feed of a group between two looks at it.
 * @param seconds that lie between them
 * @returns undefined when they cannot be compared: a look without a feed, or a group that was registered anew
 */
export function itemRate(
  before: GroupStatus | undefined,
  after: GroupStatus,
  seconds: number,
): number | undefined {
  if (before === undefined || before.feed === null || after.feed === null || seconds <= 0) return undefined;
  const items = after.feed.takenItems - before.feed.takenItems;
  return items < 0 ? undefined : items / seconds;
}
