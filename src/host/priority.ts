import { readdirSync } from 'node:fs';
import { setPriority as setPriorityOf } from 'node:os';

/**
 * Lowers the priority of this process, and so of every thread and process that it starts from here on.
 * @param nice 0 to 19, as in nice(1)
 */
export function setPriority(nice: number): void {
  if (nice === 0) return;
  // On Linux priorities belong to threads, and V8 and libuv have started some already.
  for (const thread of threads()) {
    try {
      setPriorityOf(thread, nice);
    } catch {
      // It has ended meanwhile.
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
