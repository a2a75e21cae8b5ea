import type { GroupFeed } from '../feed/group-feed.js';
import { monotonicMs } from '../monotonic.js';
import { release } from '../release.js';
import type { HostMessage, WorkerReport } from './host-message.js';
import type { PoolThread, RunningTask } from './pool.js';
import type { HostLaunch, Phase } from './protocol.js';
import { WorkerMemory } from './thread/memory.js';
import type { PutAnswer, ThreadMessage } from './thread/tasks.js';
import { codeOf, describeThrown, isNamed } from './thread/thrown.js';
import { stackOfThread } from './thread-stack.js';

/** A heap that is full so early that not even the thread's own code fits in it. */
const OUT_OF_MEMORY = 'ERR_WORKER_OUT_OF_MEMORY';

/** What the workers of a host have in common. */
export interface HostWorkerWorld {
  readonly launch: HostLaunch;
  readonly send: (message: HostMessage) => void;
  readonly sendReport: (report: WorkerReport) => void;
  readonly feed: GroupFeed | undefined;
  readonly takeThread: () => PoolThread;
}

/**
 * One worker in its host: its memory, which is the same over all its threads, and the thread that it has now. What it
 * does is told as it happens; what follows from it is for the control plane to say.
 */
export class HostWorker {
  readonly id: number;
  readonly index: number;
  readonly #memory: WorkerMemory;
  readonly #world: HostWorkerWorld;
  #task: RunningTask | undefined;
  #thread: PoolThread;
  #looping = false;
  #stalledAt = 0;
  /** When its thread was last seen to be idle while a put waited, by `monotonicMs`. */
  #idleAt = 0;
  #groupEnds = false;
  #killed = false;
  #over: Promise<void> = Promise.resolve();

  constructor(id: number, index: number, world: HostWorkerWorld) {
    this.id = id;
    this.index = index;
    this.#world = world;
    this.#memory = WorkerMemory.allocate(world.launch.buckets.length);
    this.#thread = world.takeThread();
  }

  /** Settles when its task is over. Never rejects. */
  get over(): Promise<void> {
    return this.#over;
  }

  /** Starts its function; in a fresh thread when it has run before. */
  start(shared: unknown, count: number, fresh: boolean): void {
    if (fresh) this.#thread = this.#world.takeThread();
    this.#looping = false;
    this.#killed = false;
    this.#stalledAt = 0;
    this.#memory.begin(count);
    this.#world.feed?.join(this.id, this.index);
    this.#over = this.#run(this.#thread, shared);
  }

  /** How many workers the group has, as `ctx.count` says. */
  setCount(count: number): void {
    this.#memory.setCount(count);
  }

  requestStop(): void {
    this.#memory.requestStop();
    this.#world.feed?.refuse(this.id);
  }

  /** The same for the whole group, after which the process ends: nobody has to end this thread. */
  requestGroupStop(): void {
    this.#groupEnds = true;
    this.#memory.requestStop();
  }

