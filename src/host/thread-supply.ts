import { PoolThread } from './pool.js';
import { ensureWorkingDirectory } from './working-directory.js';

/** Threads for whoever needs one. Some of them can be up before that. */
export class ThreadSupply {
  #ready: PoolThread[];

  /** @param ready how many threads it starts at once */
  constructor(ready: number) {
    this.#ready = Array.from({ length: ready }, () => new PoolThread(null));
  }

  /**
   * A thread that is up, or else a new one.
   * @param heapMb its JavaScript heap in MiB; null: what Node gives it, as those have that are up
   */
  take(heapMb: number | null): PoolThread {
    // Those at the start of the host did without: a host that nobody needs any more must not make it again.
    ensureWorkingDirectory();
    if (heapMb !== null) return new PoolThread(heapMb);
    // One may have ended meanwhile, for want of memory.
    this.#ready = this.#ready.filter(({ threadId }) => threadId !== undefined);
    const ready = this.#ready.shift();
    return ready ?? new PoolThread(heapMb);
  }

  /** Ends the threads that nobody has taken. Later ones are new. */
  endReady(): void {
    for (const thread of this.#ready.splice(0)) void thread.end();
  }
}
