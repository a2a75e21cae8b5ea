import { median } from '../lib/stats.mjs';
import { blocks, theilSen } from './slopes.mjs';

const least = (values) => Math.min(...values);

/** Of the run, what does not count: until every cache, journal and compiled function is there. */
const WARM_UP_SHARE = 0.2;

/**
 * What may grow by how much in a minute. The bounds are far below what a leak of one thing for each operation makes, for
 * there are about a thousand of them in a minute, and above what a service does in whose heap things are sorted anew.
 * `of`: what stands for ten seconds of it. For memory that is the least, since it goes up until it is collected.
 */
export const BOUNDS = [
  // A kilobyte of each operation that stays. When the heap's swing meets a new high, it takes pages that it keeps: growth by
  // no more than that swing, over the whole run, says nothing. So this bound is wider in a short run.
  { key: 'rss', name: 'resident memory', unit: 'MiB', bound: 1, of: least, swing: 'heap' },
  // Half of that: what is left in the heap makes more than itself resident.
  { key: 'heap', name: 'heap in use', unit: 'MiB', bound: 0.5, of: least },
  { key: 'outside', name: 'memory of buffers', unit: 'MiB', bound: 0.5, of: least },
  // One in two minutes: whoever forgets one does so for each group, host, watcher or request.
  { key: 'descriptors', name: 'descriptors', unit: '', bound: 0.5, of: median },
  { key: 'threads', name: 'threads', unit: '', bound: 0.5, of: median },
  { key: 'hosts', name: 'hosts', unit: '', bound: 0.5, of: median },
  { key: 'files', name: 'files of its state', unit: '', bound: 0.5, of: median },
  // In an hour of this, 12 ms on every answer: that is what a list makes that gets longer and is looked through.
  { key: 'delay', name: 'mean delay of the event loop', unit: 'ms', bound: 0.2, of: median },
];

/**
 * By how much what is alive in the heap after a collection may have grown over a run of whatever length, in MiB. The journals
 * of events and of the service's own log lines fill up in the first minutes: 6 MiB in ten of them, and no more after that.
 */
export const MOST_LIVE_MIB = 12;

/**
 * Judges the samples of a run. A slope fails when it is above its bound by more than the spread of the samples explains:
 * the least that it can be (with 99 %) is above. The shorter a run, the wider that interval, so a short run finds large
 * leaks only.
 * @param {Record<string, number>[]} samples with `minutes` since the beginning of the run
 */
export function judge(samples) {
  const whole = samples.at(-1)?.minutes ?? 0;
  const counted = samples.filter(({ minutes }) => minutes >= WARM_UP_SHARE * whole);
  const pointsOf = (key) =>
    counted.flatMap(({ minutes, [key]: value }) => (value === undefined ? [] : [{ minutes, value }]));
  /** Within a stretch, so that a slope is no part of it. */
  const swingOf = (key) => {
    const swings = blocks(pointsOf(key), (values) => Math.max(...values) - Math.min(...values));
    return median(swings.map(({ value }) => value));
  };
  return BOUNDS.map(({ key, name, unit, bound: wanted, of, swing }) => {
    const stretches = blocks(pointsOf(key), of);
    const bound =
      swing === undefined ? wanted : Math.max(wanted, swingOf(swing) / (whole * (1 - WARM_UP_SHARE)));
    // A check that has nothing to look at is none.
    if (stretches.length < 3 || stretches.some(({ value }) => !Number.isFinite(value)))
      return { key, name, unit, bound, failed: true };
    const fit = theilSen(stretches);
    return {
      key,
      name,
      unit,
      bound,
      ...fit,
      first: stretches[0].value,
      last: stretches.at(-1).value,
      failed: fit.least > bound,
    };
  });
}