  /** Ends its thread by force; `ended` follows, or `stuck`. */
  async kill(): Promise<void> {
    this.#killed = true;
    if (!(await this.#thread.end())) this.#world.send({ type: 'stuck', workerId: this.id });
  }

  read(): WorkerReport {
    return this.#memory.read(this.id);
  }

  /**
   * Tells of a call that takes too long, once; with where it hangs, if that can be seen.
   * @param notBefore calls that began earlier count from here: the machine, or this process, stood still until then
   */
  checkStall(notBefore: number): void {
    const seconds = this.#world.launch.iterationTimeoutSeconds;
    const { callSince } = this.#memory;
    if (seconds === null || callSince === 0 || callSince === this.#stalledAt) return;
    const { feed } = this.#world;
    const now = monotonicMs();
    // Who waits for the trainer does not hang. A thread that has not been idle at all does, whatever it has put before.
    if (feed?.isWaiting(this.id) && this.#thread.hasIdled()) this.#idleAt = now;
    const took = now - Math.max(callSince, notBefore, feed?.settledAt(this.id) ?? 0, this.#idleAt);
    if (took <= seconds * 1000) return;
    this.#stalledAt = callSince;
    void this.#tellStall(seconds, (took / 1000).toFixed(2));
  }

  async #tellStall(seconds: number, took: string): Promise<void> {
    const { threadId } = this.#thread;
    this.#report();
    this.#world.send({ type: 'stalled', workerId: this.id });
    const stack = threadId === undefined ? undefined : await stackOfThread(threadId);
    const where =
      stack === undefined
        ? '; it waits for something, sits in a system call, or had no turn to answer: there is no stack to show'
        : `; it hangs ${stack.split('\n')[0]?.trim()}`;
    const message = `stalled: a call has taken ${took} s, more than iterationTimeoutSeconds (${seconds} s)${where}`;
    this.#world.send({
      type: 'failed',
      phase: 'stall',
      workerId: this.id,
      error: { name: 'Stall', message, stack: stack ?? '' },
    });
  }

  /** Tells its counters, before something is said that they belong to. */
  #report(): void {
    this.#world.sendReport(this.read());
  }

  async #run(thread: PoolThread, shared: unknown): Promise<void> {
    const task = {
      kind: 'worker',
      launch: this.#world.launch,
      workerId: this.id,
      index: this.index,
      shared,
      memory: this.#memory.buffer,
    } as const;
    let completed = false;
    try {
      this.#task = thread.run(
        task,
        (message) => this.#onMessage(message),
        (error) =>
          this.#world.send({
            type: 'log',
            level: 'error',
            workerId: this.id,
            text: `Error in an idle thread: ${describeThrown(error).message}`,
          }),
      );
      completed = (await this.#task.result)?.outcome === 'completed';
    } catch (error) {
      // Ended by force: why, is known to who did it.
      if (!this.#killed) this.#tellDeath(error);
    }
    this.#memory.end();
    // Of one that was killed in a put nobody knows whether it will put the same again: what was not taken is not.
    this.#world.feed?.refuse(this.id);
    if (completed) this.#world.feed?.leave(this.id);
    // While the group ends, the end of the process is what counts.
    if (!this.#groupEnds && !(await thread.end())) {
      this.#world.send({ type: 'stuck', workerId: this.id });
      await thread.gone;
    }
    this.#report();
    if (completed && !this.#groupEnds && !this.#killed)
      this.#world.send({ type: 'completed', workerId: this.id });
    else this.#world.send({ type: 'ended', workerId: this.id, killed: this.#killed });
  }

  /** The thread died under its task. */
  #tellDeath(error: unknown): void {
    const info = describeThrown(error);
    const { heapMb } = this.#world.launch;
    const tell = (phase: Phase, message: string) =>
      this.#world.send({ type: 'failed', phase, workerId: this.id, error: { ...info, message } });
    if (codeOf(error) === OUT_OF_MEMORY) {
      const limit = heapMb === null ? 'the heap that Node gives it' : `its heap limit of ${heapMb} MiB`;
      tell('heap', `went over ${limit} (limits.heapMb)`);
    } else if (/^worker exited with code: /.test(info.message) && isNamed(error, 'Error')) {
      tell('exit', `ended its own thread (${info.message.replace('worker ', '')}) instead of returning`);
    } else {
      tell(this.#looping ? 'iteration' : 'setup', info.message);
    }
  }

  #onMessage(message: ThreadMessage): void {
    switch (message.type) {
      case 'looping':
        this.#looping = true;
        this.#report();
        this.#world.send({ type: 'looping', workerId: this.id });
        break;
      case 'failed':
        this.#report();
        this.#world.send({ type: 'failed', workerId: this.id, ...message.failure });
        break;
      case 'finishing':
        this.#world.send({ type: 'finishing', workerId: this.id });
        break;
      case 'put':
        this.#onPut(message);
        break;
      case 'log': {
        // Lines that a worker has dropped are in its memory, and so in its report.
        const { droppedLines: _, ...line } = message.line;
        this.#world.send({ type: 'log', workerId: this.id, ...line });
        break;
      }
    }
  }

  #onPut({ bytes, contentType, meta, reusable }: Extract<ThreadMessage, { type: 'put' }>): void {
    const { feed } = this.#world;
    const port = this.#task?.port;
    const size = bytes.byteLength;
    // To a port that is closed, nothing is sent; what is moved to it is freed.
    const settle = (taken: boolean) => {
      // With the answer, since a message of its own would wake the worker once more.
      const spare = taken && reusable ? feed?.takeSpare(size) : undefined;
      port?.postMessage({ taken, spare } satisfies PutAnswer, spare === undefined ? [] : [spare]);
    };
    if (feed === undefined || this.#memory.stopRequested) {
      // At once: a worker that does not heed its stop may go on putting.
      release(bytes.buffer);
      settle(false);
      return;
    }
    const free = () => (reusable ? feed.addSpare(bytes.buffer) : release(bytes.buffer));
    feed.put(this.id, { bytes, contentType, meta, settle, release: free });
  }
}
