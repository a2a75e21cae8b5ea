import { type Counters, iterations } from '../coordinator/counters.js';
import type { Group } from '../coordinator/group.js';
import type { FeedStatus } from '../schemas/feed.js';
import type { GroupStatus } from '../schemas/group-status.js';

/** A group as clients see it. */
export function groupStatus(group: Group): GroupStatus {
  const { incarnation, record } = group;
  const pid = incarnation?.pid;
  return {
    name: group.name,
    origin: group.origin,
    spec: group.spec,
    restartPending: group.restartPending,
    desired: group.desired,
    state: group.state,
    since: group.since.toISOString(),
    reason: group.reason,
    restartAt: group.restartAt?.toISOString() ?? null,
    host:
      pid === undefined
        ? null
        : { pid, memoryBytes: group.memoryBytes, cpuSeconds: incarnation?.usage?.cpuSeconds ?? 0 },
    feed: feedStatus(group),
    workers: group.workers().map(({ id, index, state, counters, progressAt, restarts, restartAt }) => ({
      id,
      index,
      state,
      ...summary(counters),
      lastProgress: progressAt === 0 ? null : new Date(progressAt).toISOString(),
      restarts,
      restartAt: restartAt?.toISOString() ?? null,
    })),
    totals: {
      ...summary(group.totals()),
      killed: record.killed,
      stalls: record.stalls,
      restarts: record.restartsTotal,
    },
    failures: record.failures.map(({ at, kind, workerId, reason }) => ({
      at: at.toISOString(),
      kind,
      workerId: workerId ?? null,
      reason,
    })),
  };
}

function summary(counters: Counters) {
  return { iterations: iterations(counters), errors: counters.errors, workerTimeSeconds: counters.seconds };
}

/** The feed of a group as clients see it; null without one. */
export function feedStatus(group: Group): FeedStatus | null {
  const { incarnation, feed } = group;
  const rules = incarnation?.spec.feed ?? group.spec.feed;
  if (rules === null) return null;
  const live = incarnation?.feed;
  return {
    socket: incarnation?.feedSocket ?? null,
    capacity: rules.capacity,
    maxBytes: rules.maxBytes,
    ordered: rules.ordered,
    depth: live?.depth ?? 0,
    bytes: live?.heldBytes ?? 0,
    takers: live?.takers ?? 0,
    takenItems: feed.items,
    takenBytes: feed.bytes,
    dropped: feed.dropped,
    putWaitSeconds: feed.putWaitSeconds,
    takeWaitSeconds: feed.takeWaitSeconds,
    putWaitShare: live?.putWaitShare ?? 0,
    takeWaitShare: live?.takeWaitShare ?? 0,
  };
}
