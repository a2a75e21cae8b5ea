import type { LogLevel } from '../../schemas/states.js';
import { tensors } from '../../tensors.js';
import type { GroupInfo, LogFunction, PutOptions, WorkerContext } from '../../worker-module.js';
import type { LoopContext } from './loop.js';
import type { WorkerMemory } from './memory.js';
import { Puts } from './puts.js';
import { MAX_DELAY_MS, sleep } from './sleep.js';
import type { WorkerTask } from './tasks.js';

/** What the worker function is given. */
export class Context implements LoopContext {
  readonly workerId: number;
  readonly index: number;
  readonly group: GroupInfo;
  readonly labels: Readonly<Record<string, string>>;
  readonly params: unknown;
  readonly shared: unknown;
  readonly signal: AbortSignal;
  readonly log: Record<LogLevel, LogFunction>;
  readonly tensors: WorkerContext['tensors'] = (of, metadata) => tensors(of, metadata, this.allocate);
  iteration = 0;
  readonly #memory: WorkerMemory;
  readonly #puts: Puts | undefined;
  #finished = false;

  constructor(
    task: WorkerTask,
    memory: WorkerMemory,
    log: Record<LogLevel, LogFunction>,
    signal: AbortSignal,
  ) {
    const { group } = task.launch;
    this.workerId = task.workerId;
    this.index = task.index;
    this.#memory = memory;
    this.group = group;
    this.labels = group.labels;
    this.params = group.params;
    this.shared = task.shared;
    this.log = log;
    this.signal = signal;
    const { feed } = task.launch;
    this.#puts = feed === null ? undefined : new Puts(task.port, feed.maxBytes);
    // All can be taken off the context and called alone: const { sleep } = ctx.
    this.sleep = this.sleep.bind(this);
    this.finish = this.finish.bind(this);
    this.put = this.put.bind(this);
    this.allocate = this.allocate.bind(this);
  }

  /** As it is now: a group that runs can be given more workers, or fewer. */
  get count(): number {
    return this.#memory.count;
  }

  get finished(): boolean {
    return this.#finished;
  }

  finish(): void {
    this.#finished = true;
  }

  put(item: ArrayBuffer | SharedArrayBuffer | ArrayBufferView, options?: PutOptions): Promise<void> {
    if (this.#puts !== undefined) return this.#puts.put(item, options);
    const advice = 'register it with one, such as "feed": {"capacity": 800}';
    return Promise.reject(new TypeError(`group "${this.group.name}" has no feed to put into: ${advice}`));
  }

  allocate(bytes: number): ArrayBuffer {
    if (!Number.isSafeInteger(bytes) || bytes < 0)
      throw new RangeError(`ctx.allocate takes a number of bytes, a whole one from 0; it was given ${bytes}`);
    return this.#puts?.allocate(bytes) ?? new ArrayBuffer(bytes);
  }

  /** Resolves when the feed has answered every put. */
  async putsSettled(): Promise<void> {
    await this.#puts?.settled();
  }

  sleep(seconds: number): Promise<void> {
    const milliseconds = seconds * 1000;
    if (typeof seconds !== 'number' || !(milliseconds >= 0 && milliseconds <= MAX_DELAY_MS)) {
      const most = Math.floor(MAX_DELAY_MS / 1000);
      return Promise.reject(new RangeError(`ctx.sleep takes seconds, 0 to ${most}; it was given ${seconds}`));
    }
    return sleep(milliseconds, this.signal);
  }
}
