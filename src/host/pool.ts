import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort, type Transferable } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { ThreadMessage, ThreadTask, WorkerResult } from './thread/tasks.js';

/** What a thread gets to end its task by itself before it is ended by force. */
const CLOSE_MS = 100;

const THREAD_ENTRY = fileURLToPath(new URL('./thread/entry.js', import.meta.url));

type WithoutPort<T> = T extends { port: MessagePort } ? Omit<T, 'port'> : never;

/** One long task in a thread of the pool. */
export interface RunningTask {
  /** What the thread hears. */
  readonly port: MessagePort;
  /**
   * The task's result, once every message of the thread has been heard. Rejects when the thread died under the
   * task: with what it threw outside of any call, or with an Error that names its exit code.
   */
  readonly result: Promise<WorkerResult | undefined>;
  /** Tells a task that lives as long as its port to end, and gives it a moment for it. */
  close(): Promise<void>;
}

/**
 * The threads of a host. All start together and early, so that they are up when their tasks come; each takes one
 * task at a time, and there are as many as there can be tasks, so that none ever waits.
 */
export class ThreadPool {
  readonly #pool: Piscina;

  /** @param threads how many tasks can run at once, at least 1. */
  constructor(threads: number, onError: (error: unknown) => void) {
    this.#pool = new Piscina({
      filename: THREAD_ENTRY,
      minThreads: threads,
      maxThreads: threads,
      // The default makes an idle thread sleep in Atomics.wait, where its timers stand still.
      atomics: 'disabled',
      recordTiming: false,
      env: process.env,
    });
    this.#pool.on('error', onError);
  }

  run(task: WithoutPort<ThreadTask>, onMessage: (message: ThreadMessage) => void): RunningTask {
    const { port1, port2 } = new MessageChannel();
    port1.on('message', onMessage);
    const whole = { ...task, port: port2 };
    const heard = once(port1, 'close');
    const result: RunningTask['result'] = this.#pool.run(whole, {
      transferList: [port2 as unknown as Transferable],
    });
    const close = async () => {
      port1.close();
      const late = new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref());
      await Promise.race([result.catch(() => {}), late]);
    };
    return { port: port1, result: result.finally(() => heard), close };
  }

  /** Ends one thread whose task is over; resolves when the operating system has let it go. */
  async endThread(threadId: number): Promise<void> {
    const thread = this.#pool.threads.find((candidate) => candidate.threadId === threadId);
    if (thread === undefined) return;
    const gone = once(thread, 'exit');
    void thread.terminate();
    await gone;
  }

  /** Ends all threads; resolves when the operating system has let them go. */
  async destroy(): Promise<void> {
    await this.#pool.destroy();
  }
}
