import { monotonicMs } from '../../monotonic.js';
import type { WorkerContext, WorkerFunction } from '../../worker-module.js';
import { BUCKETS, ERRORS, PROGRESS, RESUMED, STOP, SUM, type WorkerMemory } from './memory.js';
import { isFeedClosed } from './puts.js';
import { sleepUntil } from './sleep.js';
import { isNamed } from './thrown.js';

/**
 * A loop that never waits lets no timer, message or I/O of its thread run, so it yields a macrotask this often.
 * Every 10 ms costs nothing that can be measured.
 */
const YIELD_MS = 10;

/** Taken before any user code runs, so that a module with fake timers in it cannot make its own measure. */
const now = performance.now.bind(performance);
/** From this thread's `now()` to the clock that all threads share. */
const toShared = monotonicMs() - now();
const nextTurn = setImmediate;

/** What the loop needs of a context: the rest is for user code. */
export interface LoopContext extends WorkerContext {
  iteration: number;
  readonly finished: boolean;
}

/** How a worker's calls are counted and paced. */
export interface LoopRules {
  /** Upper bounds of the histogram, in seconds. */
  readonly buckets: readonly number[];
  /** At least this long between the starts of two calls; 0: no pause. */
  readonly intervalSeconds: number;
  /** After so many calls it has finished; null: it never has by itself. */
  readonly maxIterations: number | null;
}

interface Loop {
  readonly worker: WorkerFunction;
  readonly context: LoopContext;
  readonly memory: WorkerMemory;
  readonly flags: Int32Array;
  readonly cells: Float64Array;
  /** Upper bounds in milliseconds. */
  readonly bounds: Float64Array;
  /** When the call under way began, or the last one ended. */
  last: number;
  /** When it is time to look around; with an interval that is after each call. */
  yieldAt: number;
  /** Calls after which the worker has finished. */
  readonly limit: number;
}

/**
 * Calls the worker function until stop is asked or the worker has finished, and counts every call. One clock read
 * an iteration: a call is timed from the end of the one before it, the few nanoseconds of the loop included.
 *
 * @throws whatever the worker function throws, once the call is counted
 */
export async function runLoop(
  worker: WorkerFunction,
  context: LoopContext,
  memory: WorkerMemory,
  { buckets, intervalSeconds, maxIterations }: LoopRules,
): Promise<'stopped' | 'completed'> {
  const intervalMs = intervalSeconds * 1000;
  const limit = maxIterations ?? Number.POSITIVE_INFINITY;
  const startedAt = now();
  const loop: Loop = {
    worker,
    context,
    memory,
    flags: memory.flags,
    cells: memory.cells,
    bounds: Float64Array.from(buckets, (seconds) => seconds * 1000),
    last: startedAt,
    yieldAt: intervalMs > 0 ? 0 : startedAt + YIELD_MS,
    limit,
  };
  // From here on the worker is under way: one that hangs in its first call has an age, too.
  loop.cells[PROGRESS] = startedAt + toShared;
  loop.cells[RESUMED] = startedAt + toShared;
  let due = startedAt;
  while (!memory.stopRequested) {
    for (let pending = burst(loop); pending !== undefined; pending = goesOn(loop) ? burst(loop) : undefined) {
      try {
        await pending;
      } catch (error) {
        fail(loop, error);
      }
      record(loop, now());
      context.iteration++;
    }
    if (context.finished || context.iteration >= limit) return 'completed';
    if (intervalMs > 0) {
      // By the plan, not by when the last call really began: lateness does not add up. Who has fallen behind begins
      // at once, and makes a new plan: missed calls are not made up for.
      due = Math.max(due + intervalMs, loop.last);
      loop.cells[RESUMED] = due + toShared;
      await sleepUntil(due, context.signal);
      loop.last = now();
    } else if (loop.last >= loop.yieldAt) {
      await new Promise((resolve) => nextTurn(resolve));
      loop.last = now();
      loop.yieldAt = loop.last + YIELD_MS;
      loop.cells[RESUMED] = loop.last + toShared;
    }
  }
  return 'stopped';
}

/** Calls the function until it returns a promise, which is handed back, or until the loop has to look around. */
function burst(loop: Loop): PromiseLike<unknown> | undefined {
  const { worker, context } = loop;
  const { workerId } = context;
  do {
    try {
      const result: unknown = worker(workerId, context);
      if (isThenable(result)) return result;
    } catch (error) {
      fail(loop, error);
    }
    record(loop, now());
    context.iteration++;
  } while (goesOn(loop));
  return undefined;
}

/**
 * Whether there is nothing to do before the next call. The flag is read plainly: an atomic read is no inlined code but a
 * call, half of what the loop costs besides the clock. A whole number is never read by halves, and however a compiler
 * treats plain reads, the atomic one whenever the loop looks around hears of the stop within `YIELD_MS`.
 */
function goesOn({ last, yieldAt, flags, context, limit }: Loop): boolean {
  return last < yieldAt && flags[STOP] === 0 && !context.finished && context.iteration < limit;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}

function record(loop: Loop, end: number): void {
  const { cells, bounds } = loop;
  const elapsed = end - loop.last;
  let bucket = 0;
  while (bucket < bounds.length && elapsed > (bounds[bucket] ?? 0)) bucket++;
  cells[BUCKETS + bucket] = (cells[BUCKETS + bucket] ?? 0) + 1;
  cells[SUM] = (cells[SUM] ?? 0) + elapsed;
  cells[PROGRESS] = end + toShared;
  loop.last = end;
}

/** Counts the failed call and passes the error on; one that only says that the stop was heard is no error. */
function fail(loop: Loop, error: unknown): never {
  record(loop, now());
  if (!isAbort(loop.context, loop.memory, error)) loop.cells[ERRORS] = (loop.cells[ERRORS] ?? 0) + 1;
  throw error;
}

/**
 * Whether this error is the worker's own stop coming back from something that listened to it. Without a stop it is an
 * error like any other: a worker that ended by itself would be missed by nobody.
 */
export function isAbort({ signal }: WorkerContext, memory: WorkerMemory, error: unknown): boolean {
  // The flag is set before the feed closes; the signal may be heard of later than that.
  if (isFeedClosed(error)) return memory.stopRequested;
  return signal.aborted && (error === signal.reason || isNamed(error, 'AbortError'));
}
