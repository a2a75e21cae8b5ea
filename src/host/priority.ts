import { readdirSync } from 'node:fs';
import { getPriority, setPriority as setPriorityOf } from 'node:os';

/** The lowest priority that there is. */
const LEAST = 19;

/**
 * Lowers the priority of this process, and so of every thread and process that it starts from here on.
 * @param nice 0 to 19, as in nice(1)
 */
export function setPriority(nice: number): void {
  if (nice === 0) return;
  // More than what it has already: only root may go back.
  const target = Math.min(LEAST, getPriority() + nice);
  // On Linux priorities belong to threads, and V8 and libuv have started some already.
  for (const thread of threads()) {
    try {
      setPriorityOf(thread, target);
    } catch (error) {
      // A thread may have ended meanwhile.
      if ((error as { info?: { code?: string } }).info?.code !== 'ESRCH') throw error;
    }
  }
}

function threads(): number[] {
  try {
    return readdirSync('/proc/self/task').map(Number);
  } catch {
    return [0];
  }
}
