import { type Counters, iterations } from '../coordinator/counters.js';
import type { Group } from '../coordinator/group.js';
import type { GroupStatus } from '../schemas/group-status.js';

/** A group as clients see it. */
export function groupStatus(group: Group): GroupStatus {
  const { incarnation } = group;
  const pid = incarnation?.pid;
  return {
    name: group.name,
    spec: group.spec,
    restartPending: group.restartPending,
    desired: group.desired,
    state: group.state,
    since: group.since.toISOString(),
    reason: group.reason,
    host:
      pid === undefined
        ? null
        : { pid, memoryBytes: group.memoryBytes, cpuSeconds: incarnation?.report?.cpuSeconds ?? 0 },
    workers: group.workers().map(({ id, index, state, counters, progressAt }) => ({
      id,
      index,
      state,
      ...summary(counters),
      lastProgress: progressAt === 0 ? null : new Date(progressAt).toISOString(),
    })),
    totals: { ...summary(group.totals()), killed: group.killedTotal },
  };
}

function summary(counters: Counters) {
  return { iterations: iterations(counters), errors: counters.errors, workerTimeSeconds: counters.seconds };
}
