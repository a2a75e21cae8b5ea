/** Calls of a group by how long they took, as /metrics has them at one moment. */
export interface CallTimes {
  readonly count: number;
  readonly seconds: number;
  /** Calls that took at most so many seconds, by that bound, ascending, the last Infinity. */
  readonly buckets: readonly (readonly [bound: number, calls: number])[];
}

/** What happened between two moments. */
export interface CallRate {
  readonly perSecond: number;
  /** Seconds; undefined when no call has ended. */
  readonly mean: number | undefined;
  readonly median: number | undefined;
  readonly p99: number | undefined;
  /** Whether `p99` is the highest bound there is, and the truth above it. */
  readonly beyond: boolean;
}

const SAMPLE = /^worker_time_seconds_(bucket|sum|count)\{([^}]*)\} (\S+)$/gm;

/** The times of all groups, from the text of /metrics. */
export function readCallTimes(metrics: string): Map<string, CallTimes> {
  const found = new Map<string, { count: number; seconds: number; buckets: [number, number][] }>();
  for (const [, kind, text = '', value] of metrics.matchAll(SAMPLE)) {
    const labels = new Map([...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, label]) => [key, label]));
    const group = labels.get('group') ?? '';
    const times = found.get(group) ?? { count: 0, seconds: 0, buckets: [] };
    found.set(group, times);
    if (kind === 'count') times.count = Number(value);
    else if (kind === 'sum') times.seconds = Number(value);
    else times.buckets.push([Number(labels.get('le')?.replace('+Inf', 'Infinity')), Number(value)]);
  }
  return found;
}

/**
 * What happened between the two.
 * @param seconds that lie between them
 * @returns undefined when they cannot be compared: the group was registered anew, or has other bounds
 */
export function callRate(before: CallTimes, after: CallTimes, seconds: number): CallRate | undefined {
  const calls = after.count - before.count;
  const buckets = after.buckets.map(([bound, n], i) => {
    const [old, was] = before.buckets[i] ?? [];
    return [bound, old === bound && was !== undefined ? n - was : Number.NaN] as const;
  });
  const comparable = before.buckets.length === buckets.length && buckets.every(([, n]) => n >= 0);
  if (!comparable || calls < 0 || seconds <= 0) return undefined;
  if (calls === 0) return { perSecond: 0, mean: undefined, median: undefined, p99: undefined, beyond: false };
  const spent = after.seconds - before.seconds;
  const place = placeWithin(buckets, calls, spent);
  const { value, beyond } = quantile(0.99, buckets, calls, place);
  return {
    perSecond: calls / seconds,
    mean: spent / calls,
    median: quantile(0.5, buckets, calls, place).value,
    p99: value,
    beyond,
  };
}

/**
 * Where in their buckets calls lie on average, 0 at the lower bounds and 1 at the upper ones. Their sum tells: were all
 * calls of 50 ms in a bucket from 50 to 100, "in the middle" would make 75 of them.
 */
function placeWithin(buckets: CallTimes['buckets'], calls: number, seconds: number): number {
  let [lower, below, least, width] = [0, 0, 0, 0];
  for (const [bound, n] of buckets) {
    if (bound === Number.POSITIVE_INFINITY) break;
    least += (n - below) * lower;
    width += (n - below) * (bound - lower);
    [lower, below] = [bound, n];
  }
  // Of what is beyond all bounds only the sum with the others is known.
  if (below < calls || width === 0) return 0.5;
  return Math.min(0.99, Math.max(0.01, (seconds - least) / width));
}

/** As histogram_quantile of Prometheus, which takes every `place` for the middle: there calls lie evenly in a bucket. */
function quantile(q: number, buckets: CallTimes['buckets'], calls: number, place: number) {
  const rank = q * calls;
  let [lower, below] = [0, 0];
  for (const [bound, n] of buckets) {
    if (n >= rank) {
      if (bound === Number.POSITIVE_INFINITY) return { value: lower, beyond: true };
      // The mean of x ** (1 / place - 1) over x from 0 to 1 is `place`.
      const within = ((rank - below) / (n - below)) ** (1 / place - 1);
      return { value: lower + (bound - lower) * within, beyond: false };
    }
    [lower, below] = [bound, n];
  }
  return { value: lower, beyond: true };
}
