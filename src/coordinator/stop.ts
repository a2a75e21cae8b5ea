import type { Group, GroupStopReport } from './group.js';
import { inSteps } from './start-order.js';

/**
 * Stops groups together: all are asked at once, but for those that others of them come after, which wait for the end of
 * those. Returns the reports in the order given.
 *
 * @param stop stops one group, as soon as `first` has settled
 */
export async function stopGroups(
  groups: readonly Group[],
  stop: (group: Group, first: Promise<unknown> | undefined) => Promise<GroupStopReport>,
): Promise<GroupStopReport[]> {
  const reports = new Map<Group, Promise<GroupStopReport>>();
  const waiting = new Set<Group>();
  const ordered = groups.map((group) => ({ group, name: group.name, after: group.spec.after }));
  for (const { group, name } of inSteps(ordered).reverse().flat()) {
    // A group at rest has nothing to end, but may pass on the wait for those after it.
    const later = groups.filter(
      (other) => other.spec.after.includes(name) && (other.active || waiting.has(other)),
    );
    if (later.length > 0) waiting.add(group);
    const first = later.length > 0 ? Promise.all(later.map((other) => reports.get(other))) : undefined;
    reports.set(group, stop(group, first));
  }
  const all = await Promise.all(groups.map((group) => reports.get(group)));
  return all.filter((report) => report !== undefined);
}
