import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort, type Transferable } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { threadFlags } from './own-heap.js';
import type { ThreadMessage, ThreadTask, WorkerResult } from './thread/tasks.js';

/** What a thread gets to end its task by itself before it is ended by force. */
const CLOSE_MS = 100;

/** A thread that runs JavaScript is gone 20 to 30 ms after it is told; one that is not by now sits in a system call. */
const TERMINATE_MS = 2_000;

const THREAD_ENTRY = fileURLToPath(new URL('./thread/entry.js', import.meta.url));

type WithoutPort<T> = T extends { port: MessagePort } ? Omit<T, 'port'> : never;

/** One long task in a thread. */
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
 * A thread that runs one task and no other: a Piscina pool of one. In a pool of several Piscina decides which thread
 * takes a task, and may take one that has run user code before; it cannot shrink; and when a thread cannot be
 * started while tasks wait, it goes on starting threads. Of one thread each, none of that can happen.
 */
export class PoolThread {
  readonly #pool: Piscina;
  /** Resolves when the operating system has let the thread go. */
  readonly gone: Promise<void>;
  #ended = false;
  #idleMs = 0;
  #onError: (error: unknown) => void = () => {};

  /**
   * Starts the thread at once, so that it is up when its task comes.
   * @param heapMb its JavaScript heap in MiB; null: what Node gives it
   */
  constructor(heapMb: number | null) {
    this.#pool = new Piscina({
      filename: THREAD_ENTRY,
      minThreads: 1,
      maxThreads: 1,
      // The default makes an idle thread sleep in Atomics.wait, where its timers stand still.
      atomics: 'disabled',
      recordTiming: false,
      env: process.env,
      execArgv: threadFlags(),
      ...(heapMb !== null && { resourceLimits: { maxOldGenerationSizeMb: heapMb } }),
    });
    this.#pool.on('error', (error) => this.#onError(error));
    const [thread] = this.#pool.threads;
    this.gone = new Promise((resolve) => {
      if (thread === undefined) resolve();
      else thread.once('exit', () => resolve());
    });
    // Piscina would put a new thread in its place.
    void this.gone.then(() => this.end());
  }

  /** Node's number of the thread; undefined once it is gone. */
  get threadId(): number | undefined {
    return this.#pool.threads[0]?.threadId;
  }

  /** Whether its event loop has waited for anything since this was last asked. */
  hasIdled(): boolean {
    const before = this.#idleMs;
    this.#idleMs = this.#pool.threads[0]?.performance.eventLoopUtilization().idle ?? before;
    return this.#idleMs > before;
  }

  /**
   * Runs the task.
   * @param onError called with what is thrown once the task is over
   */
  run(
    task: WithoutPort<ThreadTask>,
    onMessage: (message: ThreadMessage) => void,
    onError: (error: unknown) => void = () => {},
  ): RunningTask {
    this.#onError = onError;
    const { port1, port2 } = new MessageChannel();
    // Piscina would start a new thread, of which nobody here knows.
    if (this.#ended) {
      port1.close();
      const result = Promise.reject(new Error('the thread has ended before its task began'));
      return { port: port1, result, close: async () => {} };
    }
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

  /** Ends the thread by force. True when the operating system has let it go, false when it sits in a system call. */
  async end(): Promise<boolean> {
    if (!this.#ended) {
      this.#ended = true;
      // Resolves too early, and revives the pool if it is asked for anything after that.
      void this.#pool.destroy();
    }
    const late = new Promise<false>((resolve) => setTimeout(resolve, TERMINATE_MS, false).unref());
    return Promise.race([this.gone.then(() => true as const), late]);
  }
}
