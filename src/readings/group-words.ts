import type { GroupStatus } from '../schemas/group-status.js';
import type { CallRate } from './call-times.js';
import { age, count, duration, NOTHING } from './quantities.js';

/** How many of a group's workers run, of how many. */
export function workersAtWork({ workers }: GroupStatus): string {
  return `${workers.filter(({ state }) => state === 'running').length}/${workers.length}`;
}

/**
 * What there is to say about the state of a group, part by part.
 * @param now milliseconds since 1970, by the clock of the service as far as it is known
 */
export function remarksOf({ reason, restartAt, restartPending }: GroupStatus, now: number): string[] {
  const parts = [
    reason,
    restartAt === null ? null : `starts again in ${age((Date.parse(restartAt) - now) / 1000)}`,
    restartPending ? 'its spec has changed since it was started' : null,
  ];
  return parts.filter((part) => part !== null);
}

/** The 99th percentile of the calls; where it is beyond all buckets, only that is known. */
export function p99Of(calls: CallRate | undefined): string {
  return calls?.p99 === undefined ? NOTHING : `${calls.beyond ? '> ' : ''}${duration(calls.p99)}`;
}

/** The feed of a group in words. */
export interface FeedWords {
  /** Items that wait, of how many. */
  readonly depth: string;
  /** Shares of the last minute in which the trainer waited for items, and workers for the trainer. */
  readonly trainerWaits: string;
  readonly workersWait: string;
}

/** undefined without a feed; nobody waits in a group that has no process. */
export function feedWords({ feed, host }: GroupStatus): FeedWords | undefined {
  if (feed === null) return undefined;
  const share = (of: number) => (host === null ? NOTHING : `${Math.round(100 * of)} %`);
  return {
    depth: `${count(feed.depth)}/${count(feed.capacity)}`,
    trainerWaits: share(feed.takeWaitShare),
    workersWait: share(feed.putWaitShare),
  };
}
