import { setMaxListeners } from 'node:events';
import { threadId } from 'node:worker_threads';
import type { WorkerModule } from '../../index.js';
import type { Phase } from '../protocol.js';
import { Context } from './context.js';
import type { ThreadLog } from './log.js';
import { isAbort, runLoop } from './loop.js';
import { WorkerMemory } from './memory.js';
import { loadWorkerModule, withPlace } from './module.js';
import type { ThreadMessage, WorkerResult, WorkerTask } from './tasks.js';
import { describeThrown } from './thrown.js';

/** Runs one worker: setup, the loop, teardown. Never rejects. */
export async function runWorker(task: WorkerTask, log: ThreadLog): Promise<WorkerResult> {
  const memory = new WorkerMemory(task.memory);
  const stop = new AbortController();
  // A worker that hands its signal to many requests at once is no leak.
  setMaxListeners(0, stop.signal);
  void memory.stopAsked().then(() => stop.abort());
  const context = new Context(task, log.functions(), stop.signal);

  let failed = false;
  const attempt = async <T>(phase: Phase, call: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await call();
    } catch (error) {
      if (isAbort(context, error)) return undefined;
      failed = true;
      const message: ThreadMessage = {
        type: 'failed',
        failure: { phase, error: describeThrown(withPlace(error, task.launch.moduleUrl)) },
      };
      task.port.postMessage(message);
      return undefined;
    }
  };

  const module = await attempt<WorkerModule>('module', () => loadWorkerModule(task.launch.moduleUrl));
  if (module === undefined) return { outcome: 'failed' };
  await attempt('setup', () => module.setup?.(task.workerId, context));
  if (failed) return { outcome: 'failed' };

  task.port.postMessage({ type: 'looping', threadId } satisfies ThreadMessage);
  const end = await attempt('iteration', () => runLoop(module.default, context, memory, task.launch.buckets));
  // A loop that never yielded has not let the signal through yet: teardown sees it all the same.
  if (memory.stopRequested) stop.abort();
  await attempt('teardown', () => module.teardown?.(task.workerId, context));
  return { outcome: failed ? 'failed' : (end ?? 'stopped') };
}
