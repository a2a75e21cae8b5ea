/** What one worker has measured. The iterations are the sum of the buckets, so the two can never disagree. */
export interface Counters {
  /** Time spent in the worker function, failed calls included, in seconds. */
  readonly seconds: number;
  /** Calls that threw. */
  readonly errors: number;
  /** Calls by duration: one count a bound, then one for all that took longer than the last. */
  readonly buckets: readonly number[];
  /** Log lines that were dropped because they were too many. */
  readonly droppedLines: number;
  /** Messages to `parentPort`, where nobody listens, that were dropped. */
  readonly droppedMessages: number;
}

/** Counters that have counted nothing, for `bounds` upper bounds. */
export function zeroCounters(bounds: readonly number[]): Counters {
  const buckets = new Array<number>(bounds.length + 1).fill(0);
  return { seconds: 0, errors: 0, buckets, droppedLines: 0, droppedMessages: 0 };
}

/** Finished calls of the worker function. */
export function iterations(counters: Counters): number {
  return counters.buckets.reduce((sum, count) => sum + count, 0);
}

/** The sum of two counters over the same bounds. */
export function addCounters(a: Counters, b: Counters): Counters {
  return {
    seconds: a.seconds + b.seconds,
    errors: a.errors + b.errors,
    buckets: a.buckets.map((count, i) => count + (b.buckets[i] ?? 0)),
    droppedLines: a.droppedLines + b.droppedLines,
    droppedMessages: a.droppedMessages + b.droppedMessages,
  };
}

/**
 * The same calls counted over other bounds. A call is known only by its old bucket, so it moves to the first new
 * bound that is not below the old one: what a cumulative bucket says stays true, and the series of a bound that
 * both share does not go back.
 */
export function rebin(counters: Counters, from: readonly number[], to: readonly number[]): Counters {
  const buckets = new Array<number>(to.length + 1).fill(0);
  counters.buckets.forEach((count, i) => {
    const bound = from[i] ?? Number.POSITIVE_INFINITY;
    const found = to.findIndex((candidate) => candidate >= bound);
    const target = found === -1 ? to.length : found;
    buckets[target] = (buckets[target] ?? 0) + count;
  });
  return { ...counters, buckets };
}
