import { setMaxListeners } from 'node:events';
import type { Phase } from '../protocol.js';
import { Context } from './context.js';
import type { ThreadLog } from './log.js';
import { isAbort, runLoop } from './loop.js';
import { WorkerMemory } from './memory.js';
import { loadWorkerModule } from './module.js';
import type { ThreadMessage, WorkerResult, WorkerTask } from './tasks.js';
import { describeThrown } from './thrown.js';

/** Runs one worker: setup, the loop, teardown. Never rejects. */
export async function runWorker(task: WorkerTask, log: ThreadLog): Promise<WorkerResult> {
  const memory = new WorkerMemory(task.memory);
  const stop = new AbortController();
  // A worker that hands its signal to many requests at once is no leak.
  setMaxListeners(0, stop.signal);
  void memory.stopAsked().then(() => stop.abort());
  const context = new Context(task, memory, log.functions(), stop.signal);

  /** Calls user code; what it throws is told at once. `undefined`: it threw, or was ended by the stop. */
  let failed = false;
  const attempt = async <T>(phase: Phase, call: () => T | Promise<T>): Promise<{ value: T } | undefined> => {
    try {
      return { value: await call() };
    } catch (error) {
      if (isAbort(context, memory, error)) return undefined;
      failed = true;
      const failure = { phase, error: describeThrown(error) };
      task.port.postMessage({ type: 'failed', failure } satisfies ThreadMessage);
      return undefined;
    }
  };
  const outcome = (end: 'stopped' | 'completed') => ({ outcome: failed ? 'failed' : end }) as const;

  const { moduleUrl, workersDir } = task.launch;
  const module = (await attempt('module', () => loadWorkerModule(moduleUrl, workersDir)))?.value;
  if (module === undefined) return outcome('stopped');
  const isSetUp = await attempt('setup', () => module.setup?.(task.workerId, context));
  if (isSetUp === undefined) return outcome('stopped');

  task.port.postMessage({ type: 'looping' } satisfies ThreadMessage);
  const end = await attempt('iteration', () => runLoop(module.default, context, memory, task.launch));
  memory.end();
  // Items that nobody waits for are the worker's work, too.
  if (end?.value === 'completed') await context.putsSettled();
  if (end?.value === 'completed') task.port.postMessage({ type: 'finishing' } satisfies ThreadMessage);
  // A loop that never yielded has not let the signal through yet: teardown sees it all the same.
  if (memory.stopRequested) stop.abort();
  await attempt('teardown', () => module.teardown?.(task.workerId, context));
  if (end?.value === 'completed') await context.putsSettled();
  return outcome(end?.value ?? 'stopped');
}
