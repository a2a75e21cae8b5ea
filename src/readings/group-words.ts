import type { GroupStatus } from '../schemas/group-status.js';
import type { CallRate } from './call-times.js';
import { age, duration, NOTHING } from './quantities.js';

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
