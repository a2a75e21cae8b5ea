import { takeCoverage } from 'node:v8';
import { runHooks } from './hooks.js';
import { ThreadLog } from './log.js';
import { runLoggers } from './loggers.js';
import { WorkerMemory } from './memory.js';
import { dropParentMessages } from './parent-port.js';
import type { ThreadMessage, ThreadTask, WorkerResult } from './tasks.js';
import { runWorker } from './worker.js';

/** What the pool runs in each of its threads: one task, as long as its worker, hooks or loggers live. */
export default async function run(task: ThreadTask): Promise<WorkerResult | undefined> {
  const memory = task.kind === 'worker' ? new WorkerMemory(task.memory) : undefined;
  const log = new ThreadLog(
    (line) => task.port.postMessage({ type: 'log', line } satisfies ThreadMessage),
    () => memory?.droppedLine(),
  );
  log.captureOutput();
  const flushDropped = dropParentMessages(
    () => memory?.droppedMessage(),
    (count) => log.droppedMessages(count),
  );
  try {
    if (task.kind === 'worker') return await runWorker(task, log);
    await (task.kind === 'hooks' ? runHooks(task) : runLoggers(task, log));
    return undefined;
  } finally {
    flushDropped();
    log.flush();
    task.port.close();
    // The pool ends its threads by force, which would lose their coverage. Does nothing unless it is being taken.
    takeCoverage();
  }
}
