import { feedWords, p99Of, workersAtWork } from '../../readings/group-words.js';
import { age, duration, memory, NOTHING, rate } from '../../readings/quantities.js';
import type { GroupStatus } from '../../schemas/group-status.js';
import type { GroupState } from '../../schemas/states.js';
import type { GroupView } from './history.js';
import type { ServiceClock } from './service-clock.js';

type Worker = GroupStatus['workers'][number];

/** The numbers of a group, as they are written. */
export interface GroupNumbers {
  readonly workers: string;
  readonly perSecond: string;
  readonly median: string;
  readonly p99: string;
  readonly memory: string;
  readonly cpu: string;
  /** Items that wait, of how many; null without a feed. */
  readonly feedDepth: string | null;
  readonly itemsPerSecond: string;
  /** Shares of the last minute in which the trainer waited for items, and workers for the trainer. */
  readonly trainerWaits: string;
  readonly workersWait: string;
  /** Who waits more for whom; null where nobody can. */
  readonly waits: string | null;
}

export function numbersOf({ group, calls, cpu, items }: GroupView): GroupNumbers {
  const { host, feed } = group;
  const words = feedWords(group);
  const trainerWaits = words?.trainerWaits ?? NOTHING;
  const workersWait = words?.workersWait ?? NOTHING;
  const waits = host === null ? null : feed;
  return {
    workers: workersAtWork(group),
    perSecond: calls === undefined ? NOTHING : rate(calls.perSecond),
    median: calls?.median === undefined ? NOTHING : duration(calls.median),
    p99: p99Of(calls),
    memory: host === null ? NOTHING : memory(host.memoryBytes),
    cpu: cpu === undefined ? NOTHING : `${Math.round(100 * Math.max(0, cpu))} %`,
    feedDepth: words?.depth ?? null,
    itemsPerSecond: items === undefined ? NOTHING : rate(items),
    trainerWaits,
    workersWait,
    waits:
      waits &&
      (waits.putWaitShare > waits.takeWaitShare
        ? `workers wait ${workersWait}`
        : `trainer waits ${trainerWaits}`),
  };
}

/** How long the worker has been in its call, as far as can be seen: since the end of the one before. */
export function presentCall({ state, lastProgress }: Worker, clock: ServiceClock): string {
  if ((state !== 'running' && state !== 'stalled') || lastProgress === null) return NOTHING;
  const seconds = clock.since(lastProgress);
  return seconds < 1 ? '< 1 s' : age(seconds);
}

/** How many groups are in each state, in the order in which they come. */
export function countStates(groups: readonly GroupStatus[]): [state: GroupState, groups: number][] {
  const states = new Map<GroupState, number>();
  for (const { state } of groups) states.set(state, (states.get(state) ?? 0) + 1);
  return [...states];
}
