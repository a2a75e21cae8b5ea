import type { WorkerContext, WorkerFunction } from '../../worker-module.js';
import { BUCKETS, ERRORS, PROGRESS, STOP, SUM, type WorkerMemory } from './memory.js';
import { isNamed } from './thrown.js';

/**
 * A loop that never waits lets no timer, message or I/O of its thread run, so it yields a macrotask this often.
 * Every 10 ms costs nothing that can be measured.
 */
const YIELD_MS = 10;

/** Taken before any user code runs, so that a module with fake timers in it cannot make its own measure. */
const now = performance.now.bind(performance);
const { timeOrigin } = performance;
const { load } = Atomics;
const nextTurn = setImmediate;

/** What the loop needs of a context: the rest is for user code. */
export interface LoopContext extends WorkerContext {
  iteration: number;
  readonly finished: boolean;
}

interface Loop {
  readonly worker: WorkerFunction;
  readonly context: LoopContext;
  readonly flags: Int32Array;
  readonly cells: Float64Array;
  /** Upper bounds in milliseconds. */
  readonly bounds: Float64Array;
  /** When the call under way began, or the last one ended. */
  last: number;
  yieldAt: number;
}

/**
 * Calls the worker function until stop is asked or the worker has finished, and counts every call. One clock read
 * an iteration: a call is timed from the end of the one before it, the few nanoseconds of the loop included.
 *
 * @param bounds upper bounds of the histogram, in seconds
 * @throws whatever the worker function throws, once the call is counted
 */
export async function runLoop(
  worker: WorkerFunction,
  context: LoopContext,
  memory: WorkerMemory,
  bounds: readonly number[],
): Promise<'stopped' | 'completed'> {
  const startedAt = now();
  const loop: Loop = {
    worker,
    context,
    flags: memory.flags,
    cells: memory.cells,
    bounds: Float64Array.from(bounds, (seconds) => seconds * 1000),
    last: startedAt,
    yieldAt: startedAt + YIELD_MS,
  };
  // From here on the worker is under way: one that hangs in its first call has an age, too.
  loop.cells[PROGRESS] = timeOrigin + startedAt;
  while (!memory.stopRequested) {
    const pending = burst(loop);
    if (pending !== undefined) {
      try {
        await pending;
      } catch (error) {
        fail(loop, error);
      }
      record(loop, now());
      context.iteration++;
    }
    if (context.finished) return 'completed';
    if (loop.last >= loop.yieldAt) {
      await new Promise((resolve) => nextTurn(resolve));
      loop.last = now();
      loop.yieldAt = loop.last + YIELD_MS;
    }
  }
  return 'stopped';
}

/** Calls the function until it returns a promise, which is handed back, or until the loop has to look around. */
function burst(loop: Loop): PromiseLike<unknown> | undefined {
  const { worker, context, flags } = loop;
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
  } while (loop.last < loop.yieldAt && load(flags, STOP) === 0 && !context.finished);
  return undefined;
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
  cells[PROGRESS] = timeOrigin + end;
  loop.last = end;
}

/** Counts the failed call and passes the error on; one that only says that the stop was heard is no error. */
function fail(loop: Loop, error: unknown): never {
  record(loop, now());
  if (!isAbort(loop.context, error)) loop.cells[ERRORS] = (loop.cells[ERRORS] ?? 0) + 1;
  throw error;
}

/** Whether this error is the worker's own stop signal coming back from something that listened to it. */
export function isAbort({ signal }: WorkerContext, error: unknown): boolean {
  return signal.aborted && (error === signal.reason || isNamed(error, 'AbortError'));
}
